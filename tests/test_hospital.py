"""A hospital's own series and labels, from DICOM to pages, with nothing of the people in them."""

import csv
import random
import warnings

import pyarrow.parquet as pq
import pydicom
import pytest

from ichreport.labels import LABELS, SUBTYPES
from ichreport.params.phantom_recipe import PhantomRecipe
from ichreport.phantom import write_phantom

pytestmark = pytest.mark.slow

CANARY = "CANARY"
PROFILE = {
    "profile": "hospital",
    "source": "pacs",
    "labels": "findings.csv",
    "store": "data/hospital/store",
    "image_size": 32,
    "sampb_share": 1.0,
    "epochs": 1,
    "cam_run": "cnn",
    "cam_per_group": 1,
    "max_reject_share": 0.1,
}
EXPERIMENTS = {"cnn": {"network": "cnn7", "sample": "fullid", "input": "linear"}}
TEXTS = {
    "LO": "CANARY TEXT", "SH": "CANARY", "LT": "CANARY COMMENT", "PN": "CANARY^PERSON",
    "DA": "CANARYDA", "TM": "CANARYTM", "AS": "CANARY", "UI": "1.2.CANARY",
}  # fmt: skip
PLANTED = {
    "AccessionNumber": "SH", "InstitutionName": "LO", "InstitutionAddress": "ST",
    "ReferringPhysicianName": "PN", "StudyDescription": "LO", "SeriesDescription": "LO",
    "StationName": "SH", "PatientName": "PN", "PatientBirthDate": "DA", "PatientAge": "AS",
    "PatientAddress": "LO", "PatientComments": "LT", "ProtocolName": "LO", "StudyID": "SH",
    "FrameOfReferenceUID": "UI", "ImageComments": "LT", "StudyDate": "DA", "StudyTime": "TM",
    "ContentDate": "DA", "OperatorsName": "PN", "DeviceSerialNumber": "LO",
}  # fmt: skip


def write_hospital(root, scratch):
    """Synthetic heads as a PACS exports them: a tree by patient, text in every tag, own labels."""
    write_phantom(scratch, PhantomRecipe(patients=36, matrix=64, slices=8, faults=False))
    with (scratch / "stage_2_train.csv").open() as stream:
        given = {row["ID"]: row["Label"] for row in csv.DictReader(stream)}
    rows = []
    for number, path in enumerate(sorted((scratch / "stage_2_train").glob("*.dcm"))):
        slice_ = pydicom.dcmread(path)
        for keyword, vr in PLANTED.items():
            slice_.add_new(keyword, vr, TEXTS.get(vr, "CANARY"))
        slice_.SOPInstanceUID = f"1.2.CANARY.{number}"
        labels = {label: given[f"{path.stem}_{label}"] for label in LABELS}
        rows.append({"SOPInstanceUID": slice_.SOPInstanceUID, **labels})
        slice_.PatientID = f"CANARY-{slice_.PatientID}"
        slice_.StudyInstanceUID = f"1.2.CANARY.{slice_.StudyInstanceUID}"
        slice_.SeriesInstanceUID = f"1.2.CANARY.{slice_.SeriesInstanceUID}"
        folder = root / "pacs" / slice_.PatientID
        folder.mkdir(parents=True, exist_ok=True)
        slice_.save_as(folder / f"CANARY {number:04}")
    (folder / "CANARY notes.txt").write_text("CANARY called; CANARY will call back.")
    random.Random(0).shuffle(rows)
    with (root / "findings.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ["SOPInstanceUID", *LABELS])
        writer.writeheader()
        writer.writerows(rows)
    return len(rows)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory, make_project):
    project = make_project(tmp_path_factory.mktemp("hospital"), PROFILE, EXPERIMENTS)
    with warnings.catch_warnings(action="ignore"):  # identifiers that are no valid UIDs
        project.slices = write_hospital(project.root, tmp_path_factory.mktemp("heads"))
    project.first = project.make_report(cores=2)
    return project


def test_a_tree_with_labels_of_its_own_becomes_a_report(hospital):
    assert hospital.first.returncode == 0, hospital.first.stdout + hospital.first.stderr
    slices = pq.read_table(hospital.root / "data/hospital/store/slices.parquet").to_pandas()
    assert len(slices) == hospital.slices
    assert (slices[list(LABELS)] >= 0).all(axis=None)
    assert (slices["any"] == slices[list(SUBTYPES)].max(axis=1)).all()
    assert "experiments/cnn.html" in hospital.page("index.html")


def test_corrected_labels_are_read_again_and_nothing_else_was_to_do(hospital):
    assert hospital.jobs("report") == []
    labels = hospital.root / "findings.csv"
    labels.write_text(labels.read_text())
    again = {"ingest", "explore", "experiment", "cam", "results", "pages", "report"}
    assert set(hospital.jobs("report")) == again


def test_no_byte_that_was_written_or_printed_holds_the_canary(hospital):
    looked_at = 0
    for folder in ("data", "reports", ".snakemake"):
        for path in (hospital.root / folder).rglob("*"):
            assert CANARY not in path.name
            if path.is_file():
                looked_at += 1
                assert CANARY.encode() not in path.read_bytes(), path
                if path.suffix == ".parquet":
                    table = pq.read_table(path)
                    assert CANARY not in str(table.to_pydict()), path
    assert looked_at > 20
    assert CANARY not in hospital.first.stdout + hospital.first.stderr


def test_the_pages_do_not_call_real_slices_synthetic(hospital):
    assert "synthetic heads" not in hospital.page("index.html").split("<main", 1)[0]
