"""A sequence head by its recipe: what it reads, and what it makes of padding and of two stages."""

import keras
import numpy as np
import pytest

from ichreport.model import backend
from ichreport.model.fitting import losses
from ichreport.model.heads.build import build_head
from ichreport.model.heads.recurrent import (
    BothStages,
    Deltas,
    mean_over_stages,
    with_both_stages,
)
from ichreport.params.machine import Machine
from ichreport.params.training.sequences import SequenceRecipe
from ichreport.params.training.training_plan import HeadPart

MACHINE, WIDTH = Machine(), 12
EVERYTHING = {"deltas": True, "gaps": True, "second_stage": True}
RECIPES = [
    {},
    {"cell": "lstm", "layers": 1, "reduced": 0},
    {"deltas": True},
    {"gaps": True},
    {"second_stage": True},
    {**EVERYTHING, "layers": 3, "units": 8},
]


def head_of(**recipe):
    keras.utils.set_random_seed(1)
    return build_head(HeadPart("sequence", 1, SequenceRecipe(**recipe)), WIDTH, MACHINE)


def read(head, features, present, gaps=None):
    given = {"features": features, "present": present}
    if "gaps" in head.input:
        given["gaps"] = np.ones((*present.shape, 1), dtype=np.float32) if gaps is None else gaps
    return backend.to_numpy(head(given, training=False))


def corrects(head):
    """Let a second stage say something: at first it adds nothing."""
    kernel = head.get_layer("correction").kernel
    kernel.assign(np.random.default_rng(3).normal(size=kernel.shape))


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_what_fills_a_series_up_changes_nothing(recipe):
    head = head_of(**recipe)
    if recipe.get("second_stage"):
        corrects(head)
    features = np.random.default_rng(1).normal(size=(2, 9, WIDTH)).astype(np.float32)
    present = np.arange(9) < np.array([[9], [4]])
    first = read(head, features, present)
    features[1, 4:] = 1e3
    np.testing.assert_allclose(read(head, features, present)[present], first[present], atol=1e-5)
    shorter = read(head, features[1:, :4], present[1:, :4])
    np.testing.assert_allclose(shorter[0], first[1, :4], atol=1e-5)


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_each_slice_is_told_of_both_ends_of_its_series(recipe):
    head = head_of(**recipe)
    features = np.random.default_rng(1).normal(size=(1, 6, WIDTH)).astype(np.float32)
    present = np.ones((1, 6), dtype=bool)
    first = read(head, features, present)
    for end, other in ((0, 5), (5, 0)):
        changed = features.copy()
        changed[0, end] += 1
        assert np.abs(read(head, changed, present) - first)[0, other].max() > 1e-6


def test_deltas_are_what_a_person_subtracts():
    values = np.array([[[1.0], [4.0], [9.0], [99.0]]], dtype=np.float32)
    present = np.array([[True, True, True, False]])
    told = backend.to_numpy(Deltas()(values, present))[0, :3]
    np.testing.assert_array_equal(told, [[1, 0, -3], [4, 3, -5], [9, 5, 0]])


def test_a_reversed_series_has_its_deltas_exchanged():
    values = np.random.default_rng(0).normal(size=(1, 5, 2)).astype(np.float32)
    present = np.ones((1, 5), dtype=bool)
    upward = backend.to_numpy(Deltas()(values, present))
    downward = backend.to_numpy(Deltas()(values[:, ::-1], present))[:, ::-1]
    np.testing.assert_array_equal(downward, upward[..., [0, 1, 4, 5, 2, 3]])


def test_distances_tell_two_series_apart_that_are_else_alike():
    head = head_of(gaps=True)
    features = np.ones((1, 4, WIDTH), dtype=np.float32)
    present = np.ones((1, 4), dtype=bool)
    near, far = (read(head, features, present, np.full((1, 4, 1), mm / 5)) for mm in (1.0, 10.0))
    assert np.abs(near - far).max() > 1e-4


def test_a_gru_has_the_parameters_counted_by_hand():
    head = head_of(layers=2, units=96, reduced=128)
    trainable = sum(int(np.prod(weight.shape)) for weight in head.trainable_weights)
    first, second = (2 * (3 * (size * 96 + 96 * 96) + 6 * 96) for size in (128, 192))
    assert trainable == (WIDTH * 128 + 128) + first + second + (192 * 6 + 6)


def test_a_second_stage_begins_as_the_first_and_then_corrects_it():
    head = head_of(second_stage=True)
    stage = keras.Model(head.input, head.get_layer("logits").output)
    features = np.random.default_rng(1).normal(size=(2, 5, WIDTH)).astype(np.float32)
    present = np.ones((2, 5), dtype=bool)
    np.testing.assert_allclose(read(head, features, present), read(stage, features, present))
    corrects(head)
    apart = np.abs(read(head, features, present) - read(stage, features, present))
    assert apart.max() > 1e-3


def test_in_training_both_stages_count_and_at_evaluation_the_second():
    first, second = (np.full((1, 2, 6), value, dtype=np.float32) for value in (1.0, 3.0))
    learning, asked = (
        backend.to_numpy(BothStages()(first, second, training=training))
        for training in (True, False)
    )
    assert learning[..., 0].tolist() == [[[1.0, 3.0]] * 2]
    assert asked[..., 0].tolist() == [[[3.0, 3.0]] * 2]
    truth = np.ones((1, 2, 6), dtype=np.float32)
    loss = mean_over_stages(losses.build("bce", truth[0]))
    by_hand = [np.log1p(np.exp(-value)) for value in (1.0, 3.0)]
    np.testing.assert_allclose(loss(truth, learning), np.full((1, 2), np.mean(by_hand)), rtol=1e-5)
    np.testing.assert_allclose(loss(truth, asked), np.full((1, 2), by_hand[1]), rtol=1e-5)


def test_what_trains_on_both_stages_shares_the_weights():
    head = head_of(second_stage=True)
    learner = with_both_stages(head)
    assert list(map(id, learner.trainable_weights)) == list(map(id, head.trainable_weights))
    assert learner.output_shape == (None, None, 2, 6)
