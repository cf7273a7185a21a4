"""Colours for dark and for light terminals alike: with four times the contrast of either ground.

Plain yellow and cyan are lost on white.
"""

ACCENT = "#0087af"
GOOD = "#008700"
WARNING = "#af5f00"
BAD = "red"
