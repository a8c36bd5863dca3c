"""New studies as tables: what was found in each, and of what nothing is said."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from ichreport.findings.study_findings import StudyFindings, by_urgency
from ichreport.labels import ANY, SUBTYPES
from ichreport.report.html.blocks import Cell, Column, Link, Marked, Row, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import number
from ichreport.report.study.words import digits_of, of_hundred, prevalence_in_words

_CAPTIONS: Final = Captions.beside(__file__)
_NO_PAGES: Final[Mapping[str, str]] = MappingProxyType({})


def found_table(
    findings: Sequence[StudyFindings], paths: Mapping[str, str] = _NO_PAGES, *, prevalence: float
) -> Table:
    """The studies that were read, the most suspicious first."""
    read = [one for one in findings if one.status == "read"]
    columns: list[Column | str] = ["study", *numbers("any bleeding", "of 100")]
    columns += ["called", *numbers("slices"), "to doubt"]
    return Table(
        _CAPTIONS.fill("listed", prevalence=prevalence_in_words(prevalence)),
        columns,
        [_row(one, paths) for one in by_urgency(read)],
        sortable=True,
    )


def refused_table(findings: Sequence[StudyFindings], paths: Mapping[str, str] = _NO_PAGES) -> Table:
    """The studies of which nothing is said, and why."""
    refused = [one for one in by_urgency(findings) if one.status == "refused"]
    rows = [[_link(one, paths), " ".join(one.refusals)] for one in refused]
    return Table(_CAPTIONS.fill("refused"), ["study", "why"], rows)


def _link(one: StudyFindings, paths: Mapping[str, str]) -> Cell:
    return Link(paths[one.key], one.key) if one.key in paths else one.key


def _row(one: StudyFindings, paths: Mapping[str, str]) -> Row:
    said = one.labels[ANY]
    kinds = [label for label in SUBTYPES if label in one.called]
    called = ", ".join([*(["any bleeding"] if said.is_called else []), *kinds])
    nothing = "no threshold" if said.is_called is None else "nothing"
    return Row(
        [
            _link(one, paths),
            number(said.probability, digits_of(said)),
            of_hundred(said.at_prevalence),
            Marked(called, "bad") if one.called else nothing,
            f"{len(one.slices):,}",
            " ".join(one.warnings) or "–",
        ]
    )
