"""Headers and footers: lines at the edges of most pages that differ at most in the page number."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import chain

_EDGE_LINES = 2  # looked at from the top and from the bottom of a page
_MIN_PAGES = 4  # with fewer, a line on most pages may well be text
_SHARE = 0.6  # of the pages with text; a line on more than these is a running line
_NUMBER = re.compile(r"[0-9]{1,9}")

# What a line may share with those of other pages: itself, or what stands around its page number.
_Form = tuple[str, ...]
_Edges = Mapping[int, frozenset[_Form]]  # by the line's place on its page


def drop_running_lines(pages: Mapping[int, str], labels: Mapping[int, str]) -> dict[int, str]:
    """The pages, by number, without the headers and footers that most of them share.

    Most of the left or most of the right pages are enough, since books head the two in different
    ways. A line that holds the page's number and the title of a chapter goes where two pages
    share the title.

    Args:
        pages: the text of each page.
        labels: what is printed as a page's number, where it is not the number.
    """
    lines = {number: text.split("\n") for number, text in pages.items()}
    edges = {
        number: {i: frozenset(_forms(page[i], number, labels.get(number))) for i in _edges(page)}
        for number, page in lines.items()
    }
    with_text = {number: page for number, page in edges.items() if page}
    sides = [{n: page for n, page in with_text.items() if n % 2 == side} for side in (0, 1)]
    running = _shared_by_most(with_text.values())
    running |= {form for side in sides for form in _shared_by_most(side.values())}
    running |= _titled_numbers(with_text.values())
    return {
        number: "\n".join(
            line for i, line in enumerate(page) if running.isdisjoint(edges[number].get(i, ()))
        )
        for number, page in lines.items()
    }


def _shared_by_most(pages: Collection[_Edges]) -> set[_Form]:
    if len(pages) < _MIN_PAGES:
        return set()
    seen = Counter(chain.from_iterable(set().union(*edges.values()) for edges in pages))
    return {form for form, count in seen.items() if count > _SHARE * len(pages)}


def _titled_numbers(pages: Collection[_Edges]) -> set[_Form]:
    """Forms of a number that keeps step with most pages, behind or before a title of several."""
    numbered = [
        {form for form in set().union(*edges.values()) if _begins_or_ends_with_number(form)}
        for edges in pages
    ]
    if len(pages) < _MIN_PAGES:
        return set()
    steps = Counter(chain.from_iterable({form[1] for form in forms} for forms in numbered))
    kept = {step for step, count in steps.items() if count > _SHARE * len(pages)}
    titles = Counter(chain.from_iterable({_title(form) for form in forms} for forms in numbered))
    return {
        form
        for forms in numbered
        for form in forms
        if form[1] in kept and (not _title(form) or titles[_title(form)] > 1)
    }


def _begins_or_ends_with_number(form: _Form) -> bool:
    return len(form) > 1 and not (form[0] and form[-1])


def _title(form: _Form) -> str:
    return (form[0] + form[-1]).strip()


def _edges(lines: list[str]) -> set[int]:
    filled = [i for i, line in enumerate(lines) if line.strip()]
    return {*filled[:_EDGE_LINES], *filled[-_EDGE_LINES:]}


def _forms(line: str, number: int, label: str | None) -> Iterator[_Form]:
    """What a line must share with those of other pages to be a running line.

    The line itself; around the page's label; around each number in it, counted from the page's
    own. `Page 3 of 20` and `Page 4 of 20` so have a form in common, while the rows of a table,
    whose numbers do not keep step with the pages, have none.
    """
    line = " ".join(line.split())
    yield (line,)
    for match in _NUMBER.finditer(line):
        yield line[: match.start()], str(int(match[0]) - number), line[match.end() :]
    for match in re.finditer(rf"(?<!\w){re.escape(label or str(number))}(?!\w)", line):
        yield line[: match.start()], "label", line[match.end() :]
