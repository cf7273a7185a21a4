import pytest

from dashdoc.documents.page_selection import PageSelection, compact
from dashdoc.errors import InputError, UsageError


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("3", [3]),
        ("3-5", [3, 4, 5]),
        ("18-", [18, 19, 20]),
        ("3-4,15,19-", [3, 4, 15, 19, 20]),
        (" 2 , 4-5 ", [2, 4, 5]),
        ("5,1-3,2-4", [1, 2, 3, 4, 5]),
        ("20", [20]),
        ("1-20", list(range(1, 21))),
    ],
)
def test_selects_the_pages_named_once_and_in_order(text: str, numbers: list[int]) -> None:
    assert PageSelection.parse(text).numbers(20) == numbers


@pytest.mark.parametrize(
    "text", ["", "0", "0-3", "a", "1-2-3", "-3", "1,,2", "1.5", "3–5", "9-3", "²", "1" * 12]
)
def test_what_cannot_be_meant_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="--pages"):
        PageSelection.parse(text)


def test_a_backward_range_is_shown_the_right_way_round() -> None:
    with pytest.raises(UsageError, match="3-9"):
        PageSelection.parse("9-3")


@pytest.mark.parametrize(("text", "page"), [("21", 21), ("3-30", 30), ("25-", 25)])
def test_a_page_beyond_the_last_names_the_page_count(text: str, page: int) -> None:
    with pytest.raises(InputError, match="20 pages") as caught:
        PageSelection.parse(text).numbers(20)
    assert caught.value.details == {"page": page, "total_pages": 20}


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([], ""), ([4], "4"), ([1, 2, 3], "1-3"), ([1, 2, 3, 7, 9, 10], "1-3, 7, 9-10")],
)
def test_pages_are_named_in_ranges(numbers: list[int], text: str) -> None:
    assert compact(numbers) == text
