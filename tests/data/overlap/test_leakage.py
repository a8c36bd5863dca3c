from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from ichreport.data.overlap.leakage import NEIGHBOURS, leak_audit
from ichreport.data.samples import Sample, draw
from ichreport.splits import SPLITS
from tests.data.made_slices import SHARES, SLICES, make_slices


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


def test_patients_who_share_a_uid_by_careless_anonymising_share_no_study():
    slices = SLICES.assign(study_instance_uid="1", series_instance_uid="1")
    audit = leak_audit(slices, draw(slices, "fullid", seed=3, **SHARES))
    assert audit["shared"].sum() == 0
    torn = leak_audit(slices, draw(slices, "sampa", seed=3, **SHARES)).set_index("kind")["shared"]
    assert torn["studies"].tolist() == torn["series"].tolist() == torn["patients"].tolist()
    assert (torn["patients"] > 1).all()


def test_blank_slices_are_no_leak():
    slices = SLICES.assign(pixel_hash="air", blank=True)
    audit = leak_audit(slices, draw(slices, "fullid", seed=3, **SHARES))
    assert audit["shared"].sum() == 0
    seen = leak_audit(SLICES.assign(pixel_hash="x"), draw(SLICES, "fullid", seed=3, **SHARES))
    assert (seen.loc[seen["kind"] == "identical pixels", "shared"] == 1).all()


def neighbours_by_hand(slices, sample, first, second):
    """Pairs of neighbours, one in each split, and the slices of either split that have one."""
    splits = dict(zip(sample.rows.tolist(), sample.split.tolist(), strict=True))
    pairs, in_first, in_second = set(), set(), set()
    for _, of_series in slices.groupby(["patient_id", "study_instance_uid", "series_instance_uid"]):
        order = of_series.sort_values("z").index.tolist()
        for place, row in enumerate(order):
            around = {order[at] for at in (place - 1, place + 1) if 0 <= at < len(order)}
            opposite = {other for other in around if splits.get(other) == second}
            if splits.get(row) == first and opposite:
                in_first.add(row)
                in_second |= opposite
                pairs |= {frozenset({row, other}) for other in opposite}
    return [len(pairs), len(in_first), len(in_second)]


@pytest.mark.parametrize(("share", "seed"), [(0.13, 1), (0.5, 2), (1.0, 3)])
def test_neighbours_are_the_next_slices_of_the_same_series_in_another_split(share, seed):
    sample = draw(SLICES, "sampa", seed=seed, sampa_share=share, sampb_share=1.0)
    audit = leak_audit(SLICES, sample).set_index(["first", "second", "kind"])
    for first, second in combinations(SPLITS, 2):
        counts = audit.loc[(first, second, NEIGHBOURS)].to_list()
        assert counts == neighbours_by_hand(SLICES, sample, first, second)


def test_slices_of_different_series_are_no_neighbours_though_one_follows_the_other():
    slices = pd.DataFrame(
        {
            "patient_id": ["a", "a", "a", "b"],
            "study_instance_uid": ["1", "1", "2", "2"],
            "series_instance_uid": ["1", "1", "1", "1"],  # as careless anonymising leaves them
            "pixel_hash": ["w", "x", "y", "z"],
        }
    )
    split = np.array(["train", "test", "train", "test"])
    sample = Sample("sampa", np.arange(4), split, np.array(["a", "a", "a", "b"]))
    audit = leak_audit(slices, sample).set_index(["first", "second", "kind"])
    assert audit.loc[("train", "test", NEIGHBOURS)].to_list() == [1, 1, 1]


def test_of_random_slices_as_many_have_a_neighbour_in_train_as_chance_says():
    share, of_train, length = 0.3, 0.7, 25
    slices = make_slices(patients=2000, per_series=length, seed=5)
    sample = draw(slices, "sampa", seed=7, sampa_share=share, sampb_share=1.0)
    audit = leak_audit(slices, sample).set_index(["first", "second", "kind"])
    here = audit.loc[("train", "test", NEIGHBOURS), "slices_in_second"]
    drawn = share * of_train
    inner, outer = 1 - (1 - drawn) ** 2, drawn  # the two ends of a series have one neighbour each
    expected = ((length - 2) * inner + 2 * outer) / length
    assert here / (sample.split == "test").sum() == pytest.approx(expected, abs=0.02)


def test_a_split_by_group_parts_no_neighbours():
    sample = draw(SLICES, "sampa", seed=1, split_by="group", **SHARES)
    audit = leak_audit(SLICES, sample)
    assert audit.loc[audit["kind"] == NEIGHBOURS, "shared"].tolist() == [0, 0, 0]
