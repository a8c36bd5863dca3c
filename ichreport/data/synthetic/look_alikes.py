"""What synthetic heads say of the bright things in them that are no bleeding."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from ichreport.data.synthetic.description import read_description

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


def read_look_alikes(source: Path) -> list[LookAlike]:
    """Every look-alike of a set of synthetic heads, study by study.

    Operations and movement are among them, for all slices of their studies: a craniotomy, a shunt
    or a clip is bright or has streaks, and movement doubles edges.

    Args:
        source: The folder that the heads were made in, or a zip of it.

    Raises:
        FileNotFoundError: If it says nothing of its heads; ask `description.is_described` first.
        ValueError: If the description is damaged; the message names it.
    """
    return [
        look_alike
        for patient in read_description(source)["patients"]
        for study in patient["studies"]
        for look_alike in _of_study(patient, study)
    ]


def _of_study(patient: Mapping[str, Any], study: Mapping[str, Any]) -> Iterator[LookAlike]:
    uid = study["study_instance_uid"]
    for item in study["lookalikes"]:
        yield LookAlike(item["name"], uid, item["sop_instance_uids"])
    if patient.get("surgery"):
        yield LookAlike(AFTER_SURGERY, uid, ())
    if study.get("moved"):
        yield LookAlike(HEAD_MOVED, uid, ())
