"""The tables of what was measured of one run, every figure with its interval and its n."""

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from ichreport.evaluation.assessment import Assessment
from ichreport.evaluation.scores import ALL_LABELS
from ichreport.labels import ANY, LABELS, SUBTYPES
from ichreport.report.html.blocks import Cell, Row, Sentences, Table, numbers
from ichreport.report.html.formats import interval, number, with_interval
from ichreport.splits import SPLITS

RULE_NAMES: Final = {
    "recall-85": "85 % recall",
    "sensitivity-95": "95 % sensitivity",
    "specificity-90": "90 % specificity",
    "youden": "Youden index",
}
"""The rules of `evaluation.thresholds`, as tables call them."""

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
_INTERVALS: Final = "Intervals are 95 %, by bootstrap over linked patient groups."
SHARES_TOO: Final = (
    "Intervals are 95 % and over linked patient groups: of areas by bootstrap, of shares exact "
    "binomial ones, for as many independent slices as would be as uncertain (Korn and Graubard "
    "1998)."
)
"""How the intervals of a table that holds areas and shares come about."""


def scores(assessed: Assessment) -> Table:
    """Log losses and areas by split, with intervals, beside the floor."""
    table = assessed.scores
    values = _by(table, "split", "score", "label")
    names = list(dict.fromkeys(zip(table["score"], table["label"], strict=True)))
    rows = []
    for score, label in names:
        cells = [with_interval(values[split, score, label]) for split in SPLITS]
        test = values["test", score, label]
        behind = f"{test['positives']:,}" if label != ALL_LABELS else "–"
        name = _SCORE_NAMES[score] + (f", {label}" if label != ALL_LABELS else "")
        rows.append([name, *cells, number(test["floor"]), behind, f"{test['contributing']:,}"])
    sizes = {split: values[split, *names[0]] for split in SPLITS}
    counts = "; ".join(
        f"{split} {own['slices']:,} slices of {own['groups']:,} groups"
        for split, own in sizes.items()
    )
    return Table(
        "Log losses in nats, down is better, and areas under the ROC curve, up is better. The sum "
        "is how we read the poster, the mean is the challenge's (the sum / 7). The constant "
        f"predicts the train prevalence everywhere. {_INTERVALS} Behind a figure stand the "
        "positive slices of test and the groups that it rests on: for an area those of the rarer "
        f"class. {counts}.",
        ["score", *numbers(*SPLITS, "constant, test", "positives", "groups")],
        _first_marked(rows),
    )


def areas(assessed: Assessment) -> Table:
    """Areas on test with the bootstrap's interval and that of the closed form."""
    boot, closed = _by(assessed.scores, "split", "score", "label"), _by(assessed.areas, "label")
    rows = [
        [
            label,
            number(boot["test", "auc", label]["value"]),
            interval(boot["test", "auc", label]["low"], boot["test", "auc", label]["high"]),
            interval(closed[(label,)]["low"], closed[(label,)]["high"]),
            f"{closed[(label,)]['positive_groups']:,}",
            f"{closed[(label,)]['negative_groups']:,}",
            f"{boot['test', 'auc', label]['undefined']:,}",
        ]
        for label in (ANY, *SUBTYPES)
    ]
    return Table(
        "A second opinion on the areas' intervals: by bootstrap over groups, and in closed form "
        "for clustered slices (Obuchowski 1997). With few positive groups neither can be trusted "
        "far. Undefined: resamples of a thousand that lacked a class.",
        [
            "label",
            *numbers("AUC, test", "bootstrap", "closed form"),
            *numbers("positive groups", "negative groups", "undefined"),
        ],
        rows,
    )


def precisions(assessed: Assessment) -> Table:
    """Average precision on test, beside what predicting nothing reaches."""
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
        "Average precision on test: of the slices called positive, the share that bleeds, averaged "
        "over all recalls. It falls with prevalence, which is what scores without meaning reach. "
        f"{_INTERVALS} Groups are those that hold positives, or negatives where they are fewer.",
        ["label", *numbers("average precision", "prevalence", "positives", "groups")],
        _first_marked(rows),
    )


def operating_points(assessed: Assessment) -> Table:
    """Thresholds chosen on validation by four rules, and what each gives on test."""
    on_test = assessed.rates[assessed.rates["split"] == "test"]
    rates = _by(on_test, "rule", "label", "rate")
    chosen_by = _by(assessed.thresholds, "rule", "label")
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
                *cells,
                f"{support:,}",
            ]
            rows.append(Row(texts, "marked" if label == ANY else ""))
    return Table(
        "Operating points. Each rule chooses a threshold for each label on validation, where it "
        "achieves what the third column says; it is frozen and applied to test once. The Youden "
        f"index is recall + specificity − 1. {SHARES_TOO} Support counts the positive slices.",
        [
            "rule",
            *numbers("threshold", "achieved on validation", *_RATE_NAMES.values(), "support"),
        ],
        rows,
    )


