"""What a run has chosen on validation, applied elsewhere as it is: nothing is fitted there."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.store import OF_A_STUDY
from ichreport.evaluation.assessment import POSTER_RULE, Assessment
from ichreport.evaluation.calibration.errors import Recalibration
from ichreport.evaluation.calibration.prevalence import at_prevalence
from ichreport.evaluation.calibration.recalibration import to_logit, to_probability
from ichreport.evaluation.predictions import PROBABILITIES
from ichreport.evaluation.studies import MAXIMUM, Pooling, pool_logits, poolings_in
from ichreport.labels import LABELS

CALIBRATED: Final = tuple(f"calibrated_{label}" for label in LABELS)
"""Columns of the recalibrated probabilities, in the order of `LABELS`."""


@dataclass(frozen=True)
class Decisions:
    """A run's thresholds, recalibration and pooling, all of them chosen on its validation.

    Attributes:
        thresholds: By rule and label, the threshold of a slice's probability; NaN where validation
            defines none.
        study_thresholds: The same of a study's probability.
        recalibrations: By label, of slices.
        poolings: By label, from slices to a study.
        learned: By label, whether the pooling was learned, so that a study's probability is
            calibrated; else it is that of its most suspicious slice.
        prevalence: By label, its share of the studies of validation.
    """

    thresholds: Mapping[str, Mapping[str, float]]
    study_thresholds: Mapping[str, Mapping[str, float]]
    recalibrations: Mapping[str, Recalibration]
    poolings: Mapping[str, Pooling]
    learned: Mapping[str, bool]
    prevalence: Mapping[str, float]

    @classmethod
    def of(cls, assessed: Assessment) -> Self:
        """Those of a run, as it was measured."""
        table, learned = assessed.poolings, poolings_in(assessed.poolings)
        studies = table["studies"].to_numpy(dtype=np.float64)
        with np.errstate(invalid="ignore"):
            share = table["positives"].to_numpy(dtype=np.float64) / studies
        return cls(
            thresholds=_by_rule(assessed.thresholds),
            study_thresholds=_by_rule(assessed.study_thresholds),
            recalibrations={label: _recalibration(assessed, label) for label in LABELS},
            poolings={label: pooling or MAXIMUM for label, pooling in learned.items()},
            learned={label: pooling is not None for label, pooling in learned.items()},
            prevalence=dict(zip(table["label"], share.tolist(), strict=True)),
        )

    def calibrated(self, probability: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities of slices after recalibration, (n, 6); as they are where there is none."""
        columns = []
        for column, label in enumerate(LABELS):
            line, values = self.recalibrations[label], probability[:, column]
            usable = math.isfinite(line.slope) and math.isfinite(line.intercept)
            columns.append(line.with_line(values) if usable else values)
        return np.stack(columns, axis=1)

    def of_study(self, probability: NDArray[np.float64]) -> dict[str, float]:
        """A study's probability of each label, pooled from those of its slices, (n, 6)."""
        one = np.zeros(len(probability), dtype=np.intp)
        logit = to_logit(probability)
        pooled = {}
        for column, label in enumerate(LABELS):
            pooling = self.poolings[label]
            of_label = pool_logits(logit[:, column], one, pooling.sharpness)
            value = to_probability(pooling.slope * of_label + pooling.intercept)
            pooled[label] = float(value[0])
        return pooled

    def of_studies(self, predictions: pd.DataFrame) -> pd.DataFrame:
        """Studies' probabilities: a row a study, with the columns of `PROBABILITIES`.

        Args:
            predictions: One row a slice: `patient_id`, `study_instance_uid` and the probabilities.
        """
        rows = []
        for names, slices in predictions.groupby(OF_A_STUDY, sort=True):
            pooled = self.of_study(slices[list(PROBABILITIES)].to_numpy(dtype=np.float64))
            columns = dict(zip(PROBABILITIES, pooled.values(), strict=True))
            rows.append({**dict(zip(OF_A_STUDY, names, strict=True)), **columns})
        return pd.DataFrame(rows, columns=[*OF_A_STUDY, *PROBABILITIES])

    def is_called(self, label: str, probability: float, rule: str = POSTER_RULE) -> bool | None:
        """Whether a study's probability reaches a rule's threshold; None where there is none."""
        threshold = self.study_thresholds[rule][label]
        return None if math.isnan(threshold) else probability >= threshold

    def at_prevalence(self, label: str, probability: float, wanted: float) -> float:
        """What a study's probability means at another prevalence; NaN if it is not calibrated."""
        known = self.prevalence[label]
        if not self.learned[label] or not 0 < known < 1:
            return math.nan
        return float(at_prevalence(probability, known=known, wanted=wanted))


def _by_rule(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    rules: dict[str, dict[str, float]] = {}
    for rule, label, threshold in table[["rule", "label", "threshold"]].itertuples(index=False):
        rules.setdefault(str(rule), {})[str(label)] = float(threshold)
    return rules


def _recalibration(assessed: Assessment, label: str) -> Recalibration:
    measures = ("temperature", "validation_slope", "validation_intercept")
    values = (assessed.calibration_measure(measure, label)["value"] for measure in measures)
    return Recalibration(*map(float, values))
