"""What the checks say of maps whose dependence on the weights is known."""

import math
from dataclasses import asdict, dataclass, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, spearmanr

from ichreport.data.samples import Sample
from ichreport.evaluation.maps import against_truth, sanity_checks, similarity
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.files import read_sealed_json
from ichreport.labels import LABELS
from ichreport.report.html.formats import with_interval
from ichreport.report.maps import sanity as map_sanity
from ichreport.runs import map_record
from ichreport.runs.record import RunRecord

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
    return SimpleNamespace(
        has_truth=True, truth=lambda rows: truth[rows], hu=lambda rows: np.zeros_like(truth[rows])
    )


def training(seed=0):
    """A training on permuted labels that learned nothing of them."""
    random = np.random.default_rng(seed)
    values = {name: random.integers(0, 2, 400) for name in TRUTHS}
    values |= {name: random.random(400) for name in PROBABILITIES}
    return SimpleNamespace(predictions=pd.DataFrame(values), epochs=3)


def text(mean):
    return with_interval(asdict(mean))


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
    found = sanity_checks.compare_stages(stages, sample, ROWS)
    assert found.stages["nothing"].value == pytest.approx(1)
    assert 0.5 < found.stages["logits"].value < 0.9
    assert abs(found.stages["all"].value) < 0.02
    assert found.stages["all"].low < 0.02 > found.other_slices.value
    said = str(map_sanity.sentences(found, permuted(sample)))
    assert "not distinguishable from that of the trained network's maps of other patients" in said
    assert f"the difference is {text(found.excess)}" in said


def test_maps_that_stay_when_all_is_random_are_told_as_the_images_own(sample):
    found = sanity_checks.compare_stages(
        [("nothing", maps(noise(1))), ("all", maps(noise(1) ** 2))], sample, ROWS
    )
    assert found.stages["all"].value == pytest.approx(1)  # ranks do not see the square
    assert found.excess.low > 0.9
    said = str(map_sanity.sentences(found, permuted(sample)))
    assert "and not from what was learned" in said


def test_that_the_lowest_stage_was_chosen_on_the_same_maps_widens_its_intervals(sample):
    """Of 16 equal stages the last was said to rise above the lowest in 15 % of samples."""
    stages = [("nothing", maps(noise(1))), *((f"s{k}", maps(noise(k))) for k in range(2, 12))]
    found = sanity_checks.compare_stages(stages, sample, ROWS)
    of_two = sanity_checks.compare_stages(
        [stages[0], next(s for s in stages if s[0] == found.lowest), stages[-1]], sample, ROWS
    )
    assert found.rise.value == pytest.approx(of_two.rise.value)
    assert found.rise.high - found.rise.low > 1.1 * (of_two.rise.high - of_two.rise.low)
    assert found.below.high - found.below.low > 1.1 * (of_two.below.high - of_two.below.low)
    alone = found.stages[found.lowest]
    assert found.at_lowest.value == alone.value
    assert found.at_lowest.high - found.at_lowest.low > 1.1 * (alone.high - alone.low)
    said = str(map_sanity.sentences(found, permuted(sample)))
    assert f"is lowest, {text(found.at_lowest)}, when layers are random down to" in said


def test_the_mean_is_spearman_s_over_maps_and_empty_ones_are_left_out(sample):
    random = noise(2)
    random[:5] = 0
    found = sanity_checks.compare_stages(
        [("nothing", maps(noise(1))), ("all", maps(random))], sample, ROWS
    )
    expected = [
        spearmanr(a.ravel(), b.ravel()).statistic
        for a, b in zip(noise(1)[5:], random[5:], strict=True)
    ]
    last = found.stages["all"]
    assert last.value == pytest.approx(np.mean(expected))
    assert (last.maps, last.without) == (35, 5)
    assert "5 are empty and left out" in str(map_sanity.sentences(found, permuted(sample)))


