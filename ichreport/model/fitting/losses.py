"""Training losses on logits, all of them means over slices and labels."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from ichreport.labels import ANY, LABELS
from ichreport.params.networks import Loss
from ichreport.params.training.open_choices import FOCAL_ALPHA, FOCAL_GAMMA
from ichreport.params.training.positive_weights import Weighting

LossFunction = Callable[[Any, Any], Any]

_BY_RARITY: Final = Weighting()


def binary_cross_entropy(y_true: Any, logits: Any) -> Any:
    """Binary cross-entropy of each label, in nats, stable for large logits.

    ln(1 + exp(z)) - z y, whose slope is sigmoid(z) - y everywhere. Written with max(z, 0) and
    abs(z), as it often is, its slope at z = 0 is whatever those two are given there.

    Args:
        y_true: 0 or 1, of any shape.
        logits: Log-odds, of the same shape.

    Returns:
        float32 tensor of the same shape.
    """
    y_true = ops.cast(y_true, logits.dtype)
    return ops.softplus(logits) - logits * y_true


def weighted_binary_cross_entropy(y_true: Any, logits: Any, positive_weights: ArrayLike) -> Any:
    """Binary cross-entropy in which a positive of label k counts `positive_weights[k]` times.

    Args:
        y_true: 0 or 1, of shape (..., labels).
        logits: Log-odds, of the same shape.
        positive_weights: One weight a label.
    """
    weights = ops.convert_to_tensor(np.asarray(positive_weights, dtype=np.float32))
    y_true = ops.cast(y_true, logits.dtype)
    return binary_cross_entropy(y_true, logits) * (1.0 + y_true * (weights - 1.0))


def focal_cross_entropy(y_true: Any, logits: Any) -> Any:
    """The focal loss of each label: -alpha_t (1 - p_t)^gamma ln(p_t) (Lin et al. 2017, eq. 5).

    Args:
        y_true: 0 or 1, of any shape.
        logits: Log-odds, of the same shape.
    """
    y_true = ops.cast(y_true, logits.dtype)
    missed = ops.sigmoid(logits * (1.0 - 2.0 * y_true))  # 1 - p_t
    alpha = FOCAL_ALPHA * y_true + (1.0 - FOCAL_ALPHA) * (1.0 - y_true)
    return alpha * missed**FOCAL_GAMMA * binary_cross_entropy(y_true, logits)


def positive_weights(
    y_true: NDArray[Any], weighting: Weighting = _BY_RARITY, *, given_any: bool = False
) -> NDArray[np.float32]:
    """How often a positive of each label counts.

    Args:
        y_true: 0 or 1, of shape (slices, labels): the training split.
        weighting: By what positives are weighed.
        given_any: Whether subtypes are learned, and so weighed, among slices with bleeding.

    Returns:
        float32 array of shape (labels,).
    """
    positives = np.count_nonzero(y_true, axis=0)
    weights = [weighting.weight(int(count), len(y_true)) for count in positives]
    if given_any:
        bleeding = positives[LABELS.index(ANY)]
        weights = [
            weight if label == ANY else weighting.weight(int(count), int(bleeding))
            for label, weight, count in zip(LABELS, weights, positives, strict=True)
        ]
    return np.array(weights, dtype=np.float32)


def between_labels(term: LossFunction) -> LossFunction:
    """A loss of truth in [0, 1]: that of a positive by this share, that of a negative by the rest.

    Truth of slices that are mixed. Binary cross-entropy is so by itself.

    Args:
        term: A loss of each label, of truth 0 or 1.
    """

    def mixed(y_true: Any, logits: Any) -> Any:
        y_true = ops.cast(y_true, logits.dtype)
        positive, negative = (
            term(truth(y_true), logits) for truth in (ops.ones_like, ops.zeros_like)
        )
        return y_true * positive + (1.0 - y_true) * negative

    return mixed


def build(
    loss: Loss,
    y_true: NDArray[Any],
    label_weights: Mapping[str, float] | None = None,
    *,
    weighting: Weighting = _BY_RARITY,
    focal_labels: Collection[str] = (),
    given_any: bool = False,
    mixes: bool = False,
) -> LossFunction:
    """The loss function of an experiment.

    Args:
        loss: bce, weighted-bce or focal.
        y_true: Truth of the training slices, (slices, labels), which sets the positive weights.
        label_weights: Weights of labels in the mean; 1 for those that are not named.
        weighting: How positives are weighed in `weighted-bce`.
        focal_labels: Labels whose term is the focal one.
        given_any: Whether the logits of subtypes are given any bleeding, so that slices without
            bleeding say nothing of them: their terms are 0.
        mixes: Whether slices are mixed in training, with labels between 0 and 1.

    Returns:
        A function of truth and logits, both (..., labels), giving one loss for each (...): the
        mean over labels.
    """
    weights = positive_weights(y_true, weighting, given_any=given_any)
    terms: dict[Loss, LossFunction] = {
        "bce": binary_cross_entropy,
        "weighted-bce": lambda truth, logits: weighted_binary_cross_entropy(truth, logits, weights),
        "focal": focal_cross_entropy,
    }
    term = terms[loss]
    if focal_labels:
        term = _focal_for(focal_labels, term)
    if mixes and (loss != "bce" or focal_labels):
        term = between_labels(term)
    if given_any:
        term = _given_any(term)

    def mean_over_labels(truth: Any, logits: Any) -> Any:
        return ops.mean(term(truth, logits), axis=-1)

    if not label_weights:
        return mean_over_labels
    of_labels = np.array([label_weights.get(label, 1.0) for label in LABELS])
    share = (of_labels / of_labels.sum()).astype(np.float32)

    def weighted_mean_over_labels(truth: Any, logits: Any) -> Any:
        return ops.sum(term(truth, logits) * share, axis=-1)

    return weighted_mean_over_labels


def _focal_for(labels: Collection[str], term: LossFunction) -> LossFunction:
    """The loss of each label, focal for some."""
    is_focal = np.array([label in labels for label in LABELS], dtype=np.float32)

    def of_each(truth: Any, logits: Any) -> Any:
        focal = focal_cross_entropy(truth, logits)
        return is_focal * focal + (1 - is_focal) * term(truth, logits)

    return of_each


def _given_any(term: LossFunction) -> LossFunction:
    """The loss of any bleeding, and of subtypes where there is some."""
    is_any = np.array([label == ANY for label in LABELS], dtype=np.float32)
    column = LABELS.index(ANY)

    def of_each(truth: Any, logits: Any) -> Any:
        of_any = ops.cast(truth[..., column : column + 1], logits.dtype)
        return term(truth, logits) * (is_any + (1 - is_any) * of_any)

    return of_each
