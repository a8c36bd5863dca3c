"""The pages of new studies, written below one folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ichreport.files import write_text
from ichreport.findings.study_findings import NOTICE, StudyFindings
from ichreport.report.layout.page import Frame, Page, in_frame
from ichreport.report.study import list_page
from ichreport.runs.saved_run import SavedRun

FOLDER: Final = "studies"
"""Where the pages of single studies stand, beside the list."""
_FRAME: Final = Frame(
    "Findings in new studies",
    "Findings",
    ("Research only.", NOTICE),
    f"from a trained run and new studies. {NOTICE}",
)


def path_of(findings: StudyFindings) -> str:
    """Where the page of a study stands, seen from the list."""
    return f"{FOLDER}/{findings.key}.html"


def write_study(folder: Path, page: Page) -> None:
    """Write the page of a study beside others; `write_list` links to it."""
    listed = Page("index.html", "New studies", "Studies", "")
    write_text(folder / page.path, in_frame(page, [listed, page], _FRAME))


def write_single(folder: Path, page: Page) -> None:
    """Write the page of the only study."""
    write_text(folder / page.path, in_frame(page, [page], _FRAME))


def write_list(
    folder: Path,
    findings: Sequence[StudyFindings],
    run: SavedRun,
    *,
    rule: str,
    prevalence: float,
) -> None:
    """Write the list of studies, once their pages are there.

    Args:
        folder: Where the pages are.
        findings: Of the studies.
        run: What found them.
        rule: As in `study_page.page`.
        prevalence: As in `study_page.page`.
    """
    paths = {one.key: path_of(one) for one in findings if (folder / path_of(one)).is_file()}
    page = list_page.page(findings, run, paths, rule=rule, prevalence=prevalence)
    write_text(folder / page.path, in_frame(page, [page], _FRAME))
