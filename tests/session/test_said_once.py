"""A summary ends before a sentence that it has said already."""

import pytest

from dashdoc.said_once import SaidOnce

FIRST = "The committee sold the old quarry in 1871. "
OTHER = "The committee bought a bridge with the money. "


def handed_on(text: str, pieces: int) -> tuple[list[str], SaidOnce]:
    """What comes of a text in pieces of so many characters, up to the end or a repeat."""
    once, shown = SaidOnce(), list[str]()
    for start in range(0, len(text), pieces):
        shown.append(once.hand_on(text[start : start + pieces]))
        if once.repeated:
            break
    return [*shown, once.close()], once


@pytest.mark.parametrize("pieces", [1, 3, 7, 200])
@pytest.mark.parametrize(
    "text, expected, repeated",
    [
        (FIRST + OTHER, FIRST + OTHER, False),
        (FIRST + FIRST + OTHER, FIRST, True),
        (FIRST + OTHER + FIRST, FIRST + OTHER, True),
        (FIRST + FIRST.strip(), FIRST, True),  # nothing behind the last full stop
        (FIRST + OTHER + "The committee slept.", FIRST + OTHER + "The committee slept.", False),
        (FIRST + "The committee sold", FIRST + "The committee sold", False),  # cut, not a repeat
        ("No. No. Yes. " + FIRST, "No. No. Yes. " + FIRST, False),
        ("", "", False),
    ],
)
def test_a_sentence_is_handed_on_once(
    text: str, expected: str, repeated: bool, pieces: int
) -> None:
    shown, once = handed_on(text, pieces)
    assert "".join(shown) == expected
    assert once.repeated == repeated


def test_what_may_be_new_is_held_back_only_as_long_as_it_may_be_old() -> None:
    once = SaidOnce()
    assert once.hand_on(FIRST) == FIRST
    assert once.hand_on("The committee ") == ""
    assert once.hand_on("bought") == "The committee bought"
    assert once.hand_on(" a bridge") == " a bridge"
