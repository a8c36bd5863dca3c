"""What synthetic heads say of the bright things in them that are no bleeding."""

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

from ichreport.files import read_sealed_json, unseal

DESCRIBED: Final = "phantom.json"
"""The file in which a set of synthetic heads says what was made."""

_KINDS: Final = (
    ("contrast", "contrast medium"),
    ("calcif", "calcification"),
    ("sinus", "dense sinus"),
    ("torcula", "dense sinus"),
)
"""What a name holds, and the kind that it is of; another name is a kind of its own."""

AFTER_SURGERY: Final = "after surgery"
HEAD_MOVED: Final = "head moved"


class LookAlike(NamedTuple):
    """Something in a study that a reader must not call a bleed.

    Attributes:
        name: What it is, such as `calcified pineal`.
        study_instance_uid: The study.
        sop_instance_uids: The slices that show it, those that show most first; none where all
            slices of the study may show it.
    """

    name: str
    study_instance_uid: str
    sop_instance_uids: Sequence[str]

    @property
    def kind(self) -> str:
        """What it is in a word, such as `calcification`."""
        return next((kind for part, kind in _KINDS if part in self.name), self.name)


def are_listed(source: Path) -> bool:
    """Whether a source says which look-alikes its heads have: only synthetic heads do.

    It reads the directory of a zip, which takes seconds of one as large as the challenge's.

    Args:
        source: The folder that the heads were made in, or a zip of it.

    Raises:
        ValueError: If a zip is damaged; the message names it.
    """
    return (source / DESCRIBED).is_file() or _member_of(source) is not None


def read_look_alikes(source: Path) -> list[LookAlike]:
    """Every look-alike of a set of synthetic heads, study by study.

    Operations and movement are among them, for all slices of their studies: a craniotomy, a shunt
    or a clip is bright or has streaks, and movement doubles edges.

    Args:
        source: The folder that the heads were made in, or a zip of it.

    Raises:
        FileNotFoundError: If it says nothing of its heads; ask `are_listed` first.
        ValueError: If the description is damaged; the message names it.
    """
    described = _description(source)
    return [
        look_alike
        for patient in described["patients"]
        for study in patient["studies"]
        for look_alike in _of_study(patient, study)
    ]


def _description(source: Path) -> dict[str, Any]:
    if (source / DESCRIBED).is_file():
        return read_sealed_json(source / DESCRIBED)
    member = _member_of(source)
    if member is None:
        raise FileNotFoundError(f"{source} has no {DESCRIBED}: it says nothing of its heads.")
    return _read_zipped(source, member)


def _member_of(source: Path) -> str | None:
    """The description in a zip, nearest its top; None where there is none."""
    if not source.is_file() or not zipfile.is_zipfile(source):
        return None
    try:
        with zipfile.ZipFile(source) as opened:
            found = [name for name in opened.namelist() if PurePosixPath(name).name == DESCRIBED]
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise ValueError(f"{source} cannot be read as a zip: {error}") from error
    return min(found, key=lambda name: (name.count("/"), name), default=None)


def _read_zipped(source: Path, member: str) -> dict[str, Any]:
    where = source / member
    try:
        with zipfile.ZipFile(source) as opened:
            content = json.loads(opened.read(member))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError) as error:
        raise ValueError(f"{where} cannot be read: {error}") from error
    return unseal(content, where)


def _of_study(patient: Mapping[str, Any], study: Mapping[str, Any]) -> Iterator[LookAlike]:
    uid = study["study_instance_uid"]
    for item in study["lookalikes"]:
        yield LookAlike(item["name"], uid, item["sop_instance_uids"])
    if patient.get("surgery"):
        yield LookAlike(AFTER_SURGERY, uid, ())
    if study.get("moved"):
        yield LookAlike(HEAD_MOVED, uid, ())