def test_maps_of_other_patients_are_never_of_the_same_group():
    heat, group = noise(1, 4), np.array(["a", "a", "a", "b"])
    found = similarity.compare_with_other_patients([heat], [group]).means(np.ones((1, 2), int))[0]
    to_b = [spearmanr(one.ravel(), heat[3].ravel()).statistic for one in heat[:3]]
    np.testing.assert_allclose(found, [*to_b, np.mean(to_b)])
    alone = similarity.compare_with_other_patients([heat[:3]], [group[:3]])
    assert math.isnan(alone.mean(group[:3]).value)


def test_maps_of_other_patients_are_of_the_same_label():
    first, second = noise(1, 2), noise(2, 2)
    group = np.array(["a", "b"])
    found = similarity.compare_with_other_patients([first, second], [group, group])
    expected = [spearmanr(*both.reshape(2, -1)).statistic for both in (first, second)]
    assert found.mean(np.tile(group, 2)).value == pytest.approx(np.mean(expected))


def test_a_pair_counts_as_often_as_both_of_its_patients_were_drawn():
    heat, group = noise(1, 3), np.array(["a", "b", "c"])
    found = similarity.compare_with_other_patients([heat], [group]).means(np.array([[1, 3, 0]]))[0]
    pair = spearmanr(heat[0].ravel(), heat[1].ravel()).statistic
    to_c = [spearmanr(one.ravel(), heat[2].ravel()).statistic for one in heat[:2]]
    np.testing.assert_allclose(found, [pair, pair, (to_c[0] + 3 * to_c[1]) / 4])


def test_two_patients_whose_maps_say_nothing_without_one_of_them_have_no_interval():
    heat, group = [noise(1, 4)], np.array(["a", "a", "b", "b"])
    others = similarity.compare_with_other_patients(heat, [group])
    for found in (
        others.mean(group),
        similarity.above_other_patients(np.array([0.1, 0.4, 0.2, 0.3]), others, group),
    ):
        assert -1 < found.value < 1
        assert math.isnan(found.low)
        assert math.isnan(found.high)


@pytest.mark.parametrize(
    ("values", "most"), [([0.99, 0.999, 0.98, 0.6, 0.999, 0.99], 1), ([0.99, -0.9, 1.9], 2)]
)
def test_a_mean_of_correlations_has_an_interval_of_correlations(values, most):
    found = similarity.mean_over_maps(
        np.array(values), np.array(list("abcdef"[: len(values)])), most=most
    )
    assert -most <= found.low < found.value < found.high <= most


def test_an_interval_of_a_share_of_nothing_does_not_shrink_to_a_point(sample):
    found = similarity.mean_over_maps(np.zeros(COUNT), sample.group, hits=True)
    assert (found.value, found.low) == (0, 0)
    wilson = binomtest(0, 20).proportion_ci(method="wilson")  # 20 groups
    assert found.high == pytest.approx(wilson.high)


def test_a_curve_that_rises_again_is_told(sample):
    stages = [("nothing", noise(1)), ("logits", noise(2)), ("all", noise(1) + noise(2))]
    found = sanity_checks.compare_stages(
        [(name, maps(heat)) for name, heat in stages], sample, ROWS
    )
    assert found.lowest == "logits"
    assert found.rise.value == pytest.approx(
        found.stages["all"].value - found.stages["logits"].value
    )
    said = str(map_sanity.sentences(found, permuted(sample)))
    assert "Of 2 stages the rank correlation is lowest" in said
    assert "random down to logits. It does not keep falling" in said
    assert f"higher, by {text(found.rise)}" in said
    assert "These intervals allow for the choice of the lowest of all stages." in said
    nothing = replace(found.at_lowest, low=np.nan, high=np.nan)
    unknown = replace(found, at_lowest=nothing)
    assert "allow for the choice" not in str(map_sanity.sentences(unknown, permuted(sample)))


