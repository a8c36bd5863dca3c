"""How training series were taken, as a record keeps it."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from ichreport.data.acquisition_range import AcquisitionRange
from ichreport.data.store import OF_A_SERIES


def made_up_store(count=1000):
    names = [f"{number:04d}" for number in range(count)]
    series = pd.DataFrame(dict.fromkeys(OF_A_SERIES, names))
    series["slices"] = np.arange(count) + 1
    series["length"], series["step"] = 150.0, np.nan
    series["thickness"] = np.where(np.arange(count) < 2, 99.0, 5.0)
    series["kernel"] = ["H31s", "H70h", "odd", ""] * (count // 4)
    series["contrast"] = np.arange(count) % 10 == 0
    slices = series[[*OF_A_SERIES]].loc[np.repeat(np.arange(count), 3)].reset_index(drop=True)
    slices["spacing"] = 0.5
    return SimpleNamespace(slices=slices, series=series)


def test_a_range_leaves_out_one_series_in_a_hundred():
    store = made_up_store()
    known = AcquisitionRange.of(store, np.arange(3000))
    slices = np.sort(store.series["slices"])
    assert known.ends["slices"] == (slices[4], slices[994])  # the 5th and the 995th of 1,000
    assert known.ends["thickness"] == (5.0, 5.0)
    assert known.ends["step"] is None
    assert known.ends["spacing"] == (0.5, 0.5)
    assert known.kernels == {"": 500, "sharp": 250, "soft": 250}
    assert (known.series, known.with_contrast) == (1000, 100)


def test_only_the_series_of_the_slices_count():
    known = AcquisitionRange.of(made_up_store(), np.array([0, 1, 2, 9]))  # of the 1st and the 4th
    assert known.series == 2
    assert known.ends["slices"] == (1.0, 4.0)


def test_a_record_keeps_it():
    known = AcquisitionRange.of(made_up_store(), np.arange(3000))
    assert AcquisitionRange.from_record(known.record()) == known


def test_what_is_not_known_is_no_departure():
    known = AcquisitionRange(1, {"slices": (1.0, 2.0), "step": None}, {}, 0)
    measures = dict.fromkeys(("slices", "length", "step", "thickness", "spacing"), np.nan)
    assert known.departures(measures) == []
    assert known.departures(measures | {"step": 5.0, "slices": 2.2}) == []  # a tenth is the same
    assert len(known.departures(measures | {"slices": 2.3})) == 1


def test_a_range_of_equal_ends_is_said_as_one_number():
    measures = dict.fromkeys(("slices", "length", "step", "thickness", "spacing"), np.nan)
    known = AcquisitionRange(1, {"slices": (30.0, 30.0), "thickness": (5.0, 6.0)}, {}, 0)
    assert known.departures(measures | {"slices": 1, "thickness": 9.0}) == [
        "1 slice, where the run learned from 30",
        "a slice thickness of 9 mm, where the run learned from 5 to 6 mm",
    ]
