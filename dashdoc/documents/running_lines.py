"""Headers and footers: lines at the edges of most pages that differ at most in the page number."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

_EDGE_LINES = 2  # looked at from the top and from the bottom of a page
_MIN_PAGES = 4  # with fewer, a line on most pages may well be text
_SHARE = 0.6  # of the pages with text; a line on more than these is a running line
_NUMBER = re.compile(r"[0-9]{1,9}")


def drop_running_lines(pages: Mapping[int, str], labels: Mapping[int, str]) -> dict[int, str]:
    """The pages, by number, without the headers and footers that most of them share.

    Args:
        pages: the text of each page.
        labels: what is printed as a page's number, where it is not the number.
    """
    lines = {number: text.split("\n") for number, text in pages.items()}
    forms = {
        number: {i: set(_forms(page[i], number, labels.get(number))) for i in _edges(page)}
        for number, page in lines.items()
    }
    with_text = sum(1 for edges in forms.values() if edges)
    if with_text < _MIN_PAGES:
        return dict(pages)
    seen = Counter(form for edges in forms.values() for form in set().union(*edges.values()))
    running = {form for form, count in seen.items() if count > _SHARE * with_text}
    return {
        number: "\n".join(
            line for i, line in enumerate(page) if running.isdisjoint(forms[number].get(i, ()))
        )
        for number, page in lines.items()
    }


def _edges(lines: list[str]) -> set[int]:
    filled = [i for i, line in enumerate(lines) if line.strip()]
    return {*filled[:_EDGE_LINES], *filled[-_EDGE_LINES:]}


def _forms(line: str, number: int, label: str | None) -> Iterator[tuple[str, ...]]:
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
