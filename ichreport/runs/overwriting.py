"""Which parameters a name stands for, so that no run takes another's place.

Only the scratch run may be anything.
"""

from pathlib import Path

from ichreport.files import read_json
from ichreport.params.experiment import Experiment
from ichreport.params.profile import Profile
from ichreport.params.row_parameters import SCRATCH
from ichreport.params.rows.differences import differences, in_words
from ichreport.params.rows.read import read_each_experiment
from ichreport.params.yaml import project_path, shown
from ichreport.runs.record_format import RECORD


def refuse_other_parameters(experiment: Experiment) -> None:
    """Refuse to run an experiment under a name that stands for another.

    Raises:
        ValueError: If `params/<profile>.yaml` has a row of this name that is computed with other
            parameters or has a file with a mistake, or if a run with other parameters was kept
            under it. The message says which they are, and the cure.
    """
    if experiment.name == SCRATCH:
        return
    row = _row_of_that_name(experiment)
    if row is not None:
        differing = differences(experiment, row)
        if not differing:
            return  # whatever is kept there is this row, or was
        raise ValueError(
            f"{experiment.name} is a row of the report {experiment.profile}, and this run has "
            f"{in_words(differing)}. Give it a name of its own (-p name mine), or change "
            "the row's file."
        )
    kept = recorded(experiment.run_folder)
    differing = differences(experiment, kept) if kept else {}
    if differing:
        raise ValueError(
            f"{shown(experiment.run_folder)} holds another run, and this one has "
            f"{in_words(differing)}. Give it a name of its own (-p name …), or remove "
            "that folder."
        )


def recorded(folder: Path) -> Experiment | None:
    """What was run in a folder, whatever version has recorded it; None if nothing says so."""
    path = folder / RECORD
    try:
        kept = read_json(path)["parameters"]
        known = {name: kept[name] for name in Experiment.model_fields if name in kept}
        return Experiment.from_record(known) if known else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _row_of_that_name(experiment: Experiment) -> Experiment | None:
    path = project_path("params") / f"{experiment.profile}.yaml"
    if not path.is_file():
        return None
    rows, mistakes = read_each_experiment(Profile.from_files(path))
    if experiment.row in mistakes:
        raise ValueError(mistakes[experiment.row])
    return rows.get(experiment.name)