def calibration(assessed: Assessment) -> Table:
    """How far each label's probabilities are off on test, and what scaling brings."""
    values = _by(assessed.calibration, "label", "measure")
    measured = ("brier", "expected_calibration_error", "log_loss", "gain_temperature", "gain_line")
    rows = [
        [label, *(with_interval(values[label, measure]) for measure in measured)]
        for label in (ANY, *SUBTYPES)
    ]
    errors = [values[label, "expected_calibration_error"] for label in LABELS]
    fewest, most = (of(row["bins"] for row in errors) for of in (min, max))
    bins = str(most) if fewest == most else f"{fewest} to {most}"
    return Table(
        "Calibration on test. The calibration error is the mean distance of observed from "
        f"predicted shares over {bins} bins of equal {errors[0]['binning']} (as many slices in "
        "each). What the log loss gains by a temperature, and by a slope and an intercept, both "
        f"fitted on validation: above 0, scaling helped. {_INTERVALS} Those of gains take the "
        "scaling as given. Noise alone makes a calibration error larger than 0, and those of "
        "resamples larger still: its interval is centred on the error itself.",
        [
            "label",
            *numbers("Brier score", "calibration error", "log loss"),
            *numbers("gain by temperature", "gain by slope and intercept"),
        ],
        _first_marked(rows),
    )


def calibration_fits(assessed: Assessment) -> Table:
    """What a logistic regression on each label's logits says, on test and on validation."""
    values = _by(assessed.calibration, "label", "measure")
    fits = ("slope", "in_the_large", "temperature", "validation_slope", "validation_intercept")
    rows = [
        [label, *(with_interval(values[label, fit], 2) for fit in fits)]
        for label in (ANY, *SUBTYPES)
    ]
    return Table(
        "Fits to the logits. On test, the calibration slope, below 1 where probabilities are too "
        "sure, and calibration in the large, the intercept at slope 1, above 0 where bleeding is "
        "more frequent than was said. On validation, the temperature, and the slope with its "
        "intercept, that the gains above come from. Intervals are 95 %, in closed form, over the "
        "linked patient groups of that split (Liang and Zeger 1986).",
        [
            "label",
            *numbers("slope", "in the large", group="test"),
            *numbers("temperature", "slope", "intercept", group="validation"),
        ],
        _first_marked(rows),
    )


def studies(assessed: Assessment) -> Table | Sentences:
    """Areas and operating points of whole studies, pooled by the maximum and as learned."""
    if not assessed.studies["studies"].any():
        return Sentences(
            [
                "This sample takes slices one by one, so that no study stands in test with all of "
                "its slices. Whether a scan bleeds anywhere cannot be told from a part of it."
            ]
        )
    values = _by(assessed.studies, "pooling", "label", "score")
    rows = []
    for label in (ANY, *SUBTYPES):
        for pooling in dict.fromkeys(assessed.studies["pooling"]):
            measures = [
                with_interval(values[pooling, label, score], 2) for score in ("auc", *_RATE_NAMES)
            ]
            area = values[pooling, label, "auc"]
            counts = [f"{area[name]:,}" for name in ("positives", "studies")]
            cells = [f"{label}, {pooling}", *measures, *counts]
            rows.append(Row(cells, "marked" if label == ANY else ""))
    return Table(
        "Studies of which every slice is in test: is there bleeding anywhere in the scan? The "
        "slices' probabilities are pooled by their maximum, and by a soft maximum learned on "
        "validation; the threshold "
        f"is that of 85 % recall of validation's studies. {SHARES_TOO}",
        ["label and pooling", *numbers("AUC", *_RATE_NAMES.values(), "positive", "studies")],
        rows,
    )


def subgroups(assessed: Assessment) -> Table:
    """Scores of any bleeding within subgroups of test slices."""
    values = _by(assessed.subgroups, "kind", "subgroup", "score")
    rows = []
    for kind, group in dict.fromkeys((kind, group) for kind, group, _ in values):
        area = values[kind, group, "auc"]
        cells = [with_interval(values[kind, group, rate], 2) for rate in _SUBGROUP_RATES]
        counts = [f"{area[name]:,}" for name in ("slices", "positives", "groups")]
        rows.append([f"{kind}: {group}", with_interval(area, 2), *cells, *counts])
    return Table(
        "Any bleeding on test within subgroups of slices, at the frozen 85 % recall threshold. "
        "Bleeds by size, contrast or number of subtypes are set against all slices without "
        f"bleeding. {SHARES_TOO} Groups are those that the area rests on.",
        [
            "subgroup",
            *numbers("AUC", *(_RATE_NAMES[rate] for rate in _SUBGROUP_RATES)),
            *numbers("slices", "positives", "groups"),
        ],
        rows,
    )


_SUBGROUP_RATES: Final = ("recall", "specificity")


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
    said = [
        f"{_SCORE_NAMES[row['score']]} of {row['label']} is undefined on test: "
        f"{row['positives']:,} of {row['slices']:,} slices are positive."
        for row in test[test["value"].isna()].to_dict("records")
    ]
    return Sentences(said or ["Every score is defined on test."])
