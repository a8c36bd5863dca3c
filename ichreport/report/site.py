"""The site: every executed notebook through one template, and a page for what has none.

A page is one file that opens from a disk: style, script and pictures stand inside it, nothing comes
from a network, and a Content-Security-Policy lets only our own script run.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import nbformat
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from ichreport.files import write_text
from ichreport.params import Experiment, Profile, read_experiments
from ichreport.report import figures, tables
from ichreport.report.records import RunRecord, read_runs

TEMPLATE: Final = Path(__file__).parent / "template"


@dataclass(frozen=True)
class Page:
    """A page of the site.

    Attributes:
        path: Where it stands, relative to the report's folder.
        title: Its name in lists and links.
        notebook: Its content.
    """

    path: str
    title: str
    notebook: NotebookNode


def render(report_folder: Path, profile: Profile) -> Path:
    """Turn a report's executed notebooks and records into pages.

    Args:
        report_folder: `reports/<profile>`, with results.ipynb and what else there is.
        profile: Its profile.

    Returns:
        The path of index.html, which is written last.

    Raises:
        FileNotFoundError: If results.ipynb is missing.
        ValueError: If a picture on a page has no alternative text, or a record is not readable.
    """
    results = report_folder / "results.ipynb"
    if not results.is_file():
        raise FileNotFoundError(f"{results} does not exist; run notebooks/4-results.ipynb first.")
    runs = read_runs(report_folder, read_experiments(profile).values())
    pages = [
        *_of_notebook(report_folder, "explore", "Data"),
        *_of_notebook(report_folder, "cam", "Maps"),
        *(Page(f"experiments/{run.name}.html", run.name, _of_run(run)) for run in runs),
        Page("index.html", "Results", _read(results)),
    ]
    exporter = _exporter()
    for place, page in enumerate(pages):
        html = _page_html(exporter, page, pages, place, synthetic=profile.phantom is not None)
        _check_alternatives(html, page)
        write_text(report_folder / page.path, html)
    return report_folder / "index.html"


def _exporter() -> HTMLExporter:
    exporter = HTMLExporter(
        template_name="ichreport", extra_template_basedirs=[str(TEMPLATE)], sanitize_html=False
    )
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    return exporter


def _page_html(
    exporter: HTMLExporter, page: Page, pages: Sequence[Page], place: int, *, synthetic: bool
) -> str:
    up = "../" * page.path.count("/")
    experiments = [p for p in pages if p.path.startswith("experiments/")]
    here = experiments.index(page) if page in experiments else None
    before = experiments[here - 1] if here else None
    after = experiments[here + 1] if here is not None and here + 1 < len(experiments) else None
    style, script = (_asset(name) for name in ("style.css", "script.js"))
    resources = {
        "site": {
            "title": page.title,
            "page": page,
            "up": up,
            "main": [p for p in (pages[-1], *pages[:-1]) if p not in experiments],
            "experiments": experiments,
            "before": before,
            "after": after,
            "synthetic": synthetic,
            "style": style,
            "script": script,
            "policy": _policy(style, script),
            "contents": _contents(page.notebook),
        }
    }
    html, _ = exporter.from_notebook_node(page.notebook, resources=resources)
    return str(html)


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; img-src data:; style-src {_source_hash(style)}; "
        f"script-src {_source_hash(script)}; base-uri 'none'; form-action 'none'"
    )


def _source_hash(source: str) -> str:
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _asset(name: str) -> str:
    return (TEMPLATE / name).read_text(encoding="utf-8")


def _contents(notebook: NotebookNode) -> list[tuple[str, str]]:
    """Anchor and text of each second-level heading; the anchor is what nbconvert makes of it."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    return [(heading.strip().replace(" ", "-"), heading.strip()) for heading in headings]


def _of_notebook(folder: Path, stem: str, title: str) -> list[Page]:
    """The page of a notebook; where it has failed, a page that says so."""
    path, log = folder / f"{stem}.ipynb", folder / f"{stem}.log"
    if path.is_file():
        return [Page(f"{stem}.html", title, _read(path))]
    if log.is_file():
        said = log.read_text(encoding="utf-8", errors="replace").splitlines()[-60:]
        return [
            Page(f"{stem}.html", title, _failure(title, "the notebook failed", "\n".join(said)))
        ]
    return []


def _of_run(run: RunRecord) -> NotebookNode:
    """The notebook of a run; without one, what its record says; without that, why."""
    if run.status != "ok":
        return _failure(run.name, f"{run.status}: {run.reason}", run.log)
    notebook = run.folder / "notebook.ipynb"
    if notebook.is_file():
        return _read(notebook)
    return _from_record(run)


def _failure(title: str, reason: str, log: str) -> NotebookNode:
    said = f"{reason}\n\n{log}".strip() + "\n"
    return new_notebook(
        cells=[
            new_markdown_cell(f"# {title}\n\nThere are no figures here. The reason, and the log:"),
            new_code_cell(outputs=[new_output("stream", name="stderr", text=said)]),
        ]
    )


def _from_record(run: RunRecord) -> NotebookNode:
    record = run.record
    experiment = Experiment.parse(record["parameters"], where=f"{run.folder}/record.json")
    predictions = run.predictions()
    parts: list[tuple[str, Any]] = [
        ("## What was asked", tables.experiment(experiment)),
        ("## Did it learn?", figures.loss_curves(record["history"])),
        ("## How good are its probabilities?", tables.scores(record["scores"])),
        ("## How well does it rank?", figures.roc_curves(predictions)),
        ("## At 85 % recall", tables.operating_points(record["operating_points"])),
        ("## Where it ran", tables.machine(record["provenance"]["backend"])),
    ]
    opening = "Its notebook was kept elsewhere; this page is made from its record and predictions."
    cells = [new_markdown_cell(f"# {run.name}\n\n{opening}")]
    for heading, shown in parts:
        output = new_output("display_data", {"text/html": shown._repr_html_()})
        cells += [new_markdown_cell(heading), new_code_cell(outputs=[output])]
    return new_notebook(cells=cells)


def _read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


class _Pictures(HTMLParser):
    """Finds pictures without an alternative text."""

    def __init__(self) -> None:
        super().__init__()
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img" and not (dict(attrs).get("alt") or "").strip():
            self.silent += 1


def _check_alternatives(html: str, page: Page) -> None:
    found = _Pictures()
    found.feed(html)
    if found.silent:
        raise ValueError(
            f"{page.path}: {found.silent} pictures have no alternative text; show them as "
            "ichreport.report.captioned.Picture."
        )
