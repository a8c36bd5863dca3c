"""What a run misses and where it raises false alarms, by cause: a verdict, then the figures."""

import math
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from ichreport.data.measures.bleeds import REACH
from ichreport.evaluation.failures.by_cause import FailuresByCause
from ichreport.evaluation.uncertainty.intervals import ALPHA
from ichreport.labels import ANY
from ichreport.report.html.blocks import Cell, Row, Sentences, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import (
    counted,
    digits_apart,
    digits_for,
    listed,
    number,
    p_value,
    with_interval,
)

_CAPTIONS: Final = Captions.beside(__file__)


def verdict(failures: FailuresByCause) -> Sentences:
    """What makes the run fail, in sentences: misses first, then false alarms."""
    if math.isnan(failures.threshold):
        return Sentences([_CAPTIONS.fill("failures_no_threshold")])
    sentences = [_of_misses(failures), _of_series(failures), _of_alarms(failures)]
    return Sentences([sentence for sentence in (*sentences, _not_told(failures)) if sentence])


def misses(failures: FailuresByCause) -> Table | Sentences:
    """The share of slices with bleeding that is missed, by cause, and of each subtype."""
    if failures.misses.empty:
        return Sentences([_CAPTIONS.fill("failures_no_misses")])
    method = _CAPTIONS.fill("failures_method", alpha=f"{ALPHA:g}")
    masks = _CAPTIONS.fill("of_masks", reach=f"{REACH:g}") if failures.has_masks else ""
    caption = _CAPTIONS.fill("misses_by_cause", masks=masks, method=method)
    return _table(failures.misses, caption, "slices", "missed")


def misses_of_subtypes(failures: FailuresByCause) -> Table | Sentences:
    """The share of slices of each subtype that is missed, by the area and contrast of its blood."""
    if failures.subtypes.empty:
        return Sentences([_CAPTIONS.fill("failures_no_subtypes")])
    table = failures.subtypes
    named = table.assign(cause=table["label"] + ", " + table["cause"])
    caption = _CAPTIONS.fill("misses_of_subtypes", method=_method_again())
    return _table(named, caption, "slices", "missed")


def missed_studies(failures: FailuresByCause) -> Table | Sentences:
    """The share of whole studies with bleeding that raise no alarm, by cause."""
    if failures.studies.empty:
        return Sentences([_CAPTIONS.fill("failures_no_studies")])
    volume = _CAPTIONS.fill("of_volume") if failures.has_masks else ""
    caption = _CAPTIONS.fill("missed_studies", volume=volume, method=_method_again())
    return _table(failures.studies, caption, "studies", "missed")


def false_alarms(failures: FailuresByCause) -> Table | Sentences:
    """The share of slices without bleeding that raise an alarm, by look-alike and place."""
    if failures.false_alarms.empty:
        return Sentences([_CAPTIONS.fill("failures_no_alarms")])
    shown = _CAPTIONS.fill("of_look_alikes") if failures.lists_look_alikes else ""
    caption = _CAPTIONS.fill("false_alarms_by_cause", shown=shown, method=_method_again())
    return _table(failures.false_alarms, caption, "slices", "alarms")


def _method_again() -> str:
    return _CAPTIONS.fill("failures_method_again")


def _table(table: pd.DataFrame, caption: str, units: str, failed: str) -> Table:
    rows = [_row(row) for row in table.to_dict("records")]
    share = "share missed" if failed == "missed" else "share with an alarm"
    return Table(
        caption,
        [
            "cause",
            *numbers(units, failed, share),
            *numbers("difference", "p", group="first class less last"),
            *numbers("groups"),
        ],
        rows,
    )


def _row(row: Mapping[Any, Any]) -> Row:
    difference = {
        "value": row["difference"],
        "low": row["difference_low"],
        "high": row["difference_high"],
    }
    is_compared = not math.isnan(row["difference"])
    cells: list[Cell] = [
        f"{row['cause']}: {row['stratum']}",
        f"{row['number']:,}",
        f"{row['failed']:,}",
        with_interval(row, 2),
        with_interval(difference, 2) if is_compared else "",
        p_value(row["p_adjusted"]) if is_compared else "",
        f"{row['groups']:,}",
    ]
    return Row(cells, "marked" if row["p_adjusted"] < ALPHA else "")


def _of_misses(failures: FailuresByCause) -> str:
    rate = failures.missed
    if not rate["number"]:
        return f"The test split has no slice with bleeding ({ANY})."
    opening = (
        f"The run misses {rate['failed']:,} of {counted(rate['number'], 'slice')} with bleeding on "
        f"test, {with_interval(rate, 2)}"
    )
    return f"{opening}; {_differs(failures.misses, 'the share missed')}."


def _of_alarms(failures: FailuresByCause) -> str:
    rate = failures.alarmed
    if not rate["number"]:
        return "The test split has no slice without bleeding."
    opening = (
        f"The run raises an alarm on {rate['failed']:,} of {counted(rate['number'], 'slice')} "
        f"without bleeding, {with_interval(rate, 2)}"
    )
    return f"{opening}; {_differs(failures.false_alarms, 'the share with an alarm')}."


def _differs(table: pd.DataFrame, share: str) -> str:
    """By which causes a share differs, in a clause: the largest difference with its figures."""
    tested = table.dropna(subset="p_adjusted")
    if tested.empty:
        return "too few patients are in the classes of any cause to compare them"
    clear = tested[tested["p_adjusted"] < ALPHA]
    of_all = f"{counted(len(tested), 'cause')} compared"
    if clear.empty:
        p = p_value(tested["p_adjusted"].min())
        if len(tested) == 1:
            return f"{share} does not differ clearly by the one cause compared (p {p})"
        return f"{share} differs clearly by none of the {of_all} (least adjusted p {p})"
    clear = clear.sort_values("difference", key=abs, ascending=False, kind="stable")
    names = clear["cause"].tolist()
    others = f", and also by {listed(names[1:])}" if names[1:] else ""
    ends = _ends(table, names[0])
    p = p_value(clear["p_adjusted"].iloc[0])
    sign = "" if p.startswith("<") else "= "
    return f"{share} differs most by {names[0]}: {ends} (p {sign}{p}, {of_all}){others}"


def _ends(table: pd.DataFrame, cause: str) -> str:
    """The shares of the first and the last class of a cause."""
    ends = table[table["cause"] == cause].iloc[[0, -1]]
    first, last = ends["value"].tolist()
    digits = max(digits_for(first, last, digits=2), digits_apart(first, last, 2))
    said = zip((first, last), ends["stratum"], strict=True)
    return " against ".join(f"{number(share, digits)} ({stratum})" for share, stratum in said)


def _of_series(failures: FailuresByCause) -> str:
    missed, half = failures.missed["failed"], failures.half_in
    if missed < 2 or failures.series < 2:
        return ""
    return (
        f"At least half of the missed slices lie in {half:,} of the {failures.series:,} series "
        "with bleeding."
    )


def _not_told(failures: FailuresByCause) -> str:
    """What the data do not tell; empty where they tell everything."""
    if failures.has_masks and failures.lists_look_alikes:
        return ""
    missing = [
        text
        for is_known, text in (
            (failures.has_masks, "the size, contrast and depth of what is missed"),
            (failures.lists_look_alikes, "which look-alikes raise false alarms"),
        )
        if not is_known
    ]
    return f"The data do not tell {' nor '.join(missing)}."
