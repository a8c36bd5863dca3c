"""What can be measured on one slice of a head: sizes, HU of bone and brain, texture of the noise.

Anatomy and scanner in a dozen numbers, by which sets of slices can be compared, such as synthetic
ones with real ones. Slices of fine pixels are averaged to pixels of about 1 mm first.
"""

from dataclasses import dataclass
from math import nan
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.interpolate import CubicSpline

from ichreport.data.tissue import BONE_HU

_PIXEL: Final = 1.0
"""mm a side of the pixels that are measured on, about."""
_HEAD_HU: Final = -300
"""HU above which a pixel is of the head and not of the air around it."""
_BRAIN_HU: Final = (-20, 90)
"""HU between which a pixel within the skull is brain, the fluid in it or blood."""
_RIM: Final = 6.0
"""mm from the bone within which pixels are averaged with it, or are of the dura."""
_LEAST_BRAIN: Final = 5.0
"""cm² of brain below which nothing is measured on it."""
_NOISE_WINDOW: Final = 5.0
"""mm a side of the squares in which the noise's standard deviation is taken."""
_QUIET: Final = 20
"""The percentile of the squares' standard deviations; most others have sulci or vessels in them."""
_COARSE_SIGMA: Final = 3.0
"""mm; a Gaussian of this standard deviation, 6 mm from flank to flank, is what noise is not."""
_NO_NOISE: Final = 1e-6
"""HU² of variance below which there is only rounding."""
_LAGS: Final = (1.0, 2.0)
"""mm between the pixels whose noise is compared."""

_Mask = NDArray[np.bool_]
_Plane = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SliceMeasures:
    """What was measured on one slice; NaN where there is nothing to measure."""

    field_of_view: float = nan
    """Length of the image's shorter side, mm."""
    head_area: float = nan
    """Area of the head, cm²: the largest connected part above -300 HU, its holes filled."""
    skull_area: float = nan
    """Area of the skull with all that it encloses, cm²; NaN where it encloses nothing."""
    inside_area: float = nan
    """Area that the skull encloses, bone left out, at least 6 mm from it, cm²; 0 if there is none.
    """
    bone_share: float = nan
    """Share of the head's area that is bone, above 300 HU, in [0, 1]."""
    bone_hu_median: float = nan
    """Median of the bone, HU."""
    bone_hu_95th: float = nan
    """95th percentile of the bone, HU."""
    brain_hu_5th: float = nan
    """5th percentile, HU, of the brain: pixels between -20 and 90 HU of the `inside_area`."""
    brain_hu_median: float = nan
    """Median of the brain, HU."""
    brain_hu_95th: float = nan
    """95th percentile of the brain, HU."""
    noise_sd: float = nan
    """Standard deviation in quiet brain, HU: the 20th percentile, over the brain's pixels, of the
    standard deviation in the square of 5 mm around each."""
    noise_correlation_1mm: float = nan
    """Correlation, in [-1, 1], between the brain's pixels 1 mm apart, along rows and columns, of
    what remains when the brain is smoothed by a Gaussian of 3 mm standard deviation and that is
    taken away. Fine anatomy counts with the noise."""
    noise_correlation_2mm: float = nan
    """The same at 2 mm."""
    scalp_share: float = nan
    """Area of the head outside the skull, scalp and face, over the `skull_area`."""


def measure_slice(hu: NDArray[Any], spacing: float) -> SliceMeasures:
    """Measure one slice.

    Pixels finer than two thirds of 1 mm are averaged first, two by two or more, to about 1 mm. A
    skull that is open in the slice, as at its base or where the image cuts it, encloses nothing;
    the head, as far as it is seen, and its bone are measured all the same.

    Args:
        hu: HU, shape (rows, columns), of any number type.
        spacing: Distance of its pixels, mm.

    Raises:
        ValueError: If `hu` is not two-dimensional or `spacing` is not positive.
    """
    if np.ndim(hu) != 2:
        raise ValueError(f"hu must have the shape (rows, columns), got {np.shape(hu)}.")
    if not 0 < spacing < np.inf:
        raise ValueError(f"spacing must be a positive number of mm, got {spacing!r}.")
    field_of_view = min(hu.shape) * spacing
    averaged, spacing = _averaged(hu, spacing)
    head = _head(averaged)
    if not head.any():
        return SliceMeasures(field_of_view)
    pixel_area = spacing**2 / 100  # cm²
    bone = head & (averaged > BONE_HU)
    skull: _Mask = ndimage.binary_fill_holes(bone)
    inside = _inside(skull & ~bone, spacing)
    is_closed = skull.sum() > bone.sum()
    return SliceMeasures(
        field_of_view,
        head_area=head.sum() * pixel_area,
        skull_area=skull.sum() * pixel_area if is_closed else nan,
        inside_area=inside.sum() * pixel_area,
        bone_share=bone.sum() / head.sum(),
        scalp_share=head.sum() / skull.sum() - 1 if is_closed else nan,
        **_of_bone(averaged[bone]),
        **_of_brain(averaged, inside, spacing),
    )


