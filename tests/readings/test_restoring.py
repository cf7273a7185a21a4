"""A restored reading is the reading: the same cache, logits, answers and figures."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dashdoc.conversation import Conversation
from dashdoc.models import Model, choose_model, load_model
from dashdoc.models.generation import forward
from dashdoc.readings import Readings
from dashdoc.session import Session
from tests.conftest import save_checkpoint
from tests.readings.conftest import QUESTION, answer, kept_file, read
from tests.session.conftest import document, load, pages, request_of


def logits(session: Session) -> Tensor:
    """Of the first token of an answer."""
    ids = torch.tensor([request_of(session.model, QUESTION)])
    return forward(session.model.network, ids, session._cache)


@pytest.fixture(scope="module")
def bundled() -> Model:
    return load_model(choose_model("bundled", device="cpu"))


@pytest.mark.parametrize("model", ["babbling", "bundled"])
@pytest.mark.parametrize("texts", [["Short."], pages(1), pages(9)], ids=["short", "page", "pages"])
def test_restored_logits_equal_fresh_ones_bit_for_bit(
    request: pytest.FixtureRequest, readings: Readings, model: str, texts: list[str]
) -> None:
    loaded = request.getfixturevalue(model)
    fresh = read(loaded, readings, texts)
    restored = read(loaded, readings, texts)
    assert restored.reading is not None and restored.reading.restored_from
    before, after = (session._cache.tensors(session.tokens) for session in (fresh, restored))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert torch.equal(logits(fresh), logits(restored))


def test_answers_and_figures_equal_those_of_the_original(
    babbling: Model, readings: Readings
) -> None:
    fresh, restored = read(babbling, readings), read(babbling, readings)
    assert fresh.reading is not None and restored.reading is not None
    assert restored.reading.routing == fresh.reading.routing
    for question in (QUESTION, "Why? " * 200, QUESTION):
        one, other = (s.ask(question, max_tokens=60) for s in (fresh, restored))
        assert (one.text, one.routing, one.sources) == (other.text, other.routing, other.sources)
    assert (fresh.notices, restored.notices) == ([], [])


def test_a_conversation_goes_on_from_it(babbling: Model, readings: Readings) -> None:
    told = []
    for session in (read(babbling, readings), read(babbling, readings)):
        conversation = Conversation(session)
        told.append([conversation.stream(q, max_tokens=9).finish().text for q in ("Who?", "Why?")])
    assert told[0] == told[1]


def test_what_is_restored_is_not_read_again(babbling: Model, readings: Readings) -> None:
    read(babbling, readings)
    ids: list[int] = []
    words = babbling.network.model.embed_tokens
    hook = words.register_forward_pre_hook(lambda _, given: ids.extend(given[0][0].tolist()))
    session = read(babbling, readings)
    hook.remove()
    assert ids == []
    assert session.tokens > 0


def test_progress_rises_to_the_total(babbling: Model, readings: Readings) -> None:
    read(babbling, readings)
    told: list[tuple[int, int]] = []
    session = Session(babbling, [document(*pages(3))])
    session.read(lambda done, total: told.append((done, total)), readings=readings)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (session.tokens, session.tokens)


def test_a_session_can_read_again_and_restore_again(babbling: Model, readings: Readings) -> None:
    session = read(babbling, None)
    expected = answer(session)
    for _ in range(2):
        session.read(readings=readings)
        assert answer(session) == expected
    assert session.reading is not None and session.reading.restored_from


def test_a_document_by_another_name_is_the_same_reading(
    babbling: Model, readings: Readings
) -> None:
    read(babbling, readings)
    session = Session(babbling, [document(*pages(3), name="copy.pdf")])
    reading = session.read(readings=readings)
    assert (reading.documents, bool(reading.restored_from)) == (["copy.pdf"], True)


@pytest.mark.parametrize(
    "texts", [pages(2), pages(4), [*pages(2), "Else."]], ids=["a beginning", "longer", "another"]
)
def test_other_tokens_are_read(babbling: Model, readings: Readings, texts: list[str]) -> None:
    read(babbling, readings)
    reading = read(babbling, readings, texts).reading
    assert reading is not None and reading.restored_from is None
    assert len(readings.entries()) == 2


@pytest.mark.parametrize(
    "override", [{"scale": 2.0}, {"chunk_size": 32}, {"routing": "paper"}], ids=lambda o: str(*o)
)
def test_another_routing_is_another_reading(
    babbling: Model, readings: Readings, tiny_checkpoint: Path, override: dict[str, object]
) -> None:
    read(babbling, readings)
    other = load_model(choose_model(str(tiny_checkpoint), device="cpu", **override))
    reading = read(other, readings).reading
    assert reading is not None and reading.restored_from is None
    assert len(readings.entries()) == 2


def test_other_weights_in_the_same_place_are_another_reading(
    readings: Readings, tmp_path: Path
) -> None:
    folder = save_checkpoint(tmp_path / "checkpoint")
    read(load(folder), readings)
    shard = next(folder.glob("*.safetensors"))
    content = bytearray(shard.read_bytes())
    content[-3] ^= 1
    shard.write_bytes(content)
    reading = read(load(folder), readings).reading
    assert reading is not None and reading.restored_from is None


def test_a_checkpoint_of_the_hub_is_known_by_its_hashes(
    readings: Readings, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    """As the hub cache lays it out; a second download elsewhere has the same readings."""
    sessions = []
    for place in ("one", "other"):
        blobs, snapshot = tmp_path / place / "blobs", tmp_path / place / "snapshots" / "c0ffee"
        blobs.mkdir(parents=True)
        snapshot.mkdir(parents=True)
        for number, file in enumerate(sorted(tiny_checkpoint.iterdir())):
            blob = blobs / f"{number:040}"
            blob.write_bytes(file.read_bytes())
            (snapshot / file.name).symlink_to(blob)
        sessions.append(read(load(snapshot), readings))
    assert sessions[1].reading is not None and sessions[1].reading.restored_from


def test_a_later_version_reads_anew(
    babbling: Model, readings: Readings, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(babbling, readings)
    monkeypatch.setattr("dashdoc.__version__", "9.0.0")
    session = read(babbling, readings)
    assert session.reading is not None and session.reading.restored_from is None
    assert session.notices == []


def test_the_file_holds_no_more_than_the_cache(babbling: Model, readings: Readings) -> None:
    session = read(babbling, readings, pages(30))
    held = sum(tensor.nbytes for tensor in session._cache.tensors(session.tokens).values())
    size = kept_file(readings).stat().st_size
    assert held < size < held + 4 * session.tokens + 20_000


def test_a_model_in_another_number_format_has_other_readings(
    babbling: Model, readings: Readings
) -> None:
    from dashdoc.readings.keys import reading_key

    half = replace(babbling, choice=replace(babbling.choice, dtype=torch.bfloat16))
    assert reading_key(half, [1, 2]) != reading_key(babbling, [1, 2])
