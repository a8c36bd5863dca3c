"""What train and test of a sample share, and what that seems to gain."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ichreport.evaluation.comparisons import Comparison, Difference
from ichreport.labels import ANY
from ichreport.report import trainings
from ichreport.report.html.blocks import Sentences, Table, Verdict, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import (
    counted,
    digits_for,
    number,
    number_range,
    percent,
    with_interval,
)
from ichreport.runs.results import Results, ScoredRun

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


@dataclass(frozen=True)
class Gain:
    """The same row split by slice and split by patient group.

    Attributes:
        by_slice: The run whose test patients have slices in train.
        by_group: The run of its twin.
        area: The difference in AUC of any bleeding, by slice less by group.
        loss: The difference of the weighted log losses above the constant's.
    """

    by_slice: str
    by_group: str
    area: Difference
    loss: Difference


def gains(results: Results) -> list[Gain]:
    """What the leak seems to gain, for every row that was run with both splits."""
    pairs = [
        (run, twin) for run in results.rows.values() for twin in results.twins_of(run.experiment)
    ]
    return [_gain(*pair, results) for pair in pairs]


def _gain(by_slice: ScoredRun, by_group: ScoredRun, results: Results) -> Gain:
    names = by_slice.name, by_group.name
    both = Comparison({run.name: results.trainings(run) for run in (by_slice, by_group)})
    area, loss = both.difference(*names, "auc", ANY), both.difference_above_floors(*names)
    return Gain(*names, area, loss)


def verdict(gained: Sequence[Gain]) -> Verdict:
    """Of how many rows the scores are better by more than chance where test patients are seen.

    Args:
        gained: Of `gains`.
    """
    if not gained:
        return Verdict(_CAPTIONS.fill("leak_gain_unknown"))
    areas = [gain.area for gain in gained if not math.isnan(gain.area.interval.low)]
    undefined = len(gained) - len(areas)
    said = []
    if areas:
        differences = [area.difference for area in areas]
        said.append(
            _CAPTIONS.fill(
                "leak_gains",
                rows=counted(len(areas), "row"),
                larger=_have(sum(area.interval.low > 0 for area in areas)),
                smaller=_have(sum(area.interval.high < 0 for area in areas)),
                differences=number_range(differences, digits_for(*differences)),
            )
        )
    if undefined:
        said.append(_CAPTIONS.fill("leak_gains_undefined", rows=counted(undefined, "row")))
    return Verdict(" ".join(said))


def _have(count: int) -> str:
    """How many have something, as a clause begins."""
    return f"{count or 'none'} {'have' if count > 1 else 'has'}"


def gain(gained: Sequence[Gain], results: Results) -> Table | Sentences:
    """What the leak seems to gain, in numbers.

    Args:
        gained: Of `gains`.
        results: The runs.
    """
    if not gained:
        return Sentences([_CAPTIONS.fill("leak_gain_unknown")])
    rows = [
        [
            f"{gain.by_slice}: {name}",
            number(difference.value),
            number(difference.baseline),
            with_interval({"value": difference.difference, **vars(difference.interval)}),
            gain.by_group,
        ]
        for gain in gained
        for name, difference in (
            ("AUC, any", gain.area),
            ("log loss above the constant's", gain.loss),
        )
    ]
    compared = [name for gain in gained for name in (gain.by_slice, gain.by_group)]
    return Table(
        _CAPTIONS.fill("leak_gain", luck=trainings.luck_of(compared, results)),
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
        percent(by_kind[kind]["slices_in_second"] / test, 1) if kind in by_kind and test else "–"
        for kind in _HEADINGS
    ]
