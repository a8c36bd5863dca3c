"""CT-ICH as it comes: NIfTI volumes, masks of all bleeding, and its own labels."""

import os

import numpy as np
import pytest

from ichreport.data.ingest.make_store import ingest
from ichreport.labels import LABELS

nibabel = pytest.importorskip("nibabel", reason="needs the extra `nifti`")

SIDE, SLICES = 64, 6
HEADER = (
    "PatientNumber,SliceNumber,Intraventricular,Intraparenchymal,Subarachnoid,Epidural,Subdural,"
    "No_Hemorrhage,Fracture_Yes_No"
)
LPS_TO_RAS = np.diag([-4.0, -4.0, 5.0, 1.0])
"""Voxels of 4 x 4 x 5 mm, columns to the left, rows to the back."""


def head(seed):
    """HU of (columns, rows, slices): a skull with brain in it, and something that tells slices."""
    across, down = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    distance = np.hypot(across, down) * 4
    plane = np.select([distance < 85, distance < 95, distance < 100], [35, 900, 40], -1000)
    volume = np.repeat(plane[:, :, None], SLICES, axis=2).astype(np.int16)
    volume[0, 0] = np.arange(SLICES) + 10 * seed  # the corner at the right and in front
    return volume


def save(path, volume, affine=LPS_TO_RAS):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(volume, affine)
    image.header.set_slope_inter(1, 0)
    nibabel.save(image, path)


@pytest.fixture
def ct_ich(tmp_path):
    folder = tmp_path / "ct-ich"
    rows = [HEADER]
    for number, patient in enumerate((49, 50)):
        save(folder / "ct_scans" / f"{patient:03}.nii", head(number))
        mask = np.zeros((SIDE, SIDE, SLICES), np.uint8)
        for index in range(SLICES):
            bleeds = [int(index in (1, 3)), 0, 0, 0, int(index in (2, 3))]
            mask[20:30, 24:28, index] = max(bleeds) * 255
            rows.append(",".join(map(str, (patient, index + 1, *bleeds, 1 - max(bleeds), 0))))
        save(folder / "masks" / f"{patient:03}.nii", mask)
    (folder / "hemorrhage_diagnosis_raw_ct.csv").write_text("\n".join(rows) + "\n")
    (folder / "Patient_demographics.csv").write_text("not read\n")
    (folder / "split_raw_data.py").write_text("not run\n")
    return folder


def run(folder, store, **words):
    return ingest(folder, store, **({"image_size": SIDE, "progress": False} | words))


def test_volumes_masks_and_labels_become_one_store(ct_ich, tmp_path):
    store = run(ct_ich, tmp_path / "store", pseudonymise=False)
    names = [f"{patient}:{number}" for patient in ("049", "050") for number in range(1, 7)]
    assert store.slices["sop_instance_uid"].to_list() == names
    assert store.manifest["counts"] == {
        "slices": 12, "patients": 2, "studies": 2, "series": 2, "rejects": 0, "set_aside": 0,
        "files": 2,
    }  # fmt: skip
    np.testing.assert_array_equal(store.hu(np.arange(12))[:, 0, 0], [*range(6), *range(10, 16)])
    np.testing.assert_array_equal(store.hu([0])[0, 1:], head(0)[:, 1:, 0].T)
    np.testing.assert_array_equal(store.slices["z"][:6], np.arange(6) * 5.0)
    labels = store.slices[list(LABELS)].to_numpy()[:6]
    assert labels[:, LABELS.index("intraventricular")].tolist() == [0, 1, 0, 1, 0, 0]
    assert labels[:, LABELS.index("subdural")].tolist() == [0, 0, 1, 1, 0, 0]
    assert labels[:, LABELS.index("any")].tolist() == [0, 1, 1, 1, 0, 0]
    assert store.series["head_share"].to_list() == [1.0, 1.0]
    assert not store.manifest["synthetic"]


def test_a_mask_is_of_the_slice_s_kind_where_it_has_one_and_of_any_where_several(ct_ich, tmp_path):
    store = run(ct_ich, tmp_path / "store", pseudonymise=False)
    assert store.has_truth
    masks = store.truth(np.arange(6))
    kinds = [
        0,
        1 << LABELS.index("intraventricular"),
        1 << LABELS.index("subdural"),
        1 << LABELS.index("any"),
        0,
        0,
    ]
    assert masks.max(axis=(1, 2)).tolist() == kinds
    # Columns 20 to 29 from the right, rows 24 to 27 from the front.
    where = np.zeros((SIDE, SIDE), bool)
    where[24:28, 20:30] = True
    np.testing.assert_array_equal(masks[1] > 0, where)


def test_pseudonyms_replace_the_volume_s_name_in_labels_too(ct_ich, tmp_path):
    store = run(ct_ich, tmp_path / "store")
    assert store.slices["patient_id"].str.startswith("patient-").all()
    assert (store.slices["any"] >= 0).all()
    assert store.slices["any"].sum() == 6


