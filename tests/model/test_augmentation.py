"""Augmentation: each change as scipy or a hand has it, by seed, and never outside training."""

import keras
import numpy as np
import pytest
from scipy import ndimage

from ichreport.model import networks
from ichreport.model.augmentation import augmented_model, examples, intensities
from ichreport.model.augmentation.drawing import Drawing
from ichreport.model.augmentation.resampling import resampled
from ichreport.params.training.augmentations import FLIP_ALONE, KINDS, parse

HU = np.random.default_rng(0).integers(-1024, 1500, (4, 3, 20, 24)).astype(np.float32)
ALWAYS = [{kind: {"share": 1.0}} for kind in KINDS]


def numpy_of(tensor):
    return keras.ops.convert_to_numpy(tensor)


def drawn_by(items, size, seed=1, slices_seen=1):
    return Drawing(parse(items), slices_seen, np.random.default_rng(seed))(size)


def forward(items, size):
    """From where a pixel is taken to where it is, (size, 3, 3): the inverse of what was drawn."""
    sampling = drawn_by(items, size)["sampling"].astype(float)
    last = np.broadcast_to([[[0, 0, 1]]], (size, 1, 3))
    return np.linalg.inv(np.concatenate([sampling, last], axis=1))


def by_scipy(hu, sampling):
    """The same of one slice, (h, w), whose places are (row, column) in pixels."""
    sides = np.array(hu.shape)
    middle = (sides - 1) / 2
    turn = sampling[::-1, 1::-1] * sides[:, None] / sides
    offset = middle + sampling[::-1, 2] * sides - turn @ middle
    return ndimage.affine_transform(
        hu, turn, offset, order=1, mode="grid-constant", cval=-1024, output=np.float64
    )


@pytest.mark.parametrize(
    "item",
    [
        {"affine": {"share": 1.0, "shift": 0.3, "scale": 0.4, "rotate": 180, "shear": 30}},
        {"affine": {"share": 1.0, "aspect": 0.4}},
        {"crop": {"share": 1.0, "scale": [0.2, 0.9]}},
    ],
)
def test_slices_and_their_neighbours_are_resampled_as_by_scipy(item):
    sampling = drawn_by(["flip", item], len(HU))["sampling"]
    found = numpy_of(resampled(HU, sampling))
    for slices, seen, matrix in zip(HU, found, sampling.astype(float), strict=True):
        for before, after in zip(slices, seen, strict=True):
            np.testing.assert_allclose(after, by_scipy(before, matrix), atol=0.05)
    assert (found == -1024).any() or "crop" in item


def test_a_turn_by_90_degrees_and_a_shift_by_whole_pixels_move_pixels_whole():
    square = HU[:2, :, :, :20]
    turned = np.array([[0, 1, 0], [-1, 0, 0]], dtype=np.float32)  # (x, y) is taken from (y, -x)
    shifted = np.array([[1, 0, 0.25], [0, 1, 0]], dtype=np.float32)  # of 20 columns: 5
    found = numpy_of(resampled(square, np.stack([turned, shifted])))
    np.testing.assert_array_equal(found[0], np.rot90(square[0], -1, axes=(1, 2)))
    np.testing.assert_array_equal(found[1, :, :, :15], square[1, :, :, 5:])
    np.testing.assert_array_equal(found[1, :, :, 15:], -1024)


def test_a_flip_beside_other_moves_is_a_flip_to_the_bit():
    sampling = drawn_by([{"flip": {"share": 1.0}}, {"crop": {"share": 1.0, "scale": [1, 1]}}], 4)
    found = numpy_of(resampled(HU, sampling["sampling"]))
    np.testing.assert_array_equal(found, HU[..., ::-1])


def test_what_moves_is_within_what_was_asked_and_reaches_its_ends():
    moved = forward([{"affine": {"share": 1.0, "shift": 0.2, "scale": 0.3, "rotate": 40}}], 2000)
    scale = np.sqrt(np.linalg.det(moved[:, :2, :2]))
    angle = np.rad2deg(np.arctan2(moved[:, 1, 0], moved[:, 0, 0]))
    for values, middle, most in (
        (scale, 1, 0.3), (angle, 0, 40), (moved[:, 0, 2], 0, 0.2), (moved[:, 1, 2], 0, 0.2)
    ):  # fmt: skip
        assert np.abs(values - middle).max() == pytest.approx(most, rel=0.02)
        assert np.abs(values - middle).max() <= most * 1.0001
        assert values.std() == pytest.approx(most / np.sqrt(3), rel=0.1)  # a uniform draw's


