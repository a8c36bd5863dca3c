"""What a source holds: the challenge's layout or a hospital's tree of series, zipped or not."""

import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

from ichreport.data.ingest.archives import ArchiveError, Listed, Member, list_members
from ichreport.data.synthetic.description import read_description
from ichreport.files import check_file, read_sealed_json
from ichreport.params.phantom.recipe import DESCRIPTION_FILE

_TRAIN: Final = "stage_2_train"
_OF_THE_CHALLENGE: Final = re.compile(r"ID_[0-9a-f]{9}\.dcm")
_VOLUMES: Final = "ct_scans"
_VOLUME_LABELS: Final = "hemorrhage_diagnosis_raw_ct.csv"
"""How CT-ICH names its folder of NIfTI files, and its labels beside it."""
_READS: Final = "reads.csv"
_OF_CQ500: Final = "CQ500*"
"""How CQ500 names its labels, and beside them the folders or zips of its scans."""
_ZIP: Final = ".zip"
_LARGEST_CHUNK: Final = 2048
_SMALLEST_CHUNK: Final = 128


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to read.

    Attributes:
        path: Its path below the source's folder; of a file in a zip, below the zip's path.
        size: Its bytes.
        modified: What tells that it changed: nanoseconds since the epoch, or its CRC-32 in a zip.
        member: Where it lies in a zip; None for a file of its own.
        reason: Why it cannot be read, where that is known before; empty otherwise.
    """

    path: str
    size: int
    modified: int
    member: Member | None = None
    reason: str = ""


@dataclass(frozen=True)
class Source:
    """Where DICOM files, their labels and their masks come from.

    Attributes:
        folder: The folder below which the files lie, or the zip that holds them.
        challenge: Whether files are named by slice, as in the challenge.
        labels: The label CSV, if there is one: a file, or its path in the zip.
        truth: The folder of bleed masks, if there is one.
        synthetic: Whether the phantom wrote it.
        inside: The folder of the files in the zip, ending in a slash unless it is empty.
        listed: What is in the zip.
    """

    folder: Path
    challenge: bool
    labels: Path | Listed | None
    truth: Path | None
    synthetic: bool
    inside: str = ""
    listed: tuple[Listed, ...] = field(default=(), repr=False)

    @property
    def is_zip(self) -> bool:
        """Whether the files lie in one zip."""
        return bool(self.listed)

    @contextmanager
    def labels_file(self) -> Iterator[Path | None]:
        """The label CSV as a file; one in a zip is unpacked for as long as it takes."""
        if not isinstance(self.labels, Listed):
            yield self.labels
            return
        with self._unpacked(self.labels.name) as path:
            yield path

    @contextmanager
    def _unpacked(self, name: str) -> Iterator[Path]:
        with TemporaryDirectory(prefix="ichreport-unpacked-") as folder:
            path = Path(folder, PurePosixPath(name).name)
            with zipfile.ZipFile(self.folder) as opened, path.open("wb") as unpacked:
                try:
                    shutil.copyfileobj(opened.open(name), unpacked, 2**20)
                except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError):
                    raise ValueError(
                        f"{self.folder}: {name} cannot be unpacked; the zip is damaged."
                    ) from None
            yield path


def synthetic_scanners(source: Source) -> dict[str, str]:
    """On which scanner each synthetic study was taken, by StudyInstanceUID; of real data, none.

    The challenge's files name no scanner, so synthetic ones do not either; `phantom.json` does.

    Raises:
        ValueError: If what synthetic heads say of themselves is damaged.
    """
    if not source.synthetic:
        return {}
    folder = source.folder if source.is_zip else source.folder.parent
    try:
        patients = read_description(folder).get("patients", ())
        studies = [study for patient in patients for study in patient["studies"]]
        return {study["study_instance_uid"]: study.get("scanner", "") for study in studies}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        where = folder if source.is_zip else folder / DESCRIPTION_FILE
        raise ValueError(
            f"{where}: what {DESCRIPTION_FILE} says of the synthetic heads is damaged "
            f"({type(error).__name__}). Make them anew with `ichreport phantom`."
        ) from error


def recognise_source(path: Path, labels: Path | None = None) -> Source:
    """Recognise what a folder or a zip holds.

    Args:
        path: The challenge's unzipped folder, or the zip itself; or its `stage_2_test`, or any
            folder that holds `ID_….dcm` files directly; or CT-ICH's folder; or a tree or a zip of
            DICOM series, or of NIfTI volumes.
        labels: A label CSV; by default the challenge's own, CT-ICH's or CQ500's.

    Raises:
        FileNotFoundError: If the folder or the label file is missing; the message says what is
            expected where.
        ValueError: If what synthetic heads say of themselves is damaged, or their labels are, or if
            a zip is.
    """
    if labels is not None and not labels.is_file():
        raise FileNotFoundError(f"{labels} is not a file. Expected the CSV of labels.")
    if path.is_file():
        return _recognise_zip(path, labels)
    if not path.is_dir():
        raise FileNotFoundError(
            f"{path} is neither a folder nor a zip. Expected {_TRAIN}.csv and {_TRAIN}/ in it, as "
            f"the challenge has them, or a tree of DICOM series; name it as `source`."
        )
    return _recognise_folder(path, labels)


def _recognise_zip(path: Path, labels: Path | None) -> Source:
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is a file and no zip; name a folder or a zip as `source`.")
    try:
        listed = tuple(list_members(path))
    except ArchiveError as error:
        raise ValueError(f"{path}: {error}.") from None
    if not listed:
        raise FileNotFoundError(f"{path} holds no files.")
    folders = {PurePosixPath(name) for name in {file.name.rpartition("/")[0] for file in listed}}
    above = {folder for lowest in folders for folder in (lowest, *lowest.parents)}
    train = next((folder for folder in sorted(above) if folder.name == _TRAIN), None)
    if train is None:
        flat = _are_the_challenges(PurePosixPath(file.name).name for file in listed)
        return Source(path, flat, labels, truth=None, synthetic=False, listed=listed)
    names = {file.name: file for file in listed}
    own = names.get(f"{train}.csv")
    if labels is None and own is None:
        raise FileNotFoundError(
            f"{path} has no {train}.csv. Expected the challenge's labels beside {train}/; name a "
            "label CSV as `labels`."
        )
    described = str(train.parent / DESCRIPTION_FILE) in names
    inside = f"{train}/"
    return Source(path, True, labels or own, None, described, inside=inside, listed=listed)


def _recognise_folder(folder: Path, labels: Path | None) -> Source:
    train, volumes = folder / _TRAIN, folder / _VOLUMES
    if next(volumes.glob("*.nii*"), None) is not None:
        own, masks = folder / _VOLUME_LABELS, folder / "masks"
        return Source(
            volumes,
            challenge=False,
            labels=labels or (own if own.is_file() else None),
            truth=masks if masks.is_dir() else None,
            synthetic=False,
        )
    if not train.is_dir():
        reads = folder / _READS
        if labels is None and reads.is_file() and next(folder.glob(_OF_CQ500), None):
            labels = reads
        flat = _are_the_challenges(path.name for path in folder.iterdir())
        return Source(folder, challenge=flat, labels=labels, truth=None, synthetic=False)
    train_labels = folder / f"{_TRAIN}.csv"
    if labels is None and not train_labels.is_file():
        raise FileNotFoundError(
            f"{train_labels} is missing. Expected the challenge's labels beside {train}; to "
            f"ingest the files without labels, name {train} itself as `source`."
        )
    truth, described = folder / "truth", folder / DESCRIPTION_FILE
    if described.is_file() and labels is None:
        _check_synthetic_labels(train_labels, described)
    return Source(
        train,
        challenge=True,
        labels=labels or train_labels,
        truth=truth if truth.is_dir() else None,
        synthetic=described.is_file(),
    )


def _are_the_challenges(names: Iterable[str]) -> bool:
    """Whether most of the files that lie side by side, by their ending, are the challenge's."""
    of_dicom = [name for name in names if name.endswith(".dcm")]
    return 2 * sum(map(bool, map(_OF_THE_CHALLENGE.fullmatch, of_dicom))) > len(of_dicom)


