"""The list of new studies: the most urgent first, and what nobody has looked at."""

from collections.abc import Mapping, Sequence
from html import escape

from ichreport.findings.study_findings import StudyFindings, by_urgency
from ichreport.labels import ANY
from ichreport.report.html.blocks import (
    Fact,
    Facts,
)
from ichreport.report.html.formats import counted
from ichreport.report.html.sanitise import clean
from ichreport.report.layout.page import Page
from ichreport.report.study import list_tables, study_figures
from ichreport.runs.saved_run import SavedRun


def page(
    findings: Sequence[StudyFindings],
    run: SavedRun,
    paths: Mapping[str, str],
    *,
    rule: str,
    prevalence: float,
    path: str = "index.html",
) -> Page:
    """The page of all studies.

    Args:
        findings: Of the studies.
        run: What found them.
        paths: By key, the page of each study that has one.
        rule: As in `study_page.page`.
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
        table = list_tables.found_table(findings, paths, prevalence=prevalence)
        parts += ["<h2>What is found</h2>", table._repr_html_()]
    if refused:
        parts += [
            "<h2>Of what nothing is said</h2>",
            list_tables.refused_table(findings, paths)._repr_html_(),
        ]
    parts += [
        "<h2>How often the run is right</h2>",
        study_figures.rates_table(run, rule)._repr_html_(),
    ]
    parts += ["<h2>What made this</h2>", study_figures.run_table(run)._repr_html_()]
    fragment = clean("".join(parts), where=path)
    return Page(path, fragment.title, "Studies", fragment.html, fragment.contents)


def _lead(
    findings: Sequence[StudyFindings],
    read: Sequence[StudyFindings],
    called: Sequence[StudyFindings],
) -> str:
    if not read:
        return f"{counted(len(findings), 'study', 'studies')} could not be read; below is why."
    was = "was" if len(read) == 1 else "were"
    said = f"Bleeding is called in {len(called):,} of {counted(len(read), 'study', 'studies')}"
    said += f" that {was} read."
    kinds = sum(bool(one.called) and not one.labels[ANY].is_called for one in read)
    unknown = sum(one.labels[ANY].is_called is None for one in read)
    if kinds:
        said += f" In {kinds:,} more a kind is called, though bleeding as such is not."
    if unknown:
        said += f" No threshold of any bleeding is known for {unknown:,} of them."
    return said
