"""Where the map of a block adds up to the logit, where it does not, and which may be chosen."""

import keras
import numpy as np
import pytest

from ichreport.labels import LABELS
from ichreport.model import trained_rows
from ichreport.model.inputs import hu_of
from ichreport.model.maps import blocks, cam, candidate_blocks
from ichreport.model.trained_rows import Trained

pytestmark = pytest.mark.usefixtures("small_backbone")

ROWS = np.arange(18)
TARGETS = ROWS % len(LABELS)
LAST = "relu7"


def network_of(plan):
    """A network with random weights, shifts and biases included."""
    keras.utils.set_random_seed(4)
    model = trained_rows.untrained(plan)
    random = np.random.default_rng(4)
    for weight in model.trainable_weights:
        if weight.name in ("bias", "beta"):
            weight.assign(random.normal(0, 0.3, weight.shape))
    return Trained(plan, model, {}, 0, 0)


def sums_and_logits(trained, store, block):
    """What each map adds up to, and the logit of its label less the bias."""
    hu = hu_of(store, ROWS, trained.plan.view.input)
    sums = blocks.relevance(trained.model, block, hu, TARGETS).sum(axis=(1, 2))
    logits = trained.model.predict(hu, verbose=0)[ROWS, TARGETS]
    return sums, logits - np.asarray(trained.model.get_layer("logits").bias)[TARGETS]


@pytest.mark.parametrize("network", ["cnn7", "cnn7fast"])
def test_before_one_linear_layer_the_map_adds_up_to_the_logit_less_its_bias(network, store, make):
    trained = network_of(make(network=network, dense_layers=1).plan)
    sums, expected = sums_and_logits(trained, store, LAST)
    np.testing.assert_allclose(sums, expected, rtol=1e-3, atol=1e-4)
    assert np.ptp(expected) > 0.01
    assert blocks.adds_up(trained.model, trained.plan.head, LAST)


@pytest.mark.parametrize("block", ["relu2", "relu3", "relu6"])
def test_before_more_than_that_it_does_not(block, store, make):
    trained = network_of(make(dense_layers=1).plan)
    sums, expected = sums_and_logits(trained, store, block)
    assert np.abs(sums - expected).max() > 0.05 * np.abs(expected).max()
    assert not blocks.adds_up(trained.model, trained.plan.head, block)


@pytest.mark.parametrize(
    "changes", [{"dense_layers": 2}, {"dense_layers": 1, "hierarchy": "together"}]
)
def test_before_a_head_that_is_not_linear_no_block_adds_up(changes, store, make):
    trained = network_of(make(**changes).plan)
    sums, expected = sums_and_logits(trained, store, LAST)
    assert np.abs(sums - expected).max() > 0.01 * np.abs(expected).max()
    assert not any(
        blocks.adds_up(trained.model, trained.plan.head, block)
        for block in blocks.sides(trained.model)
    )


@pytest.mark.parametrize(
    ("block", "method"), [(LAST, "HiResCAM"), ("relu3", "Grad-CAM (element-wise)")]
)
def test_only_what_adds_up_is_called_hirescam(block, method, store, sample, make):
    trained = network_of(make(dense_layers=1).plan)
    shown = cam.by_label(trained, store, sample, {"any": ROWS}, block=block)["any"]
    assert shown.method == method
    deeper = network_of(make(dense_layers=2).plan)
    shown = cam.by_label(deeper, store, sample, {"any": ROWS}, block=block)["any"]
    assert shown.method == "Grad-CAM (element-wise)"


def test_a_map_is_the_feature_maps_times_their_finite_differences(store, make):
    """An oracle of the gradient: what the logit changes by as one pixel of a map does."""
    trained = network_of(make(dense_layers=2).plan)
    hu = hu_of(store, ROWS[:1], trained.plan.view.input)
    found = blocks.relevance(trained.model, "relu4", hu, TARGETS[:1])[0]
    before, rest = blocks._halves(trained.model, "relu4")
    maps = before.predict(hu, verbose=0)
    (row, column), step, channels = (1, 2), 1e-2, maps.shape[-1]
    ends = np.repeat(maps, 2 * channels, axis=0)
    ends[np.arange(channels), row, column, np.arange(channels)] += step
    ends[channels + np.arange(channels), row, column, np.arange(channels)] -= step
    up, down = np.split(rest.predict(ends, verbose=0)[:, TARGETS[0]], 2)
    expected = maps[0, row, column] @ ((up - down) / (2 * step))
    assert found[row, column] == pytest.approx(expected, abs=float(5e-3 * np.abs(found).max()))


def test_blocks_of_at_least_four_pixels_may_be_chosen(make):
    plan = make(dense_layers=2).plan
    trained = network_of(plan)
    assert list(blocks.sides(trained.model).values()) == [32, 16, 8, 4, 2, 1, 1]
    assert blocks.candidates(trained.model, plan.head) == ["relu1", "relu2", "relu3", "relu4"]
    assert blocks.default(trained.model, plan.head) == "relu1"  # the only one of 24 pixels


def test_where_the_proof_holds_there_is_no_choice(make, monkeypatch):
    plan = make(dense_layers=1).plan
    trained = network_of(plan)
    assert len(blocks.candidates(trained.model, plan.head)) == 4  # a single pixel points nowhere
    monkeypatch.setattr(blocks, "COARSEST", 1)
    assert blocks.candidates(trained.model, plan.head) == []
    assert blocks.default(trained.model, plan.head) == LAST


def test_heat_by_block_is_that_of_each_block(store, sample, make, tmp_path):
    plan = make().plan
    trained = network_of(plan)
    trained.save(tmp_path / "w.weights.h5")
    weights = tmp_path / "w.weights.h5"
    found = candidate_blocks.heat_by_block(store, sample, plan, weights, ROWS)
    assert [maps.side for maps in found.values()] == [32, 16, 8, 4]
    third = cam.by_label(trained, store, sample, {"any": ROWS}, block="relu3")["any"]
    np.testing.assert_allclose(found["relu3"].heat, third.heat, atol=1e-5)
    none = candidate_blocks.heat_by_block(store, sample, plan, weights, ROWS[:0])
    assert [(len(maps.heat), maps.side) for maps in none.values()] == [
        *((0, side) for side in (32, 16, 8, 4))
    ]


@pytest.mark.parametrize("changes", [{"dense_layers": 1}, {"trainable_layers": "all"}])
def test_a_backbone_has_no_choice(changes, store, sample, make, tmp_path):
    plan = make(network="densenet121", **changes).plan
    nothing = tmp_path / "none.weights.h5"  # is not read
    assert candidate_blocks.heat_by_block(store, sample, plan, nothing, ROWS) == {}
