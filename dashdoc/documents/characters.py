"""Characters that extraction and old files leave behind and no reader wants to see."""

import re

LIGATURES = {
    0xFB00: "ff",
    0xFB01: "fi",
    0xFB02: "fl",
    0xFB03: "ffi",
    0xFB04: "ffl",
    0xFB05: "st",
    0xFB06: "st",
}
SOFT_HYPHEN = "\u00ad"

# Spaces that forbid a line break are spaces; what has no width is not there.
_TYPOGRAPHY = LIGATURES | {0xA0: " ", 0x202F: " "} | dict.fromkeys((0x200B, 0x2060, 0xFEFF))

_LINE_ENDS = re.compile(r"\r\n?")
# C0 but tab and line feed, DEL, C1, and halves of surrogate pairs that no encoder accepts.
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# Bullets of symbol fonts come out as control characters or in the private area of Unicode.
_BULLET = re.compile(
    "^([ \t]*)[\x00-\x08\x0e-\x1f\x7f-\x9f\ue000-\uf8ff](?=[ \t]+\\w)", re.MULTILINE
)
_SOFT_HYPHENS = re.compile(rf"{SOFT_HYPHEN}(?:[ \t]*\n[ \t]*)?")


def plain_line_ends(text: str) -> str:
    """The text with `\\n` as its only line end."""
    return _LINE_ENDS.sub("\n", text)


def without_controls(text: str) -> str:
    """The text without control characters, other than tab and line feed, and lone surrogates."""
    return _UNWANTED.sub("", text)


def without_typography(text: str) -> str:
    """Ligatures spelled out, blanks plain, soft hyphens gone with the line break behind them.

    A table and not NFKC, which would also turn x² into x2 and ½ into 1⁄2.
    """
    return _SOFT_HYPHENS.sub("", text.translate(_TYPOGRAPHY))


def with_bullets(text: str) -> str:
    """The text with `•` for a sign without meaning that stands in front of a line's first word."""
    return _BULLET.sub(r"\1•", text)


def printable(name: str) -> str:
    """A file's name as it can be shown, without line ends and bytes that are no UTF-8."""
    return "".join(character if character.isprintable() else "\ufffd" for character in name)
