"""The list of new studies: the most urgent first, and what nobody has looked at."""

from collections.abc import Mapping, Sequence
from html import escape
from types import MappingProxyType
from typing import Final

from ichreport.findings.study_findings import StudyFindings, by_urgency
from ichreport.labels import ANY, SUBTYPES
from ichreport.report.html.blocks import (
    Cell,
    Column,
    Fact,
    Facts,
    Link,
    Marked,
    Row,
    Table,
    numbers,
)
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import number
from ichreport.report.html.sanitise import clean
from ichreport.report.layout.page import Page
from ichreport.report.study.study_page import rates_table, run_table
from ichreport.report.study.words import prevalence_in_words
from ichreport.runs.saved_run import SavedRun

_CAPTIONS: Final = Captions.beside(__file__)
_NO_PAGES: Final[Mapping[str, str]] = MappingProxyType({})


def page(
    findings: Sequence[StudyFindings],
    run: SavedRun,
    paths: Mapping[str, str],
    *,
    prevalence: float,
    path: str = "index.html",
) -> Page:
    """The page of all studies.

    Args:
        findings: Of the studies.
        run: What found them.
        paths: By key, the page of each study that has one.
        prevalence: As in `study_page.page`.
        path: Where the page stands.
    """
    read = [one for one in by_urgency(findings) if one.status == "read"]
    refused = [one for one in by_urgency(findings) if one.status == "refused"]
    called = [one for one in read if one.labels[ANY].is_called]
    facts = Facts(
        [
            Fact("Studies", f"{len(findings):,}"),
            Fact("Bleeding called", f"{len(called):,}", f"of {len(read):,} that were read"),
            Fact("Nothing said", f"{len(refused):,}", "refused, each with a reason"),
        ]
    )
    parts = [
        "<h1>New studies</h1>",
        f'<p class="lead">{escape(_lead(findings, read, called))}</p>',
        facts._repr_html_(),
    ]
    if read:
        table = found_table(findings, paths, prevalence=prevalence)
        parts += ["<h2>What is found</h2>", table._repr_html_()]
    if refused:
        parts += ["<h2>Of what nothing is said</h2>", refused_table(findings, paths)._repr_html_()]
    parts += ["<h2>How often the run is right</h2>", rates_table(run)._repr_html_()]
    parts += ["<h2>What made this</h2>", run_table(run)._repr_html_()]
    fragment = clean("".join(parts), where=path)
    return Page(path, fragment.title, "Studies", fragment.html, fragment.contents)


def found_table(
    findings: Sequence[StudyFindings], paths: Mapping[str, str] = _NO_PAGES, *, prevalence: float
) -> Table:
    """The studies that were read: those that are called first, then by probability."""
    read = [one for one in findings if one.status == "read"]
    columns: list[Column | str] = ["study", *numbers("any bleeding", "of 100")]
    columns += ["called", *numbers("slices"), "to doubt"]
    return Table(
        _CAPTIONS.fill("listed", prevalence=prevalence_in_words(prevalence)),
        columns,
        [_row(one, paths) for one in sorted(read, key=_called_first)],
        sortable=True,
    )


def refused_table(findings: Sequence[StudyFindings], paths: Mapping[str, str] = _NO_PAGES) -> Table:
    """The studies of which nothing is said, and why."""
    refused = [one for one in by_urgency(findings) if one.status == "refused"]
    rows = [[_link(one, paths), " ".join(one.refusals)] for one in refused]
    return Table(_CAPTIONS.fill("refused"), ["study", "why"], rows)


def _lead(
    findings: Sequence[StudyFindings],
    read: Sequence[StudyFindings],
    called: Sequence[StudyFindings],
) -> str:
    if not read:
        return f"None of the {len(findings):,} studies could be read; below is why."
    plural = "study" if len(read) == 1 else "studies"
    return f"Bleeding is called in {len(called):,} of {len(read):,} {plural} that were read."


def _called_first(one: StudyFindings) -> tuple[bool, float]:
    return not one.labels[ANY].is_called, -one.urgency


def _link(one: StudyFindings, paths: Mapping[str, str]) -> Cell:
    return Link(paths[one.key], one.key) if one.key in paths else one.key


def _row(one: StudyFindings, paths: Mapping[str, str]) -> Row:
    said = one.labels[ANY]
    kinds = [label for label in SUBTYPES if label in one.called]
    called = ", ".join([*(["any bleeding"] if said.is_called else []), *kinds])
    share = said.at_prevalence
    return Row(
        [
            _link(one, paths),
            number(said.probability),
            "–" if share != share else number(share * 100, 1),
            Marked(called, "bad") if one.called else "nothing",
            f"{len(one.slices):,}",
            " ".join(one.warnings) or "–",
        ]
    )
