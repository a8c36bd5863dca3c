"""What train and test of a sample share, and what that seems to gain."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ichreport.evaluation.comparisons import Comparison, difference_above_floors
from ichreport.labels import ANY
from ichreport.report.html.blocks import Sentences, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import number, with_interval
from ichreport.runs.results import Results, ScoredRun

_CAPTIONS: Final = Captions.beside(__file__)
_LEAK_KINDS: Final = {
    "patients": "patient",
    "groups": "group",
    "studies": "study",
    "series": "series",
    "identical pixels": "pixels",
}


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
        ["sample", *numbers(*(f"same {kind}" for kind in _LEAK_KINDS.values()), "test slices")],
        rows,
    )


def gain(results: Results) -> Table | Sentences:
    """What the leak seems to gain: the same row split by slice and split by patient group."""
    pairs = [
        (run, other) for run in results.rows.values() for other in _same_but_split(run, results)
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
        for kind in _LEAK_KINDS
    ]


def _same_but_split(run: ScoredRun, results: Results) -> list[ScoredRun]:
    """Of a run that is split by slice, the runs that differ only by a split by group."""
    if run.unseen_patients:
        return []
    others = [other for other in results.rows.values() if other.unseen_patients]
    return [other for other in others if _all_but_the_split(other) == _all_but_the_split(run)]


def _all_but_the_split(run: ScoredRun) -> dict[str, Any]:
    """The parameters of a run but its split, its baseline (of the same split) and its names."""
    names = {"name", "question", "poster_row"}
    return run.experiment.model_dump(exclude=names | {"split_by", "baseline"})
