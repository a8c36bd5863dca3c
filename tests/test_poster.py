"""The poster's figures against what it says in words, and against each other."""

import math
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.metrics import log_loss

from ichreport import poster
from ichreport.labels import ANY, LABELS, SCORE_WEIGHTS, SUBTYPES
from ichreport.poster.weighted_positives import (
    constant_of_row_1,
    loss_with,
    power_of_row_1,
    rarity,
)

ROOT = Path(__file__).resolve().parents[1]

# Typed from the poster once more: train and test loss of rows 1 to 14.
LOSSES = """
    1.744 1.722   1.147 1.131   1.198 1.200   1.213 1.305   1.058 1.082   1.250 1.270   1.264 1.240
    0.942 1.127   0.995 1.088   1.175 1.476   1.084 1.534   1.308 1.571   0.743 0.874   0.553 0.886
"""
PERCENT = {
    "epidural": 0.42,
    "intraparenchymal": 4.80,
    "intraventricular": 3.48,
    "subarachnoid": 4.74,
    "subdural": 6.27,
    "any": 14.34,
}
# Row 13, train then test: area, precision, accuracy and recall.
POINTS = {
    "epidural": "0.9581 0.0042 0.0042 1.0000   0.9004 0.0040 0.0040 1.0000",
    "intraparenchymal": "0.9678 0.2333 0.8466 0.9588   0.9237 0.1999 0.8285 0.8620",
    "intraventricular": "0.9882 0.3732 0.9428 0.9527   0.9567 0.3196 0.9344 0.8112",
    "subarachnoid": "0.9625 0.2134 0.8292 0.9635   0.9053 0.1761 0.8071 0.8469",
    "subdural": "0.9735 0.2667 0.8322 0.9662   0.9238 0.2309 0.8105 0.8686",
    "any": "0.9843 0.6187 0.9093 0.9566   0.9329 0.5137 0.8641 0.8416",
}


def test_every_loss_is_the_printed_one():
    printed = [float(word) for word in LOSSES.split()]
    assert list(poster.losses()) == list(range(1, 15))
    assert [loss for row in poster.losses().values() for loss in (row.train, row.test)] == printed


def test_the_losses_say_what_the_poster_concludes_from_them():
    test = {row: loss.test for row, loss in poster.losses().items()}
    assert min(test, key=test.get) == poster.BEST_ROW
    assert min(range(1, 10), key=test.get) == 5  # on SampA the simple choice
    assert min(range(10, 13), key=test.get) == 10  # on SampB too
    gaps = {row: loss.test - loss.train for row, loss in poster.losses().items()}
    assert all(gap > 0 for row, gap in gaps.items() if row > 9)  # split by patient, all overfit


@pytest.mark.parametrize("row", range(1, 15))
def test_a_parameter_file_s_comment_quotes_its_row(row):
    [path] = (ROOT / "params" / "experiments").glob(f"{row:02}-*.yaml")
    text, loss = path.read_text(), poster.losses()[row]
    assert yaml.safe_load(text)["poster_row"] == row
    assert f"Row {row} of the poster's table: train {loss.train:.3f}, test {loss.test:.3f} " in text


def test_the_label_counts_are_the_printed_shares_of_the_challenge_s_slices():
    counts = poster.label_counts()
    assert list(counts) == list(LABELS)
    for label, percent in PERCENT.items():
        assert round(100 * counts[label] / 752_803, 2) == percent
    assert poster.SLICES == 752_803


def test_the_loss_of_the_constant_is_the_entropy_of_the_printed_shares():
    shares = [PERCENT[label] / 100 for label in (*LABELS, ANY)]
    entropy = sum(-p * math.log(p) - (1 - p) * math.log(1 - p) for p in shares)
    assert poster.constant_loss() == pytest.approx(entropy, abs=1e-3)
    assert round(poster.constant_loss(), 3) == 1.618


def test_the_label_counts_add_up():
    counts = poster.label_counts()
    assert sum(counts.values()) == 256_242
    subtypes = sum(counts[label] for label in SUBTYPES)
    assert counts[ANY] < subtypes < 2 * counts[ANY]  # one to five subtypes a slice, mostly one


