"""Labels in two steps: products of probabilities, and what is learned of which slices."""

import numpy as np
import pytest
from scipy.special import expit, logit, logsumexp

from ichreport.labels import ANY, LABELS
from ichreport.model import backend, prediction, trained_rows, training
from ichreport.model.fitting import losses
from ichreport.model.heads.build import build_head
from ichreport.model.heads.first_values import set_output_bias
from ichreport.model.heads.hierarchy import Product, before_product
from ichreport.params.machine import Machine
from ichreport.params.training.training_plan import HeadPart

COLUMN = LABELS.index(ANY)


def test_the_product_of_two_probabilities_is_a_persons():
    logits = np.random.default_rng(0).normal(scale=3, size=(50, 6))
    expected = expit(logits) * expit(logits[:, [COLUMN]])
    expected[:, COLUMN] = expit(logits[:, COLUMN])
    product = backend.to_numpy(Product()(logits.astype(np.float32)))
    np.testing.assert_allclose(product, logit(expected), atol=1e-4)


def test_products_are_finite_for_logits_of_any_size():
    for size in (-300.0, 300.0):
        for of_any in (-300.0, 300.0):
            logits = np.full((1, 6), size, dtype=np.float32)
            logits[:, COLUMN] = of_any
            product = backend.to_numpy(Product()(logits))
            expected = -logsumexp([-size, -of_any, -size - of_any])
            np.testing.assert_allclose(product[0, 0], expected, rtol=1e-5)


def test_the_loss_of_subtypes_given_any_is_of_slices_with_bleeding_alone():
    truth = np.zeros((2, 6), dtype=np.float32)
    truth[0, [0, COLUMN]] = 1  # an epidural bleed, and nothing
    logits = np.random.default_rng(1).normal(size=(2, 6)).astype(np.float32)
    terms = -np.log(np.where(truth == 1, expit(logits), 1 - expit(logits)))
    by_hand = [terms[0].mean(), terms[1, COLUMN] / 6]
    loss = losses.build("bce", truth, given_any=True)
    np.testing.assert_allclose(loss(truth, logits), by_hand, rtol=1e-5)


def test_the_two_steps_together_have_the_likelihood_of_the_products():
    """ln p(any) + ln p(s | any) is ln p(any and s): nothing is counted twice."""
    raw = np.random.default_rng(2).normal(size=(1, 6)).astype(np.float32)
    truth = np.zeros((1, 6), dtype=np.float32)
    truth[0, [2, COLUMN]] = 1
    conditional = losses.build("bce", truth, {n: 0 for n in LABELS if n not in (ANY, LABELS[2])},
                               given_any=True)  # fmt: skip
    product = backend.to_numpy(Product()(raw))
    expected = -np.log(expit(product[0, 2])) / 2
    np.testing.assert_allclose(float(conditional(truth, raw)[0]), expected, rtol=1e-5)


def test_positives_of_subtypes_given_any_weigh_by_their_rarity_among_slices_with_bleeding():
    truth = np.zeros((20, 6), dtype=np.float32)
    truth[:8, COLUMN] = 1
    truth[:2, 0] = 1  # two of eight with bleeding, of twenty in all
    logits = np.zeros((1, 6), dtype=np.float32)
    loss = losses.build("weighted-bce", truth, given_any=True)
    weight = (8 - 2) / 2
    others = 4 * np.log(2)  # subtypes that never come weigh 1, and are absent here
    by_hand = (weight * np.log(2) + others + 12 / 8 * np.log(2)) / 6
    np.testing.assert_allclose(float(loss(truth[:1], logits)[0]), by_hand, rtol=1e-5)


def test_focal_for_one_label_is_the_focal_loss_of_that_one():
    random = np.random.default_rng(3)
    truth = (random.random((5, 6)) < 0.5).astype(np.float32)
    logits = random.normal(size=(5, 6)).astype(np.float32)
    plain, focal = (backend.to_numpy(of(truth, logits)) for of in (
        losses.binary_cross_entropy, losses.focal_cross_entropy))  # fmt: skip
    expected = np.where(np.array(LABELS) == "epidural", focal, plain).mean(axis=1)
    loss = losses.build("bce", truth, focal_labels=["epidural"])
    np.testing.assert_allclose(loss(truth, logits), expected, rtol=1e-6)


def test_an_untrained_network_in_two_steps_scores_like_the_prevalence():
    prevalence = np.array([0.01, 0.05, 0.04, 0.06, 0.07, 0.15])
    head = build_head(HeadPart("dense", 1, hierarchy="together"), 4, Machine())
    set_output_bias(head, prevalence, given_any=True)
    nothing = np.zeros((1, 4), dtype=np.float32)
    probability = expit(backend.to_numpy(head(nothing, training=False)))
    np.testing.assert_allclose(probability[0], prevalence, rtol=1e-3)


ROWS = [
    {"network": "cnn7", "dense_layers": 1},
    {"network": "densenet121"},
    {"network": "densenet121", "trainable_layers": "all", "dense_layers": 1},
    {"network": "densenet121", "head": "sequence", "dense_layers": 1},
]


@pytest.mark.usefixtures("small_backbone")
@pytest.mark.parametrize(
    ("changes", "hierarchy"),
    [
        pytest.param(ROWS[0], "conditional", marks=pytest.mark.slow),
        (ROWS[1], "conditional"),
        (ROWS[1], "together"),
        (ROWS[2], "conditional"),
        pytest.param(ROWS[3], "conditional", marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_a_row_in_two_steps_never_says_a_subtype_is_likelier_than_any(
    store, sample, make, tmp_path, changes, hierarchy
):
    plan = make(**changes, hierarchy=hierarchy, augment=None).plan
    trained = training.fit(store, sample, plan)
    predicted = prediction.predict(trained, store, sample)
    of_any = predicted[f"probability_{ANY}"].to_numpy()
    for label in LABELS[:-1]:
        assert (predicted[f"probability_{label}"] <= of_any + 1e-6).all()
    trained.save(tmp_path / "model.weights.h5")
    loaded = trained_rows.load(store, plan, tmp_path / "model.weights.h5")
    np.testing.assert_allclose(
        prediction.logits_of(loaded, store, sample),
        prediction.logits_of(trained, store, sample),
        atol=1e-6,
    )
    factors = before_product(trained.model)
    assert list(map(id, factors.trainable_weights)) == list(
        map(id, trained.model.trainable_weights)
    )
