"""What is printed of the challenge's winners, against what it is said to be."""

import json
import subprocess
import sys
from pathlib import Path

from ichreport import challenge

ROOT = Path(__file__).resolve().parents[1]


def test_the_scores_are_the_printed_ones_and_each_has_a_source():
    losses = {one.name: one.loss for one in challenge.winners()}
    assert losses == {
        "1st place (SeuTao)": 0.0438,
        "2nd place (darraghdog)": 0.044,
        "2nd place (darraghdog), one model": 0.0461,
        "3rd place (okotaku)": 0.0439,
        "12th place (appian42)": None,
        "VinBDI (2020), one model": 0.0529,
        "i-pan (2026)": None,
    }
    assert [one.loss_up_to for one in challenge.winners() if one.loss_up_to] == [0.045]
    assert [one.auc_any for one in challenge.winners() if one.auc_any] == [0.981]
    for one in (*challenge.winners(), *challenge.computing()):
        assert one.source


def test_every_winner_s_score_is_far_below_the_constant_s_and_a_range_ascends():
    for one in challenge.winners():
        assert one.loss is None or 0.04 < one.loss < 0.06
        assert one.loss_up_to is None or one.loss < one.loss_up_to


def test_our_card_s_rate_is_the_measured_one():
    [ours] = [one for one in challenge.computing() if one.who == "ichreport"]
    measured = json.loads((ROOT / ours.source).read_text(encoding="utf-8"))
    [on_jax] = [timed for name, timed in measured.items() if name.startswith("ichreport, Keras")]
    whole = on_jax["train densenet121 {'trainable_layers': 'all'} batch 64"]
    assert ours.figure == f"{whole['slices_per_s']:,.0f} slices/s"


def test_importing_the_challenge_reads_no_table():
    code = (
        "import ichreport.challenge as challenge\n"
        "for read in (challenge.winners, challenge.computing):\n"
        "    assert read.cache_info().currsize == 0\n"
        "assert len(challenge.winners()) == 7\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
