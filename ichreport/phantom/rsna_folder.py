"""The folder of synthetic heads in the layout of the RSNA challenge."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ichreport import __version__
from ichreport.dependencies import fingerprint
from ichreport.files import (
    folder_lock,
    read_sealed_json,
    sha256_of_file,
    write_sealed_json,
    write_text,
)
from ichreport.labels import ANY, LABELS, SUBTYPES
from ichreport.params.phantom.recipe import DESCRIPTION_FILE, PhantomRecipe
from ichreport.phantom.cohort import plan_cohort
from ichreport.phantom.study import (
    FREE_OF_BONE,
    IMAGES,
    TRUTH,
    VISIBLE_AREA,
    WrittenPatient,
    write_patient,
)
from ichreport.processes import run_parallel

_CODE = "ichreport.phantom"
_LABELS_FILE = "stage_2_train.csv"
_MARKER = ".made-by-ichreport-phantom"


def code_version() -> str:
    """The package's version with a fingerprint of the code that makes the heads."""
    return f"{__version__}+{fingerprint(_CODE)}"


def write_phantom(
    folder: Path,
    recipe: PhantomRecipe,
    *,
    workers: int = 1,
    progress: bool = False,
    replace: bool = False,
) -> dict[str, Any]:
    """Write a set of synthetic head CTs in the layout of the RSNA 2019 challenge.

    `phantom.json` is written last: a folder without it is not finished, and is made anew, and
    so is one that files were deleted from. A folder that holds the same recipe, made by the same
    code, is left alone.

    Args:
        folder: Where `stage_2_train.csv`, `stage_2_train/`, `truth/` and `phantom.json` go.
        recipe: What to make; with the code it decides every byte.
        workers: Processes to use; they do not change the outcome.
        progress: Whether to show a progress bar on standard error.
        replace: Whether a set made from another recipe may be overwritten.

    Returns:
        The content of `phantom.json`: recipe, version, counts, and a description of each patient.

    Raises:
        ValueError: If `workers` is not positive, or the folder holds another recipe's set or data
            that no phantom wrote.
        NotADirectoryError: If `folder` is a file.
        PermissionError: If the folder cannot be written to.
    """
    folder = Path(folder)
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers!r}.")
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} must be a folder for synthetic heads, but is a file.")
    with folder_lock(folder):
        made = _already_made(folder, recipe, replace=replace)
        if made is not None:
            return made
        _clear(folder)
        written = _write_patients(folder, recipe, workers, progress=progress)
        _write_labels(folder / _LABELS_FILE, written)
        labels_hash = sha256_of_file(folder / _LABELS_FILE)
        contents = {**_contents(recipe, written), "labels_sha256": labels_hash}
        write_sealed_json(folder / DESCRIPTION_FILE, contents)
    return contents


def _already_made(folder: Path, recipe: PhantomRecipe, *, replace: bool) -> dict[str, Any] | None:
    """The folder's set if it is what is asked for; None if it is to be made.

    Raises:
        ValueError: If the folder holds something that must not be overwritten.
    """
    path = folder / DESCRIPTION_FILE
    if not path.is_file():
        foreign = [name for name in (_LABELS_FILE, IMAGES, TRUTH) if _is_in_the_way(folder / name)]
        if foreign and not (folder / _MARKER).is_file():
            raise ValueError(
                f"{folder} holds {' and '.join(foreign)} that did not come from a phantom; nothing "
                "was written. Name another folder for the synthetic heads."
            )
        return None
    try:
        contents = read_sealed_json(path)
    except ValueError:
        if (folder / _MARKER).is_file():  # damaged, and what it describes may be overwritten
            return None
        raise
    before, now = contents.get("recipe"), recipe.model_dump()
    if before != now and not replace:
        differs = [
            f"{k} {(before or {}).get(k)!r} (now {v!r})"
            for k, v in now.items()
            if (before or {}).get(k) != v
        ]
        raise ValueError(
            f"{folder} holds synthetic heads of another recipe: {', '.join(differs)}. Name another "
            "folder, or delete this one (in Python, replace=True does)."
        )
    made_by_us = before == now and contents.get("version") == code_version()
    return contents if made_by_us and _has_all_files(folder, contents) else None


def _has_all_files(folder: Path, contents: dict[str, Any]) -> bool:
    """Whether nobody has deleted files of a finished set."""
    counts = contents["counts"]
    wanted = {f"{IMAGES}/*.dcm": counts["slices"], f"{TRUTH}/*.png": counts["positive_slices"][ANY]}
    return (folder / _LABELS_FILE).is_file() and all(
        len(list(folder.glob(files))) >= count for files, count in wanted.items()
    )


def _is_in_the_way(path: Path) -> bool:
    """Whether something is there that would be lost; an empty folder is nothing."""
    return path.exists() and not (path.is_dir() and not any(path.iterdir()))


def _clear(folder: Path) -> None:
    """Remove what an earlier or unfinished set left, the file that says it is whole first."""
    write_text(folder / _MARKER, "Everything here is synthetic and may be overwritten.\n")
    (folder / DESCRIPTION_FILE).unlink(missing_ok=True)
    (folder / _LABELS_FILE).unlink(missing_ok=True)
    for name in (IMAGES, TRUTH):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir()


def _write_patients(
    folder: Path, recipe: PhantomRecipe, workers: int, *, progress: bool
) -> list[WrittenPatient]:
    plans, write = plan_cohort(recipe), partial(write_patient, folder, recipe)
    with tqdm(total=len(plans), unit="patient", desc="phantom", disable=not progress) as bar:
        written: dict[int, WrittenPatient] = {}
        for number, patient in run_parallel(write, plans, workers):
            written[number] = patient
            bar.update()
    return [written[number] for number in range(len(plans))]


def _write_labels(path: Path, written: list[WrittenPatient]) -> None:
    rows = dict(row for patient in written for row in patient.labels)
    duplicated = {uid for patient in written for uid in patient.duplicated}
    lines = ["ID,Label"]
    for uid in sorted(rows):
        values = (*rows[uid], max(rows[uid]))
        new = [f"{uid}_{label},{value}" for label, value in zip(LABELS, values, strict=True)]
        lines += new * 2 if uid in duplicated else new
    write_text(path, "\n".join(lines) + "\n")


def _contents(recipe: PhantomRecipe, written: list[WrittenPatient]) -> dict[str, Any]:
    rows = [labels for patient in written for _, labels in patient.labels]
    studies = [study for patient in written for study in patient.description["studies"]]
    positive = {name: sum(row[k] for row in rows) for k, name in enumerate(SUBTYPES)}
    return {
        "version": code_version(),
        "recipe": recipe.model_dump(),
        "label_rule": (
            f"A slice is positive for a subtype if its truth mask covers at least {VISIBLE_AREA:g} "
            f"mm², of which {FREE_OF_BONE:.0%} or more lie off bone; any is the largest of the "
            "five."
        ),
        "counts": {
            "patients": len(written),
            "studies": len(studies),
            "slices": len(rows),
            "positive_slices": {**positive, ANY: sum(max(row) for row in rows)},
            "truncated": sum("truncated" in study for study in studies),
            "duplicated_labels": sum(len(patient.duplicated) for patient in written),
        },
        "patients": [patient.description for patient in written],
    }
