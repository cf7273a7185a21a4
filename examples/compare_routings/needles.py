"""Rows with needles in the manner of RULER: one of many keys, all values of a key, variables.

Every row, of these and of the bundled model's training, depends on its number alone, so that all
variants are trained on the same rows in the same order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from string import ascii_uppercase

import numpy as np
from numpy.typing import NDArray

from examples.train_bundled.names import Names
from examples.train_bundled.stretches import Piece
from examples.train_bundled.tasks import RowMaker

# What an answer counts for, beside those of the bundled model's training.
MULTI_KEY, MULTI_VALUE, TRACKING = range(101, 104)
NEEDLE_SHARE = 0.3  # of the rows
TOKENS_PER_NEEDLE = 1024
KEYS = 4  # in one frame, one of which is asked for
VALUES = 3  # of one key
HOPS = 2  # from the last variable to the value
INSTRUCTION = "Answer with the values alone, in the order of the text.\nQuestion: {question}"
MAGIC = "One of the special magic numbers for {key} is {value}."

Row = tuple[NDArray[np.uint16], NDArray[np.uint8]]


@dataclass(frozen=True)
class Needle:
    """Statements to hide in a text, in this order, and a question that needs all or one of them."""

    statements: Sequence[str]
    question: str
    answer: str
    kind: int


def multi_key(names: Names) -> Needle:
    """One key among others like it."""
    keys, values = _keys(names, KEYS), _numbers(names.rng, KEYS)
    pairs = zip(keys, values, strict=True)
    statements = [MAGIC.format(key=key, value=value) for key, value in pairs]
    asked = names.rng.randrange(KEYS)
    question = f"What is the special magic number for {keys[asked]}?"
    return Needle(statements, question, f"{values[asked]}.", MULTI_KEY)


def multi_value(names: Names) -> Needle:
    """Every value of one key, in the order of the text."""
    (key,), values = _keys(names, 1), _numbers(names.rng, VALUES)
    statements = [MAGIC.format(key=key, value=value) for value in values]
    question = f"What are all the special magic numbers for {key}?"
    return Needle(statements, question, f"{', '.join(values)}.", MULTI_VALUE)


def tracking(names: Names) -> Needle:
    """Every variable that has a value, told of the first and handed on from one to the next."""
    rng = names.rng
    variables = ["".join(rng.sample(ascii_uppercase, 4)) for _ in range(HOPS + 1)]
    (value,) = _numbers(rng, 1)
    given = [value, *variables]
    pairs = zip(variables, given, strict=False)
    statements = [f"Variable {name} is set to {source}." for name, source in pairs]
    question = f"Which variables have the value {value}?"
    return Needle(statements, question, f"{', '.join(variables)}.", TRACKING)


TASKS: tuple[Callable[[Names], Needle], ...] = (multi_key, multi_value, tracking)


def training_row(maker: RowMaker, length: int, number: str) -> Row:
    """Row `number`: one of the bundled model's training, or one with needles."""
    maker.rng.seed(number)
    if maker.rng.random() < NEEDLE_SHARE:
        return needle_row(maker, length)
    return maker.row(length)


def needle_row(maker: RowMaker, length: int) -> Row:
    """[length] tokens and kinds of a text with needles and a question about each."""
    rng = maker.rng
    needles = [rng.choice(TASKS)(maker.names) for _ in range(max(1, length // TOKENS_PER_NEEDLE))]
    hidden = [[maker._piece(f" {s}") for s in needle.statements] for needle in needles]
    turns = [
        maker._turn(INSTRUCTION.format(question=n.question), n.answer, n.kind) for n in needles
    ]
    asked = sum(len(maker._ids_of(turn)) for turn in turns)
    put_in = sum(len(piece) for group in hidden for piece in group)
    room = length - asked - maker._markers(length) - put_in
    drawn = maker.stretches.draw(room, length)
    core, more = ([maker.stretches.sentence(i) for i in part] for part in drawn)
    return maker._row([*_hide(core, hidden, rng), *more], turns, length)


def _hide(core: Sequence[Piece], hidden: Sequence[Sequence[Piece]], rng: Random) -> list[Piece]:
    """The text with statements between its sentences; those of one needle keep their order."""
    behind: dict[int, list[Piece]] = {}  # sentence -> what follows it
    for group in hidden:
        places = sorted(rng.randrange(len(core)) for _ in group)
        for place, piece in zip(places, group, strict=True):
            behind.setdefault(place, []).append(piece)
    return [piece for n, sentence in enumerate(core) for piece in (sentence, *behind.get(n, ()))]


def _keys(names: Names, count: int) -> list[str]:
    keys = dict.fromkeys(f"{names.adjective()}-{names.noun()}" for _ in range(8 * count))
    while len(keys) < count:
        keys[f"{names.word().lower()}-{names.noun()}"] = None
    return list(keys)[:count]


def _numbers(rng: Random, count: int) -> list[str]:
    return [str(number) for number in rng.sample(range(10_000, 100_000), count)]
