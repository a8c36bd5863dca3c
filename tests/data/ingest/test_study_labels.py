"""Labels of studies stand beside the slices, which stay without."""

import json
import zipfile

import numpy as np
import pytest

from ichreport.data.ingest.make_store import ingest
from ichreport.data.labels.reader_votes import count_readers, votes_on
from ichreport.data.pseudonyms import Pseudonyms
from ichreport.data.store import Store, verify
from ichreport.labels import LABELS

READS = ["name,Category," + ",".join(
    f"R{reader}:{finding}"
    for reader in (1, 2, 3)
    for finding in ("ICH", "IPH", "IVH", "SDH", "EDH", "SAH")
)]  # fmt: skip


@pytest.fixture(name="write_scans")
def write_scans_(tmp_path, dicom_bytes):
    """Writes a tree of scans of two slices: pairs of a patient and a study."""

    def write(*scans):
        tree = tmp_path / "tree"
        tree.mkdir(exist_ok=True)
        for number, (patient, study) in enumerate(scans):
            for z in range(2):
                (tree / f"IM{number:02}{z}").write_bytes(
                    dicom_bytes(
                        np.full((8, 8), 1000 + 2 * number + z), sop=f"1.2.{number}.{z}",
                        patient=patient, study=study, series=f"{study}.1", z=z,
                    )
                )  # fmt: skip
        return tree

    return write


@pytest.fixture(name="run")
def run_(tmp_path):
    def run(tree, text, **words):
        labels = tmp_path / "labels.csv"
        if text is not None:
            labels.write_text(text)
        return ingest(
            tree, tmp_path / "store", image_size=8, progress=False,
            labels=None if text is None else labels, series="all", **words,
        )  # fmt: skip

    return run


def labels_of(store):
    table = store.studies.set_index("study_instance_uid")[list(LABELS)]
    return {study: row.to_list() for study, row in table.iterrows()}


def findings_of(store):
    return {issue["what"]: issue for issue in store.manifest["findings"]}


def test_a_study_has_its_labels_and_its_slices_have_none(write_scans, run):
    tree = write_scans(("p", "1.1"), ("p", "1.2"), ("q", "1.3"))
    store = run(
        tree, "StudyInstanceUID,subdural,any\n1.2,,0\n1.1,1,1\n1.9,,1\n", pseudonymise=False
    )
    assert store.studies.columns.to_list() == ["patient_id", "study_instance_uid", *LABELS]
    assert store.studies[["patient_id", "study_instance_uid"]].to_numpy().tolist() == [
        ["p", "1.1"], ["p", "1.2"], ["q", "1.3"],
    ]  # fmt: skip
    assert labels_of(store) == {"1.1": [-1] * 4 + [1, 1], "1.2": [0] * 6, "1.3": [-1] * 6}
    assert (store.studies[list(LABELS)].dtypes == np.int8).all()
    assert (store.slices[list(LABELS)] == -1).all(axis=None)
    assert findings_of(store)["studies without a label row"]["examples"] == ["1.3"]
    assert findings_of(store)["label rows without a study"]["examples"] == ["line 4"]
    assert "studies.parquet" in store.manifest["files"]
    assert verify(store.folder) == []


def test_studies_are_found_by_their_patient_under_pseudonyms(write_scans, run, tmp_path):
    tree = write_scans(("Doe", "1.1"), ("Roe", "1.2"))
    store = run(tree, "PatientID;any\nRoe;0\nDoe;1\nPoe;1\n")
    pseudonyms = Pseudonyms.from_file(tmp_path / "store.key")
    by_patient = store.studies.set_index("patient_id")["any"].to_dict()
    assert by_patient == {
        pseudonyms.pseudonym("patient_id", name): value for name, value in (("Doe", 1), ("Roe", 0))
    }
    said = json.dumps(store.manifest) + str(store.studies.to_dict())
    for name in ("Doe", "Roe", "Poe"):
        assert name not in said


def test_a_patient_s_row_is_given_to_none_of_several_studies(write_scans, run):
    tree = write_scans(("p", "1.1"), ("p", "1.2"), ("q", "1.3"))
    store = run(tree, "PatientID,any\np,1\nq,1\n", pseudonymise=False)
    assert labels_of(store)["1.3"] == [-1] * 5 + [1]
    assert labels_of(store)["1.1"] == labels_of(store)["1.2"] == [-1] * 6
    issue = findings_of(store)["label rows that fit several studies, given to none"]
    assert (issue["count"], issue["examples"]) == (1, ["line 2"])
    with pytest.raises(ValueError, match="Name the studies by StudyInstanceUID"):
        run(tree, "PatientID,any\np,1\n", pseudonymise=False)


