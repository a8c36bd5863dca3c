"""What recalibration on a small local sample would bring; nothing of it is applied."""

import math
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.evaluation.calibration.recalibration import (
    fit_logistic,
    to_logit,
    to_probability,
)
from ichreport.evaluation.external.scored import Scale, Scored
from ichreport.evaluation.scores import gains, log_loss_terms
from ichreport.evaluation.studies import RIDGE
from ichreport.evaluation.uncertainty.closed_differences import cautious_interval
from ichreport.evaluation.uncertainty.intervals import Interval
from ichreport.evaluation.uncertainty.jackknife import mean_left_out
from ichreport.labels import LABELS

FOLDS: Final = 5


def local_recalibration_table(outside: Scale, *, folds: int = FOLDS, seed: int = 0) -> pd.DataFrame:
    """The log loss as it is, and after a slope and an intercept that other local patients gave.

    Args:
        outside: The studies of another hospital.
        folds: Parts of its patients; each is scored by the line that is fitted to the others.
        seed: Seed of the parts.

    Returns:
        One row a label: `label`, `log_loss`, `log_loss_local`, `gain` (the former less the latter;
        above 0 it would help) with `low` and `high`, `fitted_on` (studies a line is fitted to, on
        average), `units` and `positives`. Intervals take the lines as given. NaN where a line has
        no class to learn, and where the probabilities only rank.
    """
    rows = []
    for label in LABELS:
        scored = outside.of(label)
        local, fitted_on = cross_fitted(scored, folds=folds, seed=seed)
        before = log_loss_terms(scored.truth, scored.score)
        defined = outside.calibrated[label] and len(scored) > 0 and not np.isnan(local).any()
        after = log_loss_terms(scored.truth, local) if defined else np.full(len(scored), math.nan)
        ci = Interval(math.nan, math.nan, 0)
        if defined:
            codes = pd.factorize(scored.group)[0].astype(np.intp)
            ci = cautious_interval(mean_left_out(gains(before, after), codes))
        means = {"log_loss": before, "log_loss_local": after, "gain": gains(before, after)}
        values = {name: float(v.mean()) if len(v) else math.nan for name, v in means.items()}
        counts = {"units": len(scored), "positives": scored.positives}
        row: dict[str, Any] = {"label": label, **values, "low": ci.low, "high": ci.high}
        rows.append({**row, "fitted_on": fitted_on, **counts})
    return pd.DataFrame(rows)


def cross_fitted(
    scored: Scored, *, folds: int = FOLDS, seed: int = 0
) -> tuple[NDArray[np.float64], float]:
    """Probabilities after recalibration, each by a line fitted to other patients.

    The slope is pulled towards 1 as in pooling (`studies.RIDGE`), since a part may hold a handful
    of positives.

    Args:
        scored: Truths, probabilities and patients.
        folds: Parts of linked patients.
        seed: Seed of the parts.

    Returns:
        (n,) probabilities, NaN where the other parts lack a class; and the mean number of units
        that a line was fitted to.
    """
    groups, codes = np.unique(scored.group, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(len(groups)) % folds
    of_unit, logit = fold[codes], to_logit(scored.score)
    local, sizes = np.full(len(scored), math.nan), []
    for number in np.unique(of_unit):
        held_out = of_unit == number
        slope, intercept = fit_logistic(scored.truth[~held_out], logit[~held_out], ridge=RIDGE)
        local[held_out] = to_probability(slope * logit[held_out] + intercept)
        sizes.append(int((~held_out).sum()))
    return local, float(np.mean(sizes)) if sizes else math.nan
