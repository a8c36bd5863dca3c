"""Streaks."""

import numpy as np

from ichreport.phantom.shapes import Array


def petrous_streaks(y: Array, rng: np.random.Generator) -> Array:
    """The dark band between the petrous bones, with finer streaks in it (Hounsfield's bar)."""
    band = -1.2 * np.exp(-0.5 * np.square((y - 14) / 9))
    ripple = np.zeros_like(y)
    for wavelength in (11, 17, 29):
        ripple += np.sin(y * np.float32(2 * np.pi / wavelength) + np.float32(rng.uniform(0, 6.28)))
    return band + np.float32(0.35) * ripple * np.exp(-0.5 * np.square((y - 14) / 24))
