"""The tables of what was measured of one run, every figure with its interval and its n."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from ichreport.evaluation.assessment import Assessment
from ichreport.evaluation.scores import ALL_LABELS
from ichreport.evaluation.uncertainty.bootstrap import REPLICATES
from ichreport.labels import ANY, LABELS, SUBTYPES
from ichreport.report.html.blocks import Cell, Row, Sentences, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import (
    counted,
    counted_range,
    interval,
    number,
    p_value,
    with_interval,
)
from ichreport.splits import SPLITS

_CAPTIONS: Final = Captions.beside(__file__)

RULE_NAMES: Final = {
    "recall-85": "85 % recall",
    "sensitivity-95": "95 % sensitivity",
    "specificity-90": "90 % specificity",
    "youden": "Youden index",
}
"""The rules of `evaluation.operating.thresholds`, as tables call them."""

_SCORE_NAMES: Final = {
    "weighted_log_loss_sum": "weighted log loss, sum",
    "challenge_log_loss": "weighted log loss, mean",
    "log_loss": "log loss",
    "auc": "AUC",
}
_RATE_NAMES: Final = {
    "recall": "recall",
    "precision": "precision",
    "specificity": "specificity",
    "accuracy": "accuracy",
    "npv": "negative predictive value",
}
OTHER_DRAWS: Final = "on test by other draws"
NO_WHOLE_STUDIES: Final = "No study is in test with all of its slices."
_SUBGROUP_RATES: Final = ("recall", "specificity")


def interval_explanation() -> str:
    """How the intervals of a table that holds AUCs and shares are computed."""
    return _CAPTIONS.fill("intervals_with_shares")


def other_draws_explanation() -> str:
    """What `by_other_draws` shows."""
    return _CAPTIONS.fill("scatter")


def scores(assessed: Assessment) -> Table:
    """Log losses and AUCs by split, with intervals, beside the constant's."""
    table = assessed.scores
    values = _by(table, "split", "score", "label")
    names = list(dict.fromkeys(zip(table["score"], table["label"], strict=True)))
    rows = []
    for score, label in names:
        cells = [with_interval(values[split, score, label]) for split in SPLITS]
        test = values["test", score, label]
        positives = f"{test['positives']:,}" if label != ALL_LABELS else "–"
        name = _SCORE_NAMES[score] + (f", {label}" if label != ALL_LABELS else "")
        rows.append([name, *cells, number(test["floor"]), positives, f"{test['contributing']:,}"])
    sizes = {split: values[split, *names[0]] for split in SPLITS}
    counts = "; ".join(
        f"{split} {size['slices']:,} of {size['groups']:,} groups" for split, size in sizes.items()
    )
    return Table(
        _CAPTIONS.fill("scores", intervals=_CAPTIONS.fill("intervals"), counts=counts),
        ["score", *numbers(*SPLITS, "constant, test", "positives", "groups")],
        _first_marked(rows),
    )


def areas(assessed: Assessment) -> Table:
    """AUCs on test with our intervals and Obuchowski's."""
    ours, closed = _by(assessed.scores, "split", "score", "label"), _by(assessed.areas, "label")
    rows = [
        [
            label,
            number(ours["test", "auc", label]["value"]),
            interval(ours["test", "auc", label]["low"], ours["test", "auc", label]["high"]),
            interval(closed[(label,)]["low"], closed[(label,)]["high"]),
            f"{closed[(label,)]['positive_groups']:,}",
            f"{closed[(label,)]['negative_groups']:,}",
        ]
        for label in (ANY, *SUBTYPES)
    ]
    return Table(
        _CAPTIONS.fill("areas"),
        [
            "label",
            *numbers("AUC, test", "ours", "Obuchowski's"),
            *numbers("positive groups", "negative groups"),
        ],
        rows,
    )