def test_a_curve_that_falls_to_its_end_is_not_said_to_rise(sample):
    stages = [("nothing", noise(1)), ("logits", noise(1) + noise(2)), ("all", noise(2))]
    found = sanity_checks.compare_stages(
        [(name, maps(heat)) for name, heat in stages], sample, ROWS
    )
    said = str(map_sanity.sentences(found, permuted(sample)))
    assert f"is lowest when every layer is random, {text(found.stages['all'])}." in said
    assert "higher" not in said
    assert "allow for the choice" not in said


def test_a_layer_that_turns_maps_below_those_of_other_patients_matters(sample):
    alike = noise(5, 1) + 0.5 * noise(1)  # what all patients share, and their own
    stages = [("nothing", alike), ("logits", noise(2)), ("all", noise(5, 1) + 0.5 * noise(3))]
    found = sanity_checks.compare_stages(
        [(name, maps(heat)) for name, heat in stages], sample, ROWS
    )
    assert found.below.high < 0
    assert found.below.value == pytest.approx(
        found.stages["logits"].value - found.other_slices.value
    )
    said = str(map_sanity.sentences(found, permuted(sample)))
    assert (
        f"by {text(found.below.negative)}: the maps depend on the weights of those layers" in said
    )


HISTORY = {"loss": [2.0, 1.0]}


def permuted(sample, first=None, second=None, store=None):
    none = SimpleNamespace(has_truth=False)
    first = noise(1) if first is None else first
    second = noise(2) if second is None else second
    return sanity_checks.compare_with_permuted(
        store or none,
        sample,
        ROWS,
        maps(first),
        maps(second),
        history=HISTORY,
        training=training(),
    )


@pytest.mark.parametrize(
    ("own", "other", "said"),
    [
        (noise(1), noise(1) + noise(2), "the same whatever the labels say"),
        (noise(1), noise(2), "not distinguishable from what the run's own maps of other patients"),
        (noise(5, 1) + 0.5 * noise(1), noise(2), "the maps depend on the labels"),
    ],
)
def test_permuted_labels_are_held_against_maps_of_other_patients(sample, own, other, said):
    found = permuted(sample, own, other)
    assert found.excess.value == pytest.approx(found.correlation.value - found.other_slices.value)
    assert found.excess.low < found.excess.value < found.excess.high
    cascade = sanity_checks.compare_stages([("nothing", maps(noise(1)))], sample, ROWS)
    assert said in str(map_sanity.sentences(cascade, found))


def test_how_much_each_network_trained_on_is_said(sample):
    half = Sample("fullid", sample.rows, np.where(sample.rows < 30, "train", "test"), sample.group)
    found = permuted(half)
    assert (found.run_slices, found.run_epochs) == (30, 2)
    rows = {row[0]: row[1:] for row in map_sanity.permuted_table(found).rows}
    assert rows["training, this run"] == ["30 slices", "2 epochs"]
    assert rows["training, permuted labels"] == ["400 slices", "3 epochs"]
    cascade = sanity_checks.compare_stages([("nothing", maps(noise(1)))], sample, ROWS)
    assert "The run trained on 30 slices, 2 epochs" in str(map_sanity.sentences(cascade, found))


def test_a_run_that_points_where_permuted_labels_do_not_passes(sample, store):
    found = permuted(sample, pointing_at(3, 5), pointing_at(9, 9), store)
    assert found.pointing["trained"].value == 1
    assert found.pointing["shuffled"].value == 0
    assert 0.5 < found.pointing["difference"].low < 1
    said = str(
        map_sanity.sentences(
            sanity_checks.compare_stages([("nothing", maps(noise(1)))], sample, ROWS), found
        )
    )
    assert "points at the bleeding more often" in said


