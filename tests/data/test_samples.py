import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ichreport.data.overlap.leakage import leak_audit
from ichreport.data.samples import (
    Sample,
    _hash_shares,
    draw,
    require_slice_labels,
    with_share_of_training,
)
from ichreport.data.store import Store
from ichreport.labels import LABELS
from ichreport.splits import SPLITS
from tests.data.made_slices import SHARES, SLICES, make_slices


def test_a_hash_share_is_blake2b_worked_by_hand():
    digest = hashlib.blake2b(b"ID_1", digest_size=8, key=b"7", person=b"sampa").digest()
    expected = int.from_bytes(digest, "big") / 2**64
    np.testing.assert_allclose(_hash_shares(["ID_1", "ID_1"], 7, "sampa"), expected, rtol=1e-12)


def share_of(name, seed, purpose):
    key, person = str(seed).encode(), purpose.encode()
    digest = hashlib.blake2b(name.encode(), digest_size=8, key=key, person=person).digest()
    return int.from_bytes(digest, "big") / 2**64


@pytest.mark.parametrize(
    ("name", "column", "split_by"),
    [
        ("sampa", "sop_instance_uid", "slice"),
        ("sampa", "sop_instance_uid", "group"),
        ("sampb", "series_instance_uid", "group"),
        ("fullid", None, "group"),
        ("fullid", None, "slice"),
    ],
)
def test_who_is_drawn_and_where_it_goes_is_that_hash_of_its_name(name, column, split_by):
    drawn = draw(SLICES, name, seed=4, split_by=split_by, **SHARES)
    rows = range(len(SLICES))
    if column:
        names, limit = SLICES[column].tolist(), SHARES[f"{name}_share"]
        rows = [row for row in rows if share_of(names[row], 4, name) < limit]
    assert drawn.rows.tolist() == list(rows)
    slice_names = SLICES["sop_instance_uid"].to_numpy()[drawn.rows]
    units = slice_names if split_by == "slice" else drawn.group
    shares = [share_of(unit, 4, f"split by {split_by}") for unit in units]
    expected = ["train" if s < 0.7 else "validation" if s < 0.8 else "test" for s in shares]
    assert drawn.split.tolist() == expected


@pytest.mark.parametrize(("name", "count"), [("sampa", 2), ("sampb", 3), ("fullid", 5)])
def test_a_group_outside_test_is_in_the_fold_that_its_own_hash_says(name, count):
    plain = draw(SLICES, name, seed=4, split_by="group", **SHARES)
    for index in range(count):
        drawn = draw(SLICES, name, seed=4, split_by="group", fold=f"{index}/{count}", **SHARES)
        np.testing.assert_array_equal(drawn.rows, plain.rows)
        folds = [int(share_of(group, 4, "fold") * count) for group in drawn.group]
        outside = ["validation" if fold == index else "train" for fold in folds]
        expected = [
            "test" if split == "test" else other
            for split, other in zip(plain.split, outside, strict=True)
        ]
        assert drawn.split.tolist() == expected


def test_each_slice_outside_test_is_validation_in_one_fold_and_groups_stay_whole():
    drawn = [draw(SLICES, "fullid", seed=4, fold=f"{k}/4", **SHARES) for k in range(4)]
    validation = np.stack([sample.split == "validation" for sample in drawn]).sum(axis=0)
    np.testing.assert_array_equal(validation, drawn[0].split != "test")
    for sample in drawn:
        assert pd.Series(sample.split).groupby(sample.group).nunique().eq(1).all()


def test_folds_are_of_one_size_within_sampling_error_and_do_not_follow_the_splits():
    slices = make_slices(patients=3000, studies=1, per_series=1)
    plain = draw(slices, "fullid", seed=1, **SHARES)
    drawn = [draw(slices, "fullid", seed=1, fold=f"{k}/5", **SHARES) for k in range(5)]
    outside = plain.split != "test"
    shares = [(sample.split == "validation")[outside].mean() for sample in drawn]
    assert np.abs(np.array(shares) - 0.2).max() < 4 * np.sqrt(0.2 * 0.8 / outside.sum())
    was_validation = plain.split == "validation"
    within = [(sample.split == "validation")[was_validation].mean() for sample in drawn]
    assert np.abs(np.array(within) - 0.2).max() < 4 * np.sqrt(0.2 * 0.8 / was_validation.sum())


def test_slices_added_later_move_no_group_to_another_fold():
    added = make_slices(seed=9)
    names = ["patient_id", "series_instance_uid", "sop_instance_uid", "pixel_hash"]
    grown = pd.concat([SLICES, added.assign(**{name: "Q" + added[name] for name in names})])
    before = draw(SLICES, "fullid", seed=4, fold="1/3", **SHARES)
    after = draw(grown.reset_index(drop=True), "fullid", seed=4, fold="1/3", **SHARES)
    np.testing.assert_array_equal(after.split[: len(SLICES)], before.split)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"fold": "3/3"}, "fold must be one of 2 to 20 folds, such as 0/5, .*, got '3/3'"),
        ({"fold": "0/5", "split_by": "slice"}, "fold: 0/5 deals out groups, .* split_by: group"),
    ],
)
def test_a_fold_that_is_none_or_of_slices_is_refused(words, message):
    with pytest.raises(ValueError, match=message):
        draw(SLICES, "fullid", seed=1, **(SHARES | words))


