"""The challenge's winners beside the ladder: what they print of their scores and machines."""

from collections.abc import Mapping
from typing import Any, Final

from ichreport import challenge, poster
from ichreport.evaluation.scores import ALL_LABELS
from ichreport.labels import ANY, SCORE_WEIGHTS
from ichreport.report.beyond.ladder import Ladder
from ichreport.report.comparison import verdicts
from ichreport.report.html.blocks import Cell, Link, Row, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import interval, number, with_interval
from ichreport.runs.results import ScoredRun

_CAPTIONS: Final = Captions.beside(__file__)
_DIGITS: Final = 4


def table(ladder: Ladder, manifest: Mapping[str, Any]) -> Table:
    """Printed scores of others; beside them ours, if they are of the challenge's slices.

    Args:
        ladder: As `ladder.climb` gives it.
        manifest: That of the store that the report is of.
    """
    ours = [_of_run(run) for run in _comparable(ladder, manifest)]
    others = [[*_of_winner(winner), winner.source] for winner in challenge.winners()]
    return Table(
        _CAPTIONS.fill("winners", ours=_about_ours(ladder, manifest)),
        ["whose", "what", *numbers("log loss, a mean", "AUC, any bleeding"), "where it stands"],
        [*others, *_of_poster(), *ours],
    )


def computing() -> Table:
    """What a winner's model took, and what a later card does in a second."""
    rows = [
        [one.who, one.machine, one.work, one.figure, one.source] for one in challenge.computing()
    ]
    return Table(
        _CAPTIONS.fill("computing"),
        ["who", "machine", "work", *numbers("took, or did"), "where it stands"],
        rows,
    )


def _comparable(ladder: Ladder, manifest: Mapping[str, Any]) -> list[ScoredRun]:
    """The runs of the ladder, if their slices are the challenge's."""
    scored = [ladder.results.scored[name] for name in ladder.runs if name in ladder.results.scored]
    synthetic = manifest["synthetic"] or any(run.synthetic for run in scored)
    return [] if synthetic or not manifest["challenge"] else scored


def _about_ours(ladder: Ladder, manifest: Mapping[str, Any]) -> str:
    """Why our scores stand in the table or do not."""
    if manifest["synthetic"] or ladder.results.synthetic:
        return _CAPTIONS.fill("winners_synthetic")
    if not manifest["challenge"]:
        return _CAPTIONS.fill("winners_elsewhere")
    return _CAPTIONS.fill("winners_ours")


def _of_winner(winner: challenge.Winner) -> list[str]:
    loss = (
        number(winner.loss, _DIGITS)
        if winner.loss_up_to is None
        else interval(winner.loss, winner.loss_up_to, 3)
    )
    return [winner.name, winner.made_of, loss, number(winner.auc_any)]


def _of_poster() -> list[Row]:
    """The poster's best row, and the constant prevalence on its labels, as means."""
    best, point = poster.losses()[poster.BEST_ROW], poster.operating_points()[ANY, "test"]
    weights = sum(SCORE_WEIGHTS)
    return [
        Row(
            [
                "the poster",
                f"its best row, {poster.BEST_ROW}",
                number(best.test / weights, 3),
                number(point.auc),
                "the poster, a sum over labels; here over 7",
            ],
            "quiet",
        ),
        Row(
            [
                "constant prevalence",
                "no network: the frequency of each label",
                number(poster.constant_loss() / weights, 3),
                "0.500",
                "computed from the poster's counts of labels",
            ],
            "quiet",
        ),
    ]


def _of_run(run: ScoredRun) -> Row:
    cells: list[Cell] = [
        Link(f"experiments/{run.name}.html", verdicts.marked_name(run)),
        "ours, on test",
        with_interval(run.assessment.score("challenge_log_loss", ALL_LABELS), _DIGITS),
        with_interval(run.assessment.score("auc", ANY)),
        "this report",
    ]
    return Row(cells, "marked")
