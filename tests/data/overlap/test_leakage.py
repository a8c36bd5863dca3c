import numpy as np
import pandas as pd

from ichreport.data.overlap.leakage import leak_audit
from ichreport.data.samples import Sample, draw
from tests.data.made_slices import SHARES, SLICES


def test_groups_keep_linked_patients_on_one_side():
    shared = SLICES["patient_id"].str[-2:].astype(int).floordiv(3).astype(str)
    pixel_hash = SLICES["pixel_hash"].where(SLICES["z"] > 0, shared)
    slices = SLICES.assign(pixel_hash=pixel_hash)
    sample = draw(slices, "fullid", seed=3, **SHARES)
    audit = leak_audit(slices, sample)
    assert len(set(sample.group)) == 20
    assert audit["shared"].sum() == 0


def test_the_audit_counts_what_stands_on_both_sides():
    slices = pd.DataFrame(
        {
            "patient_id": ["a", "a", "b", "b", "c"],
            "study_instance_uid": ["1", "1", "2", "3", "4"],
            "series_instance_uid": ["1", "1", "2", "3", "4"],
            "pixel_hash": ["x", "y", "z", "w", "y"],
        }
    )
    split = np.array(["train", "test", "train", "validation", "train"])
    sample = Sample("sampa", np.arange(5), split, np.array(["a", "a", "b", "b", "a"]))
    audit = leak_audit(slices, sample).set_index(["first", "second", "kind"])

    def counts(*key):
        return audit.loc[key, ["shared", "slices_in_first", "slices_in_second"]].to_list()

    assert counts("train", "test", "patients") == [1, 1, 1]
    assert counts("train", "test", "groups") == [1, 2, 1]
    assert counts("train", "test", "identical pixels") == [1, 1, 1]
    assert counts("train", "validation", "patients") == [1, 1, 1]
    assert counts("train", "validation", "series") == [0, 0, 0]
    assert counts("validation", "test", "patients") == [0, 0, 0]


def test_blank_slices_are_no_leak():
    slices = SLICES.assign(pixel_hash="air", blank=True)
    audit = leak_audit(slices, draw(slices, "fullid", seed=3, **SHARES))
    assert audit["shared"].sum() == 0
    seen = leak_audit(SLICES.assign(pixel_hash="x"), draw(SLICES, "fullid", seed=3, **SHARES))
    assert (seen.loc[seen["kind"] == "identical pixels", "shared"] == 1).all()