def test_a_volume_or_a_mask_that_changed_is_read_again(ct_ich, tmp_path):
    run(ct_ich, tmp_path / "store", pseudonymise=False)
    save(ct_ich / "masks" / "049.nii", np.zeros((SIDE, SIDE, SLICES), np.uint8))
    store = run(ct_ich, tmp_path / "store", pseudonymise=False)
    assert not store.truth(np.arange(6)).any()
    assert store.truth(np.arange(6, 12)).any()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda f: (f / "masks" / "050.nii").write_bytes(b"text"), "the mask of its bleeds: the"),
        (
            lambda f: save(f / "masks" / "050.nii", np.zeros((SIDE, SIDE, 5), np.uint8)),
            "other slices or another size than its volume",
        ),
        (
            lambda f: (f / "ct_scans" / "050.nii").write_bytes(b"text"),
            "not readable as NIfTI",
        ),
    ],
)
def test_what_is_damaged_is_one_reject_with_its_reason(ct_ich, tmp_path, damage, reason):
    damage(ct_ich)
    store = run(ct_ich, tmp_path / "store", pseudonymise=False, max_reject_share=0.5)
    [reject] = store.rejects.to_dict("records")
    assert reject["file"] == "050.nii"
    assert reason in reject["reason"]
    assert len(store) == 6


def test_volumes_may_lie_among_other_files_compressed_and_turned(tmp_path):
    tree = tmp_path / "tree"
    turned = np.flip(head(3), axis=0)
    affine = np.diag([4.0, -4.0, 5.0, 1.0])
    save(tree / "a" / "scan.nii.gz", turned, affine)
    (tree / "notes.txt").write_text("text")
    store = run(tree, tmp_path / "store", pseudonymise=False)
    assert store.slices["series_instance_uid"].unique().tolist() == ["a/scan"]
    np.testing.assert_array_equal(store.hu(np.arange(6))[:, 0, 0], np.arange(6) + 30)
    assert len(store.set_aside) == 1


def test_a_mask_may_be_compressed_and_lie_in_a_subfolder(ct_ich, tmp_path):
    for patient, ending in (("049", "a/049.nii"), ("050", "a/050.nii.gz")):
        mask = nibabel.load(ct_ich / "masks" / f"{patient}.nii")
        (ct_ich / "masks" / "a").mkdir(exist_ok=True)
        nibabel.save(
            nibabel.Nifti1Image(np.asarray(mask.dataobj), mask.affine), ct_ich / "masks" / ending
        )
        (ct_ich / "masks" / f"{patient}.nii").unlink()
        (ct_ich / "ct_scans" / "a").mkdir(exist_ok=True)
        (ct_ich / "ct_scans" / f"{patient}.nii").rename(
            ct_ich / "ct_scans" / "a" / f"{patient}.nii"
        )
    save(ct_ich / "ct_scans" / "051.nii", head(2))
    words = {"pseudonymise": False, "series": "all", "labels": tmp_path / "labels.csv"}
    (tmp_path / "labels.csv").write_text("SOPInstanceUID,any\na/049:1,0\n")
    store = run(ct_ich, tmp_path / "store", **words)
    assert store.truth(np.arange(len(store))).any(axis=(1, 2)).sum() == 6
    save(ct_ich / "masks" / "a" / "049.nii", np.zeros((SIDE, SIDE, SLICES), np.uint8))
    store = run(ct_ich, tmp_path / "store", **words)
    assert store.truth(np.arange(len(store))).any(axis=(1, 2)).sum() == 3


def test_volumes_of_one_file_name_in_two_folders_are_two_patients(tmp_path):
    for number in (1, 2):
        save(tmp_path / "tree" / f"sub-{number:02}" / "ct.nii.gz", head(number))
    store = run(tmp_path / "tree", tmp_path / "store", pseudonymise=False)
    assert store.slices["patient_id"].unique().tolist() == ["sub-01/ct", "sub-02/ct"]
    assert store.manifest["counts"]["rejects"] == 0


def test_a_folder_of_this_name_without_volumes_is_a_tree_like_others(tmp_path, dicom_bytes):
    for number, folder in enumerate(("ct_scans", "more")):
        (tmp_path / "tree" / folder).mkdir(parents=True)
        content = dicom_bytes(sop=f"1.{number}", z=number)
        (tmp_path / "tree" / folder / "IM0").write_bytes(content)
    store = run(tmp_path / "tree", tmp_path / "store", series="all", image_size=8)
    assert len(store) == 2


def test_a_volume_whose_name_is_no_utf_8_is_read(tmp_path):
    save(tmp_path / "tree" / "a.nii", head(1))
    (tmp_path / "tree" / "a.nii").rename(tmp_path / "tree" / os.fsdecode(b"\xff.nii"))
    store = run(tmp_path / "tree", tmp_path / "store", pseudonymise=False)
    assert store.slices["patient_id"].unique().tolist() == ["\\xff"]
