"""What the poster leaves open, and what we chose: each choice once, as the code computes by it."""

from collections.abc import Callable
from typing import Final

from ichreport import poster
from ichreport.labels import ANY, LABELS, SCORE_WEIGHTS
from ichreport.params.experiment import Experiment
from ichreport.params.training.augmentations import FLIP_ALONE, sentence
from ichreport.params.training.open_choices import (
    ATTENTION_HEADS,
    ATTENTION_KEY,
    CNN7_FILTERS,
    CNN7_INITIALISATION,
    CNN7_KERNEL,
    CNN7_MOMENTUM,
    DROPOUT,
    FOCAL_ALPHA,
    FOCAL_GAMMA,
    HEAD_UNITS,
    LSTM_UNITS,
    MAX_POSITIVE_WEIGHT,
)
from ichreport.params.training.optimizers import OPTIMIZERS
from ichreport.poster.weighted_positives import (
    constant_of_row_1,
    loss_with,
    power_of_row_1,
    rarity,
)
from ichreport.report.html.blocks import Table
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import listed, number
from ichreport.runs.results import Results

_CAPTIONS: Final = Captions.beside(__file__)
_OF_POSTER: Final = "all of the poster's rows"
_OF_SCRATCH: Final = "rows 1 and 2"


def table(results: Results) -> Table:
    """The choices, with those of this report's own runs.

    Args:
        results: Its runs.
    """
    rows = [
        ["filters of the seven blocks", ", ".join(map(str, CNN7_FILTERS)), _OF_SCRATCH],
        ["kernels of their convolutions", f"{CNN7_KERNEL} × {CNN7_KERNEL}", _OF_SCRATCH],
        ["first weights of these", CNN7_INITIALISATION.replace("_", " ").capitalize(), _OF_SCRATCH],
        ["momentum of their batch normalization", f"{CNN7_MOMENTUM:g}", _OF_SCRATCH],
        ["from maps to features", "global average pooling", "all rows"],
        ["how slices vary in training", sentence(FLIP_ALONE).removesuffix("."), _OF_SCRATCH],
        [
            "optimiser",
            _of_rows(results, lambda row: OPTIMIZERS[row.optimizer]),
            "all of the poster's rows",
        ],
        [
            "largest step",
            _of_rows(results, lambda row: f"{row.fitting.step_size:g}"),
            "all of the poster's rows",
        ],
        [
            "slices a step",
            _of_rows(results, lambda row: f"{row.batch_size:,}"),
            "all of the poster's rows",
        ],
        ["units of a hidden Dense layer", str(HEAD_UNITS), "all rows"],
        ["dropout between Dense layers", f"{DROPOUT:g}", "all rows"],
        ["features before a head", "standardised by those of train", "rows on backbones"],
        ["units of the LSTM", f"{LSTM_UNITS} in each direction", "rows 11 and 12"],
        [
            "attention",
            f"{ATTENTION_HEADS} heads with keys of {ATTENTION_KEY}, added to the LSTM's states",
            "row 12",
        ],
        ["focal loss", f"alpha {FOCAL_ALPHA:g}, gamma {FOCAL_GAMMA:g}", "row 6"],
        ["weight of positives", _of_rows(results, _weight), "row 1"],
        ["their weight by rarity", _cap(), "where asked for"],
        ["weight of any in the loss", "1, as each subtype", "rows without label_weights"],
        ["weight of any in the score", f"{SCORE_WEIGHTS[LABELS.index(ANY)]:g}", "all rows"],
    ]
    caption = _CAPTIONS.fill(
        "open_choices",
        loss=number(poster.losses()[1].test),
        by_rarity=number(loss_with(rarity), 2),
        capped=number(loss_with(lambda label: min(rarity(label), MAX_POSITIVE_WEIGHT)), 2),
        constant=number(constant_of_row_1(), 1),
        power=number(power_of_row_1(), 2),
    )
    return Table(caption, ["choice", "ours", "where"], rows)


def _of_rows(results: Results, choice: Callable[[Experiment], str]) -> str:
    """What was chosen for the runs that stand for the poster's rows."""
    runs = [run.experiment for run in results.scored.values() if run.experiment.poster_row]
    said = dict.fromkeys(filter(None, map(choice, runs)))
    return ", ".join(said) or "no such row has figures"


def _weight(row: Experiment) -> str:
    if row.loss != "weighted-bce":
        return ""
    if row.positive_weight is not None:
        return f"{row.positive_weight:g}"
    power = "" if row.rarity_power == 1 else f" to the power {row.rarity_power:g}"
    return f"by rarity{power}"


def _cap() -> str:
    """At most how much rarity weighs, and which of the challenge's labels are rarer than that."""
    most = MAX_POSITIVE_WEIGHT
    bound = [f"{label} ({rarity(label):.0f})" for label in LABELS if rarity(label) > most]
    return f"at most {most:g}, which of the challenge's labels binds {listed(bound or ['none'])}"
