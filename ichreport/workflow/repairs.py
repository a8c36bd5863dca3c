"""What `make report` makes anew although it is there: what is not what its row would be.

That is what is damaged, or was made by another version, or with other parameters.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ichreport.data.store_format import MANIFEST, read_manifest
from ichreport.files import OtherVersionError, read_sealed_json
from ichreport.params.experiment import Experiment
from ichreport.params.phantom.recipe import DESCRIPTION_FILE
from ichreport.params.profile import Profile
from ichreport.params.rows.differences import differences
from ichreport.params.rows.twins import steps_beyond_poster
from ichreport.params.yaml import shown
from ichreport.runs import damage, overwriting
from ichreport.runs.damage import Damage
from ichreport.runs.external_format import folder_of
from ichreport.runs.record_format import RECORD

_MOST_NAMED: Final = 4
"""Paths that a line names, at most."""


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


def find(profile: Profile, experiments: Mapping[str, Experiment]) -> Repairs:
    """Look for what is damaged, of another version of ichreport, or of other parameters.

    Notes on the time of jobs that are damaged are removed: nothing depends on them.

    Args:
        profile: The report's profile.
        experiments: The runs that the workflow makes, by name.
    """
    lines = []
    for note in damage.damaged_notes(profile.report_folder):
        note.path.unlink()
        lines.append(f"{note.problem} It is removed.")
    again: list[Damage] = []
    left: list[Damage] = []
    of_data = [*_phantom(profile), *_store(profile.store_folder), *_elsewhere(profile)]
    of_report = _made(damage.damaged(profile.report_folder), profile, experiments)
    by_workflow = _records(profile, experiments)
    for one in [*of_data, *of_report]:
        is_by_hand = one.path.name == RECORD and one.path not in by_workflow
        (left if is_by_hand else again).append(one)
    lines += [
        f"{shown(one.path)} is made anew: {one.problem}"
        for one in again
        if not one.by_other_version
    ]
    old = [shown(one.path.parent) for one in again if one.by_other_version]
    if old:
        lines.append(f"Another version of ichreport has made {_some(old)}; made anew.")
    found = [shown(one.path) for one in again]
    others = [path for path in _of_other_parameters(experiments) if path not in found]
    if others:
        runs = [str(Path(path).parent) for path in others]
        lines.append(f"Other parameters than the files say have made {_some(runs)}; made anew.")
    return Repairs(lines, [*found, *others], [one.problem for one in left])


def _some(paths: Sequence[str]) -> str:
    """Paths as a line holds them: all of a handful, else the first of them and how many more."""
    if len(paths) <= _MOST_NAMED:
        return ", ".join(paths)
    return f"{', '.join(paths[:_MOST_NAMED])} and {len(paths) - _MOST_NAMED} more"


def _made(
    damages: Sequence[Damage], profile: Profile, experiments: Mapping[str, Experiment]
) -> list[Damage]:
    """The damages without those of pages that the report no longer has."""
    gone = set() if steps_beyond_poster(experiments) else {damage.OF_STEPS}
    gone |= set() if profile.external else {damage.OF_OTHER_HOSPITALS}
    return [one for one in damages if one.path.name not in gone]


def _records(profile: Profile, experiments: Mapping[str, Experiment]) -> set[Path]:
    """The records that the workflow makes: of runs, and of their evaluations elsewhere."""
    runs = profile.report_folder / "runs"
    elsewhere = {
        folder_of(runs / run, data.name)
        for data in profile.external
        for run in profile.runs_elsewhere(data)
    }
    return {folder / RECORD for folder in {runs / name for name in experiments} | elsewhere}


def _of_other_parameters(experiments: Mapping[str, Experiment]) -> Iterator[str]:
    """The records of rows that were made with other parameters than the row's."""
    for row in experiments.values():
        made = overwriting.recorded(row.run_folder)
        if made is not None and differences(made, row):
            yield shown(row.run_folder / RECORD)


def _elsewhere(profile: Profile) -> Iterator[Damage]:
    """What is wrong with the heads and the stores of other hospitals, if anything."""
    for data in profile.external:
        there = profile.elsewhere(data.name)
        made = profile.external_heads(data.name)  # what their job leaves, wherever they lie
        yield from (Damage(made, one.problem, one.by_other_version) for one in _phantom(there))
        yield from _store(there.store_folder)


def _phantom(profile: Profile) -> Iterator[Damage]:
    """What is wrong with what the synthetic heads say of themselves, if anything."""
    path = profile.source_folder / DESCRIPTION_FILE
    try:
        if profile.phantom is not None and path.is_file():
            read_sealed_json(path)
    except ValueError as error:
        yield Damage(path, str(error))


def _store(folder: Path) -> Iterator[Damage]:
    """What is wrong with what a store says of itself, if anything."""
    path = folder / MANIFEST
    try:
        if path.is_file():
            read_manifest(folder)
    except ValueError as error:
        yield Damage(path, str(error), isinstance(error, OtherVersionError))
