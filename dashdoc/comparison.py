"""One session under two attentions on the same weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from dashdoc.errors import UsageError
from dashdoc.models.cache import DashCache
from dashdoc.models.dense import is_dense, with_full_attention
from dashdoc.models.generation import forward
from dashdoc.models.loading import Model
from dashdoc.models.metering import ChunkMeter
from dashdoc.session import Session

Attention = Literal["dash", "full"]


class Comparison:
    """Lets a session read and answer with its model's routing, and with full attention.

    The documents, their tokens and the cache are the same for both.

    Raises:
        UsageError: the model has no routing to compare with.
    """

    def __init__(self, session: Session) -> None:
        if is_dense(session.model):
            raise UsageError(
                f"{session.model.name} has full attention only: there is nothing to compare it "
                "with. Use a model with DashAttention."
            )
        self._session = session
        self._models: dict[Attention, Model] = {
            "dash": session.model,
            "full": with_full_attention(session.model),
        }

    @contextmanager
    def attending(self, attention: Attention) -> Iterator[Session]:
        """The session with this attention; what another one read is to be read again."""
        session, before = self._session, self._session.model
        session.model = self._models[attention]
        warm_up(session.model, session.tokens)
        try:
            yield session
        finally:
            session.model = before


def warm_up(model: Model, tokens: int) -> None:
    """Read and answer a little, so that no clock sees what is compiled or set up at first use."""
    piece = min(model.prefill_piece, tokens)
    ids = torch.zeros(1, piece, dtype=torch.long, device=model.device)
    cache, meter = DashCache(model.config, piece + 1), ChunkMeter(model.config)
    forward(model.network, ids, cache, meter)
    forward(model.network, ids[:, :1], cache, meter)
