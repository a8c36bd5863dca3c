"""The worst misses and false alarms, for a reader to look at."""

from typing import Final

import pandas as pd

from ichreport.data.store import OF_A_STUDY
from ichreport.evaluation.predictions import select_split
from ichreport.splits import Split

KINDS: Final = ("miss", "false alarm")


def worst_mistakes(
    predictions: pd.DataFrame,
    label: str,
    *,
    split: Split = "test",
    count: int = 8,
    per_study: int = 1,
) -> pd.DataFrame:
    """The positives with the lowest and the negatives with the highest probabilities.

    Args:
        predictions: A run's predictions.
        label: One of `LABELS`.
        split: Where to look.
        count: Slices of each kind, at most.
        per_study: Slices of one study, at most; neighbouring slices are often mistaken alike.

    Returns:
        The rows of `predictions`, the worst first, with `kind` (of `KINDS`) and `probability`;
        equal probabilities are in the order of `sop_instance_uid`.
    """
    rows = select_split(predictions, split)
    worst_of_kind = []
    for kind, truth, ascending in zip(KINDS, (1, 0), (True, False), strict=True):
        wrong = rows[rows[f"truth_{label}"] == truth].sort_values(
            [f"probability_{label}", "sop_instance_uid"], ascending=[ascending, True]
        )
        spread = wrong.groupby(OF_A_STUDY, sort=False).head(per_study)
        worst_of_kind.append(spread.head(count).assign(kind=kind))
    worst = pd.concat(worst_of_kind, ignore_index=True)
    return worst.assign(probability=worst[f"probability_{label}"])
