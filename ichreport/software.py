"""The code and the packages that something was made by."""

import platform
import subprocess
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from ichreport.params.yaml import project_path

PACKAGES: Final = (
    "ichreport", "keras", "tensorflow", "jax", "torch", "numpy", "scipy", "pandas", "pyarrow",
    "pydicom", "scikit-learn",
)  # fmt: skip
"""What a run's figures depend on; which of the frameworks there are depends on the machine."""


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
    """The commit of the working tree and whether it was clean; `None` outside a checkout."""
    root = project_path(".")
    commit = _git(root, "rev-parse", "HEAD")
    status = _git(root, "status", "--porcelain")
    return {"commit": commit, "dirty": None if status is None else bool(status)}


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _versions() -> dict[str, str]:
    """The version of each of `PACKAGES` that is installed."""
    versions = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions
