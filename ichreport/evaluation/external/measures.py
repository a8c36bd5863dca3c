"""What is measured of one label in one place, at a threshold that was chosen elsewhere."""

import math
from typing import Any, Final

import numpy as np
import pandas as pd

from ichreport.evaluation.calibration.net_benefit import decision_curve
from ichreport.evaluation.calibration.recalibration import (
    fit_logistic,
    fit_shift,
    line_standard_errors,
    shift_standard_error,
    to_logit,
)
from ichreport.evaluation.external.scored import Scored
from ichreport.evaluation.operating.operating_points import rates_with_intervals
from ichreport.evaluation.scores import log_loss_terms
from ichreport.evaluation.uncertainty.closed_intervals import area_interval, loss_interval
from ichreport.evaluation.uncertainty.intervals import count_groups
from ichreport.evaluation.uncertainty.jackknife import auc_left_out, mean_left_out

AUC: Final = "auc"
RECALL: Final = "recall"
SPECIFICITY: Final = "specificity"
PRECISION: Final = "precision"
IN_THE_LARGE: Final = "in_the_large"
SLOPE: Final = "slope"
NET_BENEFIT: Final = "net_benefit"
LOG_LOSS: Final = "log_loss"

MEASURES: Final = (AUC, RECALL, SPECIFICITY, PRECISION, IN_THE_LARGE, SLOPE, NET_BENEFIT, LOG_LOSS)
_OF_PROBABILITIES: Final = (IN_THE_LARGE, SLOPE, NET_BENEFIT, LOG_LOSS)
_RATES: Final = (RECALL, SPECIFICITY, PRECISION)


def measure(
    scored: Scored,
    threshold: float,
    *,
    calibrated: bool = True,
) -> dict[str, dict[str, Any]]:
    """All measures of one label, with intervals over linked patients.

    Nothing is fitted that would change a probability: calibration in the large (`fit_shift`) and
    the calibration slope (`fit_logistic`) are read off.

    Args:
        scored: The label's truths and probabilities.
        threshold: Frozen; NaN leaves what needs one undefined.
        calibrated: Whether the probabilities are meant as such; else calibration, net benefit and
            log loss are undefined.

    Returns:
        By name, as in `MEASURES`: `value`, `low` and `high`; NaN where undefined. The net benefit
        is that of acting from the threshold on, TP / n - FP / n · p / (1 - p).
    """
    codes = pd.factorize(scored.group)[0].astype(np.intp)
    truth, score = scored.truth, scored.score
    area = auc_left_out(truth, score, codes)
    measured = {
        AUC: {"value": area.value, **_ends(area_interval(area))},
        **_calibration(scored, codes),
        LOG_LOSS: _UNDEFINED,
    }
    if len(truth):
        loss = mean_left_out(log_loss_terms(truth, score), codes)
        measured[LOG_LOSS] = {"value": loss.value, **_ends(loss_interval(loss))}
    for rate in rates_with_intervals(truth, score, threshold, codes):
        if rate["rate"] in _RATES:
            measured[rate["rate"]] = {name: rate[name] for name in ("value", "low", "high")}
    measured[NET_BENEFIT] = _UNDEFINED
    if 0 < threshold < 1 and len(truth):
        curve = decision_curve(truth, score, group_codes=codes, thresholds=[threshold])
        value, low, high = curve.iloc[0][["net_benefit", "low", "high"]].tolist()
        measured[NET_BENEFIT] = {"value": value, "low": low, "high": high}
    if not calibrated:
        measured |= dict.fromkeys(_OF_PROBABILITIES, _UNDEFINED)
    return {name: measured[name] for name in MEASURES}


_UNDEFINED: Final = {"value": math.nan, "low": math.nan, "high": math.nan}


def _calibration(scored: Scored, codes: Any) -> dict[str, dict[str, Any]]:
    """Calibration in the large and the calibration slope, with intervals in closed form."""
    truth = scored.truth
    if len(np.unique(truth)) < 2:
        return {IN_THE_LARGE: _UNDEFINED, SLOPE: _UNDEFINED}
    logit = to_logit(scored.score)
    groups = count_groups(codes, truth == 1, truth == 0)
    shift, line = fit_shift(truth, logit), fit_logistic(truth, logit)
    fits = {
        IN_THE_LARGE: (shift, shift_standard_error(truth, logit, shift, codes)),
        SLOPE: (line[0], line_standard_errors(truth, logit, line, codes)[0]),
    }
    return {
        name: {"value": value, **_ends(error.interval_around(value, groups=groups))}
        for name, (value, error) in fits.items()
    }


def _ends(ci: Any) -> dict[str, float]:
    return {"low": ci.low, "high": ci.high}