def _averaged(hu: NDArray[Any], spacing: float) -> tuple[_Plane, float]:
    """Means of squares of pixels, about `_PIXEL` a side; what is left at the end is cut off."""
    side = max(1, min(round(_PIXEL / spacing), *hu.shape))
    rows, columns = (length // side for length in hu.shape)
    squares = hu[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return squares.mean(axis=(1, 3), dtype=np.float64), spacing * side


def _head(hu: _Plane) -> _Mask:
    parts, count = ndimage.label(hu > _HEAD_HU)
    if not count:
        return np.zeros(hu.shape, dtype=bool)
    largest = 1 + np.argmax(np.bincount(parts.ravel())[1:])
    filled: _Mask = ndimage.binary_fill_holes(parts == largest)
    return filled


def _inside(enclosed: _Mask, spacing: float) -> _Mask:
    """What is enclosed by the skull and farther than `_RIM` from it."""
    padded = np.pad(enclosed, 1)  # the image's edge is an end as well
    distance = ndimage.distance_transform_edt(padded, sampling=spacing)
    inside: _Mask = distance[1:-1, 1:-1] > _RIM
    return inside


def _of_bone(hu: _Plane) -> dict[str, float]:
    if not len(hu):
        return {}
    median, high = np.percentile(hu, [50, 95])
    return {"bone_hu_median": float(median), "bone_hu_95th": float(high)}


def _of_brain(hu: _Plane, inside: _Mask, spacing: float) -> dict[str, float]:
    low, high = _BRAIN_HU
    brain = inside & (hu >= low) & (hu <= high)
    if brain.sum() * spacing**2 / 100 < _LEAST_BRAIN:
        return {}
    percentiles = np.percentile(hu[brain], [5, 50, 95])
    deviation = _local_deviation(hu, spacing)[brain]
    one, two = _correlation(_fine(hu, brain, spacing), brain, spacing)
    names = ("brain_hu_5th", "brain_hu_median", "brain_hu_95th")
    return dict(zip(names, map(float, percentiles), strict=True)) | {
        "noise_sd": float(np.percentile(deviation, _QUIET)),
        "noise_correlation_1mm": one,
        "noise_correlation_2mm": two,
    }


def _local_deviation(hu: _Plane, spacing: float) -> _Plane:
    """The standard deviation, HU, in the square around each pixel; NaN where that is one pixel.

    Pixels that the square cuts count by the share that lies in it, so that it is as large whatever
    the spacing.
    """
    reach = _NOISE_WINDOW / spacing / 2  # pixels from the middle to a side
    offsets = np.arange(-np.ceil(reach), np.ceil(reach) + 1)
    weights = np.clip(reach + 0.5 - np.abs(offsets), 0, 1)
    weights /= weights.sum()
    repeated = np.sum(weights**2) ** 2  # 1 / n of a square of n whole pixels
    if np.isclose(repeated, 1):
        return np.full(hu.shape, nan)

    def mean(values: _Plane) -> _Plane:
        rows: _Plane = ndimage.correlate1d(values, weights, axis=0, mode="nearest")
        return ndimage.correlate1d(rows, weights, axis=1, mode="nearest")

    variance = (mean(np.square(hu)) - np.square(mean(hu))) / (1 - repeated)
    return np.sqrt(np.maximum(variance, 0))


def _fine(hu: _Plane, brain: _Mask, spacing: float) -> _Plane:
    """What a Gaussian leaves of the brain, HU; it averages the brain's pixels alone, 0 elsewhere.

    A Gaussian over all pixels would smear the bone into the brain's rim (normalized convolution,
    Knutsson and Westin 1993).
    """
    sigma = _COARSE_SIGMA / spacing
    total = ndimage.gaussian_filter(np.where(brain, hu, 0.0), sigma, mode="constant")
    weight = ndimage.gaussian_filter(brain.astype(np.float64), sigma, mode="constant")
    left = np.zeros_like(hu)
    left[brain] = hu[brain] - total[brain] / weight[brain]
    left[brain] -= left[brain].mean()
    return left


def _correlation(values: _Plane, where: _Mask, spacing: float) -> tuple[float, ...]:
    """The correlation of values at each of `_LAGS`, along rows and columns.

    It is known at whole numbers of pixels, on both sides of 0, and interpolated between them.
    """
    variance = np.square(values[where]).mean()
    if variance < _NO_NOISE:
        return (nan,) * len(_LAGS)
    farthest = int(np.ceil(max(_LAGS) / spacing)) + 1
    known = [1.0]
    for lag in range(1, min(farthest + 1, *values.shape)):
        covariance = _covariance(values, where, lag)
        if np.isnan(covariance):
            break
        known.append(float(covariance / variance))
    reached = (len(known) - 1) * spacing
    at = np.arange(1 - len(known), len(known)) * spacing
    curve = CubicSpline(at, [*known[:0:-1], *known]) if len(known) > 1 else None
    return tuple(float(curve(lag)) if curve and lag <= reached else nan for lag in _LAGS)


def _covariance(values: _Plane, where: _Mask, lag: int) -> float:
    """The mean product of pairs `lag` pixels apart, both of them `where`; NaN if there is none."""
    products, pairs = 0.0, 0
    for plane, mask in ((values, where), (values.T, where.T)):
        both = mask[lag:] & mask[:-lag]
        products += np.sum(plane[lag:] * plane[:-lag], where=both)
        pairs += int(both.sum())
    return products / pairs if pairs else nan
