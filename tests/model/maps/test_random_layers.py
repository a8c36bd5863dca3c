"""The first check of Adebayo et al.: layers really become random, and only a copy's."""

import hashlib

import keras
import numpy as np
import pytest

from ichreport.evaluation.maps.localisation import heatmap_agreement
from ichreport.model import backbones, trained_rows
from ichreport.model.features import of_plan
from ichreport.model.heads.first_values import standardise
from ichreport.model.maps import cam, random_layers

pytestmark = pytest.mark.usefixtures("small_backbone")

ROWS = {"any": np.array([1, 2, 8]), "subdural": np.array([5])}


def untaught(store, experiment):
    """A row whose weights are not those that its experiment's seed gives."""
    keras.utils.set_random_seed(99)
    if experiment.network != "cnn7":
        of_plan.features_of(store, np.arange(4), experiment.plan)
    return trained_rows.Trained(experiment.plan, trained_rows.untrained(experiment.plan), {}, 0, 0)


@pytest.fixture
def weights_as_maps(monkeypatch):
    """Made-up maps: noise whose seed is a hash of all weights, and the weights themselves."""
    seen = []

    def by_label(trained, store, sample, rows, *, backbone, block):
        weights = [*trained.model.get_weights(), *(backbone.get_weights() if backbone else [])]
        seen.append([weight.copy() for weight in weights])
        digest = hashlib.sha256(b"".join(weight.tobytes() for weight in weights)).digest()
        random = np.random.default_rng(int.from_bytes(digest))
        return {
            label: cam.Heatmaps(
                "CAM", random.random((len(slices), 32, 32)), np.zeros(len(slices)), 32
            )
            for label, slices in rows.items()
        }

    monkeypatch.setattr(random_layers.cam, "by_label", by_label)
    return seen


@pytest.mark.parametrize("changes", [{}, {"network": "densenet121", "dense_layers": 2}])
def test_maps_that_depend_on_weights_lose_their_likeness_and_only_then(
    store, sample, make, weights_as_maps, changes
):
    trained = untaught(store, make(**changes))
    stages = list(random_layers.cascade(trained, store, sample, ROWS, seed=5))
    [(name, first), *others] = stages
    again = next(random_layers.cascade(trained, store, sample, ROWS, seed=5))
    assert name == again[0] == "nothing"
    assert heatmap_agreement(first["any"].heat[0], again[1]["any"].heat[0]) == pytest.approx(1)
    for _, shown in others:
        # 1,024 independent pixels: the standard error of the correlation is 0.03
        assert abs(heatmap_agreement(first["any"].heat[0], shown["any"].heat[0])) < 0.15


def test_the_small_network_becomes_random_from_the_logits_to_the_first_block(
    store, sample, make, weights_as_maps
):
    trained = untaught(store, make(dense_layers=2))
    names = [name for name, _ in random_layers.cascade(trained, store, sample, ROWS, seed=5)]
    blocks = [f"block {number}" for number in range(7, 0, -1)]
    assert names == ["nothing", "logits", "dense1", *blocks]
    kernels = [i for i, weight in enumerate(weights_as_maps[0]) if weight.ndim > 1]
    changed = [
        [i for i in kernels if not np.array_equal(weights_as_maps[0][i], weights[i])]
        for weights in weights_as_maps
    ]
    assert changed == [kernels[len(kernels) - done :] for done in range(len(kernels) + 1)]


def test_a_backbone_becomes_random_after_its_head(store, sample, make, weights_as_maps):
    trained = untaught(store, make(network="densenet121", dense_layers=1))
    trained.model.get_layer("standardised").adapt(np.random.default_rng(0).normal(size=(9, 16)))
    names = [name for name, _ in random_layers.cascade(trained, store, sample, ROWS, seed=5)]
    assert names == ["nothing", "logits", "backbone, part 1 of 4"]
    first, head, backbone = weights_as_maps
    statistics = len(trained.model.get_layer("standardised").weights)
    same = [np.array_equal(a, b) for a, b in zip(first, backbone, strict=True)]
    assert same == [True] * statistics + [False, True, False]  # the bias of the logits starts at 0
    np.testing.assert_array_equal(first[-1], head[-1])


@pytest.mark.parametrize(
    "changes", [{}, {"network": "densenet121"}, {"network": "densenet121", "head": "bilstm"}]
)
def test_the_trained_network_keeps_its_weights_bit_for_bit(store, sample, make, changes):
    trained = untaught(store, make(**changes))
    if changes:
        stored = of_plan.features_of(store, np.arange(len(store)), trained.plan)
        standardise(trained.model, stored)
    before = [weight.copy() for weight in trained.model.get_weights()]
    shown = dict(random_layers.cascade(trained, store, sample, ROWS, seed=5))
    for old, new in zip(before, trained.model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    plain = cam.by_label(trained, store, sample, ROWS)
    np.testing.assert_allclose(shown["nothing"]["any"].heat, plain["any"].heat, atol=1e-4)
    last = list(shown.values())[-1]
    assert np.abs(last["any"].heat - plain["any"].heat).max() > 0.01


@pytest.mark.parametrize("head", ["dense", "bilstm"])
def test_looking_through_the_rows_own_backbone_changes_nothing(store, sample, make, head):
    experiment = make(network="densenet121", head=head, dense_layers=1)
    trained = untaught(store, experiment)
    stored = cam.by_label(trained, store, sample, ROWS)
    backbone = backbones.build(experiment.backbone, experiment.machine)
    through = cam.by_label(trained, store, sample, ROWS, backbone=backbone)
    for label in ROWS:
        np.testing.assert_allclose(stored[label].heat, through[label].heat, atol=1e-4)


def test_all_stages_are_maps_of_the_block_that_is_named(store, sample, make):
    trained = untaught(store, make())
    stages = random_layers.cascade(trained, store, sample, ROWS, seed=5, block="relu3")
    assert {maps["any"].side for _, maps in stages} == {8}
