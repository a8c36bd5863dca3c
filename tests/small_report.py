"""A small report, made once for all who look at it.

Of a hospital's own series and labels, with rows that train and rows that combine them, and with
another hospital's data.
"""

import csv
import random

import pydicom

from ichreport.labels import LABELS
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.phantom import write_phantom

CANARY = "CANARY"
"""What no page and no file that is made may hold."""
ISLAND = {
    "name": "island",
    "source": "data/tiny/island",
    "citation": "Nobody et al., <b>2026</b>",
    "phantom": {
        **{"patients": 16, "seed": 7, "matrix": 64, "slices": 8, "scanners": ["island"]},
        "faults": False,
    },
    "readers": {"count": 3, "sensitivity": 0.9, "specificity": 0.95, "seed": 2},
}
PROFILE = {
    "profile": "tiny",
    "source": "pacs",
    "labels": "findings.csv",
    "store": "data/tiny/store",
    "image_size": 32,
    "sampb_share": 1.0,
    "max_reject_share": 0.1,
    "epochs": 1,
    "cam_run": "plain",
    "cam_per_group": 1,
    "external": [ISLAND],
}
CNN = {"network": "cnn7", "sample": "fullid", "input": "linear"}
EXPERIMENTS = {
    "fold-0": {**CNN, "fold": "0/2"},
    "fold-1": {**CNN, "fold": "1/2"},
    "folds": {"sample": "fullid", "ensemble_of": ["fold-0", "fold-1"], "baseline": "plain"},
    "mix": {"sample": "fullid", "blend_of": ["folds", "plain"], "question": "Do both help?"},
    "plain": CNN,
}
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
    """Synthetic heads as a PACS exports them: a tree by patient, text in every tag, own labels.

    Returns:
        How many slices there are.
    """
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
