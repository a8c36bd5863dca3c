"""A table of slices as a store has it, without pixels."""

import numpy as np
import pandas as pd

from ichreport.labels import LABELS

SHARES = {"sampa_share": 0.5, "sampb_share": 0.5}


def make_slices(patients=60, studies=2, per_series=25, seed=0):
    random = np.random.default_rng(seed)
    rows = []
    for patient in range(patients):
        for study in range(int(random.integers(1, studies + 1))):
            name = (f"P{patient:04d}", f"S{patient}-{study}", f"R{patient}-{study}")
            rows += [(*name, z) for z in range(per_series)]
    columns = ["patient_id", "study_instance_uid", "series_instance_uid", "z"]
    slices = pd.DataFrame(rows, columns=columns)
    slices["sop_instance_uid"] = [f"ID_{n:09x}" for n in random.permutation(len(rows))]
    slices["pixel_hash"] = [f"{n:032x}" for n in range(len(rows))]
    slices["blank"] = False
    for label, share in zip(LABELS, [0.02, 0.1, 0.1, 0.1, 0.2, 0.3], strict=True):
        slices[label] = (random.random(len(rows)) < share).astype(np.int8)
    return slices


SLICES = make_slices()
