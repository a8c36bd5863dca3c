"""The files of runs and of executed notebooks, and whether they are still what was written.

Apart from what reads the figures, so that it costs no import of pandas.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ichreport.files import (
    OtherVersionError,
    check_file,
    read_json,
    sha256_of_file,
    unseal,
    write_text,
)

RECORD_FORMAT: Final = 13
RECORD: Final = "record.json"
PREDICTIONS: Final = "predictions.parquet"
WEIGHTS: Final = "model.weights.h5"
SHARES: Final = "learning_curve.parquet"
MAPS: Final = "cam.json"
MAPS_FORMAT: Final = 4
RUN_AGAIN: Final = "Run it again (make report does where params/experiments has its file)."


def read_record(folder: Path, *, is_packed: bool = False) -> dict[str, Any]:
    """The record of a run, once it and the predictions beside it are what was written.

    Args:
        folder: `reports/<profile>/runs/<name>`.
        is_packed: Whether it came out of a pack, which brings no predictions of patients along.

    Raises:
        OtherVersionError: If another version of ichreport has made it; with the cure.
        ValueError: If one of them is damaged or missing; with the cure.
    """
    path = folder / RECORD
    with naming_the_cure(path, RUN_AGAIN):
        record = read_format(path, RECORD_FORMAT)
        predictions = record["provenance"]["predictions_sha256"]
        if record["name"] != folder.name:
            raise ValueError(f"{path} is the record of another run, {record['name']!r}.")
        if not is_packed:
            check_file(folder / PREDICTIONS, predictions, "")
    return record


def read_format(path: Path, expected: int) -> dict[str, Any]:
    """A sealed file of JSON, once it is of this version and what was written.

    Args:
        path: The file.
        expected: The format that this version reads.

    Raises:
        OtherVersionError: If it says that it has another format.
        ValueError: If it is damaged.
        OSError: If it cannot be read.
    """
    content = read_json(path)
    kept = content.get("format") if isinstance(content, dict) else None
    if kept is not None and kept != expected:
        raise OtherVersionError(
            f"{path} has format {kept!r}, expected {expected}: another version made it."
        )
    return unseal(content, path)


@contextmanager
def naming_the_cure(path: Path, cure: str) -> Iterator[None]:
    """Whatever is wrong with a file that is read inside, the error names it and the cure.

    Args:
        path: The file.
        cure: A sentence.

    Raises:
        OtherVersionError: As raised inside.
        ValueError: For any other fault of a file and of what it says.
    """
    try:
        yield
    except OtherVersionError as error:
        raise OtherVersionError(f"{error} {cure}") from error
    except (OSError, ValueError) as error:
        raise ValueError(f"{str(error).strip()} {cure}") from error
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged: what it says has gaps ({error}). {cure}") from error


def read_maps(report_folder: Path) -> dict[str, Any] | None:
    """What `cam.json` says; None if there is none, or one of another version.

    One of another version is made anew by itself: the code of its notebook has changed.

    Args:
        report_folder: `reports/<profile>`.

    Raises:
        ValueError: If it is damaged; the message names it.
    """
    path = report_folder / MAPS
    if not path.is_file():
        return None
    try:
        content = read_json(path)
    except OSError as error:
        raise ValueError(str(error)) from error
    kept = content.get("format") if isinstance(content, dict) else None
    return unseal(content, path) if kept in (None, MAPS_FORMAT) else None


def seal_notebook(notebook: Path) -> None:
    """Note beside an executed notebook what it is, now that its last cell has run."""
    write_text(_seal(notebook), sha256_of_file(notebook))


def unseal_notebook(notebook: Path) -> None:
    """Remove that note: the notebook is being executed anew."""
    _seal(notebook).unlink(missing_ok=True)


def check_seal(notebook: Path) -> None:
    """Compare an executed notebook with the note beside it, if there is one.

    Raises:
        ValueError: If it is another one; the message names it.
    """
    noted = _seal(notebook)
    if not (noted.is_file() and notebook.is_file()):
        return
    try:
        is_same = noted.read_text(encoding="utf-8") == sha256_of_file(notebook)
    except OSError as error:
        raise ValueError(str(error)) from error
    if not is_same:
        raise ValueError(f"{notebook} is damaged, or was changed since it was executed.")


def _seal(notebook: Path) -> Path:
    return notebook.with_name(f".{notebook.name}.sha256")
