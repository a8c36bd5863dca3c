"""Whether a study is one that a run can say something of, and how it differs from what it knows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from ichreport.data.acquisition_range import AcquisitionRange
from ichreport.data.dicom.acquisition import SHARP, class_of_kernel

FEWEST_SLICES: Final = 5
"""Slices below which a series is no head."""
SHORTEST: Final = 60.0
"""mm along the head below which a series shows a part of it."""
LARGEST_GAP: Final = 20.0
"""mm without a slice, beyond the usual step, in which a bleed may hide."""
MOST_DAMAGED: Final = 0.1
"""Share of a study's files that may be damaged."""
_LEAST_HEAD: Final = 0.4
"""Share of slices that show the vault of a skull below which much of a series is something else."""


@dataclass(frozen=True)
class Fitness:
    """Whether a run can say something of a study.

    Attributes:
        refusals: Why it cannot, a sentence each; none if it can.
        warnings: How the study differs from what the run has learned from, a sentence each.
    """

    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def judge(
    series: Mapping[str, Any], heights: "pd.Series[float]", damaged: int, known: AcquisitionRange
) -> Fitness:
    """Judge the head series that was chosen of a study.

    Args:
        series: Its row of the store's table of series, with `spacing` (mm).
        heights: z of its slices, ascending, mm.
        damaged: How many files of the study cannot be read.
        known: How the series were taken that the run has learned from.
    """
    refusals, warnings = [], []
    is_sharp = class_of_kernel(series["kernel"]) == SHARP or series["description"] == "bone"
    if series["contrast"] or series["description"] in ("with contrast", "angiography"):
        refusals.append("With contrast: vessels are as bright as blood, and the run knows none.")
    if is_sharp and not known.kernels.get(SHARP):
        refusals.append("Only a sharp kernel, for bone: its noise hides blood.")
    slices, length = int(series["slices"]), float(series["length"])
    if slices < FEWEST_SLICES:
        refusals.append(f"Too few slices: {slices}, where at least {FEWEST_SLICES} are needed.")
    elif length < SHORTEST:
        long = _apart(length, SHORTEST)
        refusals.append(f"A part of a head: {long} mm long, {SHORTEST:.0f} mm are needed.")
    gap = _largest_gap(heights.to_numpy(dtype=np.float64))
    if gap > LARGEST_GAP and series["gaps"]:
        refusals.append(f"Slices are missing: {gap:.0f} mm of the head without one.")
    elif series["gaps"]:
        gaps = "A gap" if series["gaps"] == 1 else f"{series['gaps']} gaps"
        warnings.append(f"{gaps} between slices; up to {_apart(gap, 0)} mm are missing.")
    if damaged > MOST_DAMAGED * (damaged + slices):
        whole = "one slice" if slices == 1 else f"{slices:,} slices"
        refusals.append(f"{_damaged(damaged)}, beside {whole}.")
    elif damaged:
        warnings.append(f"{_damaged(damaged)} and left out.")
    if series["repeated"]:
        one = series["repeated"] == 1
        repeated = "One slice lies" if one else f"{series['repeated']} slices lie"
        warnings.append(f"{repeated} where another lies.")
    share = float(series["head_share"])
    if not math.isnan(share) and share < _LEAST_HEAD:
        said = f"{1 - share:.0%}"
        missing = "More than 99%" if share > 0 and said == "100%" else said
        warnings.append(f"{missing} of its slices show no vault of a skull.")
    if math.isnan(series["thickness"]) and known.ends.get("thickness") is not None:
        warnings.append("Its files do not say how thick slices are.")
    phrases = known.departures(series)
    warnings += [f"{phrase[0].upper()}{phrase[1:]}." for phrase in phrases]
    return Fitness(tuple(refusals), tuple(warnings))


def _apart(length: float, limit: float) -> str:
    """A length (mm) with as few decimals as tell it from a limit."""
    said = (f"{length:.{digits}f}" for digits in range(9))
    return next((one for one in said if float(one) != limit), f"{length:.0f}")


def _damaged(files: int) -> str:
    return "One of its files is damaged" if files == 1 else f"{files:,} of its files are damaged"


def _largest_gap(heights: Any) -> float:
    """How much more than the usual step the largest one is, mm; 0 for fewer than two slices."""
    steps = np.diff(heights)
    return float(steps.max() - np.median(steps)) if len(steps) else 0.0
