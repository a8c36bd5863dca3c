"""The table of the label that is derived from two others."""

from typing import Any, Final

from ichreport.evaluation.assessment import Assessment
from ichreport.evaluation.extra_axial import EXTRA_AXIAL
from ichreport.report.html.blocks import Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import with_interval
from ichreport.report.run.score_tables import OTHER_DRAWS, by_other_draws, other_draws_explanation

_CAPTIONS: Final = Captions.beside(__file__)
_SCORES: Final = {
    "auc": "AUC",
    "average_precision": "average precision",
    "recall": "recall",
    "specificity": "specificity",
    "precision": "precision",
}
_LEVELS: Final = {"slice": "slices", "study": "whole studies"}


def extra_axial(assessed: Assessment) -> Table:
    """How well epidural or subdural bleeding is found, whichever of the two it is."""
    of_label = assessed.scatter[assessed.scatter["label"] == EXTRA_AXIAL]
    scatter: dict[Any, Any] = of_label.set_index("level").to_dict("index")
    rows = []
    for level, units in _LEVELS.items():
        of_level: list[Any] = assessed.extra_axial[assessed.extra_axial["level"] == level].to_dict(
            "records"
        )
        by_score = {row["score"]: row for row in of_level}
        counts = [f"{by_score['auc'][name]:,}" for name in ("positives", "units")]
        cells = [with_interval(by_score[score], 2) for score in _SCORES]
        drawn = by_other_draws(scatter[level])
        rows.append([f"{EXTRA_AXIAL}, {units}", *cells, drawn, *counts])
    return Table(
        _CAPTIONS.fill(
            "extra_axial", label=EXTRA_AXIAL.capitalize(), scatter=other_draws_explanation()
        ),
        ["label and level", *numbers(*_SCORES.values(), OTHER_DRAWS, "positive", "of")],
        rows,
    )
