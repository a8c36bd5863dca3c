"""What the checks say of maps whose dependence on the weights is known."""

import math
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from ichreport.data.samples import Sample
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.files import read_json
from ichreport.labels import LABELS
from ichreport.report import cam_record, map_measures, map_sanity
from ichreport.report.records import RunRecord

SIZE, COUNT = 24, 40
ROWS = {"any": np.arange(COUNT)}


@dataclass
class Heat:
    """What the report needs of a label's heat maps."""

    heat: np.ndarray
    method: str = "Grad-CAM"
    side: int = 3


def noise(seed, count=COUNT):
    return np.random.default_rng(seed).random((count, SIZE, SIZE))


def maps(heat):
    return {"any": Heat(heat)}


@pytest.fixture
def sample():
    group = np.array([f"p{row // 2:02d}" for row in range(COUNT)])
    return Sample("fullid", np.arange(COUNT), np.repeat("test", COUNT), group)


@pytest.fixture
def store():
    """One bleeding pixel a slice, at row 3, column 5."""
    truth = np.zeros((COUNT, SIZE, SIZE), np.uint8)
    truth[:, 3, 5] = 1
    return SimpleNamespace(has_truth=True, truth=lambda rows: truth[rows])


def check(seed=0):
    """What a network on permuted labels says: nothing of them."""
    random = np.random.default_rng(seed)
    values = {name: random.integers(0, 2, 400) for name in TRUTHS}
    values |= {name: random.random(400) for name in PROBABILITIES}
    return SimpleNamespace(predictions=pd.DataFrame(values), epochs=3)


def pointing_at(row, column):
    heat = np.full((COUNT, SIZE, SIZE), 0.1)
    heat += 0.1 * noise(8)
    heat[:, row, column] = 1
    return heat


def test_maps_that_change_with_the_weights_depend_on_them(sample):
    stages = [
        ("nothing", maps(noise(1))),
        ("logits", maps(noise(1) + noise(2))),
        ("all", maps(noise(3))),
    ]
    found = map_sanity.likeness(stages, sample, ROWS)
    assert found.stages["nothing"].value == pytest.approx(1)
    assert 0.5 < found.stages["logits"].value < 0.9
    assert abs(found.stages["all"].value) < 0.02
    assert found.stages["all"].low < 0.02 > found.other_slices.value
    said = str(map_sanity.sentences(found, shuffled(sample)))
    assert "the maps depend on the weights" in said


def test_maps_that_stay_when_all_is_random_are_told_as_the_images_own(sample):
    found = map_sanity.likeness(
        [("nothing", maps(noise(1))), ("all", maps(noise(1) ** 2))], sample, ROWS
    )
    assert found.stages["all"].value == pytest.approx(1)  # ranks do not see the square
    assert found.excess.low > 0.9
    said = str(map_sanity.sentences(found, shuffled(sample)))
    assert "and not from what was learned" in said


def test_the_mean_is_spearman_s_over_maps_and_empty_ones_are_left_out(sample):
    random = noise(2)
    random[:5] = 0
    found = map_sanity.likeness([("nothing", maps(noise(1))), ("all", maps(random))], sample, ROWS)
    expected = [
        spearmanr(a.ravel(), b.ravel()).statistic
        for a, b in zip(noise(1)[5:], random[5:], strict=True)
    ]
    last = found.stages["all"]
    assert last.value == pytest.approx(np.mean(expected))
    assert (last.maps, last.without) == (35, 5)
    assert "5 are empty and left out" in str(map_sanity.sentences(found, shuffled(sample)))


def test_maps_of_other_patients_are_never_of_the_same_group():
    heat, group = noise(1, 4), np.array(["a", "a", "a", "b"])
    found = map_sanity._of_other_patients(heat, group)
    assert np.isnan(found).tolist() == [True, False, True, False]
    assert found[1] == pytest.approx(spearmanr(heat[1].ravel(), heat[3].ravel()).statistic)


def shuffled(sample, first=None, second=None, store=None, checked=None):
    none = SimpleNamespace(has_truth=False)
    first = noise(1) if first is None else first
    second = noise(2) if second is None else second
    return map_sanity.beside_shuffled(
        store or none, sample, ROWS, maps(first), maps(second), checked or check()
    )