def test_every_operating_point_is_the_printed_one():
    points = poster.operating_points()
    assert len(points) == 2 * len(LABELS)
    for label, printed in POINTS.items():
        figures = [float(word) for word in printed.split()]
        for split, printed in (("train", figures[:4]), ("test", figures[4:])):
            point = points[label, split]
            assert [point.auc, point.precision, point.accuracy, point.recall] == printed
    assert round(points[ANY, "test"].auc, 3) == 0.933


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("label", LABELS)
def test_precision_accuracy_and_recall_imply_the_share_of_the_label(label, split):
    """Misses and false alarms are what accuracy lacks, so that the three rates give the share."""
    point = poster.operating_points()[label, split]
    alarms = point.recall * (1 - point.precision) / point.precision  # false ones, a positive
    share = (1 - point.accuracy) / (1 - point.recall + alarms)
    rounding = 0.02 if label != "epidural" else 0.05  # 0.0040 has two digits
    assert math.isclose(share, poster.label_counts()[label] / poster.SLICES, rel_tol=rounding)


def test_thresholds_reach_85_percent_on_test_and_95_on_train_but_epidural_s_takes_every_slice():
    points = poster.operating_points()
    for label in LABELS:
        train, test = points[label, "train"], points[label, "test"]
        assert train.auc > test.auc
        if label == "epidural":
            assert (train.recall, test.recall) == (1, 1)
            assert (train.accuracy, test.accuracy) == (train.precision, test.precision)
        else:
            assert round(train.recall, 2) in (0.95, 0.96, 0.97)
            assert test.recall == pytest.approx(0.85, abs=0.04)


def test_the_citation_file_names_this_version_the_poster_and_the_data():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= cited.keys()
    assert cited["version"] == version("ichreport")
    by_title = {reference["title"]: reference for reference in cited["references"]}
    [author] = by_title[poster.TITLE]["authors"]
    assert f"{author['given-names']} {author['family-names']}" == poster.AUTHOR
    assert "year" not in by_title[poster.TITLE]  # nothing that the poster does not say
    [data] = (reference for title, reference in by_title.items() if "RSNA 2019" in title)
    assert (data["authors"][0]["family-names"], data["year"]) == ("Flanders", 2020)


def test_importing_the_poster_reads_no_table():
    code = (
        "import pathlib, ichreport.poster as poster\n"
        "for read in (poster.losses, poster.label_counts, poster.operating_points):\n"
        "    assert read.cache_info().currsize == 0\n"
        "assert len(poster.losses()) == 14 and poster.losses() is poster.losses()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.fixture(scope="module")
def network_of_row_2():
    """Truths, and a network's logits, drawn until it scores row 2's loss; scored by scikit-learn.

    The same distance of normal scores for all labels, found on the draws themselves.
    """
    random = np.random.default_rng(0)
    shares = [poster.label_counts()[label] / poster.SLICES for label in LABELS]
    truth = random.random((200_000, len(LABELS))) < shares
    noise, prior = random.normal(size=truth.shape), logit(shares)

    def logits(distance):
        return distance * (distance * truth + noise) - distance**2 / 2 + prior

    def loss(shifted):
        return sum(
            weight * log_loss(truth[:, column], expit(shifted[:, column]))
            for column, weight in enumerate(SCORE_WEIGHTS)
        )

    found = brentq(lambda distance: loss(logits(distance)) - 1.131, 0.5, 4, xtol=1e-3)
    return lambda weights: loss(logits(found) + np.log(weights))


def test_what_weighted_positives_make_of_row_2_agrees_with_drawn_networks(network_of_row_2):
    rarities = [rarity(label) for label in LABELS]
    assert rarities[LABELS.index("epidural")] == pytest.approx(0.9958 / 0.0042, rel=0.01)
    for power in (1.0, 0.4):
        weights = np.power(rarities, power)
        ours = loss_with(lambda label, power=power: rarity(label) ** power)
        assert ours == pytest.approx(network_of_row_2(weights), rel=0.01)
    assert loss_with(lambda label: 1.0) == pytest.approx(1.131)


def test_the_readings_that_fit_row_1_have_its_loss_and_the_row_uses_one(network_of_row_2):
    constant, power = constant_of_row_1(), power_of_row_1()
    assert network_of_row_2(constant) == pytest.approx(1.722, rel=0.01)
    assert network_of_row_2([rarity(label) ** power for label in LABELS]) == pytest.approx(
        1.722, rel=0.01
    )
    for name in ("01-sampa-raw-cnn7-weighted-bce", "16a-sampa-bygroup-raw-cnn7-weighted-bce"):
        row = yaml.safe_load((ROOT / "params/experiments" / f"{name}.yaml").read_text())
        assert row["positive_weight"] == round(constant, 1)
