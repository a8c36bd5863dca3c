"""Activation maps: exact where the head is linear, and looking where the signal is."""

import numpy as np
import pytest

from ichreport.model import backbones, backend, training
from ichreport.model.features import of_plan
from ichreport.model.maps import cam

pytestmark = pytest.mark.usefixtures("small_backbone")


def test_the_gradient_of_a_polynomial_is_its_derivative():
    points = np.array([[1.0, 2.0], [3.0, -4.0]], dtype=np.float32)
    slopes = backend.gradient(lambda x: x**3, points)
    np.testing.assert_allclose(slopes, 3 * points**2, rtol=1e-6)


def test_on_a_linear_head_grad_cam_is_the_exact_map(store, sample, make):
    """CAM by its definition: maps times the layer's weights over the features' deviation."""
    experiment = make(network="densenet121", dense_layers=1, epochs=3)
    trained = training.fit(store, sample, experiment.plan)
    rows = np.array([4, 11, 57])
    shown = cam.by_label(trained, store, sample, {"subdural": rows})["subdural"]
    backbone = backbones.build(experiment.backbone, experiment.machine)
    maps = backbone.predict(store.hu(rows)[:, None], verbose=0)
    weights = np.asarray(trained.model.get_layer("logits").kernel)[:, 4]
    deviation = np.sqrt(np.asarray(trained.model.get_layer("standardised").variance)).ravel()
    exact = np.maximum(np.einsum("nijc,c->nij", maps, weights / np.maximum(deviation, 1e-7)), 0)
    exact /= np.where(exact.max(axis=(1, 2)) > 0, exact.max(axis=(1, 2)), 1)[:, None, None]
    assert shown.method == "CAM"
    assert shown.side == maps.shape[1] == 8
    np.testing.assert_allclose(shown.heat.max(axis=(1, 2)), exact.max(axis=(1, 2)), rtol=1e-4)


def test_class_activation_adds_up_to_the_logit(store, sample, make):
    """With a linear head, the mean of the exact map plus a constant is the logit itself."""
    experiment = make(network="densenet121", dense_layers=1, epochs=2)
    trained = training.fit(store, sample, experiment.plan)
    rows = np.arange(12)
    features = of_plan.features_of(store, rows, experiment.plan)
    slopes = backend.gradient(lambda x: trained.model(x, training=False)[:, 2], features)
    logits = trained.model.predict(features, verbose=0)[:, 2]
    constant = logits - (features * slopes).sum(axis=1)
    np.testing.assert_allclose(constant, constant[0], atol=2e-2 * np.abs(logits).max() + 1e-3)


def test_the_small_networks_map_peaks_on_the_bright_square(store, sample, make):
    experiment = make(network="cnn7fast", epochs=30, patience=30, learning_rate=0.01)
    trained = training.fit(store, sample, experiment.plan)
    truth = store.slices
    only = truth["epidural"].eq(1) & truth[["intraparenchymal", "intraventricular"]].eq(0).all(
        axis=1
    )
    only &= truth[["subarachnoid", "subdural"]].eq(0).all(axis=1)
    rows = np.flatnonzero(only)
    shown = cam.by_label(trained, store, sample, {"any": rows})["any"]
    assert (shown.method, shown.side) == ("Grad-CAM (element-wise)", 16)
    inside = shown.heat[:, 2:10, 1:9].sum(axis=(1, 2)) / shown.heat.sum(axis=(1, 2)).clip(1e-9)
    assert np.median(inside[~shown.empty]) > 2 * 64 / 32**2


def test_heat_lies_in_0_to_1_and_an_empty_map_says_so():
    relevance = np.stack([-np.ones((4, 4)), np.eye(4)]).astype(np.float32)
    shown = cam._scaled_up(relevance, 16, "CAM")
    np.testing.assert_array_equal(shown.empty, [True, False])
    np.testing.assert_array_equal(shown.heat[0], 0)
    assert shown.heat[1].max() == 1
    assert shown.heat.shape == (2, 16, 16)


def test_a_series_head_has_maps_too(store, sample, make):
    experiment = make(network="densenet121", head="bilstm", dense_layers=1)
    trained = training.fit(store, sample, experiment.plan)
    shown = cam.by_label(trained, store, sample, {"any": np.array([7, 8])})["any"]
    assert shown.method == "Grad-CAM"
    assert shown.heat.shape == (2, 32, 32)


def test_an_unknown_label_is_refused(store, sample, make):
    trained = training.fit(store, sample, make(epochs=1).plan)
    with pytest.raises(ValueError, match="label must be one of epidural"):
        cam.by_label(trained, store, sample, {"stroke": np.array([0])})


def test_the_map_of_another_block_is_shown_where_one_is_named(store, sample, make):
    trained = training.fit(store, sample, make(epochs=1).plan)
    rows = {"any": np.array([0, 5])}
    plain, third = (
        cam.by_label(trained, store, sample, rows, block=block)["any"] for block in (None, "relu3")
    )
    assert (plain.side, third.side) == (32, 8)
    with pytest.raises(ValueError, match=r"block must be one of relu1, .*, got 'conv3'"):
        cam.by_label(trained, store, sample, rows, block="conv3")


def test_a_backbone_has_no_other_layer_than_its_last(store, sample, make):
    trained = training.fit(store, sample, make(network="densenet121", epochs=1).plan)
    with pytest.raises(ValueError, match="from its last convolution; block must be None"):
        cam.by_label(trained, store, sample, {"any": np.array([0])}, block="relu1")
