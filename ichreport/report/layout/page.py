"""The frame of a page: head, navigation, content and scripts in one file.

A page opens from a disk, years later, without a network. Its Content-Security-Policy names the hash
of each script and of the style, so that nothing else runs and nothing is fetched.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader

from ichreport import poster
from ichreport.report.html import palette
from ichreport.report.html.assets import read_asset
from ichreport.report.viewer import viewer

TEMPLATES: Final = Path(__file__).parent / "template"
SITE_TITLE: Final = "Intracranial hemorrhage report"
_ALWAYS: Final = TEMPLATES / "script.js"


@dataclass(frozen=True)
class Page:
    """A finished page, but for its frame.

    Attributes:
        path: Where it stands, relative to the report's folder.
        title: Its heading.
        short: Its name in lists and links.
        content: Clean HTML.
        contents: Anchor and text of each of its sections.
        scripts: Files of scripts that it needs besides the one that every page has.
        about: What it holds, in a sentence.
    """

    path: str
    title: str
    short: str
    content: str
    contents: Sequence[tuple[str, str]] = ()
    scripts: Sequence[Path] = field(default=())
    about: str = ""

    @property
    def is_experiment(self) -> bool:
        """Whether it is the page of a run."""
        return self.path.startswith("experiments/")


@dataclass(frozen=True)
class Frame:
    """What stands around all pages of a kind.

    Attributes:
        title: Of which the pages are a part.
        brand: The same, shorter, which leads to the first page.
        banner: What a reader has to know before all else: a word in bold, and a sentence; none if
            empty.
        footer: What the pages are made of.
    """

    title: str
    brand: str
    banner: tuple[str, str] | None
    footer: str


def framed(page: Page, pages: Sequence[Page], *, synthetic: bool) -> str:
    """A page of the report as a whole HTML file.

    Args:
        page: The page.
        pages: All pages in reading order, this one among them.
        synthetic: Whether the data are synthetic heads, which every page says.
    """
    return in_frame(page, pages, _SYNTHETIC_REPORT if synthetic else _REPORT)


def in_frame(page: Page, pages: Sequence[Page], frame: Frame) -> str:
    """A page as a whole HTML file.

    Args:
        page: The page.
        pages: All pages in reading order, this one among them.
        frame: What stands around it.
    """
    index = pages.index(page)
    scripts = [read_asset(path) for path in (*page.scripts, _ALWAYS)]
    early, style = read_asset(TEMPLATES / "early.js"), stylesheet()
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=page,
            up="../" * page.path.count("/"),
            main_pages=[other for other in pages if not other.is_experiment],
            experiments=[other for other in pages if other.is_experiment],
            before=pages[index - 1] if index else None,
            after=pages[index + 1] if index + 1 < len(pages) else None,
            frame=frame,
            style=style,
            early=early,
            scripts=scripts,
            policy=policy([early, *scripts], style),
            version=version("ichreport"),
        )
    )


_REPORT: Final = Frame(
    SITE_TITLE,
    "Hemorrhage report",
    None,
    "from executed notebooks and the predictions of their runs. What is called the poster's is "
    f"from {poster.CITATION}. Research software; not a medical device.",
)
_SYNTHETIC_REPORT: Final = replace(
    _REPORT,
    banner=("Synthetic heads.", "These figures check the software and are no clinical result."),
)


def policy(scripts: Sequence[str], style: str) -> str:
    """A Content-Security-Policy that lets these scripts and this style stand, and nothing else."""
    allowed = " ".join(_source_hash(script) for script in scripts)
    return (
        f"default-src 'none'; img-src data:; style-src {_source_hash(style)}; "
        f"script-src {allowed}; base-uri 'none'; form-action 'none'"
    )


@cache
def stylesheet() -> str:
    """The stylesheet: the palettes of light and dark, then everything else."""
    dark = read_asset(TEMPLATES / "dark.css") + palette.variables(palette.DARK)
    light = palette.variables(palette.LIGHT)
    return (
        f":root{{{light}}}\n{read_asset(TEMPLATES / 'style.css')}\n{read_asset(viewer.STYLE)}\n"
        f'@media screen{{:root[data-scheme="dark"]{{{dark}}}}}\n'
        "@media screen and (prefers-color-scheme:dark){"
        f':root:not([data-scheme="light"]){{{dark}}}}}'
    )


@cache
def _environment() -> Environment:
    return Environment(autoescape=True, loader=FileSystemLoader(TEMPLATES))


def _source_hash(source: str) -> str:
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    return f"'sha256-{digest}'"
