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

_LINE_ENDS = re.compile(r"\r\n?")
# C0 but tab and line feed, DEL, C1, and halves of surrogate pairs that no encoder accepts.
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_SOFT_HYPHENS = re.compile(rf"{SOFT_HYPHEN}(?:[ \t]*\n[ \t]*)?")


def plain_line_ends(text: str) -> str:
    """The text with `\\n` as its only line end."""
    return _LINE_ENDS.sub("\n", text)


def without_controls(text: str) -> str:
    """The text without control characters, other than tab and line feed, and lone surrogates."""
    return _UNWANTED.sub("", text)


def without_typography(text: str) -> str:
    """Ligatures spelled out, soft hyphens gone together with the line break behind them.

    A table and not NFKC, which would also turn x² into x2 and ½ into 1⁄2.
    """
    return _SOFT_HYPHENS.sub("", text.translate(LIGATURES))
