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


class Finder(nn.Module):
    """Compares a place in front of an answer with the tokens of the text, by one layer's output."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.asked = nn.Linear(hidden_size, HEAD_DIM, bias=False)
        self.held = nn.Linear(hidden_size, HEAD_DIM, bias=False)

    def forward(self, hidden: Tensor, text: Tensor, sought: Tensor) -> tuple[Tensor, Tensor]:
        """The loss [n] of each place that is looked for, and whether it was found.

        Args:
            hidden: [B, T, hidden_size]
            text: [B, T], whether a token belongs to the text.
            sought: [B, T], in front of an answer what is looked for, elsewhere 0.
        """
        hidden = F.rms_norm(hidden, hidden.shape[-1:])
        row, asking = sought.nonzero(as_tuple=True)  # [n]
        target = sought[row, asking].long()
        # The questions of a row side by side: [B, most of any row].
        count = torch.bincount(row, minlength=len(sought))
        column = torch.arange(len(row), device=row.device) - (count.cumsum(0) - count)[row]
        held = self.held(hidden)  # [B, T, HEAD_DIM]
        asked = held.new_zeros(len(sought), int(count.max()), HEAD_DIM)
        asked[row, column] = self.asked(hidden[row, asking])
        alike = asked @ held.transpose(1, 2) * HEAD_DIM**-0.5  # [B, most of any row, T]
        alike = alike.masked_fill(~text[:, None], float("-inf"))[row, column].float()  # [n, T]
        return F.cross_entropy(alike, target, reduction="none"), alike.argmax(-1) == target


class Finders(nn.Module):
    """A finder for each look into a network of so many layers."""

    def __init__(self, hidden_size: int, layers: int, looks: Mapping[int, int]) -> None:
        super().__init__()
        self.looks = {before: what for before, what in looks.items() if before < layers}
        self.of_layer = nn.ModuleDict({str(n): Finder(hidden_size) for n in self.looks})

    def forward(
        self, states: Sequence[Tensor], kinds: Tensor, sought: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The sum of the mean losses; of every look the share found in front of readers' answers.

        Args:
            states: [B, T, hidden_size] each, before the first layer and after every one.
            kinds: [B, T]; see `tasks`.
            sought: [B, 2, T]; see `places`.
        """
        loss = states[0].new_zeros(())
        shares = {}
        text = kinds == TEXT
        # In front of an answer alone: its second word is easily found by its first.
        in_front = (kinds == IGNORED) & (kinds.roll(-1, 1) == ANSWER_READER)
        for before, what in self.looks.items():
            wanted = sought[:, what]
            losses, found = self.of_layer[str(before)](states[before], text, wanted)
            loss = loss + losses.sum() / max(1, len(losses))  # a batch may be all summaries
            name = f"{('sentence', 'word')[what]}_{before}"
            shares[name] = found[in_front[wanted > 0]].float().mean()
        return loss, shares