@pytest.mark.parametrize("pseudonymise", [False, True])
def test_the_reads_of_cq500_find_scans_written_either_way(write_scans, run, pseudonymise):
    tree = write_scans(("CQ500-CT-1", "1.1"), ("CQ500CT12", "1.2"), ("CQ500CT13", "1.3"))
    rows = (
        "CQ500-CT-1,B1,1,1,0,0,0,0,1,1,0,0,0,0,0,0,0,0,0,0",
        "CQ500-CT-12,B2,1,0,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0",
        "CQ500-CT-400,B2,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0",
    )
    store = run(tree, "\n".join([*READS, *rows]), pseudonymise=pseudonymise)
    first, second, third = (
        store.studies.loc[store.studies["study_instance_uid"] == study].iloc[0]
        for study in (
            store.slices.loc[store.slices["pixel_hash"] == digest, "study_instance_uid"].iloc[0]
            for digest in hashes_by_value(store)
        )
    )
    assert first[list(LABELS)].to_list() == [0, 1, 0, 0, 0, 1]
    assert second[list(LABELS)].to_list() == [0] * 6
    assert second["reader_1_subdural"] == 1
    assert second["reader_2_subdural"] == 0
    assert third[[*LABELS, "reader_3_any"]].to_list() == [-1] * 7
    assert count_readers(store.studies) == 3
    assert votes_on(store.studies, "any").shape == (3, 3)
    assert findings_of(store)["label rows without a study"]["examples"] == ["line 4"]


def hashes_by_value(store):
    """The hash of the first slice of each scan, in the order in which they were written."""
    values = store.hu(np.arange(len(store)))[:, 0, 0]
    order = np.argsort(values)[::2]
    return store.slices["pixel_hash"].to_numpy()[order]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("StudyInstanceUID,any\np,1\n", "Expected the files' StudyInstanceUID."),
        ("PatientID,any\n1.1,1\n", "Expected the files' PatientID."),
        (
            "\n".join([*READS, "CQ500-CT-1,B1" + ",0" * 18]),
            "Expected the files' PatientID, CQ500-CT-<number> or CQ500CT<number>.",
        ),
    ],
)
def test_labels_that_fit_no_study_stop_and_say_what_was_expected(write_scans, run, text, expected):
    tree = write_scans(("p", "1.1"))
    with pytest.raises(ValueError, match="no label row fits any study") as stopped:
        run(tree, text)
    assert str(stopped.value).endswith(expected)


def test_without_labels_of_studies_there_is_no_table_of_them(write_scans, run):
    tree = write_scans(("p", "1.1"))
    assert run(tree, "StudyInstanceUID,any\n1.1,1\n").studies is not None
    store = run(tree, None)
    assert store.studies is None
    assert "studies.parquet" not in store.manifest["files"]
    assert not (store.folder / "studies.parquet").exists()


def test_other_labels_of_studies_are_another_store(write_scans, run):
    tree = write_scans(("p", "1.1"))
    hashes = {
        run(tree, text).manifest["store_hash"]
        for text in ("PatientID,any\np,1\n", "PatientID,any\np,0\n", None)
    }
    assert len(hashes) == 3


def test_a_removed_table_of_studies_is_made_again_and_a_damaged_one_is_named(write_scans, run):
    tree = write_scans(("p", "1.1"))
    text = "PatientID,any\np,1\n"
    table = run(tree, text).folder / "studies.parquet"
    table.unlink()
    assert run(tree, text).studies["any"].to_list() == [1]
    table.write_bytes(table.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match=r"studies\.parquet is damaged"):
        Store.open(table.parent)


def test_labels_of_one_kind_of_bleeding_alone_fit(write_scans, run):
    """No `any` follows from subtypes of 0 that are not all there."""
    tree = write_scans(("p", "1.1"))
    rows = "SOPInstanceUID,subdural\n1.2.0.0,0\n1.2.0.1,0\n"
    store = run(tree, rows, pseudonymise=False)
    assert store.slices["subdural"].to_list() == [0, 0]
    assert (store.slices["any"] == -1).all()