def test_shear_slants_upright_lines_and_aspect_keeps_the_area():
    slanted = forward([{"affine": ONLY | {"shear": 20}}], 500)
    slant = np.rad2deg(np.arctan(slanted[:, 0, 1]))
    np.testing.assert_allclose(slanted[:, 1], np.tile([0, 1, 0], (500, 1)), atol=1e-6)
    assert 19 < np.abs(slant).max() <= 20.001
    stretched = forward([{"affine": ONLY | {"aspect": 0.2}}], 500)
    np.testing.assert_allclose(np.linalg.det(stretched), 1, atol=1e-5)
    ratio = stretched[:, 0, 0] / stretched[:, 1, 1]
    assert 0.8 - 1e-6 <= ratio.min() < 0.81
    assert 1.19 < ratio.max() <= 1.2 + 1e-6


ONLY = {"share": 1.0, "shift": 0.0, "scale": 0.0, "rotate": 0.0}


def test_a_crop_is_a_square_of_the_picture_of_an_area_that_was_asked_for():
    taken = drawn_by([{"crop": {"share": 1.0, "scale": [0.3, 0.8]}}], 1000)["sampling"]
    area = np.linalg.det(taken[:, :, :2].astype(float))
    assert 0.3 <= area.min() + 1e-6 < 0.31
    assert 0.79 < area.max() <= 0.8 + 1e-6
    for corner in (-0.5, 0.5):
        reached = taken @ np.array([corner, corner, 1], dtype=np.float32)
        assert np.abs(reached).max() <= 0.5 + 1e-6


def test_a_blur_is_scipys_and_none_leaves_every_bit():
    deviation = np.array([0, 0.4, 0.9, 1.3], dtype=np.float32)
    found = numpy_of(intensities.blurred(HU, deviation, 1.3))
    np.testing.assert_array_equal(found[0], HU[0])
    for before, after, sigma in zip(HU[1:], found[1:], deviation[1:], strict=True):
        expected = ndimage.gaussian_filter(
            before, sigma, axes=(1, 2), mode="constant", cval=-1024, radius=4
        )
        np.testing.assert_allclose(after, expected, atol=0.01)


def test_contrast_multiplies_and_adds_and_leaves_air():
    hu = np.array([-1024, -950, -100, 0, 40, 1000], dtype=np.float32).reshape(1, 1, 1, -1)
    found = numpy_of(intensities.contrasted(hu, np.array([[1.1, 3]], dtype=np.float32)))
    np.testing.assert_allclose(found.ravel(), [-1024, -950, -107, 3, 47, 1103], rtol=1e-6)


def test_noise_is_as_strong_as_told_leaves_air_and_differs_between_neighbours():
    hu = np.full((3, 3, 64, 64), 30, dtype=np.float32)
    hu[..., :5] = -1024
    deviation = np.array([0, 4, 9], dtype=np.float32)
    place = drawn_by(["noise"], 3, slices_seen=3)["noise_place"]
    added = numpy_of(intensities.noisy(hu, deviation, place)) - hu
    assert not added[..., :5].any()
    for told, values in zip(deviation, added[..., 5:], strict=True):
        assert values.std() == pytest.approx(told, rel=0.03)
    first, second = added[2, :2, :, 5:].reshape(2, -1)
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(first.size)


def test_a_rectangle_of_the_asked_area_is_air_and_lies_in_the_picture():
    box = drawn_by([{"erase": {"share": 1.0, "area": [0.1, 0.4]}}], 1000)["erase"].astype(float)
    rows, columns = box[:, 1] - box[:, 0], box[:, 3] - box[:, 2]
    assert 0.1 - 1e-6 <= (rows * columns).min() < 0.105
    assert 0.395 < (rows * columns).max() <= 0.4 + 1e-6
    assert (rows / columns).max() <= 1 / 0.3 + 1e-4
    assert box.min() >= 0
    assert box.max() <= 1 + 1e-6
    told = np.array([[0.1, 0.5, 0.25, 0.75]] * 4, dtype=np.float32)
    expected = HU.copy()
    expected[:, :, 2:10, 6:18] = -1024  # of 20 rows and 24 columns
    np.testing.assert_array_equal(numpy_of(intensities.erased(HU, told)), expected)


