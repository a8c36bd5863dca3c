"""What is measured of one label in one place, at a threshold that was chosen elsewhere."""

import math
from typing import Any, Final

import numpy as np

from ichreport.evaluation.calibration.net_benefit import decision_curve
from ichreport.evaluation.calibration.recalibration import (
    fit_logistic,
    fit_shift,
    line_standard_errors,
    shift_standard_error,
    to_logit,
)
from ichreport.evaluation.external.scored import Scored
from ichreport.evaluation.scores import auc_score, log_loss_terms
from ichreport.evaluation.thresholds import rates_with_intervals
from ichreport.evaluation.uncertainty.bootstrap import (
    REPLICATES,
    auc_replicates,
    draw_resamples,
    mean_replicates,
)
from ichreport.evaluation.uncertainty.intervals import (
    area_interval,
    count_groups,
    estimate_interval,
    interval,
)

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
    replicates: int = REPLICATES,
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """All measures of one label, with intervals over linked patients.

    Nothing is fitted that would change a probability: calibration in the large (`fit_shift`) and
    the calibration slope (`fit_logistic`) are read off.

    Args:
        scored: The label's truths and probabilities.
        threshold: Frozen; NaN leaves what needs one undefined.
        calibrated: Whether the probabilities are meant as such; else calibration, net benefit and
            log loss are undefined.
        replicates: Resamples of linked patients behind the intervals.
        seed: Seed of the resamples.

    Returns:
        By name, as in `MEASURES`: `value`, `low` and `high`; NaN where undefined. The net benefit
        is that of acting from the threshold on, TP / n - FP / n · p / (1 - p).
    """
    resamples = draw_resamples(scored.group, replicates=replicates, seed=seed)
    codes = resamples.group_codes(scored.group)
    truth, score = scored.truth, scored.score
    area = auc_score(truth, score)
    areas = auc_replicates(truth, score, codes, resamples.counts)
    terms = log_loss_terms(truth, score)
    losses = mean_replicates(terms, codes, resamples.counts)
    measured = {
        AUC: {"value": area, **_ends(area_interval(area, areas, truth == 1, codes))},
        **_calibration(scored, codes),
        LOG_LOSS: {
            "value": float(terms.mean()) if len(terms) else math.nan,
            **_ends(interval(losses, groups=len(np.unique(codes)))),
        },
    }
    for rate in rates_with_intervals(truth, score, threshold, codes, resamples):
        if rate["rate"] in _RATES:
            measured[rate["rate"]] = {name: rate[name] for name in ("value", "low", "high")}
    measured[NET_BENEFIT] = _UNDEFINED
    if 0 < threshold < 1 and len(truth):
        curve = decision_curve(
            truth, score, group_codes=codes, resamples=resamples, thresholds=[threshold]
        )
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
        name: {"value": value, **_ends(estimate_interval(value, error, groups=groups))}
        for name, (value, error) in fits.items()
    }


def _ends(ci: Any) -> dict[str, float]:
    return {"low": ci.low, "high": ci.high}
