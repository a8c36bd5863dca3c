"""Slices mixed in pairs: as drawn, with their labels, and never with what fills up a batch."""

import keras
import numpy as np
import pytest
from scipy import stats

from ichreport.model import backend, networks, prediction, training
from ichreport.model.augmentation import mixed_model
from ichreport.model.augmentation.drawing import Drawing
from ichreport.model.fitting import losses
from ichreport.model.fitting.batches import SliceBatches
from ichreport.model.fitting.mixing import Mixing, Pairs
from ichreport.params.training.augmentations import FLIP_ALONE, parse

SIDE = 20
MANY = 4000
BOTH = Mixing(mixup=0.4, cutmix=1.0, side=SIDE)


def rng(seed):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
def test_mixup_keeps_a_share_of_a_beta_distribution(alpha):
    pairs = Mixing(alpha, 0, SIDE).draw(MANY, MANY, rng(1))
    assert stats.kstest(pairs.blend, stats.beta(alpha, alpha).cdf).pvalue > 0.001
    np.testing.assert_array_equal(pairs.share, pairs.blend)
    assert not pairs.box.any()


def test_cutmix_keeps_the_share_of_pixels_that_are_really_left():
    """Before a rectangle is cut at the picture's edge, its area is one less a Beta draw."""
    pairs = Mixing(0, 1.0, SIDE).draw(MANY, MANY, rng(1))
    for box, share in zip(pairs.box, pairs.share, strict=True):
        picture = np.ones((SIDE, SIDE))
        picture[box[0] : box[1], box[2] : box[3]] = 0
        assert share == pytest.approx(picture.mean(), abs=1e-6)
    inside = (pairs.box[:, ::2] > 0).all(axis=1) & (pairs.box[:, 1::2] < SIDE).all(axis=1)
    rows, columns = pairs.box[:, 1] - pairs.box[:, 0], pairs.box[:, 3] - pairs.box[:, 2]
    np.testing.assert_array_equal(rows[inside], columns[inside])
    assert (pairs.blend == 1).all()
    assert 0.1 < pairs.share.min() < 0.2
    assert (pairs.box >= 0).all()
    assert (pairs.box <= SIDE).all()


def test_where_there_are_both_half_of_the_slices_take_each():
    pairs = BOTH.draw(MANY, MANY, rng(1))
    mixed, cut = pairs.blend < 1, (pairs.box[:, 1] > pairs.box[:, 0])
    assert not (mixed & cut).any()
    assert mixed.mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(MANY))


@pytest.mark.parametrize("count", [1, 5, 8])
def test_what_fills_a_batch_up_is_neither_mixed_nor_a_partner(count):
    random = rng(3)
    for _ in range(50):
        pairs = BOTH.draw(8, count, random)
        assert sorted(pairs.partner[:count]) == list(range(count))
        np.testing.assert_array_equal(pairs.partner[count:], np.arange(count, 8))
        np.testing.assert_array_equal(pairs.share[count:], 1)


def test_the_same_slices_are_pairs_in_any_order():
    names = np.array(list("abcdefgh"))
    pairs, order = BOTH.draw(8, 6, rng(1)), rng(2).permutation(8)
    sorted_ = pairs.in_order(order)
    before = dict(zip(names, zip(names[pairs.partner], pairs.share, strict=True), strict=True))
    names = names[order]
    after = dict(zip(names, zip(names[sorted_.partner], sorted_.share, strict=True), strict=True))
    assert before == after


def test_a_batch_brings_each_slices_partner_and_their_labels_by_its_share():
    truth = rng(0).random((50, 6)).astype(np.float32)
    batches = SliceBatches(
        lambda rows, drawn: {"hu": rows, **drawn}, truth, np.arange(10, 40), 8,
        draw=lambda size: {"flip": np.arange(size)}, mixing=BOTH,
    )  # fmt: skip
    counted = []
    for planned in batches.plan(rng(5)):
        inputs, labels, weights = batches.gather(planned)
        own, other = inputs["hu"], inputs["partner_hu"]
        assert (np.diff(own) >= 0).all()
        at = {row: place for place, row in enumerate(own)}
        np.testing.assert_array_equal(inputs["partner_flip"], [at[row] for row in other])
        assert set(other[weights > 0]) == set(own[weights > 0])
        box = inputs["box"]
        cut = (box[:, 1] - box[:, 0]) * (box[:, 3] - box[:, 2]) / SIDE**2
        share = (inputs["blend"] * (1 - cut))[:, None]
        by_hand = share * truth[own] + (1 - share) * truth[other]
        np.testing.assert_allclose(labels, by_hand, atol=1e-6)
        np.testing.assert_array_equal(labels[weights == 0], truth[own[weights == 0]])
        counted.extend(own[weights > 0])
    assert sorted(counted) == list(range(10, 40))


