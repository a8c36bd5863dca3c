"""Paths of this machine, which no page shows: a report is sent to others."""

import re
import sys
import tempfile
from functools import partial
from html import escape
from pathlib import Path

from ichreport.params.profile import Profile
from ichreport.params.yaml import project_path


def without_private_paths(text: str, profile: Profile) -> str:
    """A page or a document without the folders of the machine that made it.

    What lies in the project is named from there; of the profile's folders and files elsewhere only
    their own names stay, and of homes and other folders nothing.

    Args:
        text: HTML or plain text.
        profile: The report's profile.
    """
    for path, shown in _replacements(profile):
        for written in dict.fromkeys((path, escape(path))):
            if written in text:  # quicker than looking for it as a word
                whole = re.compile(rf"(?<![\w.…/+-]){re.escape(written)}(/|(?![\w-]))")
                text = whole.sub(partial(_named, shown), text)
    return text


def _named(shown: str, found: re.Match[str]) -> str:
    return f"{shown}{found[1]}" if shown else "" if found[1] else "."


def _replacements(profile: Profile) -> list[tuple[str, str]]:
    """Paths and what stands for each, the longest first, so that none hides in another."""
    rows = profile.experiments
    files = [rows] if isinstance(rows, str) else rows
    of_others = [path for data in profile.external for path in (data.source, data.labels)]
    given = (profile.source, profile.labels, profile.store, profile.weights, *files, *of_others)
    named = {path: f"…/{Path(path).name}" for path in given if path and Path(path).is_absolute()}
    resolved = {str(Path(path).resolve()): shown for path, shown in named.items()}
    root = str(project_path(".").resolve())
    elsewhere = {
        str(Path.home()): "~",
        sys.prefix: "…/python",
        sys.base_prefix: "…/python",
        tempfile.gettempdir(): "…",
    }
    all_paths = {**elsewhere, **named, **resolved, root: ""}
    return sorted(
        ((path, shown) for path, shown in all_paths.items() if len(Path(path).parts) > 1),
        key=lambda pair: -len(pair[0]),
    )
