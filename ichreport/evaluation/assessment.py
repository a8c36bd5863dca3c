"""Everything that is measured of one run, computed once and kept beside its predictions."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import pandas as pd

from ichreport.evaluation.average_precision import average_precision_table
from ichreport.evaluation.calibration.reliability import calibration_table
from ichreport.evaluation.inference.bootstrap import REPLICATES
from ichreport.evaluation.inference.clustered_auc import auc_table
from ichreport.evaluation.inference.score_intervals import score_table_with_intervals
from ichreport.evaluation.scores import without_nan
from ichreport.evaluation.studies import study_table
from ichreport.evaluation.thresholds import frozen_thresholds, rate_table


@dataclass(frozen=True)
class Assessment:
    """The measures of a run, each a table with intervals over linked patient groups.

    Attributes:
        scores: `score_intervals.score_table_with_intervals`, of every split.
        areas: `clustered_auc.auc_table` on test: the closed form beside the bootstrap.
        precisions: `average_precision.average_precision_table` on test.
        thresholds: `thresholds.frozen_thresholds`, chosen on validation.
        rates: `thresholds.rate_table` on test, of these thresholds.
        calibration: `calibration.calibration_table` on test.
        studies: `studies.study_table` on test.
    """

    scores: pd.DataFrame
    areas: pd.DataFrame
    precisions: pd.DataFrame
    thresholds: pd.DataFrame
    rates: pd.DataFrame
    calibration: pd.DataFrame
    studies: pd.DataFrame

    def record(self) -> dict[str, list[dict[str, Any]]]:
        """The tables as lists of rows, as `record.json` keeps them.

        `None` where undefined, and for the endless sharpness of the maximum.
        """
        tables = {each.name: getattr(self, each.name) for each in fields(self)}
        rows: dict[str, list[dict[str, Any]]] = without_nan(
            {
                name: table.replace(np.inf, np.nan).to_dict("records")
                for name, table in tables.items()
            }
        )
        return rows

    @classmethod
    def of_record(cls, recorded: Mapping[str, list[dict[str, Any]]]) -> Self:
        """The tables as a record keeps them; NaN where undefined."""
        return cls(**{name: pd.DataFrame(rows) for name, rows in recorded.items()})


def assess(predictions: pd.DataFrame, *, replicates: int = REPLICATES, seed: int = 0) -> Assessment:
    """Measure a run.

    Thresholds, scalings and poolings are chosen on validation, frozen, and applied to test once.

    Args:
        predictions: A run's predictions.
        replicates: Resamples of linked patient groups behind each interval.
        seed: Seed of the resamples.
    """
    thresholds = frozen_thresholds(predictions)
    return Assessment(
        scores=score_table_with_intervals(predictions, replicates=replicates, seed=seed),
        areas=auc_table(predictions),
        precisions=average_precision_table(predictions, replicates=replicates, seed=seed),
        thresholds=thresholds,
        rates=rate_table(predictions, thresholds, replicates=replicates, seed=seed),
        calibration=calibration_table(predictions, replicates=replicates, seed=seed),
        studies=study_table(predictions, replicates=replicates, seed=seed),
    )
