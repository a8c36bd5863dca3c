"""Of a study's series the plainest head is kept, and the table says why the others are not."""

import numpy as np
import pandas as pd
import pytest

from ichreport.data.ingest.make_store import ingest
from ichreport.data.ingest.series_selection import choose, keep_all, series_table
from ichreport.labels import LABELS

PLAIN = {
    "count": 30,
    "step": 5.0,
    "thickness": 5.0,
    "kernel": "H31s",
    "contrast": False,
    "description": "head",
    "image_type": "original",
    "head": 0.7,
    "labelled": 0,
    "study": "1",
    "patient": "P",
}


def slices_of(**series):
    """The slices of some series, each as `PLAIN` but for what is said of it."""
    rows = []
    for name, changes in sorted(series.items()):
        words = PLAIN | changes
        count = words["count"]
        positions = words.get("z", np.arange(count) * words["step"])
        for number, z in enumerate(positions):
            rows.append(
                {
                    "patient_id": words["patient"],
                    "study_instance_uid": words["study"],
                    "series_instance_uid": name,
                    "sop_instance_uid": f"{name}.{number}",
                    "z": float(z),
                    "thickness": words["thickness"],
                    "contrast": words["contrast"],
                    "shows_head": None if words["head"] is None else number < words["head"] * count,
                    "orientation": "standard",
                    "manufacturer": "",
                    "model": "",
                    **{name: words[name] for name in ("kernel", "description", "image_type")},
                    **dict.fromkeys(LABELS, 1 if number < words["labelled"] else -1),
                }
            )
    table = pd.DataFrame(rows)
    return table.sort_values(
        ["patient_id", "study_instance_uid", "series_instance_uid", "z"], ignore_index=True
    )


def outcome(**series):
    table = choose(series_table(slices_of(**series)))
    return {row.series_instance_uid: (row.kept, row.why) for row in table.itertuples()}


