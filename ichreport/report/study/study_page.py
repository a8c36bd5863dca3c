"""The page of one new study: what was found, what speaks for it, and what to doubt."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

from ichreport.data.store import Store
from ichreport.findings.study_findings import StudyFindings
from ichreport.findings.study_heat import StudyHeat
from ichreport.labels import ANY
from ichreport.report.html.blocks import Sentences, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.sanitise import clean
from ichreport.report.layout.page import Page
from ichreport.report.study import study_figures
from ichreport.report.study.words import meaning, verdict
from ichreport.report.viewer import viewer
from ichreport.runs.saved_run import SavedRun

_CAPTIONS: Final = Captions.beside(__file__)


def page(
    findings: StudyFindings,
    run: SavedRun,
    store: Store,
    heat: Sequence[StudyHeat],
    *,
    rule: str,
    prevalence: float,
    path: str,
) -> Page:
    """The page of a study.

    Args:
        findings: What was found in it.
        run: What found it.
        store: Where its slices are.
        heat: Maps of the slices that speak for a label.
        rule: The rule whose thresholds call labels.
        prevalence: The share of studies with a label that probabilities are told for.
        path: Where the page stands.
    """
    lead = verdict(findings)
    if findings.labels:
        lead += meaning(findings.labels[ANY], prevalence)
    parts = [f"<h1>{escape(findings.key)}</h1>", f'<p class="lead">{escape(lead)}</p>']
    if findings.refusals:
        parts += ["<h2>Why nothing is said</h2>", Sentences(findings.refusals)._repr_html_()]
    else:
        parts += [
            "<h2>What is found</h2>",
            study_figures.labels_table(
                findings, run, rule=rule, prevalence=prevalence
            )._repr_html_(),
            "<h2>How far to trust it</h2>",
            study_figures.doubts(findings, run)._repr_html_(),
            study_figures.rates_table(run, rule)._repr_html_(),
            "<h2>Which slices speak for it</h2>",
            study_figures.evidence(findings, store, heat)._repr_html_(),
            "<h2>The whole series</h2>",
            study_figures.series(findings, run, store, heat, rule=rule)._repr_html_(),
        ]
    parts += _left_out(findings)
    parts += ["<h2>What made this</h2>", study_figures.run_table(run)._repr_html_()]
    fragment = clean("".join(parts), where=path)
    scripts: Sequence[Path] = viewer.SCRIPTS if 'class="viewer"' in fragment.html else ()
    return Page(
        path,
        fragment.title,
        findings.key,
        fragment.html,
        fragment.contents,
        scripts,
        verdict(findings),
    )


def _left_out(findings: StudyFindings) -> list[str]:
    if not findings.study.left_out:
        return []
    table = Table(
        _CAPTIONS.fill("left_out"),
        ["reason", *numbers("files")],
        [[reason, f"{count:,}"] for reason, count in findings.study.left_out.items()],
    )
    return ["<h2>What was left out</h2>", table._repr_html_()]
