"""A moving average of a network's weights, which is judged and kept instead of the last ones."""

from typing import Any

import keras
from keras import ops


def is_averaged(variable: keras.Variable) -> bool:
    """Whether the average has this variable too: all numbers with fractions.

    The statistics of batch normalization belong to the weights that made them, so that an average
    of weights wants those of as many steps. Counters and seeds are as they are.
    """
    return bool(keras.backend.is_float_dtype(variable.dtype))


def moved(average: Any, value: Any, share: Any) -> Any:
    """An average that goes a share of the way to a value; what is equal stays so to the bit."""
    return average + (value - average) * ops.cast(share, average.dtype)


def share_of_new(ema: float, steps: Any) -> Any:
    """The share of the way that the average goes to the weights after a step.

    1 - min(ema, (1 + n) / (10 + n)) after step n: the first weights, which are random, are soon
    left behind. The rule of TensorFlow's `tf.train.ExponentialMovingAverage` with `num_updates`.

    Args:
        ema: What a step leaves of the average, at most; in (0, 1).
        steps: Steps taken, n, at least 1.
    """
    steps = ops.cast(steps, "float32")
    return 1.0 - ops.minimum(ema, (1.0 + steps) / (10.0 + steps))
