"""The weights of an answer are the routing probabilities, however the tokens come in."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dashdoc.kernels.reference import route
from dashdoc.models import Model, choose_model, load_model
from dashdoc.models.cache import DashCache
from dashdoc.models.generation import forward
from dashdoc.models.weighing import ROUTED_TOGETHER, TURNED_TO, AnswerMeter

READ, ASKED = 300, 3 * ROUTED_TOGETHER + 7
KNOWN, ANSWERED = READ + 20, READ + 61


class Direct:
    """The probabilities of every token, asked of stage 2 for one token at a time."""

    def __init__(self, model: Model) -> None:
        self._config = model.config
        self.weights: dict[tuple[int, int], Tensor] = {}  # layer, position -> [Hkv, P]

    def add(self, layer: int, start: int, active: Tensor, query: Tensor, summaries: Tensor) -> None:
        C, local = self._config.chunk_size, self._config.local_chunks
        for index in range(query.shape[2]):
            position = start + index
            own = position // C
            one = query[:, :, index : index + 1]
            past = summaries[:, :, :own]
            weights = route(one, past, torch.tensor([position]), C, self._config.scaling_factor)
            weights[..., max(own - local + 1, 0) :] = 0
            self.weights[layer, position] = weights[0, :, 0]

    def mean(self, layer: int, positions: range, P: int) -> Tensor:
        rows = [self.weights[layer, position] for position in positions]
        return torch.stack(
            [torch.nn.functional.pad(row, (0, P - row.shape[1])) for row in rows]
        ).mean(0)


@pytest.fixture(scope="module", params=[1, 2], ids=["one local chunk", "two"])
def model(request: pytest.FixtureRequest, tiny_checkpoint: Path) -> Model:
    choice = choose_model(str(tiny_checkpoint), device="cpu")
    choice.config.local_chunks = request.param
    return load_model(choice)


def run(model: Model, meter: object, pieces: list[int]) -> None:
    """Read some tokens unmetered, then the others in pieces."""
    torch.manual_seed(1)
    ids = torch.randint(300, 8000, (1, READ + ASKED))
    cache = DashCache(model.config, READ + ASKED)
    forward(model.network, ids[:, :READ], cache)
    for piece in ids[:, READ:].split(pieces, 1):
        forward(model.network, piece, cache, meter)


@pytest.mark.parametrize("pieces", [[ASKED], [62] + [1] * (ASKED - 62), [20, 50, ASKED - 70]])
def test_the_means_are_those_of_a_token_by_token_count(model: Model, pieces: list[int]) -> None:
    meter, direct = AnswerMeter(model.config, KNOWN, ANSWERED), Direct(model)
    run(model, meter, pieces)
    run(model, direct, [ASKED])
    spans = (range(READ, KNOWN), range(ANSWERED, READ + ASKED))
    for means, positions in zip(meter.means(), spans, strict=True):
        assert means.sum() > 0
        for layer in range(means.shape[0]):
            expected = direct.mean(layer, positions, means.shape[2])
            np.testing.assert_allclose(means[layer], expected, atol=1e-5)


def test_what_is_read_before_the_question_as_well_does_not_count(model: Model) -> None:
    meter = AnswerMeter(model.config, KNOWN, ANSWERED)
    run(model, meter, [ASKED])
    before, after = meter.means()
    turned = meter.turned_to()
    assert turned.shape == (before.shape[2],)
    assert (turned >= 0).all() and turned.any()
    assert not turned[(after <= TURNED_TO * before).all((0, 1))].any()


def test_asking_for_the_means_twice_gives_the_same(model: Model) -> None:
    meter = AnswerMeter(model.config, KNOWN, ANSWERED)
    run(model, meter, [ASKED])
    np.testing.assert_array_equal(meter.means(), meter.means())
