"""The page that says where the time of a report went."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from ichreport.report.html.blocks import Row, Sentences, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import number
from ichreport.runs.job_times import HEAD, Job, percent, rows
from ichreport.runs.job_times import sentences as words

_CAPTIONS: Final = Captions.beside(__file__)
_PARTS: Final = {
    "phantom": "making the synthetic heads",
    "external_phantom": "making the synthetic heads",
    "ingest_part": "ingest",
    "ingest": "ingest",
    "external_ingest": "ingest",
    "features": "backbone passes",
    "experiment": "training, prediction and scores",
    "pages": "data, maps, results and pages",
}


def table(jobs: Iterable[Job]) -> Table:
    """What each job took, and their sum."""
    *listed, sums = rows(jobs)
    name, *measures = HEAD
    return Table(
        _CAPTIONS.fill("jobs"),
        [name, *numbers(*measures)],
        [*listed, Row(sums, "marked")],
    )


def seconds_by_part(jobs: Iterable[Job]) -> dict[str, float]:
    """Wall time, summed over jobs, by what it was for; parts that took none are left out."""
    jobs = list(jobs)
    seconds = dict.fromkeys(_PARTS.values(), 0.0)
    for job in jobs:
        seconds[_PARTS.get(job.rule, _PARTS["pages"])] += job.working
    seconds["starting processes and kernels"] = sum(job.starting for job in jobs)
    seconds["imports"] = sum(job.importing for job in jobs)
    return {name: taken for name, taken in seconds.items() if taken}


def parts(jobs: Iterable[Job]) -> Table:
    """The time of all jobs by what it was for."""
    seconds = seconds_by_part(jobs)
    whole = sum(seconds.values())
    rows = [[name, number(s, 1), percent(s, whole)] for name, s in seconds.items()]
    return Table(
        "Seconds of all jobs by what they were for.",
        ["part", *numbers("seconds", "%")],
        rows,
    )


def sentences(jobs: Iterable[Job]) -> Sentences:
    """What the times say."""
    return Sentences(words(jobs))


def content(jobs: Iterable[Job], left_out: Sequence[str] = ()) -> str:
    """The content of the page that shows all of it.

    Args:
        jobs: The jobs of a report.
        left_out: What is wrong with the notes of others, in sentences.
    """
    jobs = list(jobs)
    return "\n".join(
        [
            sentences(jobs)._repr_html_(),
            *(f'<p class="note">{escape(problem)}</p>' for problem in left_out),
            "<h2>What was it for?</h2>",
            parts(jobs)._repr_html_(),
            "<h2>What did each job take?</h2>",
            table(jobs)._repr_html_(),
        ]
    )