def precisions(assessed: Assessment) -> Table:
    """Average precision on test, beside the prevalence."""
    values = _by(assessed.precisions, "label")
    rows = [
        [
            label,
            with_interval(values[(label,)]),
            number(values[(label,)]["floor"]),
            f"{values[(label,)]['positives']:,}",
            f"{values[(label,)]['groups']:,}",
        ]
        for label in (ANY, *SUBTYPES)
    ]
    return Table(
        _CAPTIONS.fill("precisions", intervals=_CAPTIONS.fill("intervals")),
        ["label", *numbers("average precision", "prevalence", "positives", "groups")],
        _first_marked(rows),
    )


def operating_points(assessed: Assessment) -> Table:
    """Thresholds chosen on validation by four rules, and what each gives on test."""
    on_test = assessed.rates[assessed.rates["split"] == "test"]
    rates = _by(on_test, "rule", "label", "rate")
    chosen_by = _by(assessed.thresholds, "rule", "label")
    scatter = _by(assessed.scatter[assessed.scatter["level"] == "slice"], "rule", "label")
    rows = []
    for rule, name in RULE_NAMES.items():
        for label in (ANY, *SUBTYPES):
            chosen = chosen_by[rule, label]
            cells = [with_interval(rates[rule, label, rate], 2) for rate in _RATE_NAMES]
            support = rates[rule, label, "recall"]["positives"]
            texts = [
                f"{name}: {label}",
                number(chosen["threshold"], 4),
                number(chosen["achieved"], 2),
                by_other_draws(scatter[rule, label]),
                *cells,
                f"{support:,}",
            ]
            rows.append(Row(texts, "marked" if label == ANY else ""))
    return Table(
        _CAPTIONS.fill(
            "operating_points", scatter=other_draws_explanation(), intervals=interval_explanation()
        ),
        [
            "rule",
            *numbers("threshold", "achieved on validation", OTHER_DRAWS),
            *numbers(*_RATE_NAMES.values(), "support"),
        ],
        rows,
    )


def by_other_draws(row: Mapping[str, Any] | None) -> str:
    """The range of recall, or of specificity, that thresholds of other validation sets give.

    Args:
        row: Of `Assessment.scatter`, if there is one.
    """
    if row is None:
        return "–"
    ends = interval(row["rate_low"], row["rate_high"], 2)
    if ends == "–":
        return ends
    share = number(100 * row["undefined"] / REPLICATES, 0)
    return f"{row['rate']} {ends}{'' if share == '0' else f'; none in {share} %'}"


def calibration(assessed: Assessment) -> Table:
    """How well each label is calibrated on test, and what scaling gains."""
    values = _by(assessed.calibration, "label", "measure")
    measured = ("brier", "expected_calibration_error", "log_loss", "gain_temperature", "gain_line")
    rows = [
        [label, *(with_interval(values[label, measure]) for measure in measured)]
        for label in (ANY, *SUBTYPES)
    ]
    errors = [values[label, "expected_calibration_error"] for label in LABELS]
    bins = counted_range((row["bins"] for row in errors), "bin")
    return Table(
        _CAPTIONS.fill(
            "calibration",
            bins=bins,
            binning=errors[0]["binning"],
        ),
        [
            "label",
            *numbers("Brier score", "calibration error", "log loss"),
            *numbers("gain by temperature", "gain by slope and intercept"),
        ],
        _first_marked(rows),
    )


def calibration_fits(assessed: Assessment) -> Table:
    """Logistic regressions on each label's logits, on test and on validation."""
    values = _by(assessed.calibration, "label", "measure")
    fits = ("slope", "in_the_large", "temperature", "validation_slope", "validation_intercept")
    rows = [
        [label, *(with_interval(values[label, fit], 2) for fit in fits)]
        for label in (ANY, *SUBTYPES)
    ]
    return Table(
        _CAPTIONS.fill("calibration_fits"),
        [
            "label",
            *numbers("slope", "in the large", group="test"),
            *numbers("temperature", "slope", "intercept", group="validation"),
        ],
        _first_marked(rows),
    )


