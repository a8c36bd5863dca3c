"""What a run, a profile and a machine are: their parameters as tables."""

from collections.abc import Mapping
from typing import Any

from ichreport.params.experiment import Experiment
from ichreport.params.profile import Profile
from ichreport.report.html.blocks import Sentences, Table
from ichreport.report.html.formats import duration, in_words
from ichreport.runs.record import Training

WHAT_IT_IS = (
    "sample", "split_by", "input", "network", "trainable_layers", "head", "dense_layers", "loss",
)  # fmt: skip
"""The parameters that make a run what it is, as its page and its notebook show them."""

_HOW_IT_RUNS = (
    "image_size", "backbone_size", "weights", "epochs", "patience", "batch_size", "seed",
    "sampa_share", "sampb_share",
)  # fmt: skip


def experiment(asked: Experiment) -> Table:
    """What an experiment is, and where it runs."""
    values = values_of(asked)
    names = [*WHAT_IT_IS, asked.step_size_name, *_HOW_IT_RUNS]
    rows = [["asks", asked.question or "–"]]
    rows += [[name.replace("_", " "), in_words(values[name], 6)] for name in names]
    return Table(f"The experiment {asked.name}.", ["parameter", "value"], rows)


def machine(described: Mapping[str, Any]) -> Table:
    """The machine and the Keras backend that a run used."""
    rows = [[name.replace("_", " "), in_words(value, 0)] for name, value in described.items()]
    return Table("Backend and devices of this run.", ["what", "value"], rows)


def training(made: Training) -> Sentences:
    """Whether a training was made now or found, and what it took."""
    seconds = duration(made.seconds["training"])
    found = (
        f"Trained now, in {seconds}."
        if made.is_new
        else f"Found: it was trained at {made.finished} (UTC) in {seconds}, and nothing that it "
        "depends on has changed since."
    )
    return Sentences([f"{found} It is kept as {made.folder.name}."])


def parameters_of(profile: Profile) -> Table:
    """A profile's values, for the end of a page."""
    rows = [[name, in_words(value, 6)] for name, value in profile.model_dump().items()]
    return Table(f"The profile {profile.profile}.", ["parameter", "value"], rows)


def values_of(asked: Experiment) -> dict[str, Any]:
    """An experiment's parameters by name; what its sample is split by in effect."""
    return asked.model_dump() | {"split_by": asked.splits_by}
