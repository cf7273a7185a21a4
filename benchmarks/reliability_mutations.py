"""Documents that nobody would write: PDFs and texts, changed by seeded dice."""

import random
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "state-department-homes.pdf"
PROSE = ROOT / "examples" / "state-department-homes.txt"

Dice = random.Random
Change = Callable[[bytes, Dice, list[bytes]], bytes]

_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
_REFERENCE = re.compile(rb"\d+ 0 R")
_NUMBER = re.compile(rb"(?<=[ \[])\d+(?=[ \]/>])")
_XREF = re.compile(rb"(?<=\n)xref\b.*", re.DOTALL)
_HUGE = (b"2147483648", b"-1", b"99999999999999999999", b"4294967295", b"1e308", b"0")


def pdf_seeds() -> list[bytes]:
    """PDFs in good health, of every kind that the tests can make, and the example."""
    sys.path.insert(0, str(ROOT))
    from tests.documents import make_pdfs as make

    plain = make.numbered(5)
    return [
        plain,
        make.drawn([["Uncompressed.", "Two lines."], ["The end."]], compress=False),
        make.two_columns(["Left one.", "Left two."], ["Right one.", "Right two."]),
        make.scanned(1, ["Behind a picture."]),
        make.rewritten(plain, rotate=90, labels=[(0, 4, "/r", "A-")]),
        make.rewritten(plain, encrypt={"user_password": "", "owner_password": "o"}),
        make.hand_written(["One.", "Two.", "Three."]),
        make.with_object_streams("Packed."),
        make.without_spaces(["words set apart by their places", "and not by spaces"]),
        make.with_form("In a form."),
        make.with_ligatures(b"o\x03ce \x01nds"),
        EXAMPLE.read_bytes(),
    ]


def flipped(data: bytes, dice: Dice, _: list[bytes]) -> bytes:
    """Some bits the other way round, from one to hundreds."""
    changed = bytearray(data)
    for _ in range(int(2 ** dice.uniform(0, 9))):
        changed[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def truncated(data: bytes, dice: Dice, _: list[bytes]) -> bytes:
    """The end is missing."""
    return data[: dice.randrange(8, len(data))]


def spliced(data: bytes, dice: Dice, others: list[bytes]) -> bytes:
    """A stretch of another PDF in place of one of this."""
    other = dice.choice(others)
    begin, taken = dice.randrange(len(data)), dice.randrange(len(other))
    length = dice.randrange(1, min(20_000, len(data)))
    return data[:begin] + other[taken : taken + length] + data[begin + length :]


def xref_gone(data: bytes, _: Dice, __: list[bytes]) -> bytes:
    """No cross-reference table and no trailer."""
    return _XREF.sub(b"", data) if _XREF.search(data) else data.replace(b"/XRef", b"/None")


def xref_twice(data: bytes, dice: Dice, _: list[bytes]) -> bytes:
    """The end of the file again, at a place for which its offsets are not true."""
    place = data.rfind(b"xref", 0, data.rfind(b"startxref"))
    end = data[max(place, len(data) // 2) :]
    cut = dice.randrange(len(data))
    return data[:cut] + end + data[cut:] + end


def huge_numbers(data: bytes, dice: Dice, _: list[bytes]) -> bytes:
    """Lengths, counts, offsets and coordinates beyond any sense."""
    share = dice.choice((0.01, 0.1, 0.5))
    return _NUMBER.sub(lambda n: dice.choice(_HUGE) if dice.random() < share else n[0], data)


def streams_swapped(data: bytes, dice: Dice, _: list[bytes]) -> bytes:
    """Streams where others were: fonts as pages, pages as pictures."""
    streams = [match[1] for match in _STREAM.finditer(data)]
    dice.shuffle(streams)
    shuffled = iter(streams)
    return _STREAM.sub(lambda _: b"stream\n" + next(shuffled) + b"endstream", data)


def looped(data: bytes, dice: Dice, _: list[bytes]) -> bytes:
    """References that lead to other objects, often back to where they came from."""
    references = _REFERENCE.findall(data) or [b"1 0 R"]
    share = dice.choice((0.05, 0.3, 1.0))
    return _REFERENCE.sub(
        lambda reference: dice.choice(references) if dice.random() < share else reference[0], data
    )


PDF_CHANGES: tuple[Change, ...] = (
    flipped,
    truncated,
    spliced,
    xref_gone,
    xref_twice,
    huge_numbers,
    streams_swapped,
    looped,
)


def mutated_pdfs(count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """So many PDFs with the names of their changes; every fourth was changed twice."""
    seeds = pdf_seeds()
    for number in range(count):
        dice = random.Random(f"{seed} pdf {number}")
        change = PDF_CHANGES[number % len(PDF_CHANGES)]
        data = change(dice.choice(seeds), dice, seeds)
        if number % 4 == 3 and data:
            data = dice.choice((flipped, spliced, huge_numbers))(data, dice, seeds)
        yield change.__name__, data


def random_bytes(prose: bytes, dice: Dice, _: list[bytes]) -> bytes:
    return dice.randbytes(int(10 ** dice.uniform(0, 6)))


def half_utf16(prose: bytes, dice: Dice, _: list[bytes]) -> bytes:
    """One half in UTF-16, with or without its mark, the other in UTF-8, cut inside a character."""
    text = prose.decode()
    encoding = dice.choice(("utf-16", "utf-16-le", "utf-16-be"))
    halves = [text[:5000].encode(encoding)[: -dice.randrange(2) or None], text[5000:9000].encode()]
    dice.shuffle(halves)
    return b"".join(halves)


def nuls(prose: bytes, dice: Dice, _: list[bytes]) -> bytes:
    """Zero bytes, from a few to more than there are letters."""
    share = dice.choice((0.001, 0.04, 0.06, 0.5, 1.0))
    return bytes(0 if dice.random() < share else byte for byte in prose[:20_000])


def long_lines(prose: bytes, dice: Dice, _: list[bytes]) -> bytes:
    """Megabytes without a line end, or with nothing else."""
    unit = dice.choice((b"word ", b"w", b"\n", b"\f", b" ", b"\r", "ü".encode(), b"\xfc", b"- "))
    return unit * (dice.randrange(1, 5_000_000) // len(unit) + 1)


def byte_order_marks(prose: bytes, dice: Dice, _: list[bytes]) -> bytes:
    """A mark that is not true of what follows, or several of them."""
    marks = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b"\0\0\xfe\xff")
    marked = b"".join(dice.choices(marks, k=dice.randrange(1, 4)))
    return marked + prose[: dice.randrange(4_000)]


TEXT_CHANGES: tuple[Change, ...] = (
    random_bytes,
    half_utf16,
    nuls,
    long_lines,
    byte_order_marks,
    flipped,
)


def mutated_texts(count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """So many texts with the names of their changes."""
    prose = PROSE.read_bytes()
    for number in range(count):
        dice = random.Random(f"{seed} text {number}")
        change = TEXT_CHANGES[number % len(TEXT_CHANGES)]
        yield change.__name__, change(prose, dice, [prose])