def test_a_run_that_points_no_better_than_permuted_labels_fails_and_says_so(sample, store):
    cascade = sanity_checks.compare_stages([("nothing", maps(noise(1)))], sample, ROWS)
    same = permuted(sample, pointing_at(3, 5), pointing_at(3, 5), store)
    assert "The method fails: the run does not point" in str(map_sanity.sentences(cascade, same))
    worse = permuted(sample, pointing_at(9, 9), pointing_at(3, 5), store)
    assert "The method fails: the permuted labels'" in str(map_sanity.sentences(cascade, worse))


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (np.nan, np.nan, "Too few patients have maps to tell whether the run points"),
        (-0.2, 1.0, "It is not shown that the run points at the bleeding more often"),
    ],
)
def test_a_run_that_may_point_better_does_not_fail(sample, store, low, high, words):
    cascade = sanity_checks.compare_stages([("nothing", maps(noise(1)))], sample, ROWS)
    found = permuted(sample, pointing_at(3, 5), pointing_at(9, 9), store)
    open_ended = replace(found.pointing["difference"], value=0.7, low=low, high=high)
    pointing = {**found.pointing, "difference": open_ended}
    said = str(map_sanity.sentences(cascade, replace(found, pointing=pointing)))
    assert words in said
    assert "The method fails" not in said


@pytest.mark.parametrize("value", [-0.01, 0.0, 0.01])
def test_a_wide_interval_shows_no_failure_whatever_its_middle(sample, store, value):
    cascade = sanity_checks.compare_stages([("nothing", maps(noise(1)))], sample, ROWS)
    found = permuted(sample, pointing_at(3, 5), pointing_at(9, 9), store)
    wide = replace(found.pointing["difference"], value=value, low=-0.35, high=0.33)
    wide = replace(found, pointing={**found.pointing, "difference": wide})
    said = str(map_sanity.sentences(cascade, wide))
    assert "It is not shown that the run points at the bleeding more often" in said
    assert "The method fails" not in said


def test_what_is_shown_is_not_printed_as_none_and_an_end_at_0_rules_out_all(sample):
    cascade = sanity_checks.compare_stages([("nothing", maps(noise(1)))], sample, ROWS)
    found = permuted(sample)

    def said(value, low, high):
        excess = replace(found.excess, value=value, low=low, high=high)
        return str(map_sanity.sentences(cascade, replace(found, excess=excess)))

    assert "with the run's, 0.0004 (0.0001–0.0007) more than" in said(4e-4, 1e-4, 7e-4)
    assert "rules out none of up to 0.0004 beyond it" in said(0.0, -0.01, 4e-4)
    at_zero = said(-0.01, -0.02, 0.0)
    assert "That shows no likeness beyond it." in at_zero
    assert "none of up to" not in at_zero.splitlines()[-3]


def test_without_maps_or_an_area_nothing_is_said_of_them(sample):
    cascade = sanity_checks.compare_stages([("nothing", maps(noise(1)))], sample, ROWS)
    found = permuted(sample)
    empty = permuted(sample, noise(1) * 0, noise(2))
    said = str(map_sanity.sentences(cascade, empty))
    assert "No map of the run and of the permuted labels' network can be compared." in said
    assert "mean AUC" not in said
    known = str(map_sanity.sentences(cascade, found))
    assert "which it came to rank with a mean AUC of" in known
    assert "can be compared" not in known
    unranked = str(map_sanity.sentences(cascade, replace(found, auc=math.nan)))
    assert "Trained on permuted labels, the same kind of network gives maps" in unranked


def test_a_single_map_slice_and_epoch_are_said_as_one(sample):
    found = sanity_checks.compare_stages(
        [("nothing", maps(noise(1))), ("all", maps(noise(2)))], sample, ROWS
    )
    last = replace(found.stages["all"], without=1)
    cascade = replace(found, stages={**found.stages, "all": last})
    short = replace(permuted(sample), slices=1, run_slices=1, epochs=1, run_epochs=1)
    said = str(map_sanity.sentences(cascade, short))
    assert "network's maps 1 is empty and left out." in said
    assert "The run trained on 1 slice, 1 epoch; the permuted labels' network on 1 of" in said
    rows = {row[0]: row[1:] for row in map_sanity.permuted_table(short).rows}
    assert rows["training, this run"] == ["1 slice", "1 epoch"]