def _check_synthetic_labels(labels: Path, described: Path) -> None:
    cure = f"Remove {described}; make report or `ichreport phantom` makes the heads anew."
    try:
        expected = read_sealed_json(described)["labels_sha256"]
    except (ValueError, KeyError) as error:
        raise ValueError(f"{described} is damaged ({error}). {cure}") from error
    check_file(labels, expected, cure)


def list_files(source: Source) -> list[SourceFile]:
    """All files to read, sorted by path.

    These are the files of the tree but hidden ones, `DICOMDIR` and the label CSV; of a zip among
    them, those in it. Links to folders are not followed.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the challenge's own zip lies among the files.
    """
    files = list(_in_zip(source) if source.is_zip else _in_folder(source))
    if not files:
        raise FileNotFoundError(f"{source.folder} holds no DICOM files.")
    files.sort(key=lambda file: file.path)
    return files


def _in_zip(source: Source) -> Iterator[SourceFile]:
    for listed in source.listed:
        is_label_file = isinstance(source.labels, Listed) and listed.name == source.labels.name
        if is_label_file or not listed.name.startswith(source.inside):
            continue
        path = listed.name[len(source.inside) :]
        if not _is_directory_of_images(path):
            yield _of_member(listed, path)


def _in_folder(source: Source) -> Iterator[SourceFile]:
    labels, start = source.labels, len(str(source.folder)) + 1
    for entry in _entries(str(source.folder)):
        if _is_directory_of_images(entry.name):
            continue
        if isinstance(labels, Path) and entry.name == labels.name and labels.samefile(entry.path):
            continue
        path = entry.path[start:]
        if entry.name.lower().endswith(_ZIP):
            yield from _of_archive(path, entry)
        else:
            yield _stamped(path, entry)


