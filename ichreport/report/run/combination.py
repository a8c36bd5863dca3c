"""What a run combines, and how: its members, their weights by label, and how many count where."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ichreport.evaluation.scores import ALL_LABELS
from ichreport.labels import ANY
from ichreport.params.rows.combinations import Combination
from ichreport.report.html.blocks import Cell, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import number, with_interval
from ichreport.report.run import parameters
from ichreport.runs.results import ScoredRun

_CAPTIONS: Final = Captions.beside(__file__)

KINDS: Final[Mapping[Combination, str]] = {
    "ensemble": "an ensemble, the mean of the logits, of",
    "blend": "a blend, for each label a weighted mean of the logits, of",
}
"""What each kind of combination is, as a sentence goes on to its members."""

_DESCRIBED: Final = ("fold", "input", "network", "head")


def members(combined: Iterable[ScoredRun]) -> Table:
    """The runs that are combined, each with what it is and how good it is alone, on test."""
    rows = []
    for member in combined:
        values, score = parameters.values_of(member.experiment), member.assessment.score
        described = [parameters.told(values, name) for name in _DESCRIBED]
        scores = [score("auc", ANY), score("weighted_log_loss_sum", ALL_LABELS)]
        rows.append([member.name, *described, *map(with_interval, scores)])
    return Table(
        _CAPTIONS.fill("members"),
        ["run", *_DESCRIBED, *numbers("AUC, any bleeding", "weighted log loss")],
        rows,
    )


def how(recorded: Mapping[str, Any]) -> Table:
    """How runs are combined: a blend's weights, or how many runs of an ensemble count where.

    Args:
        recorded: As `runs.combinations.CombinedRuns.record` gives it.
    """
    names = [member["name"] for member in recorded["members"]]
    if recorded["kind"] == "blend":
        return _weights(recorded["weights"], *names)
    rows = [
        [row["split"], f"{row['members']}", f"{row['slices']:,}"] for row in recorded["counting"]
    ]
    return Table(
        _CAPTIONS.fill("counting", runs=len(names)),
        ["split", *numbers("runs that count", "slices")],
        rows,
    )


def _weights(recorded: Iterable[Mapping[str, Any]], first: str, second: str) -> Table:
    """The weights of a blend by label, and what they gain on validation."""
    rows: list[list[Cell]] = []
    for row in recorded:
        losses = (row["first_log_loss"], row["log_loss"], row["second_log_loss"])
        chosen = "on validation" if row["chosen"] else "not chosen: one class"
        counts = [f"{row['positives']:,}", f"{row['slices']:,}"]
        rows.append([row["label"], f"{row['weight']:.1f}", chosen, *map(number, losses), *counts])
    return Table(
        _CAPTIONS.fill("blend_weights", first=first, second=second),
        [
            "label",
            *numbers("weight of the second"),
            "chosen",
            *numbers("first alone", "blend", "second alone", group="log loss on validation"),
            *numbers("positives", "slices"),
        ],
        rows,
    )
