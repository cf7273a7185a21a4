"""Flowing text out of hard line breaks: a sentence is one line again, lists and tables stay."""

import re
from collections.abc import Set

_NARROWEST = 25  # characters; below it a page is slides or a table, and no line is joined
_FULL = 0.85  # of the page's width; with the next word on it, a line not even as long was ended
_NAMES = 0.75  # share of words with a capital from which a line is a table row or a list of names
_NOISE = 0.25  # share of digits and signs above which a line is a table row, code or mathematics

_NOISE_SIGNS = re.compile(r"[0-9!-/:-@\[-`{-~]")
_ITEM = re.compile(
    r"""\s*(?:
        [•◦▪▫‣●○■□►–—*·+-]\s                # a bullet
      | \(?[0-9]{1,2}[.)]\s                  # 1.  (1)  1)
      | [0-9]{1,2}(?:\.[0-9]{1,2})+\.?\s+[^a-z\s]  # 2.3 A heading
      | \(?[a-zA-Z]\)\s                      # a)  (a)
      | \(?[ivx]{1,5}[.)]\s                  # ii.  (ii)
      | \[[0-9]{1,3}\]\s                     # [12], an entry of a bibliography
      | \#{1,6}\s                            # a Markdown heading
    )""",
    re.VERBOSE,
)
_LETTERS_AT_END = re.compile(r"([^\W\d_]+)[-‐]$")
_LETTERS_AT_START = re.compile(r"[^\W\d_]+")
_LEADERS = re.compile(r"(?:\.\s{0,3}){4,}")
# Chinese and Japanese writing: twice as wide as Latin letters, and without space between words.
_UNSPACED = re.compile("[\u2e80-\ua4cf\uf900-\ufaff\uff00-\uffef]")
_WORD = re.compile(r"[^\W\d_]+")


def words_of(texts: list[str]) -> set[str]:
    """Every word of the document in lower case: what a hyphenated word is looked up in."""
    return {word for text in texts for word in _WORD.findall(text.lower())}


def reflow(text: str, words: Set[str]) -> str:
    """Join the lines of each paragraph of a page.

    A line break stays where the line was ended on purpose: its successor's first word would have
    fitted, or starts an item or a heading, or the line announces it with a colon, or one of the
    two is no prose. A hyphen at a line's end goes where the joined word is one of `words`.
    """
    lines = [line.strip() for line in text.split("\n")]
    width = _width(lines)
    flowing: list[str] = []
    previous = ""
    for line in lines:
        if flowing and _continues(previous, line, width):
            flowing[-1] = _join(flowing[-1], line, words)
        else:
            flowing.append(line)
        previous = line
    return "\n".join(flowing)


def _width(lines: list[str]) -> int:
    """The length of the page's full lines: four lines in five are no longer."""
    lengths = sorted(_length(line) for line in lines if line)
    return lengths[len(lengths) * 4 // 5] if lengths else 0


def _length(line: str) -> int:
    return len(line) if line.isascii() else len(line) + len(_UNSPACED.findall(line))


def _continues(line: str, following: str, width: int) -> bool:
    if not line or not following or line.endswith(":") or width < _NARROWEST:
        return False
    if _ITEM.match(following) or not _is_prose(line):
        return False
    if _LETTERS_AT_END.search(line) and following[0].islower():
        return True
    if not _is_prose(following):
        return False
    if following[0].isupper() and (_is_row(line) or _is_row(following)):
        return False
    unspaced = _UNSPACED.match(following)
    first_word = following[:1] if unspaced else following.split(maxsplit=1)[0]
    if _length(line) + 1 + len(first_word) < _FULL * width:
        return False
    return not (line.endswith((".", "!", "?")) and _is_heading(following, width))


def _is_prose(line: str) -> bool:
    signs = len(_NOISE_SIGNS.findall(line))
    return signs <= _NOISE * len(line) and not _LEADERS.search(line)


def _is_row(line: str) -> bool:
    """Whether nearly all words have a capital; a line in capitals throughout may well be prose."""
    starts = [word[0] for word in line.split() if word[0].isalpha()]
    capitals = sum(1 for start in starts if start.isupper())
    return len(starts) > 2 and capitals >= _NAMES * len(starts) and not line.isupper()


def _is_heading(line: str, width: int) -> bool:
    return _length(line) < width / 2 and line[0].isupper() and line[-1].isalnum()


def _join(left: str, right: str, words: Set[str]) -> str:
    tail = _LETTERS_AT_END.search(left)
    head = _LETTERS_AT_START.match(right)
    if tail and head and head[0][0].islower():
        known = (tail[1] + head[0]).lower() in words
        return (left[:-1] if known else left) + right
    unspaced = _UNSPACED.match(left[-1]) and _UNSPACED.match(right[0])
    return left + right if unspaced else f"{left} {right}"
