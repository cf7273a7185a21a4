"""Text whose font does not say what its glyphs mean: their names come out instead."""

import re

_NAME = re.compile(r"/[A-Za-z]{1,3}\d{1,5}\b")
_MOST = 0.5


def are_glyph_names(text: str) -> bool:
    """Whether most of a page is names like `/g134/g135`, which nobody can read."""
    named = sum(len(name) for name in _NAME.findall(text))
    return named > _MOST * sum(map(len, text.split()))
