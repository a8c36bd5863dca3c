"""What a head computes with before its first step: standardised features, and each label's odds."""

from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from ichreport.labels import ANY, LABELS

SMALLEST_DEVIATION: Final = 0.01
"""What features are divided by at least, over the root mean square of all their deviations."""

_SLICES_AT_ONCE: Final = 8192
"""Slices whose features are in memory twice, and more exactly, for their mean and variance."""


def standardise(
    model: keras.Model, features: NDArray[np.float32], indices: NDArray[np.int64] | None = None
) -> None:
    """Let a head shift and scale features by the mean and deviation of some.

    A feature that these slices hardly vary in, as one that is always 0, is divided by
    `SMALLEST_DEVIATION` instead: another slice in which it is not 0 must not decide alone.

    Args:
        model: A head.
        features: (slices, features); it may be larger than what memory takes twice.
        indices: Which of them are of the training split; all if not given.
    """
    indices = np.arange(len(features)) if indices is None else indices
    parts = np.array_split(indices, -(-len(indices) // _SLICES_AT_ONCE))
    mean, variance = np.zeros((2, features.shape[1]))
    for part in parts:
        mean += features[part].sum(axis=0, dtype=np.float64)
    mean /= len(indices)
    for part in parts:
        variance += np.square(features[part] - mean).sum(axis=0)
    variance /= len(indices)
    least = SMALLEST_DEVIATION**2 * variance.mean() or 1.0
    layer = model.get_layer("standardised")
    layer.adapt_mean.assign(mean)
    layer.adapt_variance.assign(np.maximum(variance, least))
    layer.finalize_state()


def set_output_bias(
    model: keras.Model,
    prevalence: NDArray[np.float64],
    *,
    given_any: bool = False,
    weights: NDArray[np.float32] | None = None,
) -> None:
    """Start the logits at the log-odds of the labels' training prevalence.

    An untrained network then scores like the constant-prevalence floor instead of a coin.

    Args:
        model: A model with a Dense layer named `logits`.
        prevalence: Share of positives of each label, in [0, 1]; kept off 0 and 1 by 1e-4.
        given_any: Whether the logits of subtypes are of their share among slices with bleeding.
        weights: How often a positive of each label counts, if not once: then the log-odds are those
            of the shares so weighted. A weight of 0, of a label that all slices have, changes none.
    """
    if given_any:
        of_any = prevalence[LABELS.index(ANY)]
        shares = np.minimum(np.divide(prevalence, of_any), 1) if of_any else np.zeros(len(LABELS))
        prevalence = np.where(np.array(LABELS) == ANY, prevalence, shares)
    if weights is not None:
        weighted = np.where(weights > 0, weights, 1.0) * prevalence
        prevalence = weighted / (weighted + 1 - prevalence)
    share = np.clip(prevalence, 1e-4, 1 - 1e-4)
    model.get_layer("logits").bias.assign(np.log(share / (1 - share)).astype(np.float32))