def test_a_fold_without_slices_is_named():
    slices = make_slices(patients=30, studies=1, per_series=4)
    group = draw(slices, "fullid", seed=1, **SHARES).group
    taken = {int(share_of(name, 1, "fold") * 20) for name in group}
    empty = min(set(range(20)) - taken)
    with pytest.raises(ValueError, match=f"in the validation split of fold {empty}/20 with seed 1"):
        draw(slices, "fullid", seed=1, fold=f"{empty}/20", **SHARES)


def test_hash_shares_are_uniform_and_differ_by_seed_and_purpose():
    names = [f"ID_{n}" for n in range(20_000)]
    first = _hash_shares(names, 1, "a")
    assert first.min() >= 0
    assert first.max() < 1
    counts = np.histogram(first, bins=20, range=(0, 1))[0]
    assert ((counts - 1000) ** 2 / 1000).sum() < 45  # chi-square, 19 degrees: p = 0.0007
    for other in (_hash_shares(names, 2, "a"), _hash_shares(names, 1, "b")):
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
    of_one_patient = SLICES[SLICES["patient_id"] == "P0000"].reset_index(drop=True)
    with pytest.raises(ValueError, match="Linked patient groups in the sample: 1, too few for"):
        draw(of_one_patient, "fullid", seed=1, **SHARES)
    with pytest.raises(ValueError, match="Slices in the sample: 0, too few for"):
        draw(of_one_patient, "sampa", seed=1, sampa_share=1e-6, sampb_share=1.0)


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


def store_of(slice_label, studies=None):
    slices = SLICES.assign(**dict.fromkeys(LABELS, -1), shard=0, row=0, truth_row=-1)
    slices.loc[3, "any"] = slice_label
    others = [pd.DataFrame()] * 3
    return Store(Path("data/ward7/store"), {"recipe": {"image_size": 8}}, slices, *others, studies)


def test_a_store_with_a_labelled_slice_may_be_trained_on():
    require_slice_labels(store_of(0))


@pytest.mark.parametrize(
    ("studies", "has"),
    [
        (None, "labels nothing"),
        (pd.DataFrame({"any": [1]}), "has labels of studies alone"),
    ],
)
def test_a_store_without_labels_of_slices_says_what_it_has_and_what_can_be_done(studies, has):
    with pytest.raises(ValueError, match=f"data/ward7/store {has}") as refused:
        require_slice_labels(store_of(-1, studies))
    for cure in ("SOPInstanceUID", "as `labels` in the profile", "The page of the data needs no"):
        assert cure in str(refused.value)
    assert ("evaluate predictions of whole studies" in str(refused.value)) == (studies is not None)


def test_series_that_share_a_uid_are_drawn_one_by_one():
    slices = SLICES.assign(series_instance_uid="1.2.3")
    drawn = draw(slices, "sampb", seed=1, **SHARES)
    whole = slices.groupby(["patient_id", "study_instance_uid"]).size()
    of_drawn = slices.iloc[drawn.rows].groupby(["patient_id", "study_instance_uid"]).size()
    assert (of_drawn == whole[of_drawn.index]).all(), "no series is torn"
    assert 0.3 < len(of_drawn) / len(whole) < 0.7


def test_fewer_patients_in_train_leave_validation_and_test_alone():
    groups = np.array([f"P{number:03d}" for number in range(100)]).repeat(3)
    split = np.array(["train"] * 60 + ["validation"] * 15 + ["test"] * 25).repeat(3)
    sample = Sample("fullid", np.arange(300), split, groups)
    parts = {
        share: with_share_of_training(sample, share, seed=4) for share in (0.125, 0.25, 0.5, 1)
    }
    trained = {share: set(part.group[part.split == "train"]) for share, part in parts.items()}
    assert [len(groups) for groups in trained.values()] == [8, 15, 30, 60]  # 60 / 8 is rounded up
    assert trained[0.125] < trained[0.25] < trained[0.5] < trained[1]
    for part in parts.values():
        for name, size in (("validation", 45), ("test", 75)):
            np.testing.assert_array_equal(part.rows_of(name), sample.rows_of(name))
            assert len(part.rows_of(name)) == size
        assert (np.diff(part.rows) > 0).all()
        assert all((part.group == group).sum() == 3 for group in np.unique(part.group))
    assert parts[1].identity == sample.identity
    other = with_share_of_training(sample, 0.25, seed=5)
    assert set(other.group[other.split == "train"]) != trained[0.25]


@pytest.mark.parametrize(("share", "kept"), [(0.07, 7), (0.28, 28), (0.071, 8), (1e-11, 1)])
def test_whole_groups_are_counted_as_in_decimals(share, kept):
    """0.07 times 100 is a little more than 7 in floating point."""
    names = np.array([f"P{number}" for number in range(102)])
    split = np.array([*["train"] * 100, "validation", "test"])
    part = with_share_of_training(Sample("fullid", np.arange(102), split, names), share, seed=0)
    assert (part.split == "train").sum() == kept


def test_fewer_patients_of_a_sample_that_is_split_by_slice_are_refused():
    split = np.array(["train", "test", "train", "validation"])
    sample = Sample("sampa", np.arange(4), split, np.array(["P1", "P1", "P2", "P3"]))
    with pytest.raises(
        ValueError, match=r"sampa: groups of train are in other splits too.*by group"
    ):
        with_share_of_training(sample, 0.5, seed=0)
    grouped = Sample("fullid", np.arange(4), split, np.array(["P1", "P2", "P3", "P4"]))
    with pytest.raises(ValueError, match=r"share must be in \(0, 1\], got 0"):
        with_share_of_training(grouped, 0, seed=0)
