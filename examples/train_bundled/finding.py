"""A second lesson inside the network: where in the text the answer stands.

The words of an answer say only by the way which sentence was right, and a network that learns from
them alone uses little of its depth to find it. So some layers are asked as well. What one of the
first makes of a question has to match what it makes of the last token of the sentence that answers
it, which alone has read the sentence; what a later one makes of each of the first words of the
answer, that word in the text. The projections that compare them are needed in the training alone.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from examples.train_bundled.tasks import ANSWER, ANSWER_READER, ANSWER_REAL, IGNORED, TEXT

QUOTED = (ANSWER, ANSWER_REAL, ANSWER_READER)  # answers that are sentences of the text
SENTENCE, WORD = range(2)  # what is looked for
# How many layers come before each look, and what for. The sentence is found first: two layers are
# left to go from its end to its beginning, and one to say what stands there.
LOOKS: Mapping[int, int] = MappingProxyType({5: SENTENCE, 6: SENTENCE, 7: WORD, 8: WORD})
FIRST_WORDS = 4  # tokens of an answer that are looked for; the others follow from them
HEAD_DIM = 128  # of a comparison
NOTHING = -100  # is looked for: what `cross_entropy` passes over


def places(tokens: NDArray[np.uint16], kinds: NDArray[np.uint8]) -> NDArray[np.int32]:
    """[2, T]: what stands where in the text, in front of the tokens of the answers; elsewhere 0.

    In front of an answer there is the place of its sentence's last token (`SENTENCE`), in front of
    each of its first tokens that of the token itself (`WORD`).
    """
    found = np.zeros((2, len(tokens)), np.int32)
    text = tokens[: int(np.flatnonzero(kinds == TEXT)[-1]) + 1].tobytes()
    edges = np.flatnonzero(np.diff(np.isin(kinds, QUOTED).astype(np.int8), prepend=0, append=0))
    for start, stop in edges.reshape(-1, 2):
        # The space before the first token may not be in the text, and the stop token is not.
        told = tokens[start + 1 : stop - 1]
        place = _index(text, told.tobytes(), tokens.itemsize)
        if place is None:
            continue
        found[SENTENCE, start - 1] = place + len(told) - 1
        said = min(FIRST_WORDS, len(told) + 1)
        found[WORD, start - 1 : start - 1 + said] = np.arange(place - 1, place - 1 + said)
    return found


def _index(text: bytes, told: bytes, size: int) -> int | None:
    """Which token of a text, but its first, some others begin at; None where they do not."""
    place = text.find(told) if told else -1
    while place % size and place >= 0:
        place = text.find(told, place + 1)
    return place // size if place > 0 else None


def side_by_side(sought: NDArray[np.int32]) -> tuple[Tensor, Tensor]:
    """What is looked for in [B, 2, T] of `places`, as two lists: of sentences and of words.

    [2, B, n] each, n the most of any row: in front of which token something is looked for, and
    what; 0 and `NOTHING` where a row has fewer.
    """
    return _listed(sought[:, SENTENCE]), _listed(sought[:, WORD])


def _listed(sought: NDArray[np.int32]) -> Tensor:
    row, asking = sought.nonzero()
    count = np.bincount(row, minlength=len(sought))
    column = np.arange(len(row)) - (count.cumsum() - count)[row]
    listed = np.zeros((2, len(sought), max(1, count.max())), np.int64)
    listed[1] = NOTHING
    listed[:, row, column] = asking, sought[row, asking]
    return torch.from_numpy(listed)


def mean_of_sought(losses: Tensor, target: Tensor) -> Tensor:
    """The mean of losses, 0 where nothing is sought; of a batch that is all summaries 0."""
    return losses.sum() / (target != NOTHING).sum().clamp_min(1)


def share_of_readers(found: Tensor, kinds: Tensor, asking: Tensor) -> Tensor:
    """The share found [B, n] in front of what readers ask; `kinds` [B, T], `asking` [B, n].

    In front of an answer alone: its second word is easily found by its first.
    """
    in_front = kinds.gather(1, asking) == IGNORED
    in_front &= kinds.gather(1, asking + 1) == ANSWER_READER
    return (found & in_front).sum() / in_front.sum()


class Finder(nn.Module):
    """Compares a place in front of an answer with the tokens of the text, by one layer's output."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.asked = nn.Linear(hidden_size, HEAD_DIM, bias=False)
        self.held = nn.Linear(hidden_size, HEAD_DIM, bias=False)

    def forward(self, hidden: Tensor, text: Tensor, sought: Tensor) -> tuple[Tensor, Tensor]:
        """The loss [B, n] of each place that is looked for, and whether it was found.

        Nothing here waits for the GPU to tell how many there are.

        Args:
            hidden: [B, T, hidden_size]
            text: [B, T], whether a token belongs to the text.
            sought: [2, B, n]; see `side_by_side`.
        """
        asking, target = sought
        hidden = F.rms_norm(hidden, hidden.shape[-1:])
        width = hidden.shape[-1]
        asked = self.asked(hidden.gather(1, asking[..., None].expand(-1, -1, width)))
        alike = asked @ self.held(hidden).transpose(1, 2) * HEAD_DIM**-0.5  # [B, n, T]
        alike = alike.float().masked_fill(~text[:, None], float("-inf"))
        loss = F.cross_entropy(alike.flatten(0, 1), target.flatten(), reduction="none")
        return loss.view_as(target), alike.argmax(-1) == target


class Finders(nn.Module):
    """A finder for each look into a network of so many layers."""

    def __init__(self, hidden_size: int, layers: int, looks: Mapping[int, int]) -> None:
        super().__init__()
        self.looks = {before: what for before, what in looks.items() if before < layers}
        self.of_layer = nn.ModuleDict({str(n): Finder(hidden_size) for n in self.looks})

    def forward(
        self, states: Sequence[Tensor], kinds: Tensor, sought: Sequence[Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The sum of the mean losses; of every look the share found in front of readers' answers.

        Args:
            states: [B, T, hidden_size] each, before the first layer and after every one.
            kinds: [B, T]; see `tasks`.
            sought: [2, B, n] of sentences and of words; see `side_by_side`.
        """
        loss = states[0].new_zeros(())
        shares = {}
        text = kinds == TEXT
        for before, what in self.looks.items():
            asking, target = sought[what]
            losses, found = self.of_layer[str(before)](states[before], text, sought[what])
            loss = loss + mean_of_sought(losses, target)
            name = f"{('sentence', 'word')[what]}_{before}"
            shares[name] = share_of_readers(found, kinds, asking)
        return loss, shares