def test_cq500_as_it_comes_is_read_with_its_reads(tmp_path, dicom_bytes):
    """Scans in zips beside reads.csv, each with a plain head, a thin one for bone, and a chest."""
    folder = tmp_path / "cq500"
    folder.mkdir()
    down, across = np.mgrid[:64, :64] - 31.5
    distance = np.hypot(down, across) * 4
    shapes = {
        "CT Plain": (35, 5.0, "H31s"),
        "CT PLAIN THIN BONE": (35, 0.625, "H60s"),
        "CHEST": (-850, 5.0, "B30f"),
    }
    for scan in (0, 12):
        with zipfile.ZipFile(folder / f"CQ500-CT-{scan}.zip", "w") as made:
            for series, (name, (inside, thickness, kernel)) in enumerate(shapes.items()):
                stored = np.select(
                    [distance < 85, distance < 95, distance < 100], [inside, 900, 40], -1000
                )
                for z in range(5):
                    content = dicom_bytes(
                        stored + 1024 + z, sop=f"1.{scan}.{series}.{z}", study=f"1.{scan}",
                        series=f"2.{scan}.{series}", patient=f"CQ500CT{scan}", z=5 * z,
                        spacing="4\\4", extra=[
                            (0x0008103E, "LO", name),
                            (0x00180050, "DS", str(thickness)),
                            (0x00181210, "SH", kernel),
                        ],
                    )  # fmt: skip
                    where = f"CQ500CT{scan} CQ500CT{scan}/Unknown Study/{name}"
                    made.writestr(f"{where}/CT{z:06}.dcm", content)
    votes = ["1,1,0,0,0,0", "1,1,0,0,0,0", "0,0,0,0,0,0"]
    rows = [f"CQ500-CT-0,B1,{','.join(votes)}", f"CQ500-CT-12,B2,{','.join(['0,0,0,0,0,0'] * 3)}"]
    (folder / "reads.csv").write_text("\n".join([*READS, *rows]) + "\n")
    (folder / "prediction_probabilities.csv").write_text("name,ICH\nCQ500-CT-0,0.5\n")
    store = ingest(folder, tmp_path / "store", image_size=64, progress=False, pseudonymise=False)
    assert store.studies.set_index("patient_id")["any"].to_dict() == {"CQ500CT0": 1, "CQ500CT12": 0}
    assert store.studies["intraparenchymal"].to_list() == [1, 0]
    assert set(store.slices["series_instance_uid"]) == {"2.0.0", "2.12.0"}
    assert (store.slices[list(LABELS)] == -1).all(axis=None)
    why = store.series.set_index("series_instance_uid")["why"]
    assert why["2.0.1"].startswith("a sharp kernel")
    assert why["2.0.2"].startswith("no head")
    assert len(store.set_aside) == 21


def test_labels_by_patient_and_studies_that_stand_for_patients_exclude_each_other(write_scans, run):
    tree = write_scans(("p", "1.1"), ("p", "1.2"))
    with pytest.raises(ValueError, match=r"`group_by: study` .* Name the studies by"):
        run(tree, "PatientID,any\np,1\n", group_by="study")
    store = run(tree, "StudyInstanceUID,any\n1.1,1\n1.2,0\n", group_by="study", pseudonymise=False)
    assert labels_of(store)["1.1"][-1] == 1


def test_a_labelled_study_that_is_passed_over_is_told(write_scans, tmp_path, dicom_bytes):
    tree = write_scans(("p", "1.1"))
    down, across = np.mgrid[:64, :64] - 31.5
    distance = np.hypot(down, across) * 4
    hu = np.select([distance < 85, distance < 95, distance < 100], [35, 900, 40], -1000)
    for z in range(4):
        content = dicom_bytes(
            hu + 1024, sop=f"9.{z}", study="1.9", patient="q", z=5 * z, spacing="4\\4"
        )
        (tree / f"head{z}").write_bytes(content)
    labels = tmp_path / "labels.csv"
    labels.write_text("StudyInstanceUID,any\n1.1,1\n1.9,0\n1.7,0\n")
    store = ingest(tree, tmp_path / "s", image_size=8, progress=False, labels=labels)
    findings = findings_of(store)
    assert findings["label rows whose study has no series that is kept"]["examples"] == ["line 2"]
    assert findings["label rows without a study"]["examples"] == ["line 4"]
