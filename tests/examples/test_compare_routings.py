"""The comparison: rows that depend on their number alone, and a short run of every routing."""

import json
import lzma
import re
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from test_training_data import text
from tokenizers import Tokenizer

from examples.compare_routings import evaluate, run
from examples.compare_routings.evaluate import maker_of, right_answers, unseen_corpus
from examples.compare_routings.needles import (
    HOPS,
    KEYS,
    MULTI_KEY,
    MULTI_VALUE,
    TASKS,
    TRACKING,
    VALUES,
    needle_row,
)
from examples.compare_routings.networks import Variant, begin_with, build
from examples.compare_routings.nsa import NativeSparseAttention
from examples.train_bundled import recipe
from examples.train_bundled.tasks import IGNORED, TEXT, RowMaker

TOKENIZER = Path("dashdoc/models/bundled/tokenizer.json")
VARIANTS = [
    Variant("ours", 2.0),
    Variant("mean", 2.0),
    Variant("full"),
    Variant("topk", 3),
    Variant("nsa", 3),
]


def write_corpus(path: Path, documents: int, seed: int) -> None:
    rng = Random(seed)
    with lzma.open(path, "wt", encoding="utf-8") as lines:
        for number in range(documents):
            record = {"source": "made", "title": f"{seed}/{number}", "text": text(rng)}
            lines.write(json.dumps(record) + "\n")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder / "train.jsonl.xz", 60, seed=0)
    return folder


@pytest.fixture(scope="module")
def unseen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("unseen") / "unseen.jsonl.xz"
    write_corpus(path, 12, seed=1)
    return path


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(TOKENIZER))


