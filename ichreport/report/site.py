"""The site: every executed notebook through one template, and a page for what has none."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from nbconvert import HTMLExporter, TemplateExporter
from nbconvert.preprocessors import CoalesceStreamsPreprocessor
from nbformat import NotebookNode

from ichreport.files import write_text
from ichreport.params.profile import Profile
from ichreport.report import timings
from ichreport.report.comparison import page as comparison_page
from ichreport.report.html.sanitise import clean
from ichreport.report.layout.page import TEMPLATES, Page, framed
from ichreport.report.layout.private_paths import without_private_paths
from ichreport.report.papers import facts
from ichreport.report.papers import pages as papers
from ichreport.report.run import page as run_page
from ichreport.report.viewer import viewer
from ichreport.runs import job_times, markup
from ichreport.runs.record import RunRecord
from ichreport.runs.results import Results, read

_LOG_LINES: Final = 60
_NOTEBOOKS: Final = {
    "explore": "1-explore.ipynb",
    "cam": "3-cam.ipynb",
    "results": "4-results.ipynb",
    "beyond": "7-beyond-the-poster.ipynb",
    "external": "6-external.ipynb",
}
"""The notebook of each page, by the name of the executed one."""
_SCRIPTS: Final = {
    "viewer": viewer.SCRIPTS,
    "compare": (TEMPLATES / "compare.js",),
    "runs": (TEMPLATES / "runs.js",),
}
"""The scripts that a page needs beside the one that all have, by the class of what needs them."""


def render(report_folder: Path, profile: Profile) -> Path:
    """Turn a report's executed notebooks and records into pages.

    Args:
        report_folder: `reports/<profile>`, with results.ipynb and what else there is.
        profile: Its profile.

    Returns:
        The path of index.html, which is written last.

    Raises:
        FileNotFoundError: If results.ipynb is missing.
        ValueError: If a picture on a page has no alternative text, or a record or a notebook is not
            readable.
    """
    if not (report_folder / "results.ipynb").is_file():
        raise FileNotFoundError(
            f"{report_folder / 'results.ipynb'} does not exist; run notebooks/4-results.ipynb."
        )
    results = read(profile, report_folder)
    pages = _pages(report_folder, profile, results)
    synthetic = facts.of_synthetic_heads(profile, results)
    for page in reversed(pages):  # index.html comes last
        html = without_private_paths(framed(page, pages, synthetic=synthetic), profile)
        write_text(report_folder / page.path, html)
    _remove_stale(report_folder, pages)
    return report_folder / "index.html"


def _pages(folder: Path, profile: Profile, results: Results) -> list[Page]:
    converter = _Converter()
    runs = [_page_of_run(converter, run, profile, results) for run in results.all_runs]
    data = _page_of_notebook(
        converter, folder, "explore", "Data", "What was read, and what would trip up an experiment."
    )
    maps = _page_of_notebook(
        converter, folder, "cam", "Maps", "Where a network looks, for what it finds and misses."
    )
    comparison = _page(
        comparison_page.PATH, comparison_page.content(results), "Compare", comparison_page.ABOUT
    )
    papers_page = _page(
        "papers.html", papers.write(folder, profile, results), papers.TITLE, papers.ABOUT
    )
    beyond = _page_of_steps(converter, folder) if results.beyond_poster else []
    elsewhere = _page_of_other_hospitals(converter, folder, profile)
    others = [
        comparison,
        *beyond,
        *elsewhere,
        *data,
        *maps,
        papers_page,
        *_page_of_timings(folder),
        *runs,
    ]
    index = _page_of_notebook(
        converter, folder, "results", "Results", "", path="index.html", more=_cards(others)
    )
    return [*index, *others]


def _page(path: str, content: str, short: str, about: str) -> Page:
    """A page whose heading is its content's, or else its short name."""
    fragment = clean(content, where=path)
    title = fragment.title or short
    return Page(
        path, title, short, fragment.html, fragment.contents, _scripts(fragment.html), about
    )


def _page_of_run(
    converter: "_Converter", run: RunRecord, profile: Profile, results: Results
) -> Page:
    path = f"experiments/{run.name}.html"
    notebook = run.folder / "notebook.ipynb"
    there = run.status == "ok" and notebook.is_file()
    by_hand = "the command below, with ichreport execute in place of papermill"
    story = _shown(converter, run.folder.parents[1], notebook, by_hand) if there else ""
    fragment = clean(run_page.content(run, profile, results, story), where=path)
    return Page(
        path,
        run.name,
        run.name,
        fragment.html,
        fragment.contents,
        scripts=_scripts(fragment.html),
        about=run_page.about(run, results),
    )


