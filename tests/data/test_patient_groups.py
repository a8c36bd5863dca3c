import numpy as np

from ichreport.data.patient_groups import linked_groups
from tests.data.made_slices import SLICES, make_slices


def test_groups_are_what_spreads_from_patient_to_patient_by_shared_pixels():
    random = np.random.default_rng(2)
    slices = make_slices(patients=200, per_series=8)
    shared = random.choice(len(slices), 120, replace=False)
    slices.loc[shared, "pixel_hash"] = [f"shared-{n // 2}" for n in range(120)]
    # Each patient takes the smallest name among those it shares pixels with, until none changes.
    name = {patient: patient for patient in slices["patient_id"]}
    pairs = [set(patients) for _, patients in slices.groupby("pixel_hash")["patient_id"]]
    changed = True
    while changed:
        before = dict(name)
        for pair in pairs:
            name |= dict.fromkeys(pair, min(name[patient] for patient in pair))
        changed = name != before
    groups = linked_groups(slices)
    assert groups.to_list() == [name[patient] for patient in slices["patient_id"]]
    assert groups.nunique() < 200


def test_blank_slices_link_nobody():
    slices = SLICES.assign(pixel_hash="air", blank=True)
    assert (linked_groups(slices) == slices["patient_id"]).all()
