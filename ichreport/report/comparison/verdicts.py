"""How a run's verdict against the constant prevalence is shown and explained."""

from typing import Final

from ichreport.report.html.blocks import Marked
from ichreport.report.html.captions import Captions
from ichreport.report.run.verdicts import stopped_by_itself
from ichreport.runs.results import ScoredRun

_CAPTIONS: Final = Captions.beside(__file__)
KINDS: Final = {
    "learned": "good",
    "not learned": "bad",
    "ranks only": "open",
    "ranks at least": "open",
    "undecided": "open",
}
"""How a page sets each verdict; see `blocks.Marked`."""


def verdict_cell(run: ScoredRun) -> Marked:
    """A run's verdict, as a cell of a table."""
    return Marked(run.learned.verdict, KINDS[run.learned.verdict])


def had_no_epochs_left(run: ScoredRun) -> bool:
    """Whether its training might have gone on, had it been given more epochs."""
    history, experiment = run.record.get("history"), run.experiment
    if not history or experiment.schedule != "plateau":
        return False
    return not stopped_by_itself(history["val_loss"], experiment)


def explanation() -> str:
    """What the verdicts mean, for the captions of tables that hold them."""
    return _CAPTIONS.fill("verdicts")
