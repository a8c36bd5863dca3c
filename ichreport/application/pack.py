"""A finished run in one file, with all that predicting by it takes, and how it is unpacked.

A pack is a zip: `pack.json`, which names every other file with its hash; for the run and each one
that it rests on a folder with its record, its weights and those of the frozen network before it;
the licence. It holds no prediction of any patient, and nothing in it is a program.
"""

import json
import zipfile
import zlib
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, Final

from ichreport.application.run_predictor import RunPredictor
from ichreport.files import (
    atomic_file,
    check_file,
    seal_of,
    sha256_of_file,
    unseal,
    write_sealed_json,
    write_text,
)
from ichreport.findings.study_findings import NOTICE
from ichreport.params.experiment import Experiment
from ichreport.runs.record_format import RECORD, WEIGHTS
from ichreport.runs.saved_run import BACKBONE, SavedRun

ENDING: Final = ".run.zip"
FORMAT: Final = "ichreport-run/1"
_CONTENTS: Final = "pack.json"
_LICENCE: Final = "LICENCE.txt"
_TERMS: Final = (
    "The weights were learned from the data that the record names; the terms of those data go with "
    "them (the RSNA challenge's: non-commercial use, no re-identification). Weights of frozen "
    "networks are their authors'. The code that reads this file has the licence below."
)
_OF_THE_MACHINE: Final = ("source", "labels", "store", "weights", "experiments", "external")
"""Parameters that hold paths of the machine that trained, and say nothing of the run; of `weights`
only a file's."""
_DAMAGES: Final = (
    *(zipfile.BadZipFile, zlib.error, json.JSONDecodeError, UnicodeDecodeError),
    *(KeyError, EOFError, RuntimeError),
)
"""How a zip says that it is damaged, or none of ours."""
_LARGEST: Final = 8 * 2**30
"""Bytes that a pack may unpack to."""
_AS_IT_IS: Final = (1980, 1, 1, 0, 0, 0)
"""The time of each file in a pack: when it was packed says nothing of the run."""


def write(run: Path, out: Path) -> Path:
    """Pack a run.

    Args:
        run: Its folder, `reports/<profile>/runs/<name>`.
        out: The file to write.

    Returns:
        The path of the file.

    Raises:
        ValueError: If the run, or one that it rests on, is not finished or damaged.
        OSError: If the file cannot be written.
    """
    saved = SavedRun.read(run)
    predictor = RunPredictor(saved)
    with TemporaryDirectory(prefix="ichreport-pack-") as name:
        folder = Path(name)
        for one in saved.all_runs:
            _write_run(folder / "runs" / one.name, one)
        for name in predictor.with_backbones:
            predictor.save_backbone(name, folder / "runs" / name / BACKBONE)
        licence = "\n\n".join([NOTICE, _TERMS, _own_licence()])
        write_text(folder / _LICENCE, licence)
        files = {
            path.relative_to(folder).as_posix(): path
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        contents = {
            "format": FORMAT,
            "notice": NOTICE,
            "run": saved.name,
            "identity": saved.identity,
            "files": {name: sha256_of_file(path) for name, path in files.items()},
        }
        with atomic_file(out) as partial, zipfile.ZipFile(partial, "w") as opened:
            _add(opened, _CONTENTS, _sealed(contents))
            for name, path in files.items():
                _add(opened, name, path.read_bytes())
    return out


def unpack(pack: Path, folder: Path) -> SavedRun:
    """Unpack a run, and check every file of it.

    Args:
        pack: The file.
        folder: An empty folder for what it holds.

    Raises:
        ValueError: If the file is no pack, is damaged, or holds what no pack does.
        OSError: If it cannot be read, or the folder cannot be written.
    """
    cure = "Pack the run again, or copy the file again."
    try:
        with zipfile.ZipFile(pack) as opened:
            contents = _read_contents(opened, pack)
            for name in contents["files"]:
                _extract(opened, name, folder, pack)
    except _DAMAGES as error:
        raise ValueError(f"{pack} is no pack of a run, or a damaged one. {cure}") from error
    for name, known in contents["files"].items():
        check_file(folder / name, known, f"{pack} is damaged. {cure}")
    return SavedRun.read(folder / "runs" / contents["run"], is_packed=True)


def _write_run(folder: Path, saved: SavedRun) -> None:
    """A run's record and weights."""
    record = dict(saved.run.record)
    defaults = {name: Experiment.model_fields[name].default for name in _OF_THE_MACHINE}
    if record["parameters"].get("weights") == "imagenet":  # no file of this machine
        del defaults["weights"]
    record["parameters"] = {**record["parameters"], **defaults}
    write_sealed_json(folder / RECORD, record)
    if not saved.members:
        with atomic_file(folder / WEIGHTS) as partial:
            partial.write_bytes(saved.run.weights.read_bytes())


def _own_licence() -> str:
    """The licence of this package."""
    files = distribution("ichreport").files or []
    named = [file for file in files if PurePosixPath(str(file)).name == "LICENSE"]
    return named[0].read_text() if named else "MIT"


def _sealed(contents: Mapping[str, Any]) -> bytes:
    return json.dumps({**contents, "seal": seal_of(contents)}, indent=1).encode()


def _add(opened: zipfile.ZipFile, name: str, content: bytes) -> None:
    about = zipfile.ZipInfo(name, _AS_IT_IS)
    about.external_attr = 0o644 << 16
    kind = zipfile.ZIP_STORED if name.endswith(".h5") else zipfile.ZIP_DEFLATED
    opened.writestr(about, content, kind)


def _read_contents(opened: zipfile.ZipFile, pack: Path) -> dict[str, Any]:
    """What a pack says of itself.

    Raises:
        ValueError: If it is of another form, names what no pack has, or is too large.
    """
    where = pack / _CONTENTS
    contents = unseal(json.loads(opened.read(_CONTENTS)), where)
    if contents.get("format") != FORMAT:
        raise ValueError(
            f"{pack} has format {contents.get('format')!r}, expected {FORMAT}; another version of "
            "ichreport made it."
        )
    names = {about.filename for about in opened.infolist()} - {_CONTENTS}
    if names != set(contents["files"]):
        raise ValueError(f"{pack} holds other files than {_CONTENTS} says.")
    if sum(about.file_size for about in opened.infolist()) > _LARGEST:
        raise ValueError(f"{pack} would unpack to more than {_LARGEST / 2**30:.0f} GB.")
    return contents


def _extract(opened: zipfile.ZipFile, name: str, folder: Path, pack: Path) -> None:
    """Write a file of a pack below a folder, and nowhere else."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise ValueError(f"{pack} names a file outside of it: {name!r}.")
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(name) as stream, target.open("wb") as written:
        while block := stream.read(2**20):
            written.write(block)