def _page_of_notebook(
    converter: "_Converter",
    folder: Path,
    stem: str,
    short: str,
    about: str,
    *,
    path: str = "",
    more: str = "",
) -> list[Page]:
    """The page of a notebook; where it has failed, a page that says so; none if it never ran."""
    path = path or f"{stem}.html"
    notebook, log = folder / f"{stem}.ipynb", folder / f"{stem}.log"
    if notebook.is_file():
        name, report = _NOTEBOOKS[stem], f"reports/{folder.name}"
        by_hand = f"ichreport execute notebooks/{name} {report}/{stem}.ipynb"
        content = _shown(converter, folder, notebook, f"{by_hand} -f params/{folder.name}.yaml")
    elif log.is_file():
        end = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
        content = failure("The notebook failed.", "\n".join(end))
    else:
        return []
    return [_page(path, content + more, short, about)]


def _page_of_steps(converter: "_Converter", folder: Path) -> list[Page]:
    about = "What each step beyond the poster changes, brings and costs."
    return _page_of_notebook(converter, folder, "beyond", "Beyond", about)


def _page_of_other_hospitals(converter: "_Converter", folder: Path, profile: Profile) -> list[Page]:
    if not profile.external:
        return []
    about = "Whether runs hold on the data of other hospitals."
    return _page_of_notebook(converter, folder, "external", "Another hospital", about)


def _shown(converter: "_Converter", folder: Path, path: Path, by_hand: str) -> str:
    """What an executed notebook shows; a note where other code than today's made its outputs."""
    name = f"reports/{folder.name}/{path.relative_to(folder).as_posix()}"
    try:
        notebook = markup.read(path)
    except ValueError:
        return left_out(name, "the file is damaged", by_hand)
    if markup.is_current(notebook, path):
        return converter.body(notebook)
    return left_out(name, OTHER_CODE, by_hand)


def _page_of_timings(folder: Path) -> list[Page]:
    times = job_times.read(folder)
    if not times:
        return []
    path = "time.html"
    left_out = [
        f"{problem} It is left out." for problem in job_times.damaged_notes(folder).values()
    ]
    fragment = clean(timings.content(times, left_out), where=path)
    about = "What each job took, and how much of it was work."
    return [Page(path, "Where the time goes", "Time", fragment.html, fragment.contents, (), about)]


def _cards(pages: Sequence[Page]) -> str:
    """Links to pages, each with what it holds."""
    items = "".join(
        f'<li><a href="{escape(page.path)}">{escape(page.short)}</a>'
        f"<span>{escape(page.about)}</span></li>"
        for page in pages
    )
    return f'<h2>Where to read on</h2><ul class="cards">{items}</ul>' if items else ""


def failure(reason: str, log: str) -> str:
    """The content of a page that has no figures: why, and the end of the log."""
    end = f'<h2>The end of its log</h2><pre tabindex="0">{escape(log)}</pre>' if log else ""
    return f'<p class="lead">There are no figures here. {escape(reason)}</p>{end}'


OTHER_CODE: Final = (
    "its outputs were made by another version of the code, or not by ichreport execute, and may "
    "not fit this page"
)
"""Why a notebook is left out that is whole."""


def left_out(name: str, why: str, by_hand: str) -> str:
    """A note in the place of what a notebook shows.

    Args:
        name: The executed notebook.
        why: Why it is left out.
        by_hand: The command that executes it anew, or where it stands.
    """
    return (
        f'<p class="note">What {escape(name)} shows is left out: {why}. make report executes it '
        f"anew; by hand: {escape(by_hand)}.</p>"
    )


def _scripts(html: str) -> list[Path]:
    """The scripts that a page's content needs."""
    return [path for name, paths in _SCRIPTS.items() if f'class="{name}"' in html for path in paths]


def _remove_stale(folder: Path, pages: Iterable[Page]) -> None:
    """Remove pages of runs and notebooks that are no more."""
    written = {folder / page.path for page in pages}
    of_notebooks = [
        folder / f"{stem}.html" for stem in ("explore", "cam", "beyond", "external", "time")
    ]
    of_runs = (folder / "experiments").glob("*.html")
    for path in (*filter(Path.is_file, of_notebooks), *of_runs):
        if path not in written:
            path.unlink()


class _Converter:
    """Executed notebooks to HTML, through the report's template."""

    def __init__(self) -> None:
        self._exporter = HTMLExporter(
            template_name="ichreport",
            extra_template_basedirs=[str(TEMPLATES)],
            exclude_anchor_links=True,
        )
        # A framework's start-up lines come in several outputs: one fold a cell is enough.
        self._exporter.register_preprocessor(CoalesceStreamsPreprocessor, enabled=True)

    def body(self, notebook: NotebookNode) -> str:
        """The content of a notebook.

        What the template gives: the exporter of HTML would parse it once more, for alternative
        texts and tab stops, which takes twice as long as all else and which `clean` sees to.
        """
        html: Any = TemplateExporter.from_notebook_node(self._exporter, notebook)[0]
        return str(html)
