"""The tables of what calls are worth: likelihood ratios, and alarms at stated prevalences."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pandas as pd

from ichreport.evaluation.assessment import POSTER_RULE, Assessment
from ichreport.evaluation.operating.operating_points import PER
from ichreport.labels import ANY, SUBTYPES
from ichreport.report.html.blocks import Row, Sentences, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import digits_for, listed, number, with_interval
from ichreport.report.run.score_tables import NO_WHOLE_STUDIES, RULE_NAMES

_CAPTIONS: Final = Captions.beside(__file__)
_SUMMARIES: Final = {
    "likelihood_ratio_positive": "LR+",
    "likelihood_ratio_negative": "LR−",
    "balanced_accuracy": "balanced accuracy",
    "mcc": "MCC",
}
_ALARMS: Final = {"alarms": "alarms", "false_alarms": "false alarms", "missed": "missed"}


def likelihood_ratios(assessed: Assessment) -> Table:
    """What recall and specificity come to, at each operating point of slices and of studies."""
    rows = [*_of_slices(assessed), *_of_studies(assessed)]
    return Table(
        _CAPTIONS.fill("likelihood_ratios"),
        ["operating point", *numbers("prevalence, test", *_SUMMARIES.values(), "positive")],
        rows,
    )


def alarms(assessed: Assessment) -> Table | Sentences:
    """Predictive values and alarms of whole studies, at the data's own and at other prevalences."""
    if not assessed.studies["studies"].any():
        return Sentences([NO_WHOLE_STUDIES])
    rows = []
    for label in (ANY, *SUBTYPES):
        of_label = assessed.alarms[assessed.alarms["label"] == label]
        points = of_label[["own", "prevalence"]].drop_duplicates()
        for own, prevalence in points.itertuples(index=False):
            at = of_label[(of_label["own"] == own) & (of_label["prevalence"] == prevalence)]
            by_name = _by_name(at, "figure")
            name = f"{label}, {'as in test' if own else 'stated'}"
            cells = [
                f"{100 * prevalence:.{3 if own else 6}g} %",
                *(_never_certain(by_name[value]) for value in ("ppv", "npv")),
                *(with_interval(by_name[value], 1) for value in _ALARMS),
            ]
            rows.append(Row([name, *cells], "marked" if label == ANY else ""))
    return Table(
        _CAPTIONS.fill("alarms", stated=_stated(assessed)),
        [
            "label and prevalence",
            *numbers("prevalence", "PPV", "NPV"),
            *numbers(*_ALARMS.values(), group=f"of {PER:,} studies"),
        ],
        rows,
    )


def _stated(assessed: Assessment) -> str:
    """Of which labels the profile states a prevalence, as a sentence goes on."""
    table = assessed.alarms
    labels = dict.fromkeys(table.loc[~table["own"].astype(bool), "label"])
    if not labels:
        return ""
    return f", and at those that the profile states for {listed(labels)} bleeding"


def _never_certain(row: Mapping[str, Any]) -> str:
    """A share with its interval, whose far end is told from 1, or from 0, where it is neither."""
    return with_interval(row, digits_for(1 - row["low"], row["high"]))


def _of_slices(assessed: Assessment) -> Iterator[Row]:
    table = assessed.rates[assessed.rates["split"] == "test"]
    for rule, name in RULE_NAMES.items():
        of_rule = table[table["rule"] == rule]
        for label in (ANY, *SUBTYPES):
            point = of_rule[of_rule["label"] == label]
            yield _row(f"slices, {name}: {label}", label, _by_name(point, "rate"), "slices")


def _of_studies(assessed: Assessment) -> Iterator[Row]:
    table, rule = assessed.studies, RULE_NAMES[POSTER_RULE]
    if not table["studies"].any():
        return
    for label in (ANY, *SUBTYPES):
        for pooling in dict.fromkeys(table["pooling"]):
            point = table[(table["label"] == label) & (table["pooling"] == pooling)]
            name = f"studies ({pooling}), {rule}: {label}"
            yield _row(name, label, _by_name(point, "score"), "studies")


def _by_name(point: pd.DataFrame, column: str) -> dict[str, Mapping[str, Any]]:
    rows: list[Any] = point.to_dict("records")
    return {row[column]: row for row in rows}


def _row(name: str, label: str, point: Mapping[str, Mapping[str, Any]], units: str) -> Row:
    positives, total = point["mcc"]["positives"], point["mcc"][units]
    prevalence = positives / total if total else math.nan
    cells = [_perhaps_endless(point[summary]) for summary in _SUMMARIES]
    texts = [name, number(prevalence), *cells, f"{positives:,}"]
    return Row(texts, "marked" if label == ANY else "")


def _perhaps_endless(row: Mapping[str, Any]) -> str:
    """A figure with its interval, of which a record keeps no endless end."""
    low, high = row["low"], row["high"]
    if math.isfinite(low) and not math.isfinite(high):
        value = f"{number(row['value'], 2)} " if math.isfinite(row["value"]) else ""
        return f"{value}(above {number(low, 2)})".strip()
    return with_interval(row, 2)
