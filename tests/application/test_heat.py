"""Heat of a run comes from one layer, wherever it is shown."""

import numpy as np
import pytest

from ichreport.application import evaluate_maps, pack
from ichreport.application.loaded_run import load
from ichreport.application.run_predictor import RunPredictor
from ichreport.model.maps import cam
from ichreport.runs.record import read_run
from ichreport.runs.saved_run import SavedRun


@pytest.fixture
def chosen(report):
    """The layer that was chosen for the small network."""
    layer = read_run(report.folder("1-cnn")).map_layer
    assert layer in ("relu1", "relu2", "relu3", "relu4")
    return layer


@pytest.fixture
def blocks(monkeypatch):
    """The blocks that maps were asked of."""
    asked, by_label = [], cam.by_label

    def noted(*given, block=None, **further):
        asked.append(block)
        return by_label(*given, block=block, **further)

    monkeypatch.setattr(cam, "by_label", noted)
    return asked


@pytest.mark.parametrize("name", ["1-cnn", "5-sequence", "6-mean"])
def test_heat_of_a_new_study_is_of_the_layer_that_the_networks_run_has_chosen(
    report, chosen, blocks, name
):
    with load(report.folder(name)) as run:
        found = run.find(report.source)
        assert found.heat(found.findings[0])
        found.close()
    assert blocks == [chosen]


def test_so_is_heat_that_is_measured_on_other_data(report, chosen, blocks):
    predictor = RunPredictor(SavedRun.read(report.folder("1-cnn")))
    rows = np.arange(len(report.store))
    group = report.store.slices["patient_id"].to_numpy(dtype=object)
    assert evaluate_maps.measure_maps(predictor, report.store, rows, group) is not None
    assert blocks == [chosen]


def test_a_pack_brings_the_choice_along(report, chosen, tmp_path):
    path = pack.write(report.folder("1-cnn"), tmp_path / "cnn.run.zip")
    with load(path) as run:
        assert run.predictor.explaining().map_layer == chosen


def test_a_run_through_a_backbone_has_no_layer_of_its_own(report):
    assert read_run(report.folder("3-lstm")).record["map_layer"] == {
        "layer": None,
        "candidates": [],
    }
    predictor = RunPredictor(SavedRun.read(report.folder("3-lstm")))
    assert predictor.explaining().map_layer is None
