"""What is scored elsewhere: studies and slices with the probabilities of a frozen run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.evaluation.assessment import POSTER_RULE
from ichreport.evaluation.operating.decisions import Decisions
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS, probabilities
from ichreport.evaluation.studies import pool_studies
from ichreport.labels import LABELS

UNKNOWN: Final = -1
"""The truth of what nobody has labelled."""

Level = Literal["studies", "slices"]


@dataclass(frozen=True)
class Scored:
    """One label of some studies, or of some slices.

    Attributes:
        truth: (n,), 0 or 1.
        score: (n,), probabilities.
        group: (n,), the linked patients of each.
    """

    truth: NDArray[np.int64]
    score: NDArray[np.float64]
    group: NDArray[Any]

    @property
    def positives(self) -> int:
        """How many have the label."""
        return int(self.truth.sum())

    def __len__(self) -> int:
        return len(self.truth)

    def where(self, chosen: NDArray[np.bool_]) -> Self:
        """Some of them: `chosen` is (n,)."""
        return type(self)(self.truth[chosen], self.score[chosen], self.group[chosen])


@dataclass(frozen=True)
class Scale:
    """Studies or slices of one place, with a run's frozen thresholds on the same scale.

    Attributes:
        level: What the rows are.
        rows: `patient_id`, `group`, `study_instance_uid`, the truths (0, 1 or -1) and the
            probabilities after the run's frozen pooling (of studies) or recalibration (of slices).
        thresholds: By label, that of the poster's recall on validation; NaN where there is none.
        calibrated: By label, whether the probabilities are meant as such; else they only rank.
    """

    level: Level
    rows: pd.DataFrame
    thresholds: Mapping[str, float]
    calibrated: Mapping[str, bool]

    def known(self, label: str) -> NDArray[np.bool_]:
        """Which rows have the label's truth."""
        column = self.rows[TRUTHS[LABELS.index(label)]].to_numpy()
        return np.asarray(column >= 0)

    def of(self, label: str) -> Scored:
        """One label of the rows that have its truth."""
        column, rows = LABELS.index(label), self.rows[self.known(label)]
        return Scored(
            rows[TRUTHS[column]].to_numpy(dtype=np.int64),
            rows[PROBABILITIES[column]].to_numpy(dtype=np.float64),
            rows["group"].to_numpy(),
        )


def scale_of_studies(predictions: pd.DataFrame, decisions: Decisions) -> Scale:
    """Whole studies, pooled as the run has learned it, with its thresholds of studies.

    Args:
        predictions: One row a slice of whole studies, as a run's predictions are; the truth of a
            study is the largest of its slices'.
        decisions: What the run has chosen on its validation. Where it has learned no pooling, a
            study's probability is that of its most suspicious slice, which is not calibrated.
    """
    rows = pool_studies(predictions, decisions.poolings)
    thresholds = dict(decisions.study_thresholds[POSTER_RULE])
    return Scale("studies", rows, thresholds, dict(decisions.learned))


def scale_of_slices(predictions: pd.DataFrame, decisions: Decisions) -> Scale:
    """Slices, recalibrated as the run has learned it, with its thresholds on that scale.

    A recalibration that would turn the order round is left out, for the label.

    Args:
        predictions: One row a slice, as a run's predictions are.
        decisions: What the run has chosen on its validation.
    """
    frozen = dict(decisions.thresholds[POSTER_RULE])
    raw = probabilities(predictions)
    known = np.array([[frozen[label] for label in LABELS]])
    calibrated = decisions.calibrated(raw)
    thresholds = decisions.calibrated(np.nan_to_num(known))
    rises = np.array([decisions.recalibrations[label].slope > 0 for label in LABELS])
    rows = predictions.copy()
    rows[list(PROBABILITIES)] = np.where(rises, calibrated, raw)
    on_scale = np.where(np.isnan(known) | ~rises, known, thresholds)[0]
    by_label = dict(zip(LABELS, on_scale.tolist(), strict=True))
    return Scale("slices", rows, by_label, dict.fromkeys(LABELS, True))
