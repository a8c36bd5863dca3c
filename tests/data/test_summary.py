import numpy as np
import pandas as pd
import pytest

from ichreport.data import summary
from ichreport.data.ingest.make_store import ingest
from ichreport.labels import LABELS

LABEL_ROWS = [
    (0, 0, 0, 0, 0, 0),
    (1, 1, 0, 0, 0, 1),
    (0, 1, 0, 0, 0, 1),
    (-1, -1, -1, -1, -1, -1),
    (0, 0, 0, 0, 1, 1),
]
SLICES = pd.DataFrame(
    {
        "patient_id": ["a", "a", "a", "b", "b"],
        "study_instance_uid": ["1", "1", "1", "2", "2"],
        "series_instance_uid": ["1", "1", "1", "2", "3"],
        "z": [0.0, 5.0, 20.0, 7.0, 7.0],
        "spacing": [0.5, 0.5, 0.5, 0.4, 0.4],
        "tilt": [12.0, 12.0, 12.0, 0.0, 0.0],
        "family": ["12-bit unsigned"] * 3 + ["16-bit signed"] * 2,
        "intercept": [-1024.0] * 4 + [0.0],
        "window_center": [40.0, 40.0, 40.0, np.nan, np.nan],
        "window_width": [80.0, 80.0, 80.0, np.nan, np.nan],
        "rows": [512, 512, 512, 638, 512],
        "columns": [512, 512, 512, 490, 512],
    }
).join(pd.DataFrame(LABEL_ROWS, columns=list(LABELS), dtype="int8"))


def test_label_counts_leave_the_unlabelled_out():
    counts = summary.label_counts(SLICES)
    assert counts.loc["intraparenchymal"].to_list() == [2, 4, 0.5]
    assert counts.loc["any"].to_list() == [3, 4, 0.75]
    assert summary.label_counts(SLICES.iloc[[3]])["share"].isna().all()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"subdural": [1, 0, 0], "any": [1, -1, -1]}, ["subdural"]),
        ({"any": [1, 0, 0], "subdural": [-1, 0, 0], "epidural": [-1, 0, 0]}, ["any"]),
        ({"any": [1, 0, -1], "subdural": [0, 0, -1]}, ["subdural", "any"]),
        ({"any": [-1, -1, -1]}, []),
    ],
)
def test_a_label_that_follows_from_others_does_not_tell_how_often_it_occurs(given, told):
    """Of bleeding in a file of subdurals alone, of kinds in one of any bleeding alone."""
    slices = SLICES.iloc[:3].assign(**dict.fromkeys(LABELS, -1)).assign(**given)
    tells = summary.tells_frequency(slices)
    assert tells[tells].index.tolist() == told
    for table in (summary.label_counts(slices)["share"], summary.bleed_positions(slices, bins=1).T):
        assert table.loc[list(LABELS)].dropna().index.tolist() == told
    together = summary.co_occurrence(slices)
    other = [label for label in LABELS if label not in told]
    assert together[other].isna().all(axis=None)
    assert together.loc[other].isna().all(axis=None)


def test_co_occurrence_is_the_share_of_those_with_the_row_s_label():
    table = summary.co_occurrence(SLICES)
    assert table.loc["epidural", "intraparenchymal"] == 1
    assert table.loc["intraparenchymal", "epidural"] == 0.5
    assert table.loc["any", "intraparenchymal"] == 2 / 3
    assert table.loc["epidural", "subdural"] == 0
    assert table.loc["intraventricular"].isna().all()


def test_what_is_not_labelled_does_not_count_as_not_together():
    """Of three bleeding slices two have epidural labelled, and none subdural."""
    partly = SLICES.iloc[:3].assign(any=1, subdural=-1, epidural=[1, -1, 0])
    table = summary.co_occurrence(partly)
    assert table.loc["any", "epidural"] == 0.5
    assert np.isnan(table.loc["any", "subdural"])


def test_labels_per_slice_and_slices_per_study():
    assert summary.labels_per_slice(SLICES).to_list() == [1, 2, 1, 0, 0, 0]
    assert summary.slices_per_study(SLICES).to_dict() == {2: 1, 3: 1}


def test_relative_z_goes_from_0_to_1_in_each_series():
    np.testing.assert_allclose(summary.relative_z(SLICES), [0, 0.25, 1, np.nan, np.nan])


def test_bleed_positions_are_shares_of_the_slices_there():
    table = summary.bleed_positions(SLICES, bins=2)
    assert table["slices"].to_list() == [2, 1]
    assert table["intraparenchymal"].to_list() == [0.5, 1.0]
    assert table["epidural"].to_list() == [0.5, 0.0]
    assert table.index.to_list() == [0.25, 0.75]


def test_series_geometry_knows_uneven_steps():
    table = summary.series_geometry(SLICES)
    assert table["slices"].to_list() == [3, 1, 1]
    assert table["step"].to_list()[0] == 10
    assert table["step"].isna().to_list() == [False, True, True]
    assert table["uneven"].to_list() == [True, False, False]
    assert table["tilt"].to_list() == [12.0, 0.0, 0.0]


def test_headers_are_counted_most_first():
    assert summary.families(SLICES)["slices"].to_list() == [3, 1, 1]
    assert summary.windows(SLICES)["slices"].to_list() == [3, 2]


def test_an_empty_table_is_summarised_too():
    none = SLICES.iloc[:0]
    assert summary.labels_per_slice(none).sum() == 0
    assert len(summary.series_geometry(none)) == 0
    assert summary.bleed_positions(none)["slices"].sum() == 0


@pytest.fixture(scope="module")
def store(tmp_path_factory, write_challenge, dicom_bytes):
    """Heads of one intensity in a ring of bone on air."""
    folder = tmp_path_factory.mktemp("summary")
    written = write_challenge(folder / "rsna", patients=5, slices=30, size=32)
    across, along = np.mgrid[:32, :32] - 15.5
    radius = np.hypot(across, along)
    head = np.where(radius < 10, 35, np.where(radius < 13, 900, -1024))
    for name, slice_ in written.items():
        path = folder / "rsna" / "stage_2_train" / f"{name}.dcm"
        path.write_bytes(
            dicom_bytes(
                head + 1024, sop=name, patient=f"p{slice_.patient}", z=slice_.position,
                series=f"r{slice_.patient}", window=("1\\2", "3\\4"),
            )
        )  # fmt: skip
    path.write_bytes(path.read_bytes()[:-10])
    return ingest(folder / "rsna", folder / "store", image_size=32, progress=False)


def test_the_hu_histogram_tells_inside_from_bone_from_outside(store):
    table = summary.hu_histogram(store, slices=10, step=10)
    np.testing.assert_allclose(table.sum(), 1)
    assert table["inside"].idxmax() == pytest.approx(35, abs=5)
    assert table["bone"].idxmax() == pytest.approx(900, abs=5)
    assert table["outside"].idxmax() == pytest.approx(-1024, abs=5)
    assert table.max().to_list() == [1, 1, 1]


def test_rules_rejects_and_issues_are_counted(store):
    assert summary.rules_applied(store).to_dict() == {"first of several windows kept": 149}
    (reject,) = summary.rejects_by_reason(store).to_dict("records")
    assert reject["files"] == 1
    assert reject["reason"] == "the pixel data are cut: 2,038 of 2,048 bytes are there"
    assert summary.label_issues(store)["what"].to_list() == [
        "labelled slices whose file was left out",
        "slices whose pixels another slice has too, with other labels",  # all heads are alike
    ]
