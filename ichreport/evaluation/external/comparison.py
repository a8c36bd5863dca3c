"""Inside and outside: each measure in both places, and its difference."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from ichreport.evaluation.external.measures import MEASURES, measure
from ichreport.evaluation.external.scored import Scale, Scored
from ichreport.evaluation.uncertainty.two_shares import Estimate, difference_of
from ichreport.labels import LABELS


def compare_places(inside: Scale, outside: Scale) -> pd.DataFrame:
    """Every measure of every label inside and outside, and outside less inside.

    Args:
        inside: The run's own test.
        outside: Another hospital, on the same scale.

    Returns:
        One row for each label and measure: `level`, `label`, `measure`, `threshold` (frozen), and
        for each of `inside`, `outside` and `difference` `_value`, `_low` and `_high`; besides
        `inside_units`, `inside_positives`, `inside_groups`, and the same of outside. NaN where
        undefined.

    Raises:
        ValueError: If the two are not of one level, or of other thresholds.
    """
    if inside.level != outside.level:
        raise ValueError(f"inside is of {inside.level}, and outside of {outside.level}.")
    table = []
    for label in LABELS:
        threshold = inside.thresholds[label]
        if not _same(threshold, outside.thresholds[label]):
            raise ValueError(
                f"{label}: the threshold inside is {threshold!r}, and outside "
                f"{outside.thresholds[label]!r}; it is frozen."
            )
        places = {"inside": inside.of(label), "outside": outside.of(label)}
        measured = {
            place: measure(scored, threshold, calibrated=inside.calibrated[label])
            for place, scored in places.items()
        }
        counts = {
            f"{place}_{name}": value
            for place, scored in places.items()
            for name, value in _counts(scored).items()
        }
        for name in MEASURES:
            both = {place: measured[place][name] for place in places}
            both["difference"] = difference(both["outside"], both["inside"])
            values = {f"{place}_{end}": row[end] for place, row in both.items() for end in row}
            keys = {"level": inside.level, "label": label, "measure": name, "threshold": threshold}
            table.append(keys | values | counts)
    return pd.DataFrame(table)


def difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, float]:
    """One estimate less another of other patients, with its interval from both intervals.

    The lower end is d - sqrt((a - a_low)² + (b_high - b)²), the upper one likewise
    (`two_shares.difference_of`). It keeps what the two intervals know of skewness and of shares of
    0 or 1, where no group differs.

    Args:
        first: `value`, `low` and `high`.
        second: Likewise, of patients none of whom is among the first's.

    Returns:
        `value`, `low` and `high`; NaN where an end is.
    """
    one, other = (
        Estimate(*(float(place[name]) for name in ("value", "low", "high")))
        for place in (first, second)
    )
    return asdict(difference_of(one, other))


def _same(first: float, second: float) -> bool:
    return first == second or (math.isnan(first) and math.isnan(second))


def _counts(scored: Scored) -> dict[str, int]:
    groups = len(set(scored.group.tolist()))
    return {"units": len(scored), "positives": scored.positives, "groups": groups}