def test_shares_are_kept_and_the_rest_of_the_slices_stay_to_the_bit():
    items = [{kind: {"share": 0.1}} for kind in KINDS]
    drawn = drawn_by(items, 200, slices_seen=3)
    untouched = (
        (drawn["sampling"] == np.eye(3)[:2]).all(axis=(1, 2))
        & (drawn["noise"] == 0) & (drawn["blur"] == 0) & ~drawn["erase"].any(axis=1)
        & (drawn["contrast"] == [1, 0]).all(axis=1)
    )  # fmt: skip
    assert untouched.mean() == pytest.approx(0.9**7, abs=4 * 0.5 / np.sqrt(200))
    hu = np.resize(HU, (200, *HU.shape[1:])).astype(np.int16)
    varied = numpy_of(augmented_model.varied(hu, drawn, parse(items), training=True))
    same = (varied == hu).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(same[untouched], True)
    assert same[~untouched].mean() < 0.1
    assert varied.dtype == np.int16


def test_flips_alone_are_drawn_as_ever_and_everything_follows_the_seed():
    ever = np.random.default_rng([7, 1])
    draw = Drawing(FLIP_ALONE, 1, np.random.default_rng([7, 1]))
    for _ in range(3):
        [(name, flip)] = draw(16).items()
        assert name == "flip"
        np.testing.assert_array_equal(flip, ever.random(16) < 0.5)
    first, again, other = (drawn_by(ALWAYS, 8, seed=seed) for seed in (1, 1, 2))
    for name, values in first.items():
        np.testing.assert_array_equal(values, again[name])
        assert (values != other[name]).any(), name


@pytest.fixture
def network(make):
    plan = make().plan
    return networks.cnn7(plan.view, plan.head, plan.machine), plan


def test_outside_of_training_a_network_sees_slices_as_they_are(network, store):
    model, plan = network
    learner = augmented_model.build(model, plan.view, parse(ALWAYS), plan.machine)
    hu = store.hu(np.arange(8))[:, None]
    given = {"hu": hu, **drawn_by(ALWAYS, 8)}
    plain = numpy_of(model(hu, training=False))
    np.testing.assert_array_equal(numpy_of(learner(given, training=False)), plain)
    assert (numpy_of(learner(given, training=True)) != plain).any()
    assert [id(weight) for weight in learner.weights] == [id(weight) for weight in model.weights]


def test_without_augmentation_the_network_trains_as_it_is(network):
    model, plan = network
    assert augmented_model.build(model, plan.view, (), plan.machine) is model


def test_examples_are_slices_of_train_that_bleed_as_they_are_and_varied(store, sample, make):
    plan = make(augment=ALWAYS).plan
    hu = examples.of_training(store, sample, plan, slices=4, times=2)
    bleeding = sample.rows[(sample.split == "train") & (store.slices["any"] == 1)]
    stored = store.hu(bleeding)
    assert hu.shape == (4, 3, *stored.shape[1:])
    for itself, first, second in hu:
        assert (stored == itself).all(axis=(1, 2)).any()
        assert (itself != first).any()
        assert (first != second).any()


@pytest.mark.parametrize("changes", [{"network": "densenet121"}, {"augment": []}])
def test_there_are_no_examples_where_nothing_varies_slices(store, sample, make, changes):
    assert len(examples.of_training(store, sample, make(**changes).plan)) == 0


def test_half_precision_draws_and_moves_hu_as_full_precision_does(store, make):
    plan = make(precision="mixed_bfloat16").plan
    model = networks.cnn7(plan.view, plan.head, plan.machine)
    learner = augmented_model.build(model, plan.view, parse(ALWAYS), plan.machine)
    before = keras.Model(learner.input, learner.get_layer("augment").output)
    hu = store.hu(np.arange(4))[:, None]
    drawn = drawn_by(ALWAYS, 4)
    expected = augmented_model.varied(hu, drawn, parse(ALWAYS), training=True)
    found = before({"hu": hu, **drawn}, training=True)
    np.testing.assert_array_equal(numpy_of(found), numpy_of(expected))