@pytest.fixture(scope="module")
def maker(unseen: Path, tokenizer: Tokenizer) -> RowMaker:
    return maker_of(unseen_corpus(unseen, tokenizer, frozenset(["quarry"])), tokenizer)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, unseen: Path) -> None:
    """The recipe with a small network, short rows and little to evaluate."""
    full_size = recipe.configuration

    def configuration(tokenizer: Tokenizer, **changes: object) -> object:
        config = full_size(tokenizer, **changes)
        sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
        heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16}
        config.update({**sizes, **heads})
        return config

    monkeypatch.setattr(recipe, "configuration", configuration)
    monkeypatch.setattr(recipe, "STEP_TOKENS", 1024)
    monkeypatch.setattr(recipe, "STAGES", ((0.5, {512: 1.0}), (1.0, {1024: 1.0})))
    monkeypatch.setattr(run, "UNSEEN", unseen)
    monkeypatch.setattr(evaluate, "TEXT_TOKENS", 2048)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_a_run_trains_and_measures(
    variant: Variant,
    corpus: Path,
    tmp_path: Path,
    small: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = tmp_path / "runs" / "one.json"
    arguments = f"run --corpus {corpus} --routing {variant.routing} --steps 3 --output {target}"
    arguments += " --lengths 512 --cases 4 --workers 0"
    if variant.setting is not None:
        arguments += f" --setting {variant.setting}"
    monkeypatch.setattr(sys, "argv", arguments.split())
    run.main()
    report = json.loads(target.read_text("utf-8"))
    assert report["routing"] == variant.routing
    assert (report["steps"], report["tokens"]) == (3, 3 * 1024)
    assert report["training"]["text_loss"] > 0
    (found,) = report["evaluation"]
    assert found["tokens"] == 512
    # DashAttention learns to leave chunks out; the others do from the first step on.
    assert 0 < found["density"] <= 1
    assert (found["density"] < 1) == (variant.routing in ("topk", "nsa"))
    assert 5 < found["loss"] < 12
    for quality in ("facts", "multi_key", "multi_value", "tracking"):
        assert 0 <= found[quality] <= 1
    assert found["cases"]["facts"] >= 4
    assert sum(found["cases"].values()) >= 4 + 12


@pytest.mark.parametrize(("routing", "setting"), [("full", 2.0), ("ours", None), ("topk", None)])
def test_a_setting_is_due_where_there_is_one(routing: str, setting: float | None) -> None:
    with pytest.raises(ValueError, match="setting"):
        Variant(routing, setting)


def test_variants_begin_with_the_same_weights(small: None, tokenizer: Tokenizer) -> None:
    networks = [build(v, recipe.configuration(tokenizer), seed=3) for v in VARIANTS]
    first, *others = (dict(network.named_parameters()) for network in networks)
    for other in others:
        shared = first.keys() & other.keys()
        assert len(shared) > 15
        assert all(torch.equal(first[name], other[name]) for name in shared)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_every_variant_can_go_on_from_full_attention(
    variant: Variant, small: None, tokenizer: Tokenizer
) -> None:
    start = build(Variant("full"), recipe.configuration(tokenizer), seed=1).eval()
    network = build(variant, recipe.configuration(tokenizer), seed=2).eval()
    begin_with(network, start.state_dict())
    own, given = dict(network.named_parameters()), dict(start.named_parameters())
    shared = own.keys() & given.keys()
    assert all(name.endswith("indexer_q") for name in given.keys() - shared)
    assert all(torch.equal(own[name], given[name]) for name in shared)
    # Within the first chunk everything is read whatever the routing.
    tokens = torch.randint(0, 1000, (1, 30))
    expected, actual = start(tokens).logits, network(tokens).logits
    far = (actual - expected).norm() / expected.norm()
    assert far < (0.05 if variant.routing == "nsa" else 1e-5)  # its gates are nearly open


def test_the_branches_of_nsa_begin_with_the_keys_and_values_of_full_attention(
    small: None, tokenizer: Tokenizer
) -> None:
    network = build(Variant("nsa", 3), recipe.configuration(tokenizer), seed=2)
    full = build(Variant("full"), recipe.configuration(tokenizer), seed=1)
    begin_with(network, full.state_dict())
    for layer in network.model.layers:
        attention = layer.self_attn
        assert isinstance(attention, NativeSparseAttention)
        for branch in (attention.selected_k_proj, attention.window_k_proj):
            assert torch.equal(branch.weight, attention.k_proj.weight)
        for branch in (attention.selected_v_proj, attention.window_v_proj):
            assert torch.equal(branch.weight, attention.v_proj.weight)


def test_a_run_goes_on_where_another_ended(
    corpus: Path, tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = f"run --corpus {corpus} --steps 2 --lengths 512 --cases 1 --workers 0"
    first, second = (tmp_path / name for name in ("first", "second"))
    for more in (
        f"--routing full --course 0 0.5 --output {first}.json --weights {first}.pt",
        f"--routing ours --setting 2 --course 0.5 1 --seed 1 --start {first}.pt "
        f"--output {second}.json --weights {second}.pt",
    ):
        monkeypatch.setattr(sys, "argv", [*both.split(), *more.split()])
        run.main()
    report = json.loads(second.with_suffix(".json").read_text("utf-8"))
    assert (report["course"], report["start"]) == ([0.5, 1.0], "first")
    embedding = "model.embed_tokens.weight"
    before, after = (torch.load(f"{path}.pt")[embedding] for path in (first, second))
    # Two steps of warming up change little; another seed would have begun elsewhere.
    assert 0 < (after - before).norm() < 0.1 * before.norm()


def test_a_summary_without_class_queries_stays_the_mean_of_its_keys(
    small: None, tokenizer: Tokenizer
) -> None:
    network = build(Variant("mean", 2.0), recipe.configuration(tokenizer), seed=0)
    tokens = torch.randint(0, 1000, (1, 200))
    network(tokens, labels=tokens).loss.backward()
    for layer in network.model.layers:
        assert layer.self_attn.indexer_q.grad is None and not layer.self_attn.indexer_q.any()
        assert layer.self_attn.k_proj.weight.grad is not None


def test_a_run_tells_what_was_changed_in_it(
    corpus: Path, tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "one.json"
    arguments = f"run --corpus {corpus} --steps 1 --lengths 512 --cases 1 --workers 0 --mixed"
    arguments += f" --routing ours --setting 2 --output {target} --weights {tmp_path}/one.pt"
    monkeypatch.setattr(sys, "argv", [*arguments.split(), "--set", 'hidden_act="gelu"'])
    run.main()
    report = json.loads(target.read_text("utf-8"))
    assert report["changes"] == {"hidden_act": "gelu", "mixed": True}


def test_mixed_batches_have_the_lengths_of_the_last_from_the_first_step_on(
    maker: RowMaker, small: None
) -> None:
    batches = run.Batches(maker, steps=3, seed=5, mixed=True)
    assert [batches[step][0].shape[1] for step in range(3)] == [1024] * 3


def test_a_course_has_the_lengths_of_its_part_of_the_schedule(maker: RowMaker, small: None) -> None:
    batches = run.Batches(maker, steps=4, seed=5, course=(0.25, 0.75))
    assert [batches.spent(step) for step in range(4)] == [0.25, 0.375, 0.5, 0.625]
    assert [batches[step][0].shape[1] for step in range(4)] == [512, 512, 1024, 1024]


def test_batches_depend_on_seed_and_step_alone(maker: RowMaker, small: None) -> None:
    batches = run.Batches(maker, steps=6, seed=5)
    forth = [batches[step] for step in range(6)]
    back = [batches[step] for step in reversed(range(6))][::-1]
    for first, second in zip(forth, back, strict=True):
        assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])
    assert [tokens.shape[1] for tokens, _ in forth] == [512] * 3 + [1024] * 3
    other = run.Batches(maker, steps=6, seed=6)[0]
    assert not torch.equal(other[0], forth[0][0])


@pytest.mark.parametrize("length", [512, 4096])
def test_needles_stand_in_the_text_and_their_answers_behind_it(
    maker: RowMaker, tokenizer: Tokenizer, length: int
) -> None:
    for number in range(6):
        maker.rng.seed(number)
        tokens, kinds = needle_row(maker, length)
        assert tokens.shape == kinds.shape == (length,)
        whole = tokenizer.decode(tokens.tolist(), skip_special_tokens=False)
        before = whole[: whole.index("<|im_end|>")]
        for kind, per_answer in ((MULTI_KEY, 1), (MULTI_VALUE, VALUES), (TRACKING, HOPS + 1)):
            answers = tokenizer.decode(tokens[kinds == kind].tolist())
            found = re.findall(r"\d{5}|[A-Z]{4}", answers)
            assert all(value in before for value in found)
            assert len(found) % per_answer == 0


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_a_needle_can_be_answered_from_its_statements(maker: RowMaker, task: object) -> None:
    needle = task(maker.names)
    assert len(needle.statements) == {"multi_key": KEYS, "multi_value": VALUES}.get(
        task.__name__, HOPS + 1
    )
    said = " ".join(needle.statements)
    parts = needle.answer.rstrip(".").split(", ")
    assert sorted(parts, key=said.index) == parts
    if needle.kind == TRACKING:
        given = dict(re.findall(r"Variable (\w+) is set to (\w+)\.", said))
        reached = {v for v in given if _source(v, given) == needle.question.split()[-1][:-1]}
        assert reached == set(parts)


def _source(variable: str, given: dict[str, str]) -> str:
    while variable in given:
        variable = given[variable]
    return variable


def test_texts_stand_behind_the_opening_of_a_request(
    maker: RowMaker, small: None, tokenizer: Tokenizer
) -> None:
    rows = list(evaluate._text_rows(maker, 512))
    assert len(rows) == 4
    for tokens, kinds in rows:
        assert tokens.shape == kinds.shape == (512,)
        assert tokenizer.decode(tokens[kinds == IGNORED], skip_special_tokens=False) == (
            "<|im_start|>user\n"
        )
    read = np.concatenate([tokens[kinds == TEXT] for tokens, kinds in rows])
    assert np.array_equal(read, maker.corpus.tokens[: len(read)])


def test_an_answer_is_right_only_as_a_whole() -> None:
    answer = torch.tensor([0, 1, 1, 0, 1, 0, 1, 1]).bool()
    wrong = torch.tensor([1, 0, 0, 1, 1, 0, 0, 1]).bool()
    assert right_answers(wrong, answer) == [True, False, False]
    assert right_answers(wrong, torch.zeros(8).bool()) == []
