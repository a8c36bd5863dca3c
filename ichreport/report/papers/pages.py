"""The papers as files beside the report's pages, and as a page of their run."""

from html import escape
from pathlib import Path
from typing import Final

from ichreport.files import write_text
from ichreport.params.profile import Profile
from ichreport.report.html.captions import Captions
from ichreport.report.layout.private_paths import without_private_paths
from ichreport.report.papers import templates
from ichreport.report.papers.documents import Document
from ichreport.report.papers.facts import gather
from ichreport.report.papers.tables import Figures
from ichreport.runs.results import Results

_CAPTIONS: Final = Captions.beside(__file__)

TITLE: Final = "Papers"
ABOUT: Final = "A model card of the best run, and filled reporting checklists."


def make(folder: Path, profile: Profile, results: Results) -> list[Document]:
    """The model card of the best run and the filled checklists.

    Args:
        folder: `reports/<profile>`.
        profile: The report's profile.
        results: All runs of the report.
    """
    figures = Figures(results.best, results.primary) if results.best else None
    facts = gather(folder, profile, results, figures)
    checklists = [templates.checklist(stem, facts) for stem in templates.CHECKLISTS]
    return [templates.card(facts, figures), *checklists]


def write(folder: Path, profile: Profile, results: Results) -> str:
    """Write the papers as Markdown, and give them as the content of a page.

    Args:
        folder: `reports/<profile>`; gets model-card.md, claim-2024.md and tripod-ai.md.
        profile: The report's profile.
        results: All runs of the report.

    Returns:
        HTML with a first-level heading.
    """
    documents = make(folder, profile, results)
    for document in documents:
        text = without_private_paths(document.markdown(), profile)
        write_text(folder / f"{document.stem}.md", text)
    lead = f'<h1>{TITLE}</h1><p class="lead">{escape(_CAPTIONS.fill("page_lead"))}</p>'
    return lead + "\n".join(document.html() for document in documents)
