"""Streaks: between the petrous bones, and from metal."""

from typing import Final, NamedTuple

import numpy as np

from ichreport.phantom.shapes import Array, at_most

_FINE: Final = ((7, 0.7), (13, 0.9), (22, 0.9), (37, 0.8), (61, 0.5))
"""Rays around a piece of metal: how many, and how strong relative to each other."""


class MetalInSlice(NamedTuple):
    """A piece of metal as a slice shows it.

    Attributes:
        across: Where it is, across (mm).
        down: Where it is, down (mm).
        strength: The most that a streak darkens or brightens, close by (HU).
    """

    across: float
    down: float
    strength: float


def petrous_streaks(y: Array, rng: np.random.Generator) -> Array:
    """The dark band between the petrous bones, with finer streaks in it (Hounsfield's bar).

    Args:
        y: Places down a slice from the middle between those bones (mm).
        rng: Source of randomness.

    Returns:
        Relative strength at each place; the band has -1.2.
    """
    band = -1.2 * np.exp(-0.5 * np.square(y / 9))
    ripple = np.zeros_like(y)
    for wavelength in (11, 17, 29):
        ripple += np.sin(y * np.float32(2 * np.pi / wavelength) + np.float32(rng.uniform(0, 6.28)))
    return band + np.float32(0.35) * ripple * np.exp(-0.5 * np.square(y / 24))


def metal_streaks(
    metal: MetalInSlice, across: Array, down: Array, rng: np.random.Generator
) -> Array:
    """Rays around a piece of metal, dark along one direction (HU), shape (rows, columns).

    Args:
        metal: The piece.
        across: Places of the columns (mm).
        down: Places of the rows (mm).
        rng: Source of the rays' directions.
    """
    x, y = across[None, :] - np.float32(metal.across), down[:, None] - np.float32(metal.down)
    angle, away = np.arctan2(y, x), np.hypot(x, y)
    rays = -np.square(np.cos(angle - np.float32(rng.uniform(0, np.pi))))
    for number, strength in _FINE:
        turn = np.float32(rng.uniform(0, 2 * np.pi))
        rays += np.float32(strength) * np.cos(np.float32(number) * angle + turn)
    rays *= np.float32(1 / (1 + sum(strength for _, strength in _FINE)))
    near = at_most(away * np.float32(1 / 4), 1)  # the piece itself is not striped
    fading: Array = rays * near * np.exp(away * np.float32(-1 / 30))
    return fading * np.float32(metal.strength)
