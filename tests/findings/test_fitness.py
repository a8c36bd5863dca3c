"""Which studies a run refuses, and what it warns of."""

import numpy as np
import pandas as pd
import pytest

from ichreport.data.acquisition_range import AcquisitionRange
from ichreport.findings.fitness import judge

KNOWN = AcquisitionRange(
    series=100,
    ends={
        **{"slices": (24.0, 40.0), "length": (120.0, 180.0), "step": (4.0, 6.0)},
        **{"thickness": (4.0, 6.0), "spacing": (0.4, 0.6)},
    },
    kernels={"soft": 100},
    with_contrast=0,
)
SERIES = {
    **{"slices": 30, "length": 145.0, "step": 5.0, "thickness": 5.0, "spacing": 0.5},
    **{"kernel": "H31s", "description": "head", "contrast": False, "gaps": 0, "repeated": 0},
    "head_share": 0.8,
}
HEIGHTS = pd.Series(np.arange(30) * 5.0)


def test_a_series_like_those_of_training_is_fit():
    found = judge(SERIES, HEIGHTS, 0, KNOWN)
    assert (found.refusals, found.warnings) == ((), ())


@pytest.mark.parametrize(
    ("changes", "damaged", "why"),
    [
        ({"contrast": True}, 0, "With contrast"),
        ({"description": "with contrast"}, 0, "With contrast"),
        ({"kernel": "H70h"}, 0, "Only a sharp kernel"),
        ({"description": "bone"}, 0, "Only a sharp kernel"),
        ({"slices": 4}, 0, "Too few slices: 4"),
        ({"length": 40.0}, 0, "A part of a head: 40 mm long, 60 mm are needed."),
        ({"length": 59.7}, 0, "A part of a head: 59.7 mm long, 60 mm are needed."),
        ({"length": 59.97}, 0, "A part of a head: 59.97 mm long, 60 mm are needed."),
        ({}, 4, "4 of its files are damaged, beside 30 slices"),
    ],
)
def test_what_no_run_can_read_is_refused(changes, damaged, why):
    [refusal] = judge(SERIES | changes, HEIGHTS, damaged, KNOWN).refusals
    assert refusal.startswith(why)


@pytest.mark.parametrize(
    ("changes", "damaged", "what"),
    [
        ({"slices": 60}, 0, "60 slices, where the run learned from 24 to 40."),
        ({"thickness": 0.6}, 0, "A slice thickness of 0.6 mm, where the run learned from 4 to 6"),
        ({"step": 10.0}, 0, "A distance between slices of 10 mm"),
        ({"spacing": 1.2}, 0, "A pixel spacing of 1.2 mm"),
        ({"thickness": np.nan}, 0, "Its files do not say how thick slices are."),
        ({"head_share": 0.25}, 0, "75% of its slices show no vault"),
        ({"head_share": 1 / 300}, 0, "More than 99% of its slices show no vault"),
        ({"head_share": 0.0}, 0, "100% of its slices show no vault"),
        ({"repeated": 2}, 0, "2 slices lie where another lies."),
        ({"repeated": 1}, 0, "One slice lies where another lies."),
        ({}, 1, "One of its files is damaged and left out."),
        ({}, 3, "3 of its files are damaged and left out."),
    ],
)
def test_what_a_run_does_not_know_is_a_warning(changes, damaged, what):
    found = judge(SERIES | changes, HEIGHTS, damaged, KNOWN)
    assert found.refusals == ()
    assert [warning for warning in found.warnings if warning.startswith(what)], found.warnings


@pytest.mark.parametrize(("missing", "refuses"), [(1, False), (5, True)])
def test_a_gap_in_which_a_bleed_may_hide_is_refused_and_a_smaller_one_named(missing, refuses):
    heights = pd.Series(np.r_[np.arange(15), np.arange(15) + 15 + missing] * 5.0)
    found = judge(SERIES | {"gaps": 1}, heights, 0, KNOWN)
    told = found.refusals if refuses else found.warnings
    assert [one for one in told if f"{5 * missing} mm" in one]
    assert bool(found.refusals) == refuses


def test_a_gap_that_is_small_is_not_said_to_be_none():
    heights = pd.Series(np.r_[np.arange(15), np.arange(15) + 15.6] * 0.5)
    [warning] = judge(SERIES | {"gaps": 1}, heights, 0, KNOWN).warnings
    assert warning == "A gap between slices; up to 0.3 mm are missing."


def test_a_single_slice_is_counted_as_one():
    found = judge(SERIES | {"slices": 1}, HEIGHTS[:1], 4, KNOWN)
    assert "4 of its files are damaged, beside one slice." in found.refusals
    assert "1 slice, where the run learned from 24 to 40." in found.warnings


def test_a_run_that_has_learned_from_sharp_kernels_reads_them():
    known = AcquisitionRange(100, KNOWN.ends, {"sharp": 3, "soft": 97}, 0)
    assert judge(SERIES | {"kernel": "H70h"}, HEIGHTS, 0, known).refusals == ()
