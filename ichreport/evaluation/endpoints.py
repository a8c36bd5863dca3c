"""What a report may be about: each label by each measure, in slices and in whole studies.

All of them are measured, so that a record serves whichever endpoint a report has named. A run is
chosen by its figure on validation; the figure on test is what it is judged by.
"""

from typing import Final

import numpy as np
import pandas as pd

from ichreport.evaluation.average_precision import average_precision, average_precision_table
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS, select_split
from ichreport.evaluation.uncertainty.jackknife import average_precision_left_out
from ichreport.evaluation.uncertainty.score_table import score_table
from ichreport.labels import LABELS
from ichreport.splits import Split

_SPLITS: Final[tuple[Split, ...]] = ("validation", "test")
_COLUMNS: Final = ("value", "low", "high", "groups", "units", "positives")


def endpoint_table(
    predictions: pd.DataFrame,
    scores: pd.DataFrame,
    precisions: pd.DataFrame,
    studies: pd.DataFrame,
) -> pd.DataFrame:
    """The figure of every endpoint on validation and on test.

    Args:
        predictions: A run's predictions, one row a slice.
        scores: `uncertainty.score_table.score_table` of these.
        precisions: `average_precision.average_precision_table` of these on test.
        studies: `studies.PooledStudies.maximum` of these: the maximum has nothing to fit.

    Returns:
        One row for each `level` (`slice`, `study`), `measure` (`auc`, `average_precision`), `split`
        and `label`: `value`, `low`, `high`, `groups` (that contribute), `units`
        (slices or studies) and `positives`. NaN where undefined; the average precision on
        validation has no interval.
    """
    of_studies = score_table(studies, splits=_SPLITS)
    tables = [
        _areas(scores).assign(level="slice"),
        _precisions(predictions, precisions).assign(level="slice"),
        _areas(of_studies).assign(level="study"),
        _precisions(studies, average_precision_table(studies)).assign(level="study"),
    ]
    keys = ["level", "measure", "split", "label"]
    return pd.concat(tables, ignore_index=True)[[*keys, *_COLUMNS]]


def _areas(scores: pd.DataFrame) -> pd.DataFrame:
    areas = scores[(scores["score"] == "auc") & scores["split"].isin(_SPLITS)]
    named = areas.drop(columns="groups").rename(
        columns={"contributing": "groups", "slices": "units"}
    )
    return named.assign(measure="auc")


def _precisions(rows: pd.DataFrame, on_test: pd.DataFrame) -> pd.DataFrame:
    """Average precisions on test with their intervals, and on validation without."""
    validation = select_split(rows, "validation")
    truth, score = validation[list(TRUTHS)], validation[list(PROBABILITIES)]
    codes = pd.factorize(validation["group"])[0].astype(np.intp)
    plain = [
        {
            "label": label,
            "value": average_precision(truth.iloc[:, column], score.iloc[:, column]),
            "units": len(validation),
            "positives": int(truth.iloc[:, column].sum()),
            "groups": average_precision_left_out(
                truth.iloc[:, column], score.iloc[:, column], codes
            ).groups,
        }
        for column, label in enumerate(LABELS)
    ]
    tables = [
        pd.DataFrame(plain).assign(split="validation"),
        on_test.rename(columns={"slices": "units"}).assign(split="test"),
    ]
    return pd.concat(tables, ignore_index=True).assign(measure="average_precision")
