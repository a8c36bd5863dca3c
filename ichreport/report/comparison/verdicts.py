"""Verdicts on runs: against the constant prevalence, on all of them, and on one in practice."""

import math
from collections.abc import Sequence
from typing import Final

from ichreport import poster
from ichreport.evaluation.constant_prevalence import learned_together
from ichreport.labels import ANY
from ichreport.report.html.blocks import Marked, Verdict
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import counted, listed, percent, with_interval
from ichreport.report.run import verdicts as of_run
from ichreport.runs.results import Results, ScoredRun

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


def marked_name(run: ScoredRun) -> str:
    """A run's name, with a * where its test patients are in train too."""
    return run.name if run.unseen_patients else f"{run.name} *"


def on_seen() -> str:
    """What the mark of `marked_name` means."""
    return _CAPTIONS.fill("on_seen")


def had_no_epochs_left(run: ScoredRun) -> bool:
    """Whether its training might have gone on, had it been given more epochs."""
    history, experiment = run.record.get("history"), run.experiment
    if not history or experiment.schedule != "plateau":
        return False
    return not of_run.stopped_by_itself(history["val_loss"], experiment)


def explanation() -> str:
    """What the verdicts mean, for the captions of tables that hold them."""
    return _CAPTIONS.fill("verdicts")


def experiments(results: Results) -> Verdict:
    """How many rows are better than the constant prevalence, and which is the best one."""
    rows = [runs[0] for runs in results.by_row.values()]
    if not rows:
        return Verdict(_CAPTIONS.fill("rows_without_figures"))
    learned = [run for run in rows if run.learned.verdict == "learned"]
    on_seen = sum(not run.unseen_patients for run in learned)
    said = _CAPTIONS.fill(
        "rows_learned",
        learned=f"{len(learned)}" if learned else "none",
        experiments=counted(len(rows), "experiment"),
        verb="is" if len(learned) <= 1 else "are",
        own="its own interval" if len(learned) <= 1 else "their own intervals",
        seen=_CAPTIONS.fill("rows_on_seen", count=f"{on_seen}") if on_seen else "",
    )
    return Verdict(" ".join([said, *_surely(learned, results), _best_in_words(results)]))


def _surely(learned: Sequence[ScoredRun], results: Results) -> list[str]:
    """How many of the rows that are better by their own intervals are so among several runs."""
    if not learned or len(results.scored) < 2:
        return []
    together = learned_together({name: run.learned for name, run in results.scored.items()})
    surely = sum(run.name in together for run in learned)
    return [
        _CAPTIONS.fill(
            "rows_learned_together",
            runs=counted(len(results.scored), "run"),
            surely=f"{surely}" if surely else "none",
            verb="is" if surely <= 1 else "are",
        )
    ]


def _best_in_words(results: Results) -> str:
    """Which row is the best on validation, if any could be chosen."""
    tied = [run.name for run in results.tied_for_best]
    if not tied:
        return _CAPTIONS.fill("no_best")
    if len(results.candidates) == 1:
        return _CAPTIONS.fill("rows_only_candidate", run=tied[0])
    return _CAPTIONS.fill("rows_best", runs=listed(tied), verb="is" if len(tied) == 1 else "are")


def in_practice(results: Results) -> Verdict:
    """What the frozen threshold of the poster's best row, or else of the best run, does on test."""
    run = results.best_poster_run or results.best
    if run is None:
        return Verdict(_CAPTIONS.fill("nothing_in_practice", row=poster.BEST_ROW))
    assessed = run.assessment
    recall, precision = (assessed.rate(rate, ANY) for rate in ("recall", "precision"))
    if math.isnan(assessed.threshold(ANY)) or math.isnan(recall["value"]):
        return of_run.operating_point(assessed)
    prevalence = recall["positives"] / assessed.split("test")["slices"]
    right = _CAPTIONS.fill(
        "alarms_right", precision=with_interval(precision, 2), prevalence=percent(prevalence)
    )
    silent = math.isnan(precision["value"])
    alarms = _CAPTIONS.fill("no_alarms") if silent else right
    return Verdict(
        _CAPTIONS.fill("in_practice", run=run.name, recall=with_interval(recall, 2), alarms=alarms)
    )