def test_labels_that_were_not_learned_have_an_area_of_a_half(sample):
    found = permuted(sample)
    assert found.auc == pytest.approx(0.5, abs=0.05)
    assert (found.slices, found.epochs) == (400, 3)
    assert found.pointing == {}
    assert "pointing" not in repr(map_sanity.permuted_table(found))


def test_the_curve_says_in_words_what_it_draws(sample):
    found = sanity_checks.compare_stages(
        [("nothing", maps(noise(1))), ("block <1>", maps(noise(2)))], sample, ROWS
    )
    drawn = map_sanity.curve(found)
    assert "nothing 1.00, block <1> " in drawn.alternative
    assert "block <1>" not in drawn._repr_html_()


def test_what_was_measured_is_kept_whole_and_only_for_its_run(sample, store, tmp_path):
    heat = pointing_at(3, 5)
    heat[0] = 0
    measured = against_truth.measure(store, sample, ROWS, maps(heat))
    cascade = sanity_checks.compare_stages([("nothing", maps(heat))], sample, ROWS)
    recorded = {"provenance": {"predictions_sha256": "ab"}, "map_layer": {"layer": "relu2"}}
    run = RunRecord("mine", tmp_path, "ok", recorded)
    map_record.write(tmp_path, run, measured, cascade, permuted(sample))
    kept = map_record.read(tmp_path, run)
    assert kept == read_sealed_json(tmp_path / "cam.json")
    [row] = [r for r in kept["measures"] if (r["method"], r["measure"]) == ("map", "pointing")]
    assert (row["label"], row["value"], row["without"]) == ("any", 1, 1)
    assert kept["layer"] == "relu2"
    assert kept["random_layers"]["stages"]["nothing"]["value"] == pytest.approx(1)
    assert kept["permuted_labels"]["auc"] == pytest.approx(0.5, abs=0.05)
    other = RunRecord("mine", tmp_path, "ok", {"provenance": {"predictions_sha256": "cd"}})
    assert map_record.read(tmp_path, other) is None
    assert map_record.read(tmp_path / "nowhere", run) is None


def test_an_undefined_figure_is_null_in_the_file(sample, tmp_path):
    empty = against_truth.MapMeasures("CAM", 3, pd.DataFrame())
    cascade = sanity_checks.compare_stages([("nothing", maps(noise(1) * 0))], sample, ROWS)
    assert math.isnan(cascade.stages["nothing"].value)
    assert "nothing –" in map_sanity.curve(cascade).alternative
    assert "No map is left" in str(map_sanity.sentences(cascade, permuted(sample)))
    run = RunRecord("mine", tmp_path, "ok", {"provenance": {"predictions_sha256": "ab"}})
    map_record.write(tmp_path, run, empty, cascade, permuted(sample))
    kept = map_record.read(tmp_path, run)
    assert kept["random_layers"]["stages"]["nothing"]["value"] is None
    assert kept["measures"] == []


def test_some_slices_of_each_label_are_a_seeded_choice():
    rows = {label: np.arange(50) for label in LABELS[:2]}
    chosen = sanity_checks.choose_slices(rows, max_slices=8)
    assert all(len(set(chosen_rows)) == 8 for chosen_rows in chosen.values())
    np.testing.assert_array_equal(
        sanity_checks.choose_slices(rows, max_slices=8)["epidural"], chosen["epidural"]
    )


def test_a_test_split_without_any_bleeding_leaves_everything_undefined(sample, store):
    cascade = sanity_checks.compare_stages([("nothing", {}), ("logits", {})], sample, {})
    assert [(mean.maps, mean.without) for mean in cascade.stages.values()] == [(0, 0), (0, 0)]
    compared = sanity_checks.compare_with_permuted(
        store, sample, {}, {}, {}, history=HISTORY, training=training()
    )
    assert math.isnan(compared.correlation.value)
    assert math.isnan(compared.excess.value)
