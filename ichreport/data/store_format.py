"""What a store says about itself, apart from its slices, so that it costs no import of pandas."""

from pathlib import Path
from typing import Any, Final

from ichreport.files import OtherVersionError, read_json, unseal

STORE_FORMAT: Final = 2
MANIFEST: Final = "manifest.json"
"""What a store says about itself; written last."""
STUDY_AS_PATIENT: Final = "the study stands for the patient"
"""What each rule says of a slice whose patient nothing tells, so that the study stands for one."""


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read how a store was made and what it holds.

    Raises:
        FileNotFoundError: If there is no whole store in `folder`.
        OtherVersionError: If it was written in another format.
        ValueError: If it is damaged.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} is not a store: it has no {MANIFEST}, which is written last. "
            "Run `make report`, or `ichreport ingest` with its profile, to make or finish it."
        )
    content = read_json(path)
    received = content.get("format") if isinstance(content, dict) else None
    if received != STORE_FORMAT:
        raise OtherVersionError(
            f"{path}: the store has format {received!r}, expected {STORE_FORMAT}; another version "
            "of ichreport made it. `make report` or `ichreport ingest` makes it anew."
        )
    try:
        return unseal(content, path)
    except ValueError as error:
        raise ValueError(f"{error} `make report` or `ichreport ingest` makes it anew.") from error