def _of_archive(path: str, entry: os.DirEntry[str]) -> Iterator[SourceFile]:
    """The files in a zip of the tree, or the zip itself with the reason why it cannot be read."""
    stamped = _stamped(path, entry)
    try:
        listed = list_members(Path(entry.path), path)
    except ArchiveError as error:
        yield SourceFile(path, stamped.size, stamped.modified, reason=str(error))
        return
    if any(PurePosixPath(file.name).parent.name == _TRAIN for file in listed):
        raise ValueError(f"{entry.path} is the challenge's zip: name it itself as `source`.")
    for file in listed:
        if not _is_directory_of_images(file.name):
            yield _of_member(file, f"{path}/{file.name}")


def _of_member(listed: Listed, path: str) -> SourceFile:
    return SourceFile(path, listed.size, listed.crc, listed.member, listed.reason)


def _is_directory_of_images(path: str) -> bool:
    """Whether a file is a `DICOMDIR`, which lists the others."""
    return path[-8:].upper() == "DICOMDIR" and path[-9:-8] in ("", "/")


def _stamped(path: str, entry: os.DirEntry[str]) -> SourceFile:
    try:
        status = entry.stat()
    except OSError:  # such as a link to nowhere, which reading will reject with its reason
        return SourceFile(path, size=-1, modified=0)
    return SourceFile(path, status.st_size, status.st_mtime_ns)


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    pending = [folder]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                else:
                    yield entry


def slice_of_file(path: str) -> str:
    """The name of the slice that one of the challenge's files is: its own, without endings."""
    name = PurePosixPath(path).name
    return PurePosixPath(name.removesuffix(".gz")).stem


def cut_into_chunks(files: list[SourceFile]) -> list[list[SourceFile]]:
    """Cut a sorted list of files into chunks, one a shard.

    Where to cut is decided by the names alone: after a file whose checksum ends in enough zero
    bits, no sooner than half and no later than twice the usual length. So a file more or less
    changes the chunk that it is in and sometimes the next, never all that follow.

    Args:
        files: Sorted by path.

    Returns:
        Chunks of 1024 to 4096 files; of fewer in small sets, so that there is work for each core.
    """
    usual = min(max(_SMALLEST_CHUNK, 1 << (len(files) // 32).bit_length()), _LARGEST_CHUNK)
    chunks: list[list[SourceFile]] = [[]]
    for file in files:
        chunk = chunks[-1]
        chunk.append(file)
        cut = zlib.crc32(os.fsencode(file.path)) % usual == 0
        if len(chunk) >= 2 * usual or (cut and len(chunk) >= usual // 2):
            chunks.append([])
    if not chunks[-1]:
        chunks.pop()
    return chunks
