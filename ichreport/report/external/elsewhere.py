"""What a report knows of other hospitals, and its verdict on each."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ichreport.evaluation.external.measures import AUC, IN_THE_LARGE, RECALL, SPECIFICITY
from ichreport.labels import ANY, LABELS
from ichreport.params.profile import Profile
from ichreport.report.html.blocks import Sentences
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import counted, digits_for, number, with_interval
from ichreport.runs.external_record import ExternalProblem, ExternalRecord, read_external
from ichreport.runs.results import Results

_CAPTIONS: Final = Captions.beside(__file__)

FEW: Final = 20
"""Studies with a label below which a sentence says what became of them."""

STUDIES: Final = "studies"
SLICES: Final = "slices"


@dataclass(frozen=True)
class Elsewhere:
    """The evaluations of a report.

    Attributes:
        records: Those that are whole and of the runs as they are now.
        problems: What is wrong with others, and which are missing.
    """

    records: list[ExternalRecord]
    problems: list[ExternalProblem]


def read(profile: Profile, report_folder: Path | None = None) -> Elsewhere:
    """Read the evaluations of a profile's runs on its external data sets.

    Args:
        profile: Its `external` says which are expected; others that were made by hand are read too.
        report_folder: A copy of its report; the report itself if not given.
    """
    records, problems = read_external(report_folder or profile.report_folder)
    known = {(record.data["name"], record.run) for record in records}
    known |= {(problem.data_set, problem.run) for problem in problems}
    missing = [
        ExternalProblem(data.name, run, _CAPTIONS.fill("missing", run=run, data=data.name))
        for data in profile.external
        for run in profile.runs_elsewhere(data)
        if (data.name, run) not in known
    ]
    return Elsewhere(records, [*problems, *missing])


def verdict(elsewhere: Elsewhere, results: Results) -> Sentences:
    """Whether each run holds in each place: a line each, from the interval of the difference.

    Then what of these runs was chosen after a look at test patients, and which evaluations are
    missing.

    Args:
        elsewhere: As `read` gives it.
        results: All runs of the report.
    """
    lines = [_verdict(record) for record in elsewhere.records]
    names = dict.fromkeys(record.run for record in elsewhere.records)
    scored = [results.all_scored[name] for name in names if name in results.all_scored]
    chosen = [said for run in scored for said in results.hindsight_of(run)]
    told = [*lines, *chosen, *(problem.text for problem in elsewhere.problems)]
    return Sentences(told) if told else no_records(elsewhere)


def verdicts_of(elsewhere: Elsewhere, run: str) -> str:
    """Whether a run holds elsewhere, in sentences; nothing without an evaluation of it.

    Args:
        elsewhere: As `read` gives it.
        run: The run's name.
    """
    return " ".join(_verdict(record) for record in elsewhere.records if record.run == run)


def problems_of(elsewhere: Elsewhere, run: str) -> str:
    """Which evaluations of a run are missing or cannot be used, in sentences; nothing if none.

    Args:
        elsewhere: As `read` gives it.
        run: The run's name.
    """
    return " ".join(problem.text for problem in elsewhere.problems if problem.run == run)


def no_records(elsewhere: Elsewhere) -> Sentences:
    """What stands where records would be shown: that none is asked for, or that none can be used.

    Args:
        elsewhere: As `read` gives it, without records.
    """
    if elsewhere.problems:
        return Sentences([_CAPTIONS.fill("none_of_use")])
    return Sentences([_CAPTIONS.fill("nothing")])


def of_thresholds(elsewhere: Elsewhere) -> Sentences:
    """What frozen thresholds do to recall and specificity.

    Args:
        elsewhere: As `read` gives it.
    """
    told = [each for record in elsewhere.records for each in _of_threshold(record)]
    return Sentences(told) if told else no_records(elsewhere)


def of_probabilities(elsewhere: Elsewhere) -> Sentences:
    """Whether bleeding is as frequent there as the runs' probabilities say.

    Args:
        elsewhere: As `read` gives it.
    """
    told = [_of_probabilities(record) for record in elsewhere.records]
    return Sentences(told) if told else no_records(elsewhere)


def of_few(elsewhere: Elsewhere) -> Sentences:
    """What became of the studies of labels that few studies have.

    Args:
        elsewhere: As `read` gives it.
    """
    if not elsewhere.records:
        return no_records(elsewhere)
    told = [each for record in elsewhere.records for each in _of_few(record)]
    return Sentences(told or [_CAPTIONS.fill("no_few", few=FEW)])


def outcome(row: Mapping[str, Any]) -> str:
    """Whether a measure is higher or lower outside, by its interval.

    Args:
        row: A row of `evaluation.external.comparison.compare_places`.

    Returns:
        `lower`, `higher`, `open` (the interval holds 0) or `undefined`.
    """
    low, high = row["difference_low"], row["difference_high"]
    if math.isnan(low) or math.isnan(high):
        return "undefined"
    if high < 0:
        return "lower"
    return "higher" if low > 0 else "open"


def of_place(row: Mapping[str, Any], place: str, digits: int = 3) -> str:
    """A measure with its interval: `inside`, `outside` or `difference`."""
    ends = {end: row[f"{place}_{end}"] for end in ("value", "low", "high")}
    return with_interval(ends, digits)


def _verdict(record: ExternalRecord) -> str:
    row = record.assessment.row(AUC, ANY)
    run, data = record.run, str(record.data["name"])
    figures = _CAPTIONS.fill(
        "figures",
        outside=of_place(row, "outside"),
        inside=of_place(row, "inside"),
        difference=of_place(row, "difference"),
        studies=counted(row["outside_units"], "study", "studies"),
        positives=f"{row['outside_positives']:,}",
        studies_inside=counted(row["inside_units"], "study", "studies"),
        positives_inside=f"{row['inside_positives']:,}",
    )
    match outcome(row):
        case "lower":
            return _CAPTIONS.fill("falls", run=run, data=data, figures=figures)
        case "higher":
            return _CAPTIONS.fill("does_better", run=run, data=data, figures=figures)
        case "undefined":
            return _CAPTIONS.fill("no_verdict", run=run, data=data, figures=figures)
    if row["difference_low"] == 0:
        return _CAPTIONS.fill("no_fall", run=run, data=data, figures=figures)
    fall = number(-row["difference_low"], digits_for(row["difference_low"]))
    return _CAPTIONS.fill("left_open", run=run, data=data, figures=figures, fall=fall)


def _of_threshold(record: ExternalRecord) -> list[str]:
    """What the frozen threshold does to recall and specificity."""
    rows = {name: record.assessment.row(name, ANY) for name in (RECALL, SPECIFICITY)}
    return [
        _CAPTIONS.fill(
            "threshold",
            run=record.run,
            data=record.data["name"],
            measure=measure,
            outside=of_place(row, "outside", 2),
            compared=_COMPARED[outcome(row)],
            inside=of_place(row, "inside", 2),
        )
        for measure, row in rows.items()
    ]


_COMPARED: Final = {
    "lower": "lower than inside",
    "higher": "higher than inside",
    "open": "not distinguishable from that inside",
    "undefined": "which cannot be compared with that inside",
}


def _of_probabilities(record: ExternalRecord) -> str:
    """Whether bleeding is as frequent there as the run's probabilities say."""
    row = record.assessment.row(IN_THE_LARGE, ANY)
    low, high = row["outside_low"], row["outside_high"]
    if math.isnan(low):
        says = "cannot be judged"
    elif high < 0:
        says = "are too high: bleeding is rarer than they say"
    elif low > 0:
        says = "are too low: bleeding is more frequent than they say"
    else:
        says = "are about as large as bleeding is frequent, as far as these studies can tell"
    shift = of_place(row, "outside", 2)
    name = record.data["name"]
    return _CAPTIONS.fill("probabilities", run=record.run, data=name, says=says, shift=shift)


def _of_few(record: ExternalRecord) -> list[str]:
    """Labels that few studies have: what became of these studies."""
    told = []
    for label in LABELS:
        row = record.assessment.row(RECALL, label)
        count, recall = int(row["outside_positives"]), row["outside_value"]
        if count >= FEW:
            continue
        name = record.data["name"]
        if not count:
            told.append(
                _CAPTIONS.fill("none", run=record.run, data=name, label=label)
                if row["outside_units"]
                else _CAPTIONS.fill("not_labelled", data=name, label=label)
            )
            continue
        found = (
            _CAPTIONS.fill("no_threshold", run=record.run)
            if math.isnan(recall)
            else _CAPTIONS.fill("found", run=record.run, found=f"{round(recall * count)}")
        )
        studies = counted(count, "study", "studies")
        told.append(_CAPTIONS.fill("few", studies=studies, label=label, data=name, found=found))
    return told
