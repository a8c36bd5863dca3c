"""`ichreport evaluate`: how a finished run does on another hospital's data."""

import argparse
import os
import re
from pathlib import Path
from typing import Final

from ichreport.cli.adding import AddCommand
from ichreport.params.external import ExternalDataSet
from ichreport.params.mistakes import NAME_PATTERN
from ichreport.params.profile import Profile
from ichreport.params.store_profile import data_set_of_store
from ichreport.workflow import timed

_ABOUT: Final = "Apply a finished run to another hospital's store, with all it decides frozen."


def add(command: AddCommand) -> None:
    """Add it to the parser."""
    evaluate = command("evaluate", _evaluate, _ABOUT)
    evaluate.add_argument(
        "evaluated", metavar="RUN", type=Path, help="folder of the run: reports/demo/runs/15-…"
    )
    evaluate.add_argument(
        "store", type=Path, help="folder of the store: data/demo/external/island/store"
    )
    evaluate.add_argument(
        "--profile", help="parameter file whose `external` says what the data set is"
    )


def _evaluate(options: argparse.Namespace) -> int:
    from ichreport.data.store import Store
    from ichreport.runs.saved_run import SavedRun

    data = _data_set(options.store, options.profile)
    saved = SavedRun.read(options.evaluated)
    store = Store.open(options.store)
    if saved.experiment.kernel != "python3":  # that one is this Python as it is
        from ichreport.workflow import kernels

        # before Keras is imported
        os.environ.update(kernels.environment_of(saved.experiment.kernel))

    from ichreport.application.evaluate import evaluate

    timed.ready()
    print(evaluate(saved, store, data=data, progress=True))  # noqa: T201
    return 0


def _data_set(store: Path, profile: str | None) -> ExternalDataSet:
    """What a profile says of the data set with a store; where none names it, its name alone."""
    if profile is not None:
        described = Profile.from_files(profile)
        for data in described.external:
            if described.external_store(data.name).resolve() == store.resolve():
                return data
        raise ValueError(f"{profile}: no data set of external has the store {store}.")
    if (known := data_set_of_store(store)) is not None:
        return known
    resolved = store.resolve()
    name = resolved.parent.name if resolved.name == "store" else resolved.name
    if not re.fullmatch(NAME_PATTERN, name):
        raise ValueError(
            f"{store}: its folder's name stands for the data set and must match {NAME_PATTERN}, "
            f"got {name!r}; move it, or name the data set in a profile's external."
        )
    return ExternalDataSet(name=name, source=str(resolved.parent))
