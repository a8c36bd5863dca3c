"""The second check of Adebayo et al.: labels really are permuted, and the network kept."""

import shutil

import numpy as np
import pytest

from ichreport.labels import LABELS
from ichreport.model import training, training_store
from ichreport.model.maps import permuted_labels

pytestmark = pytest.mark.usefixtures("small_backbone")

HEAD = {"network": "densenet121", "dense_layers": 1}


@pytest.fixture
def fits(monkeypatch):
    """The networks that are trained."""
    networks = []
    original = training.fit

    def counting(*arguments, **options):
        networks.append(original(*arguments, **options))
        return networks[-1]

    monkeypatch.setattr(training, "fit", counting)
    return networks


@pytest.mark.parametrize("changes", [{}, {"network": "densenet121"}])
def test_permuted_labels_are_a_permutation_of_some_training_series(
    store, sample, make, fits, changes
):
    store.slices["stays"] = store.slices["any"]
    before = store.slices.copy()
    check = permuted_labels.fit_or_find(store, sample, make(epochs=2, **changes).plan, seed=3)
    assert store.slices.equals(before)
    rows = before.set_index("sop_instance_uid").loc[check.predictions["sop_instance_uid"]]
    assert set(check.predictions["split"]) == {"train"}
    permuted = check.predictions[[f"truth_{label}" for label in LABELS]].to_numpy()
    true = rows[list(LABELS)].to_numpy()
    np.testing.assert_array_equal(np.sort(permuted, axis=0), np.sort(true, axis=0))
    assert sorted(map(tuple, permuted)) == sorted(map(tuple, true))
    share = true.mean(axis=0)
    kept = (permuted == true).mean(axis=0)
    # two independent draws agree in p² + (1 - p)²; 90 slices put 0.05 of error on that
    np.testing.assert_allclose(kept, share**2 + (1 - share) ** 2, atol=0.2)
    assert (kept < 1).all()
    [fitted] = fits
    assert check.epochs == len(fitted.history["loss"]) == 2
    assert list(fitted.history) == ["loss"]  # nothing is watched
    for weight, same in zip(
        fitted.model.get_weights(), check.trained.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(weight, same)


def test_nothing_varies_the_slices_that_are_to_be_learned_by_heart(store, sample, make, fits):
    varied = make(epochs=1, augment=["flip"], mixup=0.4, cutmix=1, slices_per_study=2).plan
    plain = make(epochs=1, augment=[]).plan
    for plan in (varied, plain):
        permuted_labels.fit_or_find(store, sample, plan, seed=3)
    assert len(fits) == 1  # the second is the first one, found
    assert fits[0].plan.values() == plain.values()


def test_another_seed_permutes_otherwise_and_long_training_is_cut(store, sample, make, monkeypatch):
    monkeypatch.setattr(permuted_labels, "MOST_EPOCHS", 1)
    monkeypatch.setattr(permuted_labels, "MOST_SLICES", 12)
    plan = make(**HEAD, epochs=9).plan
    first = permuted_labels.fit_or_find(store, sample, plan, seed=3)
    shutil.rmtree(training_store.folder_of(store))
    again, other = (permuted_labels.fit_or_find(store, sample, plan, seed=seed) for seed in (3, 4))
    assert (first.epochs, again.is_new, other.is_new) == (1, True, True)
    assert first.predictions.equals(again.predictions)
    assert len(first.predictions) == len(other.predictions) == 15  # whole series of 5
    slices = [check.predictions["sop_instance_uid"] for check in (first, other)]
    assert not slices[0].equals(slices[1])


def test_what_was_trained_before_is_found(store, sample, make, fits):
    plan = make(**HEAD).plan
    first, second = (permuted_labels.fit_or_find(store, sample, plan, seed=3) for _ in range(2))
    assert len(fits) == 1
    assert (first.is_new, second.is_new) == (True, False)
    assert first.predictions.equals(second.predictions)
    assert first.epochs == second.epochs
    for weight, same in zip(
        first.trained.model.get_weights(), second.trained.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(weight, same)


def test_the_rows_training_and_another_seeds_are_none_of_it(store, sample, make, fits):
    plan = make(**HEAD).plan
    training_store.fit_or_find(store, sample, plan)
    assert permuted_labels.fit_or_find(store, sample, plan, seed=3).is_new
    assert permuted_labels.fit_or_find(store, sample, plan, seed=4).is_new
    assert not training_store.fit_or_find(store, sample, plan).is_new
    assert len(fits) == 3


def test_rows_that_differ_beyond_its_epochs_share_it(store, sample, make, fits, monkeypatch):
    monkeypatch.setattr(permuted_labels, "MOST_EPOCHS", 1)
    for epochs in (5, 6):
        check = permuted_labels.fit_or_find(store, sample, make(epochs=epochs, **HEAD).plan, seed=3)
    assert not check.is_new
    assert len(fits) == 1
