"""What stands on both sides of each run's split, and what that seems to gain."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ichreport.evaluation.comparisons import Comparison, difference_above_floors
from ichreport.labels import ANY
from ichreport.report.html.blocks import Sentences, Table, numbers
from ichreport.report.html.formats import number, with_interval
from ichreport.runs.results import Results, Scored

_LEAK_KINDS: Final = {
    "patients": "patient",
    "groups": "group",
    "studies": "study",
    "series": "series",
    "identical pixels": "pixels",
}


def table(found: Results) -> Table:
    """Of each sample's test slices, the shares whose relatives stand in train."""
    rows = []
    seen = set()
    for own in found.rows.values():
        how = own.split_by
        if (own.sample, how) in seen:
            continue
        seen.add((own.sample, how))
        test = own.assessment.split("test")["slices"]
        shares = _leak_shares(own.run.record["leak"], test)
        rows.append([f"{own.sample}, split by {how}", *shares, f"{test:,}"])
    return Table(
        "The leak: of the test slices, the share (%) whose patient, linked group, study or series "
        "also has slices in train, or of which train holds an identical copy.",
        ["sample", *numbers(*(f"same {kind}" for kind in _LEAK_KINDS.values()), "test slices")],
        rows,
    )


def price(found: Results) -> Table | Sentences:
    """What the leak pays: the same row split by slice and split by patient group."""
    pairs = [(own, other) for own in found.rows.values() for other in _same_but_split(own, found)]
    if not pairs:
        return Sentences(["No row was run with both splits, so that the leak has no price here."])
    rows = []
    for by_slice, by_group in pairs:
        one, other = by_slice.predictions, by_group.predictions
        areas = Comparison({"by slice": one, "by group": other})
        gained = {
            "AUC, any": areas.difference("by slice", "by group", "auc", ANY),
            "log loss above the constant's": difference_above_floors(one, other),
        }
        for name, difference in gained.items():
            rows.append(
                [
                    f"{by_slice.run.name}: {name}",
                    number(difference.value),
                    number(difference.baseline),
                    with_interval({"value": difference.difference, **vars(difference.interval)}),
                    by_group.run.name,
                ]
            )
    return Table(
        "The price of the leak: the same network on the same sample, split by slice as the poster "
        "did and by patient group. The two test sets differ, and so does what the constant "
        "prevalence scores on them: the weighted log loss is counted from there, below 0 is "
        "better. The difference, with its 95 % interval over the linked patient groups of both "
        "test sets, is what the split seems to gain, with the chance of one training each.",
        [
            "row and score",
            *numbers("split by slice", "split by group", "difference"),
            "its twin",
        ],
        rows,
    )


def _leak_shares(audit: Sequence[Mapping[str, Any]], test: int) -> list[str]:
    of = {row["kind"]: row for row in audit if (row["first"], row["second"]) == ("train", "test")}
    return [
        number(100 * of[kind]["slices_in_second"] / test, 1) if kind in of and test else "–"
        for kind in _LEAK_KINDS
    ]


def _same_but_split(own: Scored, found: Results) -> list[Scored]:
    """The runs that are as this one, which is split by slice, but split by group."""
    if own.unseen_patients:
        return []
    others = [other for other in found.rows.values() if other.unseen_patients]
    return [other for other in others if _but_for_its_split(other) == _but_for_its_split(own)]


def _but_for_its_split(own: Scored) -> dict[str, Any]:
    return own.run.experiment.model_dump(exclude={"name", "question", "poster_row", "split_by"})