def test_a_run_that_points_where_permuted_labels_do_not_passes(sample, store):
    found = shuffled(sample, pointing_at(3, 5), pointing_at(9, 9), store)
    assert found.pointing["trained"].value == 1
    assert found.pointing["shuffled"].value == 0
    assert found.pointing["difference"].low == 1
    said = str(
        map_sanity.sentences(
            map_sanity.likeness([("nothing", maps(noise(1)))], sample, ROWS), found
        )
    )
    assert "points at the bleeding more often" in said


def test_a_run_that_points_no_better_than_permuted_labels_fails_and_says_so(sample, store):
    cascade = map_sanity.likeness([("nothing", maps(noise(1)))], sample, ROWS)
    same = shuffled(sample, pointing_at(3, 5), pointing_at(3, 5), store)
    assert "The method fails: the run does not point" in str(map_sanity.sentences(cascade, same))
    worse = shuffled(sample, pointing_at(9, 9), pointing_at(3, 5), store)
    assert "The method fails: the permuted labels'" in str(map_sanity.sentences(cascade, worse))


def test_labels_that_were_not_learned_have_an_area_of_a_half(sample):
    found = shuffled(sample)
    assert found.auc == pytest.approx(0.5, abs=0.05)
    assert (found.slices, found.epochs) == (400, 3)
    assert found.pointing == {}
    assert "pointing" not in repr(map_sanity.shuffled_table(found))


def test_the_curve_says_in_words_what_it_draws(sample):
    found = map_sanity.likeness(
        [("nothing", maps(noise(1))), ("block <1>", maps(noise(2)))], sample, ROWS
    )
    drawn = map_sanity.curve(found)
    assert "nothing 1.00, block <1> " in drawn.alternative
    assert "block <1>" not in drawn._repr_html_()


def test_what_was_measured_is_kept_whole_and_only_for_its_run(sample, store, tmp_path):
    asked = {"any": ROWS["any"]}
    heat = pointing_at(3, 5)
    heat[0] = 0
    measured = map_measures.measure(store, sample, asked, maps(heat))
    cascade = map_sanity.likeness([("nothing", maps(heat))], sample, ROWS)
    run = RunRecord("mine", tmp_path, "ok", {"provenance": {"predictions_sha256": "ab"}})
    cam_record.write(tmp_path, run, measured, cascade, shuffled(sample))
    kept = cam_record.read(tmp_path, run)
    assert kept == read_json(tmp_path / "cam.json")
    [row] = [r for r in kept["measures"] if (r["method"], r["measure"]) == ("map", "pointing")]
    assert (row["label"], row["value"], row["without"]) == ("any", 1, 1)
    assert kept["random_layers"]["stages"]["nothing"]["value"] == pytest.approx(1)
    assert kept["permuted_labels"]["auc"] == pytest.approx(0.5, abs=0.05)
    other = RunRecord("mine", tmp_path, "ok", {"provenance": {"predictions_sha256": "cd"}})
    assert cam_record.read(tmp_path, other) is None
    assert cam_record.read(tmp_path / "nowhere", run) is None


def test_an_undefined_figure_is_null_in_the_file(sample, tmp_path):
    empty = map_measures.Measured("CAM", 3, pd.DataFrame())
    cascade = map_sanity.likeness([("nothing", maps(noise(1) * 0))], sample, ROWS)
    assert math.isnan(cascade.stages["nothing"].value)
    assert "nothing –" in map_sanity.curve(cascade).alternative
    assert "No map is left" in str(map_sanity.sentences(cascade, shuffled(sample)))
    run = RunRecord("mine", tmp_path, "ok", {"provenance": {"predictions_sha256": "ab"}})
    cam_record.write(tmp_path, run, empty, cascade, shuffled(sample))
    kept = cam_record.read(tmp_path, run)
    assert kept["random_layers"]["stages"]["nothing"]["value"] is None
    assert kept["measures"] == []


def test_few_slices_of_each_label_are_a_seeded_choice():
    asked = {label: np.arange(50) for label in LABELS[:2]}
    chosen = map_sanity.few(asked, most=8)
    assert all(len(set(rows)) == 8 for rows in chosen.values())
    np.testing.assert_array_equal(map_sanity.few(asked, most=8)["epidural"], chosen["epidural"])


def test_a_test_split_without_any_bleeding_leaves_everything_undefined(sample, store):
    cascade = map_sanity.likeness([("nothing", {}), ("logits", {})], sample, {})
    assert [(mean.maps, mean.without) for mean in cascade.stages.values()] == [(0, 0), (0, 0)]
    compared = map_sanity.beside_shuffled(store, sample, {}, {}, {}, check())
    assert math.isnan(compared.correlation.value)
