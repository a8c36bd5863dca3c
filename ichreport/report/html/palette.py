"""The report's colours: one a label everywhere, in a light and a dark variant.

Drawings name colours by their light variant; on a page each becomes a CSS variable, so that a
drawing follows the reader's light or dark as text does.
"""

from collections.abc import Mapping
from typing import Final

from ichreport.labels import LABELS

LABEL_COLORS: Final = dict(
    zip(LABELS, ("#c94f00", "#1a55a0", "#3798d6", "#0a8a5f", "#b25690", "#23292d"), strict=True)
)
"""Told apart with any kind of colour vision, and at 3:1 or more against the paper."""

_LABEL_COLORS_DARK: Final = dict(
    zip(LABELS, ("#ff9448", "#5aa2ea", "#9fdcff", "#2fc48c", "#dd8fc0", "#f2f4f5"), strict=True)
)

PAPER: Final = "#fcfcfa"
INK: Final = "#1f2529"
SOFT: Final = "#56626a"
GRID: Final = "#e3e6e7"
FAINT: Final = "#97a2a9"
ACCENT: Final = "#0e6f8c"
ACCENT_SOFT: Final = "#a9cfdb"
SECOND: Final = "#b8500f"
THIRD: Final = "#b25bab"

LIGHT: Final[Mapping[str, str]] = {
    "paper": PAPER,
    "ink": INK,
    "soft": SOFT,
    "grid": GRID,
    "faint": FAINT,
    "accent": ACCENT,
    "accent-soft": ACCENT_SOFT,
    "second": SECOND,
    "third": THIRD,
    **{f"label-{label}": color for label, color in LABEL_COLORS.items()},
}
"""Colour by name of the CSS variable (`--plot-<name>`), in light."""

DARK: Final[Mapping[str, str]] = {
    "paper": "#15191c",
    "ink": "#e6eaec",
    "soft": "#a4b0b7",
    "grid": "#2c3439",
    "faint": "#71808a",
    "accent": "#5fc3dd",
    "accent-soft": "#2a5a68",
    "second": "#ff9f63",
    "third": "#d98fd2",
    **{f"label-{label}": color for label, color in _LABEL_COLORS_DARK.items()},
}
"""The same in dark."""

_NAMES: Final = {color: name for name, color in LIGHT.items()}

_IN_JUPYTERLAB: Final = {
    "paper": "layout-color0",
    "ink": "ui-font-color1",
    "soft": "ui-font-color2",
    "grid": "border-color2",
    "label-any": "ui-font-color0",
}


def themed(color: str) -> str:
    """A colour of the light palette as a CSS variable; others as they are.

    Outside the report it falls back to JupyterLab's theme where that matters, then to itself.
    """
    name = _NAMES.get(color.lower())
    if name is None:
        return color
    lab = _IN_JUPYTERLAB.get(name)
    return f"var(--plot-{name},{f'var(--jp-{lab},{color})' if lab else color})"


def variables(colors: Mapping[str, str]) -> str:
    """CSS declarations of a palette."""
    return "".join(f"--plot-{name}:{color};" for name, color in colors.items())
