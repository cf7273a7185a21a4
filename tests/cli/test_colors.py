"""Colours stand out on the ground of a terminal, whether that is dark or light."""

import pytest
from rich.color import Color, ColorSystem

from dashdoc.cli.colors import ACCENT, GOOD, WARNING

FIXED = [ACCENT, GOOD, WARNING]


def luminance(color: str) -> float:
    """From 0, black, to 1, white, as the WCAG define it."""
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in Color.parse(color).get_truecolor().normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("color", FIXED)
@pytest.mark.parametrize("ground", ["#000000", "#ffffff"], ids=["dark", "light"])
def test_a_color_has_four_times_the_contrast_of_the_ground(color: str, ground: str) -> None:
    dark, light = sorted([luminance(color), luminance(ground)])
    assert (light + 0.05) / (dark + 0.05) >= 4


@pytest.mark.parametrize("color", FIXED)
def test_a_terminal_of_256_colors_shows_the_same(color: str) -> None:
    shown = Color.parse(color).downgrade(ColorSystem.EIGHT_BIT)
    assert shown.get_truecolor() == Color.parse(color).get_truecolor()
