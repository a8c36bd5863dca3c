"""What `make report` makes anew although it is there: what is damaged or of another version."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ichreport.data.store_format import MANIFEST, read_manifest
from ichreport.files import OtherVersionError
from ichreport.params.profile import Profile
from ichreport.params.yaml import shown
from ichreport.runs import damage
from ichreport.runs.damage import Damage
from ichreport.runs.record_format import RECORD


@dataclass(frozen=True)
class Repairs:
    """What is to be done about files that are not what was written.

    Attributes:
        lines: What a person is told of it.
        again: The files that the workflow makes anew.
        left: What is wrong with those that nobody but a person mends: of runs by hand.
    """

    lines: Sequence[str]
    again: Sequence[str]
    left: Sequence[str]


def find(profile: Profile, experiments: Collection[str]) -> Repairs:
    """Look for what is damaged or of another version of ichreport.

    Notes on the time of jobs that are damaged are removed: nothing depends on them.

    Args:
        profile: The report's profile.
        experiments: The names of the runs that the workflow makes.
    """
    lines = []
    for note in damage.damaged_notes(profile.report_folder):
        note.path.unlink()
        lines.append(f"{note.problem} It is removed.")
    again: list[Damage] = []
    left: list[Damage] = []
    for one in [*_store(profile.store_folder), *damage.damaged(profile.report_folder)]:
        is_by_hand = one.path.name == RECORD and one.path.parent.name not in experiments
        (left if is_by_hand else again).append(one)
    lines += [
        f"{shown(one.path)} is made anew: {one.problem}"
        for one in again
        if not one.by_other_version
    ]
    old = [shown(one.path.parent) for one in again if one.by_other_version]
    if old:
        lines.append(f"Another version of ichreport has made {', '.join(old)}; made anew.")
    return Repairs(lines, [shown(one.path) for one in again], [one.problem for one in left])


def _store(folder: Path) -> Iterator[Damage]:
    """What is wrong with what a store says of itself, if anything."""
    path = folder / MANIFEST
    try:
        if path.is_file():
            read_manifest(folder)
    except ValueError as error:
        yield Damage(path, str(error), isinstance(error, OtherVersionError))