def studies(assessed: Assessment) -> Table | Sentences:
    """AUCs and operating points of whole studies, pooled by the maximum and as learned."""
    if not assessed.studies["studies"].any():
        return Sentences([NO_WHOLE_STUDIES])
    values = _by(assessed.studies, "pooling", "label", "score")
    of_studies = assessed.scatter[assessed.scatter["level"] == "study"]
    scatter = _by(of_studies, "pooling", "label")
    rows = []
    for label in (ANY, *SUBTYPES):
        for pooling in dict.fromkeys(assessed.studies["pooling"]):
            measures = [
                with_interval(values[pooling, label, score], 2) for score in ("auc", *_RATE_NAMES)
            ]
            area = values[pooling, label, "auc"]
            counts = [f"{area[name]:,}" for name in ("positives", "studies")]
            drawn = by_other_draws(scatter.get((pooling, label)))
            cells = [f"{label}, {pooling}", *measures, drawn, *counts]
            rows.append(Row(cells, "marked" if label == ANY else ""))
    return Table(
        _CAPTIONS.fill(
            "studies", scatter=other_draws_explanation(), intervals=interval_explanation()
        ),
        [
            "label and pooling",
            *numbers("AUC", *_RATE_NAMES.values(), OTHER_DRAWS, "positive", "studies"),
        ],
        rows,
    )


def subgroups(assessed: Assessment) -> Table:
    """Scores of any bleeding within subgroups of test slices."""
    values = _by(assessed.subgroups, "kind", "subgroup", "score")
    rows = []
    for kind, group in dict.fromkeys((kind, group) for kind, group, _ in values):
        area = values[kind, group, "auc"]
        cells = [_with_groups(values[kind, group, rate]) for rate in _SUBGROUP_RATES]
        counts = [f"{area[name]:,}" for name in ("slices", "positives", "groups")]
        differences = [
            text
            for score in ("auc", *_SUBGROUP_RATES)
            for text in _from_the_rest(values[kind, group, score])
        ]
        rows.append([f"{kind}: {group}", _with_groups(area), *cells, *differences, *counts])
    names = ["AUC", *(_RATE_NAMES[rate] for rate in _SUBGROUP_RATES)]
    return Table(
        _CAPTIONS.fill("subgroups", intervals=interval_explanation()),
        [
            "subgroup",
            *numbers(*names),
            *numbers(
                *(f"{p}{name}" for name in names for p in ("", "p of ")), group="less the rest's"
            ),
            *numbers("slices", "positives", "groups"),
        ],
        rows,
    )


def _with_groups(row: dict[str, Any]) -> str:
    """A figure with its interval, or with how few patients it has none."""
    shown = with_interval(row, 2)
    if shown == "–" or "(" in shown:
        return shown
    return f"{shown} (no interval: {row['groups']:,} patient{'' if row['groups'] == 1 else 's'})"


def _from_the_rest(row: dict[str, Any]) -> list[str]:
    """A subgroup's difference from the rest with its interval, and its adjusted p-value."""
    ends = {"low": row["difference_low"], "high": row["difference_high"]}
    difference = {"value": row["difference"], **ends}
    return [with_interval(difference, 2), p_value(row["p_adjusted"])]


def _first_marked(rows: Sequence[Sequence[Cell]]) -> list[Row]:
    """Rows of which the first, of any bleeding or of the whole score, is set in bold."""
    first, *others = rows
    return [Row(first, "marked"), *map(Row, others)]


def _by(table: pd.DataFrame, *names: str) -> dict[tuple[str, ...], dict[str, Any]]:
    """The rows of a table by some of their columns."""
    rows = table.to_dict("records")
    return {tuple(row[name] for name in names): row for row in rows}  # type: ignore[misc]


def undefined(assessed: Assessment) -> Sentences:
    """Which scores test does not define, and why."""
    test = assessed.scores[assessed.scores["split"] == "test"]
    sentences = [
        f"{_SCORE_NAMES[row['score']]} of {row['label']} is undefined on test: "
        f"{row['positives']:,} positive of {counted(row['slices'], 'slice')}."
        for row in test[test["value"].isna()].to_dict("records")
    ]
    return Sentences(sentences or ["Every score is defined on test."])
