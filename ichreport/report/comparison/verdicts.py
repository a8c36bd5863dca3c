"""How a run's verdict against the constant prevalence is shown and explained."""

from typing import Final

from ichreport.report.html.blocks import Marked
from ichreport.report.html.captions import Captions
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


def explanation() -> str:
    """What the verdicts mean, for the captions of tables that hold them."""
    return _CAPTIONS.fill("verdicts")
