"""Which version of the report's code made what an executed notebook shows.

A page puts outputs that a notebook kept into a frame with today's style and scripts. They fit where
both come from the same code, which a hash in the notebook's metadata says.
"""

from pathlib import Path
from typing import Final

import nbformat
from nbformat import NotebookNode

from ichreport.dependencies import fingerprint
from ichreport.runs.record_format import check_seal

KEY: Final = "ichreport"
"""Where in a notebook's metadata its version is kept, as `{"markup": version}`."""


def markup_version(notebook: Path) -> str:
    """A hash of the code of `ichreport.report` that a notebook's outputs are made by.

    It covers the modules that the code cells import, directly or through others, and the scripts,
    styles and templates beside them. It changes only where `make report` executes the notebook
    anew, so that this is always the cure.

    Args:
        notebook: The notebook, executed or not.

    Raises:
        ValueError: If it is not readable, or its cells are no plain Python.
    """
    return fingerprint(notebook, within="ichreport.report")


def read(path: Path) -> NotebookNode:
    """Read an executed notebook.

    Raises:
        ValueError: If it is not readable as one, or not what was executed; the message names it.
    """
    check_seal(path)
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        first = str(error).strip().partition("\n")[0]
        raise ValueError(f"{path} is damaged: not readable as a notebook: {first}") from error


def is_current(executed: NotebookNode, path: Path) -> bool:
    """Whether a notebook's outputs were made by today's code; not if nothing can be said of it.

    Args:
        executed: The executed notebook.
        path: Its file.
    """
    kept = executed.metadata.get(KEY, {}).get("markup")
    if kept is None:
        return False
    try:
        return bool(kept == markup_version(path))
    except ValueError:  # it imports a module that has gone
        return False
