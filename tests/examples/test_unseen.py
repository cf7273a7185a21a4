"""Questions that are kept out of the training: not drawn there, and asked of a model after it."""

import json
import lzma
import sys
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from dashdoc.models.llama import DashLlamaForCausalLM
from examples.train_bundled import corpus as corpora
from examples.train_bundled import looking, reader_questions, unseen
from examples.train_bundled.finding import SENTENCE, WORD, Finders
from examples.train_bundled.reader_questions import ReaderQuestions
from examples.train_bundled.recipe import configuration
from examples.train_bundled.tasks import ANSWER_READER, TEXT, RowMaker

TOKENIZER = Path("dashdoc/models/bundled/tokenizer.json")
KEPT_OUT, TRAINED = "test/2", "test/3"
TEXT_OF = "The mill of Talvey burned in {}. Nobody saw who had lit it. A boy found the keys later."


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    with lzma.open(folder / "train.jsonl.xz", "wt", encoding="utf-8") as lines:
        for number in range(8):
            text = " ".join(TEXT_OF.format(1700 + 10 * number + n) for n in range(10))
            record = {"source": "test", "title": str(number), "text": text}
            lines.write(json.dumps(record) + "\n")
    questions = tmp_path / "questions.jsonl.xz"
    with lzma.open(questions, "wt", encoding="utf-8") as lines:
        for name in (KEPT_OUT, TRAINED):
            source, title = name.split("/")
            asked = {"4": ["Who lit it?"], "5": ["What turned up?", "Who found them?"]}
            record = {"source": source, "title": title, "sentences": 30, "questions": asked}
            lines.write(json.dumps(record) + "\n")
    monkeypatch.setattr(unseen, "FILE", questions)
    monkeypatch.setattr(reader_questions, "KEPT_OUT", frozenset([KEPT_OUT]))
    return folder


def test_questions_are_either_learned_from_or_kept_out(corpus: Path) -> None:
    data = corpora.load(corpus, TOKENIZER, 1)
    for name, kept_out in ((TRAINED, False), (KEPT_OUT, True)):
        document = data.document(data.names[name])
        found = ReaderQuestions.load(data, unseen.FILE, unseen=kept_out)
        assert found.passages == (range(document[4], document[6]),)


def test_a_passage_comes_with_one_question_for_each_sentence_asked_for(corpus: Path) -> None:
    data, tokenizer = corpora.load(corpus, TOKENIZER, 1), Tokenizer.from_file(str(TOKENIZER))
    readers = ReaderQuestions.load(data, unseen.FILE)
    document = data.document(data.names[TRAINED])
    maker = RowMaker(data, tokenizer, 0, readers=readers)
    tokens, kinds = maker.passage(document[:9])
    text, answers = (tokenizer.decode(tokens[kinds == kind]) for kind in (TEXT, ANSWER_READER))
    said = [tokenizer.decode(data.sentence(i)).strip() for i in document[:9]]
    assert [sentence in text for sentence in said] == [True] * 9
    assert answers.split() == f"{said[4]} {said[5]}".split()
    asked = tokenizer.decode(tokens)
    assert "Who lit it?" in asked and "What turned up?" in asked and "Who found" not in asked


@pytest.mark.parametrize("state", [False, True], ids=["a model", "with the training's state"])
def test_a_model_is_asked_what_was_kept_out(
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    state: bool,
) -> None:
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 3}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16}
    model = DashLlamaForCausalLM(
        configuration(Tokenizer.from_file(str(TOKENIZER)), **sizes, **heads)
    )
    model.save_pretrained(tmp_path / "model")
    looks = {1: SENTENCE, 2: WORD}
    monkeypatch.setattr(unseen, "LOOKS", looks)
    monkeypatch.setattr(looking, "HEADS", {1: (0, SENTENCE)})
    if state:
        finders = Finders(32, 3, looks).state_dict()
        torch.save({"finders": finders}, tmp_path / "model" / "state.pt")
    told = ["unseen", "--corpus", str(corpus), "--model", str(tmp_path / "model")]
    monkeypatch.setattr(sys, "argv", [*told, "--workers", "1"])
    unseen.main()
    report = json.loads(capsys.readouterr().out)
    assert report.pop("questions") == 2 and report.pop("right") == 0
    assert report.keys() == {"head_1"} | ({"sentence_1", "word_2"} if state else set())
