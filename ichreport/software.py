"""The code and the packages that something was made by."""

import json
import os
import platform
import subprocess
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from ichreport.dependencies import is_ours
from ichreport.params.yaml import project_path

PACKAGES: Final = (
    "ichreport", "keras", "tensorflow", "jax", "torch", "numpy", "scipy", "pandas", "pyarrow",
    "pydicom", "scikit-learn",
)  # fmt: skip
"""What a run's figures depend on; which of the frameworks there are depends on the machine."""


_MATTER: Final = (
    *("ichreport", "notebooks", "params", "workflow"),
    *("pyproject.toml", "requirements.lock"),
)
_STATUS: Final = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all")


def describe() -> dict[str, Any]:
    """The commit of the working tree, Python, and the packages that figures depend on."""
    return {**git_state(), "python": platform.python_version(), "packages": _versions()}


def computing(backend: str) -> dict[str, str]:
    """A backend of Keras' and the versions that compute, as `model.backend.software` says."""
    versions = {"backend": backend}
    for name, package in (("version", backend), ("keras", "keras")):
        with suppress(PackageNotFoundError):  # it is where the kernel is
            versions[name] = version(package)
    return versions


def git_state() -> dict[str, Any]:
    """The commit of the working tree, and whether files that matter differ; None outside of git.

    What matters is what a run is made by: the package, notebooks, parameters, rules and locked
    packages; not documents, tests or what an editor leaves, nor the outputs of a notebook.
    """
    root = project_path(".").resolve()
    commit = _git(root, "rev-parse", "HEAD")
    top = _git(root, "rev-parse", "--show-toplevel")
    status = _git(root, *_STATUS, "--", *_MATTER)
    if top is None or status is None:
        return {"commit": commit, "dirty": None}
    changed = [Path(top, line[3:]).relative_to(root) for line in status.split("\0") if line]
    return {"commit": commit, "dirty": any(_matters(root, path) for path in changed)}


def _matters(root: Path, path: Path) -> bool:
    """Whether a file of the project that was changed changes what a run is."""
    if not all(map(is_ours, path.parts)):
        return False
    if path.suffix != ".ipynb":
        return True
    committed = _git(root, "show", f"HEAD:./{path.as_posix()}")
    try:
        now = (root / path).read_text(encoding="utf-8")
        return committed is None or _cells(now) != _cells(committed)
    except (OSError, ValueError, KeyError, TypeError):
        return True


def _cells(notebook: str) -> list[tuple[str, str]]:
    """A notebook's cells without their outputs."""
    cells = json.loads(notebook)["cells"]
    return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return os.fsdecode(done.stdout).rstrip("\n")  # names of files may be in any bytes


def _versions() -> dict[str, str]:
    """The version of each of `PACKAGES` that is installed."""
    versions = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions
