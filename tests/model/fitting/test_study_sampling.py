"""Slices of studies: so many of each, half of them positive, all with the same chance."""

import numpy as np
import pytest

from ichreport.model import training
from ichreport.model.fitting.batches import SliceBatches
from ichreport.model.fitting.study_sampling import StudySampling

STUDIES = {  # positive and negative slices, and what 4 and 5 slices of the study are
    0: (10, 20, {4: {(2, 2)}, 5: {(2, 3), (3, 2)}}),
    1: (1, 30, {4: {(1, 3)}, 5: {(1, 4)}}),
    3: (30, 1, {4: {(3, 1)}, 5: {(4, 1)}}),
    4: (0, 30, {4: {(0, 4)}, 5: {(0, 5)}}),
    5: (30, 0, {4: {(4, 0)}, 5: {(5, 0)}}),
    7: (1, 2, {4: {(1, 2)}, 5: {(1, 2)}}),
}
TURNS = 400


def sampling_of(most):
    study = np.concatenate([np.full(p + n, number) for number, (p, n, _) in STUDIES.items()])
    positive = np.concatenate([np.arange(p + n) < p for p, n, _ in STUDIES.values()])
    order = np.random.default_rng(0).permutation(len(study))
    return StudySampling(study[order], positive[order], most)


@pytest.mark.parametrize("most", [4, 5])
def test_each_study_gives_so_many_slices_half_of_them_positive_where_it_can(most):
    sampling, random = sampling_of(most), np.random.default_rng(1)
    seen = {number: set() for number in STUDIES}
    for _ in range(50):
        drawn = sampling.draw(random)
        assert (np.diff(drawn) > 0).all()
        assert len(drawn) == sampling.count == 5 * most + 3
        for number in STUDIES:
            positive = sampling.positive[drawn][sampling.study[drawn] == number]
            seen[number].add((int(positive.sum()), int((~positive).sum())))
    assert seen == {number: expected[most] for number, (_, _, expected) in STUDIES.items()}


def test_slices_of_a_kind_come_equally_often():
    sampling, random = sampling_of(4), np.random.default_rng(1)
    times = np.zeros(len(sampling.study))
    for _ in range(TURNS):
        times[sampling.draw(random)] += 1
    of_study = sampling.study == 0
    for positive, chance in ((True, 2 / 10), (False, 2 / 20)):
        shares = times[of_study & (sampling.positive == positive)] / TURNS
        assert shares.mean() == pytest.approx(chance)
        assert np.abs(shares - chance).max() < 4.5 * np.sqrt(chance * (1 - chance) / TURNS)


def test_a_single_slice_of_a_study_is_positive_half_of_the_time():
    sampling, random = sampling_of(1), np.random.default_rng(1)
    positives = [
        sampling.positive[drawn][sampling.study[drawn] == 0].sum()
        for drawn in (sampling.draw(random) for _ in range(TURNS))
    ]
    assert np.mean(positives) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(TURNS))


@pytest.mark.parametrize("block", [1, 7])
def test_an_epoch_has_what_was_drawn_and_the_next_others(block):
    sampling = sampling_of(4)
    indices = np.arange(100, 100 + len(sampling.study))
    truth, announced = np.zeros((300, 6), dtype=np.float32), []
    batches = SliceBatches(
        lambda rows, _: rows, truth, indices, 8, block=block, sampling=sampling,
        announce=announced.extend,
    )  # fmt: skip

    def epoch(random):
        plans = list(batches.plan(random))
        assert len(plans) == batches.steps == 3
        return np.concatenate([chosen[:count] for (chosen, count), *_ in plans])

    random = np.random.default_rng(4)
    first, second = epoch(random), epoch(random)
    expected = indices[sampling.draw(np.random.default_rng(4))]
    np.testing.assert_array_equal(np.sort(first), expected)
    assert sorted(announced[: len(first)]) == sorted(first)
    assert set(first) != set(second)
    np.testing.assert_array_equal(epoch(np.random.default_rng(4)), first)


@pytest.mark.parametrize("changes", [{"network": "cnn7"}, {"network": "densenet121"}])
def test_a_row_trains_on_some_slices_of_each_study_of_train(
    store, sample, make, small_backbone, changes, monkeypatch
):
    """18 studies of train have 5 slices each; all slices of validation are judged."""
    planned = []
    plan_of = SliceBatches.plan

    def plan(batches, random):
        for batch in plan_of(batches, random):
            chosen, count = batch.chosen
            planned.append((random is not None, chosen[:count]))
            yield batch

    monkeypatch.setattr(SliceBatches, "plan", plan)
    training.fit(store, sample, make(**changes, epochs=2, slices_per_study=2).plan)
    trained = np.concatenate([chosen for shuffled, chosen in planned if shuffled])
    judged = np.concatenate([chosen for shuffled, chosen in planned if not shuffled])
    assert len(trained) == 2 * 18 * 2
    assert set(trained) < set(np.flatnonzero(sample.split == "train"))
    assert sorted(judged) == sorted(2 * np.flatnonzero(sample.split == "validation").tolist())
    for epoch in np.split(trained, 2):
        np.testing.assert_array_equal(np.bincount(store.series[epoch])[store.series[epoch]], 2)
