import hashlib

import numpy as np
import pandas as pd
import pytest

from ichreport.data import samples
from ichreport.data.samples import draw, hash_shares, leak_audit, linked_groups
from ichreport.labels import LABELS
from ichreport.splits import SPLITS

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


def test_a_hash_share_is_blake2b_worked_by_hand():
    digest = hashlib.blake2b(b"ID_1", digest_size=8, key=b"7", person=b"sampa").digest()
    expected = int.from_bytes(digest, "big") / 2**64
    np.testing.assert_allclose(hash_shares(["ID_1", "ID_1"], 7, "sampa"), expected, rtol=1e-12)


def test_hash_shares_are_uniform_and_differ_by_seed_and_purpose():
    names = [f"ID_{n}" for n in range(20_000)]
    first = hash_shares(names, 1, "a")
    assert first.min() >= 0
    assert first.max() < 1
    counts = np.histogram(first, bins=20, range=(0, 1))[0]
    assert ((counts - 1000) ** 2 / 1000).sum() < 45  # chi-square, 19 degrees: p = 0.0007
    for other in (hash_shares(names, 2, "a"), hash_shares(names, 1, "b")):
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.03


@pytest.mark.parametrize("name", ["sampa", "sampb", "fullid"])
def test_splits_are_70_10_20_within_sampling_error(name):
    slices = make_slices(patients=2000, studies=1, per_series=5)
    sample = draw(slices, name, seed=1, **SHARES)
    names = slices["sop_instance_uid"].to_numpy()[sample.rows]
    units = names if name == "sampa" else sample.group
    split = pd.Series(sample.split).groupby(units).first()
    for part, share in zip(SPLITS, (0.7, 0.1, 0.2), strict=True):
        error = np.sqrt(share * (1 - share) / len(split))
        assert abs((split == part).mean() - share) < 4 * error


@pytest.mark.parametrize("name", ["sampa", "sampb", "fullid"])
def test_slices_added_later_move_nobody(name):
    grown = pd.concat([SLICES, make_slices(seed=9).assign(
        patient_id=lambda s: "Q" + s["patient_id"],
        series_instance_uid=lambda s: "Q" + s["series_instance_uid"],
        sop_instance_uid=lambda s: "Q" + s["sop_instance_uid"],
        pixel_hash=lambda s: "Q" + s["pixel_hash"],
    )], ignore_index=True).sample(frac=1, random_state=0, ignore_index=True)  # fmt: skip
    before, after = (draw(slices, name, seed=4, **SHARES) for slices in (SLICES, grown))
    old = dict(zip(SLICES["sop_instance_uid"].iloc[before.rows], before.split, strict=True))
    new = dict(zip(grown["sop_instance_uid"].iloc[after.rows], after.split, strict=True))
    assert {key: split for key, split in new.items() if not key.startswith("Q")} == old


@pytest.mark.parametrize("name", ["sampa", "sampb", "fullid"])
def test_a_sample_is_the_same_each_time_and_another_with_another_seed(name):
    first, again, other = (draw(SLICES, name, seed=seed, **SHARES) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.rows, again.rows)
    np.testing.assert_array_equal(first.split, again.split)
    assert not (np.array_equal(first.rows, other.rows) and np.array_equal(first.split, other.split))
    assert (np.diff(first.rows) > 0).all()
    np.testing.assert_array_equal(
        np.sort(np.concatenate([first.rows_of(split) for split in SPLITS])), first.rows
    )


def test_sampa_keeps_the_class_distribution_within_sampling_error():
    slices = make_slices(patients=400)
    sample = draw(slices, "sampa", seed=1, **SHARES)
    assert abs(len(sample) / len(slices) - 0.5) < 4 * np.sqrt(0.25 / len(slices))
    for label in LABELS:
        share = slices[label].mean()
        error = np.sqrt(share * (1 - share) / len(sample))
        assert abs(slices[label].iloc[sample.rows].mean() - share) < 4 * error


def test_sampb_holds_whole_series():
    sample = draw(SLICES, "sampb", seed=1, **SHARES)
    chosen = SLICES.iloc[sample.rows]["series_instance_uid"]
    sizes = SLICES["series_instance_uid"].value_counts()
    assert chosen.value_counts().eq(sizes.loc[chosen.unique()]).all()
    assert 0.3 < chosen.nunique() / len(sizes) < 0.7


def test_fullid_is_everything():
    np.testing.assert_array_equal(
        draw(SLICES, "fullid", seed=1, **SHARES).rows, np.arange(len(SLICES))
    )


def test_groups_are_what_spreads_from_patient_to_patient_by_shared_pixels():
    random = np.random.default_rng(2)
    slices = make_slices(patients=200, per_series=8)
    shared = random.choice(len(slices), 120, replace=False)
    slices.loc[shared, "pixel_hash"] = [f"shared-{n // 2}" for n in range(120)]
    # Each patient takes the smallest name among those it shares pixels with, until none changes.
    name = {patient: patient for patient in slices["patient_id"]}
    pairs = [set(part) for _, part in slices.groupby("pixel_hash")["patient_id"]]
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
    sample = samples.Sample("sampa", np.arange(5), split, np.array(["a", "a", "b", "b", "a"]))
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


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("sampc", {}, "sample must be sampa, sampb or fullid, got 'sampc'"),
        ("sampa", {"sampa_share": 0}, r"share must be in \(0, 1\], got 0"),
        ("sampb", {"sampb_share": 1.1}, r"share must be in \(0, 1\], got 1.1"),
    ],
)
def test_a_sample_that_makes_no_sense_is_refused(name, words, message):
    with pytest.raises(ValueError, match=message):
        draw(SLICES, name, seed=1, **(SHARES | words))


def test_too_few_patients_for_three_splits_say_so():
    few = SLICES[SLICES["patient_id"] == "P0000"].reset_index(drop=True)
    with pytest.raises(ValueError, match="too few for hashed splits"):
        draw(few, "fullid", seed=1, **SHARES)


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split must be one of train, validation, test"):
        draw(SLICES, "fullid", seed=1, **SHARES).rows_of("valid")


def test_sampa_split_by_group_takes_the_same_slices_and_leaks_nothing():
    by_slice = draw(SLICES, "sampa", seed=1, **SHARES)
    by_group = draw(SLICES, "sampa", seed=1, split_by="group", **SHARES)
    np.testing.assert_array_equal(by_group.rows, by_slice.rows)
    assert leak_audit(SLICES, by_slice)["shared"].sum() > 0
    patients = leak_audit(SLICES, by_group).query("kind in ['patients', 'groups']")
    assert patients["shared"].sum() == 0
