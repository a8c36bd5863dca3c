"""What the poster leaves open, and what we chose: each choice once, as the code computes by it."""

from typing import Final

from ichreport.labels import ANY, LABELS, SCORE_WEIGHTS
from ichreport.params.training.open_choices import (
    ATTENTION_HEADS,
    CNN7_FILTERS,
    DROPOUT,
    FOCAL_ALPHA,
    FOCAL_GAMMA,
    HEAD_UNITS,
    LSTM_UNITS,
    MAX_POSITIVE_WEIGHT,
)
from ichreport.report.html.blocks import Table
from ichreport.report.html.captions import Captions
from ichreport.runs.results import Results

_CAPTIONS: Final = Captions.beside(__file__)


def table(results: Results) -> Table:
    """The choices, with those of this report's own runs.

    Args:
        results: Its runs.
    """
    weights = {
        run.experiment.positive_weight
        for run in results.scored.values()
        if run.experiment.loss == "weighted-bce"
    }
    said = ", ".join("by rarity" if one is None else f"{one:g}" for one in sorted(weights, key=str))
    rows = [
        ["filters of the seven blocks", ", ".join(map(str, CNN7_FILTERS)), "row 1 and 2"],
        ["units of a hidden Dense layer", str(HEAD_UNITS), "all rows"],
        ["dropout between Dense layers", f"{DROPOUT:g}", "all rows"],
        ["features before a head", "standardised by those of train", "rows on backbones"],
        ["units of the LSTM", f"{LSTM_UNITS} in each direction", "rows 11 and 12"],
        ["attention", f"{ATTENTION_HEADS} heads, added to the LSTM's states", "row 12"],
        ["focal loss", f"alpha {FOCAL_ALPHA:g}, gamma {FOCAL_GAMMA:g}", "row 6"],
        ["weight of positives", said or "no such row has figures", "row 1"],
        ["their weight by rarity", f"at most {MAX_POSITIVE_WEIGHT:g}", "where asked for"],
        ["weight of any in the loss", "1, as each subtype", "rows without label_weights"],
        ["weight of any in the score", f"{SCORE_WEIGHTS[LABELS.index(ANY)]:g}", "all rows"],
    ]
    return Table(_CAPTIONS.fill("open_choices"), ["choice", "ours", "where"], rows)
