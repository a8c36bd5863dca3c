"""What happens to the slices of a batch, drawn on the host."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ichreport.model.augmentation.intensities import NOISE_VALUES
from ichreport.params.training.augmentations import (
    Affine,
    Augmentation,
    Augmentations,
    Blur,
    Contrast,
    Crop,
    Erase,
    Flip,
    Noise,
    resamples,
)

Drawn = dict[str, NDArray[Any]]
"""Arrays by name, each with a row a slice."""

_LONGEST_SIDE: Final = 1 / 0.3
"""Of a rectangle that is erased, over its other side, at most; as in arXiv:1708.04896."""


@dataclass(frozen=True)
class Drawing:
    """Draws what happens to the slices of a batch.

    Attributes:
        augmentations: Which there are.
        slices_seen: Slices that a network sees to judge one.
        random: Draws; none leaves every slice as it is.
    """

    augmentations: Augmentations
    slices_seen: int
    random: np.random.Generator | None

    def __call__(self, size: int) -> Drawn:
        """What happens to each of `size` slices.

        Returns:
            What the layers of `augmented_model` take, by name:

            - `sampling`, float32 (size, 2, 3), where more than a flip moves pixels: from where a
              pixel is to where it is taken, (x, y) in sides of the picture from its middle;
            - `flip`, bool (size,), where nothing else does;
            - `noise`, its standard deviation (HU), float32 (size,), and `noise_place`, where its
              values begin, int32 (size, slices seen);
            - `blur`, its standard deviation (pixels), float32 (size,);
            - `contrast`, gain and offset (HU), float32 (size, 2);
            - `erase`, first and last row, first and last column, in sides of the picture, float32
              (size, 4).
        """
        random = np.random.default_rng(0) if self.random is None else self.random
        sampling: NDArray[Any] = np.tile(np.eye(3), (size, 1, 1))
        drawn: Drawn = {}
        for augmentation in self.augmentations:
            happens = random.random(size) < augmentation.share
            happens &= self.random is not None
            if not augmentation.moves:
                drawn |= _INTENSITIES[type(augmentation)](
                    augmentation, happens, random, self.slices_seen
                )
            elif resamples(self.augmentations):
                moved = _MOVES[type(augmentation)](augmentation, size, random)
                sampling = sampling @ np.where(happens[:, None, None], moved, np.eye(3))
            else:
                drawn["flip"] = happens
        if resamples(self.augmentations):
            drawn["sampling"] = sampling[:, :2].astype(np.float32)
        return drawn


def _flip(_: Augmentation, size: int, __: np.random.Generator) -> NDArray[np.float64]:
    return np.tile(np.diag([-1.0, 1.0, 1.0]), (size, 1, 1))


def _affine(affine: Affine, size: int, random: np.random.Generator) -> NDArray[np.float64]:
    """The inverse of: slanted and stretched, then turned and scaled, then shifted."""
    draws = random.uniform(-1, 1, (6, size))
    angle, slant = np.deg2rad(affine.rotate) * draws[0], np.deg2rad(affine.shear) * draws[1]
    scale, stretch = 1 + affine.scale * draws[2], np.sqrt(1 + affine.aspect * draws[3])
    turned = _matrices(np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle))
    slanted = _matrices(scale * stretch, scale * stretch * np.tan(slant), 0, scale / stretch)
    moved = turned @ slanted
    moved[:, :2, 2] = affine.shift * draws[4:].T
    return np.linalg.inv(moved).astype(np.float64)


def _crop(crop: Crop, size: int, random: np.random.Generator) -> NDArray[np.float64]:
    side = np.sqrt(random.uniform(*crop.scale, size))
    kept = _matrices(side, 0, 0, side)
    kept[:, :2, 2] = random.uniform(-0.5, 0.5, (size, 2)) * (1 - side)[:, None]
    return kept


def _matrices(a: Any, b: Any, c: Any, d: Any) -> NDArray[np.float64]:
    """Transforms [[a, b, 0], [c, d, 0], [0, 0, 1]] for each slice."""
    values = np.broadcast_arrays(a, b, c, d)
    matrices: NDArray[np.float64] = np.tile(np.eye(3), (len(values[0]), 1, 1))
    matrices[:, :2, :2] = np.stack(values, axis=-1).reshape(-1, 2, 2)
    return matrices


def _noise(
    noise: Noise, happens: NDArray[np.bool_], random: np.random.Generator, slices_seen: int
) -> Drawn:
    deviations = random.uniform(0, noise.hu, len(happens)) * happens
    places = random.integers(NOISE_VALUES, size=(len(happens), slices_seen), dtype=np.int32)
    return {"noise": deviations.astype(np.float32), "noise_place": places}


def _blur(blur: Blur, happens: NDArray[np.bool_], random: np.random.Generator, _: int) -> Drawn:
    deviations = random.uniform(0, blur.pixels, len(happens)) * happens
    return {"blur": deviations.astype(np.float32)}


def _contrast(
    contrast: Contrast, happens: NDArray[np.bool_], random: np.random.Generator, _: int
) -> Drawn:
    gain, offset = random.uniform(-1, 1, (2, len(happens))) * happens
    drawn = np.stack([1 + contrast.gain * gain, contrast.offset * offset], axis=1)
    return {"contrast": drawn.astype(np.float32)}


def _erase(erase: Erase, happens: NDArray[np.bool_], random: np.random.Generator, _: int) -> Drawn:
    """A rectangle of a drawn area and of sides whose ratio's logarithm is uniform."""
    area = random.uniform(*erase.area, len(happens))
    longest = np.log(np.minimum(_LONGEST_SIDE, 1 / area))  # so that it fits into the picture
    ratio = np.exp(random.uniform(-1, 1, len(happens)) * longest)
    sides = np.sqrt(np.stack([area * ratio, area / ratio]))
    first = random.random(sides.shape) * (1 - sides)
    box = np.stack([first[0], first[0] + sides[0], first[1], first[1] + sides[1]], axis=1)
    return {"erase": (box * happens[:, None]).astype(np.float32)}


_MOVES: Final[Mapping[type[Augmentation], Callable[..., NDArray[np.float64]]]] = {
    Flip: _flip,
    Affine: _affine,
    Crop: _crop,
}
_INTENSITIES: Final[Mapping[type[Augmentation], Callable[..., Drawn]]] = {
    Noise: _noise,
    Blur: _blur,
    Contrast: _contrast,
    Erase: _erase,
}
"""From an augmentation, which slices it happens to, the numbers and the slices seen to arrays."""
