"""Which pages the user asked for: `3-10,15,20-`, 1-based and inclusive."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from dashdoc.errors import InputError, UsageError

_RANGE = re.compile(r"([0-9]{1,9})(?:(-)([0-9]{1,9})?)?")


@dataclass(frozen=True)
class PageSelection:
    """Ranges of page numbers in the order they were given; an open end is None."""

    ranges: tuple[tuple[int, int | None], ...]

    @classmethod
    def parse(cls, text: str) -> "PageSelection":
        """Read `3-10,15,20-`.

        Raises:
            UsageError: the text is no list of pages, counts from 0 or runs backwards.
        """
        return cls(tuple(_parse_range(part.strip()) for part in text.split(",")))

    def numbers(self, total_pages: int) -> list[int]:
        """The selected page numbers of a document of `total_pages`, ascending, each once.

        Raises:
            InputError: a page lies beyond the last one.
        """
        last_named = max(last or first for first, last in self.ranges)
        if last_named > total_pages:
            count = "1 page" if total_pages == 1 else f"{total_pages} pages"
            raise InputError(
                f"Page {last_named} was asked for, but the document has {count}. "
                f"Choose pages from 1 to {total_pages} with --pages.",
                page=last_named,
                total_pages=total_pages,
            )
        chosen = {
            number
            for first, last in self.ranges
            for number in range(first, (last or total_pages) + 1)
        }
        return sorted(chosen)


def _parse_range(part: str) -> tuple[int, int | None]:
    match = _RANGE.fullmatch(part)
    if match is None:
        raise UsageError(
            f"--pages does not understand {part!r}. Write pages and ranges like 3-10,15,20-."
        )
    first = int(match[1])
    last = int(match[3]) if match[3] else None if match[2] else first
    if first == 0 or last == 0:
        raise UsageError(f"--pages counts from 1, but {part!r} names page 0.")
    if last is not None and last < first:
        raise UsageError(f"--pages {part} runs backwards. Write it as {last}-{first}.")
    return first, last


def compact(numbers: Iterable[int]) -> str:
    """Ascending page numbers as ranges: `1-3, 7, 9-12`."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
