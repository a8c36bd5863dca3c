"""Small data sets of other hospitals, in the very layout in which they are published."""

import json
import warnings

import numpy as np
import pydicom
from PIL import Image

from ichreport.labels import ANY, LABELS
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.phantom import write_phantom

CODES = {
    "epidural": "EDH", "intraparenchymal": "IPH", "intraventricular": "IVH",
    "subarachnoid": "SAH", "subdural": "SDH", "any": "ICH",
}  # fmt: skip
READS = ",".join(["name", "Category", *(f"R{k}:{CODES[x]}" for k in (1, 2, 3) for x in LABELS)])
CT_ICH = (
    "PatientNumber,SliceNumber,Intraventricular,Intraparenchymal,Subarachnoid,Epidural,Subdural,"
    "No_Hemorrhage,Fracture_Yes_No"
)


def heads(folder, *, patients=14, seed=41):
    """Synthetic heads of other patients than the run's, and what is known of their first studies.

    Returns:
        For each patient the truth of each slice by label, and the slices from the lowest up.
    """
    recipe = PhantomRecipe(patients=patients, seed=seed, matrix=64, slices=8, faults=False)
    write_phantom(folder, recipe)
    values = {}
    for line in (folder / "stage_2_train.csv").read_text().splitlines()[1:]:
        name, _, value = line.rpartition(",")
        uid, _, label = name.rpartition("_")
        values.setdefault(uid, {})[label] = int(value)
    by_study = {}
    with warnings.catch_warnings(action="ignore"):  # identifiers that are no valid UIDs
        for path in (folder / "stage_2_train").glob("*.dcm"):
            slice_ = pydicom.dcmread(path)
            by_study.setdefault(str(slice_.StudyInstanceUID), []).append((path.stem, slice_))
    made = json.loads((folder / "phantom.json").read_text())
    known = []
    for patient in made["patients"]:
        slices = by_study[patient["studies"][0]["study_instance_uid"]]
        slices.sort(key=lambda one: float(one[1].ImagePositionPatient[2]))
        known.append([(values[uid], uid, slice_) for uid, slice_ in slices])
    return known


def truth_of(slices):
    """The truth of a study: what any of its slices has."""
    return {label: max(values[label] for values, _, _ in slices) for label in LABELS}


def write_cq500(folder, known, *, wrong_reader=2):
    """Scans as CQ500 has them; two readers are right, and one calls everything bleeding."""
    rows = [READS]
    for number, slices in enumerate(known):
        where = folder / f"CQ500CT{number} CQ500CT{number}" / "Unknown Study" / "CT Plain"
        where.mkdir(parents=True)
        with warnings.catch_warnings(action="ignore"):  # identifiers that are no valid UIDs
            for index, (_, _, slice_) in enumerate(slices):
                slice_.PatientID = f"CQ500CT{number}"
                slice_.SOPInstanceUID = f"1.2.{number}.{index}"
                slice_.StudyInstanceUID = f"1.2.{number}"
                slice_.SeriesInstanceUID = f"1.3.{number}"
                slice_.SliceThickness = "5.0" if number % 2 else "0.625"
                slice_.ConvolutionKernel = "H31s" if number % 2 else "H60s"
                slice_.save_as(where / f"CT{index:06}.dcm")
        truth = truth_of(slices)
        right = [str(truth[label]) for label in LABELS]
        votes = [["1"] * 6 if k == wrong_reader else right for k in range(3)]
        rows.append(",".join([f"CQ500-CT-{number}", "B1", *(c for v in votes for c in v)]))
    (folder / "reads.csv").write_text("\n".join(rows) + "\n")


def write_ct_ich(folder, known, truth_folder):
    """Scans as CT-ICH has them: NIfTI, masks, and a row a slice."""
    import nibabel

    rows = [CT_ICH]
    for patient, slices in enumerate(known, start=49):
        volume = np.stack([hu_of(slice_) for _, _, slice_ in slices], axis=-1)
        masks = [mask_of(truth_folder, uid, volume.shape[:2]) for _, uid, _ in slices]
        for name, array in (("ct_scans", volume), ("masks", np.stack(masks, axis=-1))):
            (folder / name).mkdir(parents=True, exist_ok=True)
            turned = np.ascontiguousarray(array.transpose(1, 0, 2))  # columns, rows, slices
            image = nibabel.Nifti1Image(turned, np.diag([-3.5, -3.5, 5.0, 1.0]))
            image.header.set_slope_inter(1, 0)
            nibabel.save(image, folder / name / f"{patient:03}.nii")
        for number, (values, _, _) in enumerate(slices, start=1):
            names = ("intraventricular", "intraparenchymal", "subarachnoid", "epidural", "subdural")
            cells = [patient, number, *(values[n] for n in names), 1 - values[ANY], 0]
            rows.append(",".join(map(str, cells)))
    (folder / "hemorrhage_diagnosis_raw_ct.csv").write_text("\n".join(rows) + "\n")


def hu_of(slice_):
    stored = slice_.pixel_array.astype(np.int32)
    return np.clip(stored + int(slice_.RescaleIntercept), -1024, 3071).astype(np.int16)


def mask_of(folder, uid, shape):
    path = folder / "truth" / f"{uid}.png"
    if not path.is_file():
        return np.zeros(shape, np.uint8)
    return (np.asarray(Image.open(path)) > 0).astype(np.uint8) * 255