def test_in_order_each_slice_comes_alone_and_pairs_follow_the_seed():
    truth = rng(0).random((50, 6)).astype(np.float32)
    batches = SliceBatches(lambda rows, _: rows, truth, np.arange(20), 8, mixing=BOTH)
    for planned in batches.plan(None):
        inputs, labels, _ = batches.gather(planned)
        np.testing.assert_array_equal(inputs["hu"], inputs["partner_hu"])
        np.testing.assert_array_equal(labels, truth[inputs["hu"]])
        np.testing.assert_array_equal(inputs["blend"], 1)
    first, again, other = (
        [planned.pairs.share for planned in batches.plan(rng(seed))] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.fixture
def network(make):
    plan = make(windows=["brain"], mixup=0.4).plan
    return networks.cnn7(plan.view, plan.head, plan.machine), plan


def brain_window(hu):
    """HU of 0 to 80 onto [0, 1], channels last."""
    return np.clip(hu.astype(np.float32) / 80, 0, 1).transpose(0, 2, 3, 1)


def test_slices_are_mixed_as_the_network_sees_them(network, store):
    """By numpy: means and patches of windows, not of HU; slice 3 stays as it is."""
    model, plan = network
    learner = mixed_model.build(model, plan.view, (), plan.machine)
    hu = store.hu(np.arange(4))[:, None]
    box = np.array([[0, 0, 0, 0], [2, 30, 5, 20], [0, 32, 0, 32], [0, 0, 0, 0]], dtype=np.int32)
    blend = np.array([0.3, 1, 1, 1], dtype=np.float32)
    pairs = Pairs(np.array([1, 2, 3, 0]), blend, box, 32)
    own = brain_window(hu)
    other, expected = own[pairs.partner], own.copy()
    expected[0] = 0.3 * own[0] + 0.7 * other[0]
    expected[1, 2:30, 5:20] = other[1, 2:30, 5:20]
    expected[2] = other[2]
    mix = keras.Model(learner.input, learner.get_layer("mix").output)
    found = backend.to_numpy(mix(pairs.beside(hu), training=True))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    alone = backend.to_numpy(mix(pairs.beside(hu), training=False))
    np.testing.assert_allclose(alone, own, atol=1e-6)
    np.testing.assert_array_equal(found[3], alone[3])


@pytest.mark.parametrize("augment", [(), FLIP_ALONE, parse(["affine", "noise"])])
def test_outside_of_training_a_network_sees_slices_alone_to_the_bit(network, store, augment):
    model, plan = network
    learner = mixed_model.build(model, plan.view, augment, plan.machine)
    hu = store.hu(np.arange(8))[:, None]
    drawn = Drawing(augment, 1, None)(8)
    given = BOTH.draw(8, 8, rng(1)).beside({"hu": hu, **drawn})
    plain = backend.to_numpy(model(hu, training=False))
    np.testing.assert_array_equal(backend.to_numpy(learner(given, training=False)), plain)
    assert (backend.to_numpy(learner(given, training=True)) != plain).any()
    assert [id(weight) for weight in learner.weights] == [id(weight) for weight in model.weights]


@pytest.mark.parametrize("loss", ["bce", "weighted-bce", "focal"])
def test_the_loss_of_mixed_labels_is_the_mix_of_their_losses(loss):
    truth = (rng(1).random((60, 6)) < 0.3).astype(np.float32)
    logits = rng(2).normal(0, 2, (60, 6)).astype(np.float32)
    share = rng(3).random((60, 1)).astype(np.float32)
    plain, mixed = (losses.build(loss, truth, mixes=mixes) for mixes in (False, True))
    other = truth[::-1]
    found = backend.to_numpy(mixed(share * truth + (1 - share) * other, logits))
    first, second = (backend.to_numpy(plain(one, logits)) for one in (truth, other))
    np.testing.assert_allclose(found, share[:, 0] * first + (1 - share[:, 0]) * second, rtol=1e-4)


@pytest.mark.parametrize("network", [{"network": "cnn7"}, {"trainable_layers": "all"}])
def test_a_row_trained_on_mixed_slices_validates_on_slices_as_they_are(
    store, sample, make, small_backbone, network
):
    asked = {"dense_layers": 1, "network": "densenet121"} | network
    plan = make(**asked, mixup=0.4, cutmix=1, epochs=1).plan
    trained = training.fit(store, sample, plan)
    predictions = prediction.predict(trained, store, sample)
    held_out = predictions[predictions["split"] == "validation"]
    logits = prediction.logits_of(trained, store, sample)[sample.split == "validation"]
    truth = held_out[[name for name in held_out if name.startswith("truth_")]].to_numpy(float)
    expected = (np.logaddexp(0, logits) - truth * logits).mean()
    assert trained.history["val_loss"] == pytest.approx([expected], abs=1e-5)
