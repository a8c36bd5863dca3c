"""What a calibrated probability means where the label is more frequent, or less, than it was."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ichreport.evaluation.calibration.recalibration import to_logit, to_probability


def at_prevalence(probability: ArrayLike, *, known: float, wanted: float) -> NDArray[np.float64]:
    """Probabilities where a label has another prevalence than where they were calibrated.

    The odds change by the ratio of the prior odds (Saerens, Latinne and Decaestecker, Neural
    Computation 14 (2002) 21), as long as cases with the label look alike in both places, and those
    without it.

    Args:
        probability: Calibrated where the prevalence is `known`, any shape, in [0, 1].
        known: The prevalence there, in (0, 1).
        wanted: The other prevalence, in (0, 1).

    Raises:
        ValueError: If a prevalence is not in (0, 1), or a probability not in [0, 1].

    Example:
        >>> at_prevalence(0.5, known=0.5, wanted=0.02).round(6).item()
        0.02
    """
    for name, value in {"known": known, "wanted": wanted}.items():
        if not 0 < value < 1:
            raise ValueError(f"{name} prevalence must be in (0, 1), got {value!r}.")
    shift: Any = np.log(wanted / (1 - wanted)) - np.log(known / (1 - known))
    return to_probability(to_logit(probability) + shift)
