"""From the true intensities of a slice to those that a scanner measures."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.scanner.artefacts import MetalInSlice, metal_streaks, petrous_streaks
from ichreport.phantom.scanner.noise import grain
from ichreport.phantom.scanner.scan import Scan
from ichreport.phantom.shapes import Array, at_least

LIMITS: Final = (-1024, 3071)
"""What a slice's intensities are clipped to (HU)."""

_SOFT: Final = 120.0
"""Intensity above which tissue counts as bone (HU)."""

_METAL: Final = 2500.0
"""Intensity from which on nothing is bone (HU)."""

_BETWEEN_PETROUS_BONES: Final = (0.0, 14.0, -40.0)
"""The middle between the petrous bones in the canonical head (mm)."""


class Exposure:
    """Everything that one series adds to its slices.

    Args:
        scan: How the series is taken.
        head: Who lies in the scanner.
    """

    def __init__(self, scan: Scan, head: Head) -> None:
        self._scan = scan
        self._rng = np.random.default_rng(scan.response.seed)
        across, down = scan.places
        occiput = (90 + head.skull + head.scalp) * head.scale[1] + scan.offset[1]
        place = (across, down, occiput, scan.offset[0])
        self._rest = scan.surroundings.picture(*place)
        self._bands = scan.surroundings.bands(*place)
        slopes = scan.response.shading
        slope = (across * np.float32(slopes[0] / 100))[None, :]
        self._level = slope + (down * np.float32(slopes[1] / 100) + scan.response.offset)[:, None]
        middle = 1.15 - np.square(across / 130)[None, :] - np.square(down / 130)[:, None]
        self._petrous = scan.place(head, _BETWEEN_PETROUS_BONES)
        self._noise = at_least(middle, 0.35) * np.float32(scan.response.noise)

    def expose(
        self, hu: Array, height: float, metal: Sequence[MetalInSlice] = ()
    ) -> NDArray[np.int16]:
        """Measure a slice.

        Args:
            hu: True intensities after the reconstruction kernel (HU), shape (rows, columns);
                changed in place.
            height: The slice's height (mm).
            metal: What pieces of metal it shows.

        Returns:
            int16 HU within `LIMITS`.
        """
        response, (across, down) = self._scan.response, self._scan.places
        within = np.clip((hu + np.float32(900)) * np.float32(1 / 800), 0, 1)
        self._calibrate(hu, within)
        self._surround(hu, height)
        at_least(within, 0.25, out=within)
        noise = grain(response.cutoff, self._scan.rows, self._scan.columns, self._rng)
        x, y, z = self._petrous
        petrous = np.exp(-0.5 * ((height - z) / 9) ** 2)
        if petrous > 0.05:
            bands = petrous_streaks(down - np.float32(y), self._rng)
            bands *= np.float32(response.streaks * petrous)
            beside = np.exp(-np.square((across - np.float32(x)) * np.float32(1 / 52)))
            hu += bands[:, None] * beside[None, :] * within
            noise *= 1 + np.float32(0.5 * petrous)
        for piece in metal:
            hu += metal_streaks(piece, across, down, self._rng) * within
        noise *= self._noise
        noise *= within
        hu += noise
        np.clip(hu, *LIMITS, out=hu)
        return np.rint(hu, out=hu).astype(np.int16)

    def _calibrate(self, hu: Array, within: Array) -> None:
        """Change intensities as far as the scanner is off."""
        response = self._scan.response
        bone = at_least(hu - np.float32(_SOFT), 0)
        if hu.max() > _METAL:
            bone[hu > _METAL] = 0
        soft = np.clip(hu, 0, np.float32(_SOFT))
        hu += soft * np.float32(response.gain - 1)
        hu += bone * np.float32(response.bone - 1)
        hu += self._level * within

    def _surround(self, hu: Array, height: float) -> None:
        """Put what lies around the head where it is air."""
        around = self._rest
        for low, high, band in self._bands:
            if low <= height <= high:
                around = np.maximum(around, band)
        index = np.flatnonzero((hu < -600) & (around > hu))
        hu.put(index, around.take(index))
        for line in self._scan.surroundings.lines:
            line.paint(hu, *self._scan.places, height)
