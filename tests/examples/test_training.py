"""The training itself, small: it logs, saves, and goes on from where it was."""

import json
import lzma
import sys
from pathlib import Path

import pytest
import torch
from torch.distributed import run as torchrun

from dashdoc.models.llama import DashLlamaForCausalLM
from examples.train_bundled import looking, recipe, train
from examples.train_bundled.finding import SENTENCE, WORD

SENTENCES = (
    "In {year} the old mill of Talvey was sold, because the river had left its bed.",
    "Nobody had seen the quarry near Kelrose before {year}, although it was painted twice.",
    "A beacon is a fire that is lit upon a hill to warn ships of the {year} rocks.",
    "Captain Brusk carried {year} barrels to the old harbour, which belonged to Wesk.",
    "He asked for his wages.",
)
SMALL = "hidden_size=64 intermediate_size=64 num_attention_heads=2"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    with lzma.open(folder / "train.jsonl.xz", "wt", encoding="utf-8") as lines:
        for number in range(40):
            told = (SENTENCES[i % 5].format(year=1700 + number + i) for i in range(60))
            record = {"source": "test", "title": str(number), "text": " ".join(told)}
            lines.write(json.dumps(record) + "\n")
    return folder


def run(
    monkeypatch: pytest.MonkeyPatch, corpus: Path, output: Path, *more: str, layers: int = 1
) -> None:
    told = ["--corpus", corpus, "--output", output, "--workers", "0", "--minutes", "0.05"]
    sizes = ["num_key_value_heads=1", f"num_hidden_layers={layers}"]
    model = ["--set", *SMALL.split(), *sizes]
    monkeypatch.setattr(sys, "argv", ["train", *map(str, told), *model, *more])
    monkeypatch.setattr(train, "STEP_TOKENS", 1024)
    monkeypatch.setattr(train, "LOG_STEPS", 1)
    monkeypatch.setattr(train, "STAGES", ((1.0, {512: 1.0}),))
    monkeypatch.setattr(train, "LOOKS", {1: SENTENCE, 2: WORD})
    monkeypatch.setattr(looking, "HEADS", {0: (1, SENTENCE)})
    train.main()


def test_a_training_is_logged_saved_and_resumed(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    corpus: Path,
    tmp_path: Path,
) -> None:
    run(monkeypatch, corpus, tmp_path / "out")
    *logged, done = capsys.readouterr().out.splitlines()
    records = [json.loads(line) for line in logged if line.startswith("{")]
    assert [record["step"] for record in records] == list(range(len(records)))
    assert {"text", "answer", "right", "tokens_per_second"} <= records[0].keys()
    assert len(records[0]["sparsity"]) == 1
    assert done.startswith(f"done: {len(records)} steps")
    model = DashLlamaForCausalLM.from_pretrained(tmp_path / "out")
    assert model.config.hidden_size == 64 and model.dtype == torch.bfloat16

    state = tmp_path / "out" / "state.pt"
    saved = torch.load(state)
    torch.save({**saved, "seconds": 1.0}, state)
    run(monkeypatch, corpus, tmp_path / "out", "--resume")
    first = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("{"))
    assert json.loads(first)["step"] == saved["step"]
    assert json.loads(first)["seconds"] >= 1

    begun = ("--weights", str(tmp_path / "out"), "--spent", "0.9")
    for layers, looked_at in ((1, set()), (3, {"1", "2"})):
        run(monkeypatch, corpus, tmp_path / "more", *begun, layers=layers)
        told = capsys.readouterr().out.splitlines()
        first = json.loads(next(line for line in told if line.startswith("{")))
        assert first["step"] == 0
        assert first["text"] < records[0]["text"]
        finders = torch.load(tmp_path / "more" / "state.pt")["finders"]
        assert looked_at == {name.split(".")[1] for name in finders}


def test_torchrun_takes_no_option_of_the_training_for_its_own() -> None:
    actions = train.argument_parser()._actions
    options = [name for action in actions for name in action.option_strings]
    assert {"--weights", "--resume"} < set(options)
    for option in options:
        told = torchrun.parse_args(["-m", "examples.train_bundled.train", option])
        assert told.training_script_args == [option]


def test_the_first_tokens_of_every_answer_are_told() -> None:
    answer = torch.tensor([[0, 1, 1, 1, 1, 1, 1, 0, 1, 0], [1, 1, 1, 1, 1, 0, 1, 1, 1, 1]]).bool()
    first = torch.tensor([[0, 1, 1, 1, 1, 0, 0, 0, 1, 0], [1, 1, 1, 1, 0, 0, 1, 1, 1, 1]]).bool()
    assert torch.equal(recipe.first_tokens(answer), first)
