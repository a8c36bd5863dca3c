"""The table that compares sets with real slices: made-up figures, two synthetic patients."""

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import realism
from benchmarks.realism import ALL, CHALLENGE, CQ500, REAL, THIRD, Spread
from ichreport.data.slice_measures import SliceMeasures
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.phantom import write_phantom


@pytest.fixture(scope="module")
def two_patients(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two") / "rsna"
    write_phantom(folder, PhantomRecipe(patients=2, faults=False, matrix=128, scanners="one"))
    return folder


def test_the_real_column_itself_is_within_itself_and_as_wide():
    for name in realism.ROWS:
        verdict = realism.judge(name, REAL[CQ500][name])
        assert verdict.within[CQ500]
        assert verdict.within_union
        assert verdict.spread[CQ500] == pytest.approx(1)


def test_a_dense_skull_lies_outside_all_columns():
    verdict = realism.judge("bone_hu_95th", Spread(2000, 1900, 2100))
    assert verdict.within == {CHALLENGE: False, CQ500: False, THIRD: False}
    assert not verdict.within_union
    assert not verdict.within_large


def test_a_median_can_be_within_one_large_column_and_not_both():
    verdict = realism.judge("brain_hu_median", Spread(40, 30, 45))
    assert verdict.within == {CHALLENGE: False, CQ500: True, THIRD: False}
    assert verdict.within_union
    assert not verdict.within_large


def test_the_spread_is_judged_beside_the_widest_of_the_union_and_the_large_columns():
    # Brain's median: 22 to 34, 26 to 43 and 26 to 31; together 22 to 43.
    verdict = realism.judge("brain_hu_median", Spread(30, 26, 38))
    assert verdict.spread == pytest.approx({ALL: 12 / 21, CHALLENGE: 12 / 12, CQ500: 12 / 17})
    assert verdict.worst == ALL
    assert not verdict.is_wide
    assert realism.judge("brain_hu_median", Spread(30, 24, 38)).is_wide


def test_a_column_without_spread_is_no_measure_of_spread():
    verdict = realism.judge("field_of_view", Spread(250, 240, 260))
    assert verdict.spread == pytest.approx({ALL: 20 / 39, CQ500: 20 / 39})


def test_a_measure_that_no_slice_has_is_unknown_and_within_nothing():
    found = realism.column_of([SliceMeasures(240.0)] * 3)
    assert np.isnan(found["noise_sd"].median)
    verdict = realism.judge("noise_sd", found["noise_sd"])
    assert not verdict.within_union
    assert not verdict.is_wide
    figures = realism.figures(found, 3)
    assert figures["measures"]["noise_sd"]["median"] is None
    json.dumps(figures, allow_nan=False)


def test_a_columns_figures_are_percentiles_of_the_known_values():
    values = [float(value) for value in range(101)]
    measures = [replace(SliceMeasures(250.0), noise_sd=value) for value in [*values, np.nan]]
    assert realism.column_of(measures)["noise_sd"] == Spread(50, 10, 90)


def test_the_table_has_a_row_for_each_measure_and_says_what_is_off():
    found = {**REAL[CQ500], "bone_hu_95th": Spread(1183, 1003, 1347)}
    head, *rows = realism.table("made up", found, 7).splitlines()
    assert "made up (7)" in head
    assert len(rows) == len(realism.ROWS)
    dense = next(row for row in rows if row.startswith("bone, 95th"))
    assert "1183 (1003 to 1347)" in dense
    assert dense.split("  ")[-1].strip() == "0.62; 0.76 (challenge) NARROW"
    assert " OUTSIDE " in dense
    assert next(row for row in rows if row.startswith("brain, median")).endswith(
        "0.81; 1.00 (CQ500)"
    )


def test_slices_are_chosen_evenly_from_first_to_last():
    assert realism.evenly(list(range(29)), 8) == [0, 4, 8, 12, 16, 20, 24, 28]
    assert realism.evenly([3, 4, 5], 8) == [3, 4, 5]
    assert realism.evenly([], 8) == []


def test_two_synthetic_patients_are_measured_at_their_own_resolution(two_patients, capsys):
    found = realism.measure([two_patients])
    figures = found[str(two_patients)]
    assert found["real"] == realism.SOURCE_OF_REAL
    assert 4 <= figures["slices"] <= 2 * 3 * realism.SLICES_A_SERIES
    assert 239 < figures["measures"]["field_of_view"]["median"] < 253
    assert 25 < figures["measures"]["brain_hu_median"]["median"] < 40
    assert f"rsna ({figures['slices']})" in capsys.readouterr().err


def test_a_zip_is_measured_as_its_folder_is(two_patients, tmp_path):
    zipped = tmp_path / "rsna.zip"
    with zipfile.ZipFile(zipped, "w") as made:
        for path in two_patients.rglob("*"):
            if path.is_file():
                made.write(path, path.relative_to(two_patients))
    of_zip, of_folder = map(realism.measure_source, (zipped, two_patients))
    assert of_zip == of_folder
    assert all(one.inside_area >= realism.LEAST_INSIDE for one in of_zip)


@pytest.mark.slow
def test_varied_heads_lie_where_real_ones_do_and_spread_as_far(tmp_path):
    write_phantom(tmp_path, PhantomRecipe(patients=48, seed=4, faults=False), workers=2)
    found = realism.column_of(realism.measure_source(tmp_path))
    verdicts = {name: realism.judge(name, found[name]) for name in realism.ROWS}
    assert [name for name, verdict in verdicts.items() if not verdict.within_union] == []
    narrow = {
        name: verdict.spread
        for name, verdict in verdicts.items()
        if min(share for column, share in verdict.spread.items() if column != ALL) < 2 / 3
    }
    assert narrow == {}
