"""Styles and scripts that pages hold: files beside the modules that need them."""

from pathlib import Path


def read_asset(path: Path) -> str:
    """A style or a script, without the newlines around it."""
    return path.read_text(encoding="utf-8").strip()
