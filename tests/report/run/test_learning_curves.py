"""What the learning curve of a run says: each verdict where it must stand and where it must not."""

import numpy as np
import pandas as pd
import pytest

from ichreport.report.html.blocks import Sentences
from ichreport.report.run import learning_curves

STEEP, FLAT, WORSE = "more patients would probably help", "neither better nor worse", "gets worse"
UNTESTED = "too few patients to compare"


def made(auc=(0.70, 0.80), loss=(1.2, 1.0), p=(0.001, 0.001)):
    """A curve of half of 40 groups, and of all."""
    rows = [
        {
            "share": share, "groups": round(40 * share), "slices": round(400 * share),
            "score": score, "value": values[place], "low": values[place] - 0.05,
            "high": values[place] + 0.05, "step": values[place] - values[0] if place else np.nan,
            "step_low": values[1] - values[0] - 0.04 if place else np.nan,
            "step_high": values[1] - values[0] + 0.04 if place else np.nan,
            "p": of_score if place else np.nan, "p_adjusted": of_score if place else np.nan,
        }
        for place, share in enumerate((0.5, 1.0))
        for score, values, of_score in (
            ("auc", auc, p[0]), ("weighted_log_loss_sum", loss, p[1]),
        )
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("curve", "said"),
    [
        (made(), STEEP),
        (made(p=(0.001, 0.4)), STEEP),
        (made(p=(0.4, 0.001)), STEEP),
        (made(p=(0.06, 0.4)), FLAT),
        (made(auc=(0.8, 0.7), p=(0.001, 0.4)), WORSE),
        (made(loss=(1.0, 1.2), p=(0.4, 0.001)), WORSE),
        (made(auc=(0.8, 0.7), p=(0.4, 0.001)), STEEP),
        (made(p=(np.nan, 0.4)), FLAT),
        (made(p=(np.nan, np.nan)), UNTESTED),
    ],
)
def test_the_verdict_is_what_the_last_step_says(curve, said):
    text = str(learning_curves.verdict(curve))
    assert [words for words in (STEEP, FLAT, WORSE, UNTESTED) if words in text] == [said]


def test_the_verdict_gives_the_steps_with_their_intervals():
    text = str(learning_curves.verdict(made(p=(0.001, 0.4))))
    assert text.startswith(
        "From 20 to 40 patient groups: AUC of any bleeding changes by 0.100 (0.060–0.140), p "
        "0.001; weighted log loss changes by −0.200 (−0.240 to −0.160), p 0.400."
    )


def test_a_step_that_was_not_tested_has_no_p_value_and_no_dash():
    curve = made(p=(np.nan, 0.4))
    curve.loc[curve["score"] == "auc", ["step_low", "step_high"]] = np.nan
    text = str(learning_curves.verdict(curve))
    few = "AUC of any bleeding changes by 0.100 (too few patients for an interval); weighted"
    assert few in text
    curve.loc[curve["score"] == "auc", "step"] = np.nan
    text = str(learning_curves.verdict(curve))
    assert "groups: how the AUC of any bleeding changes is not known; weighted" in text
    assert "–," not in text
    assert "not known" not in str(learning_curves.verdict(made()))


def test_the_figure_has_a_panel_a_score_and_says_every_point():
    figure = learning_curves.figure(made())
    assert len(figure.panels) == 2
    assert "A steep end means that more patients would help" in figure.caption
    for point in ("20 groups 0.700 (0.650–0.750)", "40 groups 1.000 (0.950–1.050)"):
        assert point in figure.alternative


def test_where_no_curve_was_asked_for_a_sentence_says_so():
    asked_for_none = "No learning curve of this run was asked for"
    assert asked_for_none in str(learning_curves.verdict(pd.DataFrame()))
    assert asked_for_none not in str(learning_curves.verdict(made()))
    assert isinstance(learning_curves.figure(pd.DataFrame()), Sentences)
