"""What train and test of a sample share, and what that seems to gain."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ichreport.evaluation.comparisons import Comparison, difference_above_floors
from ichreport.labels import ANY
from ichreport.report.html.blocks import Sentences, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import number, with_interval
from ichreport.runs.results import Results

_CAPTIONS: Final = Captions.beside(__file__)
_HEADINGS: Final = {
    "patients": "same patient",
    "groups": "same group",
    "studies": "same study",
    "series": "same series",
    "neighbouring slices": "neighbouring slice",
    "identical pixels": "same pixels",
}
"""What the leak audit counts, and the column that shows it."""


def table(results: Results) -> Table:
    """Of each sample's test slices, the shares whose relatives stand in train."""
    rows = []
    seen = set()
    for run in results.rows.values():
        if (run.sample, run.split_by) in seen:
            continue
        seen.add((run.sample, run.split_by))
        test = run.assessment.split("test")["slices"]
        shares = _leak_shares(run.record["leak"], test)
        rows.append([f"{run.sample}, split by {run.split_by}", *shares, f"{test:,}"])
    return Table(
        _CAPTIONS.fill("leak"),
        ["sample", *numbers(*_HEADINGS.values(), "test slices")],
        rows,
    )


def gain(results: Results) -> Table | Sentences:
    """What the leak seems to gain: the same row split by slice and split by patient group."""
    pairs = [
        (run, twin) for run in results.rows.values() for twin in results.twins_of(run.experiment)
    ]
    if not pairs:
        return Sentences(
            ["No row was run with both splits, so what the leak gains is not known here."]
        )
    rows = []
    for by_slice, by_group in pairs:
        both = {"by slice": by_slice.predictions, "by group": by_group.predictions}
        areas = Comparison(both)
        differences = {
            "AUC, any": areas.difference("by slice", "by group", "auc", ANY),
            "log loss above the constant's": difference_above_floors(*both.values()),
        }
        for name, difference in differences.items():
            rows.append(
                [
                    f"{by_slice.name}: {name}",
                    number(difference.value),
                    number(difference.baseline),
                    with_interval({"value": difference.difference, **vars(difference.interval)}),
                    by_group.name,
                ]
            )
    return Table(
        _CAPTIONS.fill("leak_gain"),
        [
            "row and score",
            *numbers("split by slice", "split by group", "difference"),
            "its twin",
        ],
        rows,
    )


def _leak_shares(audit: Sequence[Mapping[str, Any]], test: int) -> list[str]:
    by_kind = {
        row["kind"]: row for row in audit if (row["first"], row["second"]) == ("train", "test")
    }
    return [
        number(100 * by_kind[kind]["slices_in_second"] / test, 1)
        if kind in by_kind and test
        else "–"
        for kind in _HEADINGS
    ]
