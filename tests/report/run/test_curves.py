"""Figures draw what they say: areas and shares against scikit-learn, curves read back from SVG."""

import re
import warnings
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from ichreport.evaluation.assessment import assess
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.labels import LABELS
from ichreport.report.run import calibration_curves
from ichreport.report.run import curves as run_curves


@pytest.fixture
def predicted(predictions, store):
    """Predictions with both classes of every label in every split."""
    table = predictions.copy()
    table["group"] = table["patient_id"]
    table["study_instance_uid"] = store.slices["study_instance_uid"].to_numpy()
    truth = np.random.default_rng(5).random((len(table), len(LABELS))) < 0.3
    table[list(TRUTHS)] = truth.astype(int)
    return table


@pytest.fixture
def assessed(predicted):
    return assess(predicted, replicates=5)


@pytest.fixture
def test_rows(predicted):
    """What the figures show by default."""
    return predicted[predicted["split"] == "test"]


def texts(drawing):
    """The texts of a drawing's panels, and how far down each stands."""
    return [
        ("".join(element.itertext()).strip(), float(element.attrib["y"]))
        for panel in drawing.panels
        for element in ElementTree.fromstring(panel).iter("text")
    ]


@pytest.mark.parametrize(
    ("draw", "title", "oracle", "axis"),
    [
        (run_curves.roc_curves, "area under the curve", roc_auc_score, "1 − specificity"),
        (
            run_curves.precision_recall_curves,
            "average precision",
            average_precision_score,
            "recall",
        ),
    ],
)
def test_legends_give_each_labels_value_the_best_first_and_stand_below_the_axes(
    draw, title, oracle, axis, test_rows, assessed
):
    by_label = {
        label: oracle(test_rows[truth], test_rows[probability])
        for label, truth, probability in zip(LABELS, TRUTHS, PROBABILITIES, strict=True)
    }
    drawing = draw(assessed)
    drawn = texts(drawing)
    below = dict(drawn)[axis]
    after = [name for name, _ in drawn].index(title)
    entries = [(re.sub(r"\s+", " ", name), y) for name, y in drawn[after + 1 :]]
    best_first = sorted(by_label.items(), key=lambda item: -item[1])
    assert [name for name, _ in entries] == [f"{value:.3f} {name}" for name, value in best_first]
    assert all(y > below for _, y in entries)
    assert all(f"{name} {value:.3f}" in drawing.alternative for name, value in by_label.items())


@pytest.mark.parametrize("draw", [run_curves.roc_curves, run_curves.precision_recall_curves])
@pytest.mark.parametrize("gone", [LABELS[:1], LABELS])
def test_a_label_with_one_class_is_named_as_undefined_and_has_no_curve(draw, gone, predicted):
    gone_truths = [f"truth_{label}" for label in gone]
    predicted.loc[predicted["split"] == "test", gone_truths] = 0
    assessed = assess(predicted, replicates=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawing = draw(assessed)
    assert drawing.caption.endswith(f"Undefined, with one class only: {', '.join(gone)}.")
    drawn = " ".join(name for name, _ in texts(drawing))
    assert not any(label in drawn for label in gone)


def test_calibration_names_the_labels_own_brier_score(test_rows, assessed):
    for label, truth, probability in zip(LABELS, TRUTHS, PROBABILITIES, strict=True):
        score = brier_score_loss(test_rows[truth], test_rows[probability])
        caption = run_curves.calibration(assessed, label=label).caption
        assert f"Calibration of {label} on test" in caption
        assert f"Brier score {score:.3f}" in caption


def test_the_loss_curves_mark_the_epoch_with_the_lowest_validation_loss():
    history = {"loss": [0.9, 0.5, 0.3], "val_loss": [0.8, 0.625, 0.7]}
    drawing = run_curves.loss_curves(history)
    assert "0.625, at epoch 2" in drawing.alternative
    assert "kept: 0.625" in [name for name, _ in texts(drawing)]


def test_a_dot_plot_puts_each_value_on_its_own_line_at_its_own_place():
    drawing = run_curves.dots(
        ["first", "second", "third"],
        {"ours": ([0.0, 0.5, np.nan], run_curves.ACCENT, "o")},
        xlabel="score", caption="Scores.", alternative="Scores.",
    )  # fmt: skip
    root = ElementTree.fromstring(drawing.panels[0])
    heights = {name: y for name, y in texts(drawing) if name in ("first", "second", "third")}
    marks = [
        (float(use.attrib["x"]), float(use.attrib["y"]))
        for use in root.iter("use")
        if "x" in use.attrib
    ]
    assert list(heights) == ["first", "second", "third"]
    assert len(marks) == 2, "a missing value has no mark"
    assert marks[0][0] < marks[1][0]
    assert marks[1][1] - marks[0][1] == pytest.approx(heights["second"] - heights["first"], abs=0.2)


def test_the_curves_end_in_the_corners_that_theory_wants(assessed):
    drawing = run_curves.roc_curves(assessed)
    root = ElementTree.fromstring(drawing.panels[0])
    paths = [
        pd.Series(re.findall(r"-?\d+\.?\d*", path.attrib["d"])).astype(float).to_numpy()
        for path in root.iter("path")
        if path.attrib.get("clip-path") and "stroke-linecap" in path.attrib
    ]
    curves = [points.reshape(-1, 2) for points in paths if len(points) > 8]
    assert len(curves) == len(LABELS)
    starts = np.array([curve[0] for curve in curves])
    ends = np.array([curve[-1] for curve in curves])
    assert np.ptp(starts, axis=0).max() < 0.2
    assert np.ptp(ends, axis=0).max() < 0.2
    assert (ends[:, 0] > starts[:, 0]).all()
    assert (ends[:, 1] < starts[:, 1]).all(), "in SVG, up is less"


def test_curves_of_a_test_split_without_slices_are_empty_and_say_so(assessed):
    without = replace(assessed, reliability=assessed.reliability.assign(slices=0))
    assert "0 points (predicted, observed)" in run_curves.calibration(without).alternative
    assert "In the highest bin, nothing." in calibration_curves.reliability(without).alternative


def test_a_network_that_says_the_same_of_all_has_one_bin_and_one_point(predicted):
    constant = assess(predicted.assign(**dict.fromkeys(PROBABILITIES, 0.3)), replicates=5)
    drawing = run_curves.calibration(constant)
    assert "in 1 bin of equally many slices" in drawing.caption
    assert re.match(r"A curve of 1 point at 0\.30, 0\.\d\d \(pred", drawing.alternative)
    assert "into 1 bin of equally many" in calibration_curves.reliability(constant).caption


def test_losses_of_a_single_epoch_are_of_one():
    said = run_curves.loss_curves({"loss": [0.9], "val_loss": [0.8]}).alternative
    assert said.startswith("Two curves over 1 epoch. The validation loss")
    said = run_curves.loss_curves({"loss": [0.9, 0.8], "val_loss": [0.8, 0.7]}).alternative
    assert said.startswith("Two curves over 2 epochs. ")