THIN = {"count": 240, "step": 0.625, "thickness": 0.625}


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"head": 0.1}, "no head: few of its slices show the vault of a skull"),
        ({"description": "reformat"}, "a special series by its description, beside a plain one"),
        ({"description": "angiography"}, "a special series by its description"),
        ({"description": "perfusion"}, "a special series by its description"),
        ({"image_type": "derived"}, "derived, beside an original one"),
        ({"contrast": True}, "with contrast, beside one without"),
        ({"count": 12}, "shorter than another along the head"),
        ({"kernel": "H60s"}, "a sharp kernel, for bone or lung"),
        ({"kernel": "BONEPLUS"}, "a sharp kernel, for bone or lung"),
        ({"description": "bone"}, "a sharp kernel, for bone or lung"),
        (THIN, "its slices' thickness is farther from 5 mm"),
        ({"thickness": 10.0}, "its slices' thickness is farther from 5 mm"),
        ({"z": [*range(0, 100, 5), *range(110, 160, 5)]}, "gaps or repeated positions"),
        ({"z": [*range(0, 150, 5), 145]}, "gaps or repeated positions"),
        ({"count": 29}, "fewer slices than another"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_the_plain_series_is_kept_beside_another_and_the_reason_is_said(other, why, first):
    name = "a" if first else "c"
    result = outcome(b={}, **{name: other})
    assert result["b"] == (True, "kept")
    kept, reason = result[name]
    assert not kept
    assert reason.startswith(why)


def test_what_counts_more_is_asked_first():
    """A thin plain series is better than a thick one with contrast, for bone or derived."""
    thick = {"contrast": {"contrast": True}, "bone": {"kernel": "H60s"}, "mip": {"head": 0.0}}
    for name, worse in thick.items():
        assert outcome(thin=THIN, **{name: worse})["thin"][0]


def test_a_study_with_one_kind_of_series_keeps_it_whatever_it_is():
    for only in ({"kernel": "BONE"}, {"contrast": True}, {"image_type": "derived"}, THIN):
        assert outcome(only=only)["only"] == (True, "kept")


def test_each_study_keeps_one_series_and_copies_are_told():
    result = outcome(a={"study": "1"}, b={"study": "1"}, c={"study": "2"}, d={"patient": "Q"})
    assert {name for name, (kept, _) in result.items() if kept} == {"a", "c", "d"}
    assert result["b"][1] == "as good as the one that is kept, and listed behind it"


def test_series_with_labels_are_kept_before_all_others():
    result = outcome(
        plain={}, bone={"kernel": "H60s", "labelled": 30}, chest={"labelled": 1, "head": 0.0}
    )
    assert {name for name, (kept, _) in result.items() if kept} == {"bone", "chest"}
    assert result["plain"][1] == "its slices have no labels, those of another series have"


def test_a_series_of_unknown_size_may_be_a_head_and_no_head_is_kept_for_none():
    assert outcome(a={"head": None})["a"][0]
    assert not outcome(a={"head": 0.0}, b={"head": 0.16})["b"][0]
    table = keep_all(series_table(slices_of(a={"head": 0.0}, b={})))
    assert table["kept"].all()


def test_the_table_says_what_a_series_is_like():
    z = [0, 5, 10, 20, 20, 25]  # a gap of 10 mm, and a position twice
    [row] = series_table(slices_of(a={"count": 6, "z": z, "head": 0.5})).to_dict("records")
    assert (row["slices"], row["length"], row["step"]) == (6, 25, 5)
    assert (row["gaps"], row["repeated"], row["uneven"]) == (1, 1, True)
    assert (row["thickness"], row["head_share"]) == (5, 0.5)
    [row] = series_table(slices_of(a={"count": 1})).to_dict("records")
    assert (row["slices"], row["length"], row["gaps"], row["uneven"]) == (1, 0, 0, False)
    assert np.isnan(row["step"])
    assert np.isnan(series_table(slices_of(a={"head": None}))["head_share"].iloc[0])


def head_file(dicom_bytes, number, *, inside=40, **words):
    """A slice of a head of 20 cm, or of another part where its inside is no brain."""
    down, across = np.mgrid[:64, :64] - 31.5
    distance = np.hypot(down, across) * 4
    hu = np.select([distance < 85, distance < 95, distance < 100], [inside, 900, 40], -1000)
    words = {"spacing": "4\\4", "z": 5.0 * number, "patient": "P", **words}
    return dicom_bytes(hu + 1024, sop=f"{words['series']}.{number}", **words)


def test_a_hospitals_export_comes_out_as_one_head_series_a_study(tmp_path, dicom_bytes):
    tree = tmp_path / "tree"
    tree.mkdir()
    series = {
        "1.1": {"extra": [(0x00180050, "DS", "5")]},
        "1.2": {"extra": [(0x00181210, "SH", "H70h")]},
        "1.3": {"inside": -850},
        "1.4": {"extra": [(0x00180010, "LO", "Omnipaque")]},
        "1.5": {"extra": [(0x0008103E, "LO", "COR 3.0 MPR")]},
    }
    for uid, words in series.items():
        for number in range(10):
            made = head_file(dicom_bytes, number, series=uid, study="1", **words)
            (tree / f"{uid}-{number}").write_bytes(made)
    words = {"image_size": 64, "progress": False, "pseudonymise": False}
    store = ingest(tree, tmp_path / "store", **words)
    assert set(store.slices["series_instance_uid"]) == {"1.1"}
    assert store.manifest["counts"] == {
        "slices": 10, "patients": 1, "studies": 1, "series": 1, "rejects": 0, "set_aside": 40,
        "files": 50,
    }  # fmt: skip
    why = dict(zip(store.series["series_instance_uid"], store.series["why"], strict=True))
    assert why["1.3"].startswith("no head")
    assert why["1.4"].startswith("with contrast")
    assert why["1.5"].startswith("a special series")
    assert store.set_aside["reason"].str.startswith("of a series that is passed over: ").all()
    everything = ingest(tree, tmp_path / "store", series="all", **words)
    assert len(everything) == 50
    assert everything.series["kept"].all()


def test_slices_without_the_vault_stay_with_their_heads_and_are_counted(tmp_path, dicom_bytes):
    (tmp_path / "tree").mkdir()
    for number in range(10):
        inside = 40 if number > 3 else -1000  # as in the nose
        made = head_file(dicom_bytes, number, series="1.1", study="1", inside=inside)
        (tmp_path / "tree" / f"{number}").write_bytes(made)
    store = ingest(tmp_path / "tree", tmp_path / "store", image_size=64, progress=False)
    assert len(store) == 10
    [finding] = [f for f in store.manifest["findings"] if "vault" in f["what"]]
    assert finding["count"] == 4


def test_where_no_series_is_a_head_the_cure_is_said(tmp_path, dicom_bytes):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a").write_bytes(dicom_bytes())
    with pytest.raises(ValueError, match=r"(?s)no head.*series: all"):
        ingest(tmp_path / "tree", tmp_path / "store", image_size=8, progress=False)


def test_one_patient_id_for_all_is_said_with_the_cure_that_keeps_studies_apart(
    tmp_path, dicom_bytes
):
    (tmp_path / "tree").mkdir()
    for study in range(8):
        for number in range(3):
            made = head_file(
                dicom_bytes, number, series=f"1.{study}", study=f"2.{study}", patient="ANON"
            )
            (tmp_path / "tree" / f"{study}-{number}").write_bytes(made)
    words = {"image_size": 64, "progress": False, "pseudonymise": False}
    store = ingest(tmp_path / "tree", tmp_path / "store", **words)
    [finding] = [f for f in store.manifest["findings"] if "one patient" in f["what"]]
    assert finding["count"] == 8
    assert "`group_by: study` keeps them apart" in finding["what"]
    apart = ingest(tmp_path / "tree", tmp_path / "store", group_by="study", **words)
    assert apart.manifest["counts"]["patients"] == 8
    assert not [f for f in apart.manifest["findings"] if "one patient" in f["what"]]
    assert list(apart.slices["patient_id"]) == list(apart.slices["study_instance_uid"])
    assert apart.manifest["rules"] == {"the study stands for the patient, as group_by asks": 24}


def test_odd_steps_are_counted_of_the_series_that_are_kept(tmp_path, dicom_bytes):
    (tmp_path / "tree").mkdir()
    positions = {
        "even": [0, 5, 10, 15, 20],
        "gap": [0, 5, 10, 20, 25],
        "twice": [0, 5, 10, 10, 15],
        "uneven": [0, 5, 11, 16, 20],
    }
    for study, places in positions.items():
        for number, z in enumerate(places):
            made = head_file(dicom_bytes, number, series=f"1.{study}", study=study, z=float(z))
            (tmp_path / "tree" / f"{study}{number}").write_bytes(made)
    store = ingest(tmp_path / "tree", tmp_path / "store", image_size=64, progress=False)
    counts = {f["what"]: f["count"] for f in store.manifest["findings"]}
    assert counts["series with uneven steps between their slices"] == 3
    assert counts["series with gaps between their slices"] == 1
    assert counts["series with several slices at one position"] == 1


def test_an_export_without_any_slice_says_what_its_files_are(tmp_path, dicom_bytes):
    (tmp_path / "tree").mkdir()
    for number in range(3):
        scout = dicom_bytes(
            sop=f"1.{number}", extra=[(0x00080008, "CS", "ORIGINAL\\PRIMARY\\LOCALIZER")]
        )
        (tmp_path / "tree" / f"IM{number}").write_bytes(scout)
    with pytest.raises(ValueError, match=r"no file of 3 is a slice.\n  3 x a scout view"):
        ingest(tmp_path / "tree", tmp_path / "store", image_size=8, progress=False)


def test_a_step_to_thicker_slices_is_no_gap():
    """As where the base of the skull is scanned by 2.5 mm and what is above by 5."""
    z = [*np.arange(14) * 2.5, *(35 + np.arange(10) * 5.0)]
    slices = slices_of(a={"count": 24, "z": z})
    slices["thickness"] = [2.5] * 14 + [5.0] * 10
    assert series_table(slices)["gaps"].iloc[0] == 0
    slices["thickness"] = 2.5
    assert series_table(slices)["gaps"].iloc[0] > 0


def test_a_long_series_of_head_and_neck_is_no_more_whole_than_the_head():
    result = outcome(neck={"count": 60, "head": 0.3}, head={"count": 24, "head": 0.75})
    assert result["head"][0]


def test_a_passed_over_file_of_many_slices_is_counted_once(tmp_path, dicom_bytes):
    nibabel = pytest.importorskip("nibabel", reason="needs the extra `nifti`")
    (tmp_path / "tree").mkdir()
    image = nibabel.Nifti1Image(np.zeros((8, 8, 5), np.int16), np.eye(4))
    nibabel.save(image, tmp_path / "tree" / "air.nii")
    for number in range(5):
        made = head_file(dicom_bytes, number, series="1.1", study="1")
        (tmp_path / "tree" / f"{number}").write_bytes(made)
    store = ingest(tmp_path / "tree", tmp_path / "store", image_size=64, progress=False)
    assert store.manifest["counts"]["set_aside"] == len(store.set_aside) == 1
