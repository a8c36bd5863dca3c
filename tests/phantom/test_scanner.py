import dataclasses
import itertools

import numpy as np
import pytest
from scipy import ndimage

from ichreport.phantom import lookalikes
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.bleeds.kinds import BLEED_TYPES
from ichreport.phantom.scanner.grid import Grid
from ichreport.phantom.scanner.noise import noise_tile
from ichreport.phantom.scanner.series import scan_series
from ichreport.phantom.section import Patient
from tests.phantom.scans import RIGHT, SILENT, draw_scan


def scan_of(seed=0, *, noise=0.0, **changes):
    response = SILENT | RIGHT | {"noise": noise}
    return draw_scan(seed, size=192, slices=12, response=response, **changes)


def patient_of(head, scan, *bleeds, bright=()):
    return Patient(head, tuple(bleeds), tuple(bright), scan.down(head), scan.response.cupping)


@pytest.fixture(scope="module")
def upright():
    """A scan straight through a head that looks straight on, at the ventricles' height."""
    return scan_of(pose=(0.0, 0.0, 0.0), tilt=0.0, offset=(0.0, 0.0, 0.0), heights=(0.0, 4.0, 20.0))


def hu_at(scan, slice_, head, x, y, height, reach=3):
    """Median intensity around a canonical place in an upright scan."""
    position = np.linalg.solve(scan.body_frame(head), [x, y, height])
    column = round(position[0] / scan.pixel + (scan.columns - 1) / 2)
    row = round(position[1] / scan.pixel + (scan.rows - 1) / 2)
    r = int(reach / scan.pixel)
    return float(np.median(slice_.hu[row - r : row + r + 1, column - r : column + r + 1]))


def test_splines_keep_a_constant_and_a_slope():
    grid = Grid.over(64, 48, 1.7)
    ones = np.ones((len(grid.down), len(grid.across)), np.float32)
    np.testing.assert_allclose(grid.pixels(ones), 1, atol=1e-5)
    slope = grid.across[None, :] + 2 * grid.down[:, None]
    centers = [(np.arange(n) - (n - 1) / 2) * 1.7 for n in (64, 48)]
    expected = centers[1][None, :] + 2 * centers[0][:, None]
    np.testing.assert_allclose(grid.pixels(slope), expected, atol=1e-3)


def test_splines_never_overshoot_an_edge():
    grid = Grid.over(80, 80, 0.9)
    step = np.where(grid.across[None, :] > 0, 1000, 0) + np.zeros((len(grid.down), 1))
    pixels = grid.pixels(step.astype(np.float32))
    assert pixels.min() >= -1e-3
    assert pixels.max() <= 1000 + 1e-3


@pytest.mark.parametrize("seed", range(5))
def test_a_pose_is_a_rotation(seed):
    rotation = scan_of(seed).rotation()
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_the_gantry_leans_with_the_patient():
    angles = []
    for seed in range(30):
        scan = scan_of(seed)
        normal = scan.rotation() @ np.cross(*np.asarray(scan.orientation))
        angles.append(np.degrees(np.arccos(normal[2])))
    assert np.mean(angles) < 12


def test_positions_place_the_middle_pixel_on_the_tables_axis():
    scan = scan_of(2, tilt=14.0)
    row, column = np.asarray(scan.orientation)
    for number, height in enumerate(scan.heights):
        middle = np.asarray(scan.corner(number)) + scan.pixel * (
            (scan.columns - 1) / 2 * row + (scan.rows - 1) / 2 * column
        )
        np.testing.assert_allclose(middle - scan.table, [0, 0, height], atol=1e-9)


def test_some_series_are_spaced_unevenly():
    ratios = [np.ptp(np.diff(scan_of(seed).heights)) for seed in range(60)]
    uneven = np.mean(np.asarray(ratios) > 0.1)
    assert 0.02 < uneven < 0.3


def test_tissues_have_the_intensities_of_the_literature(upright, head):
    low, middle, high = scan_series(upright, patient_of(head, upright))
    assert 0 <= hu_at(upright, middle, head, 11, -24, 4, reach=1.5) <= 15  # frontal horn
    assert 32 <= hu_at(upright, middle, head, 11, 8, 4) <= 42  # thalamus
    assert 32 <= hu_at(upright, low, head, 26, -3, 0) <= 42  # putamen
    assert 20 <= hu_at(upright, high, head, 27, 8, 20, reach=2) <= 36  # corona radiata
    for slice_ in (low, middle, high):
        assert 800 < np.percentile(slice_.hu[slice_.hu > 400], 80) < 1900
        assert slice_.hu.min() >= -1024
        assert (slice_.hu == -1000).mean() > 0.2
        fat = (slice_.hu > -130) & (slice_.hu < -60)
        assert fat.sum() > 50


def test_grey_matter_is_brighter_than_white_by_literature_contrast():
    contrasts = [h.grey - h.white for h in map(Head.draw, map(np.random.default_rng, range(40)))]
    assert all(5 < contrast < 13 for contrast in contrasts)


def test_old_people_have_wider_ventricles_and_sulci():
    people = [Head.draw(np.random.default_rng(seed)) for seed in range(200)]
    old = [p for p in people if p.age > 75]
    young = [p for p in people if p.age < 45]
    for trait in ("ventricles", "sulci"):
        means = [np.mean([getattr(p, trait) for p in group]) for group in (young, old)]
        assert means[1] > 1.3 * means[0]


def test_the_head_is_one_body_from_slice_to_slice(head):
    scan = scan_of(7, heights=tuple(np.arange(-20.0, 60.0, 5.0)))
    brains = []
    for taken in scan_series(scan, patient_of(head, scan)):
        whole, _ = ndimage.label(taken.hu > 500)
        assert whole.max() >= 1
        filled = ndimage.binary_fill_holes(taken.hu > 500)
        brains.append(filled)
    for below, above in itertools.pairwise(brains):
        overlap = (below & above).sum() / min(below.sum(), above.sum())
        assert overlap > 0.85


def test_a_height_shows_the_same_whatever_the_other_slices_are(head):
    first = scan_of(1, heights=(0.0, 5.0, 10.0))
    second = dataclasses.replace(first, heights=(-5.0, 0.0, 5.0, 10.0, 15.0))
    patient = patient_of(head, first)
    one = [taken.hu for taken in scan_series(first, patient)]
    other = [taken.hu for taken in scan_series(second, patient)]
    for a, b in zip(one, other[1:4], strict=True):
        np.testing.assert_array_equal(a, b)


def test_noise_has_the_asked_for_strength_and_no_constant_part(head):
    clean, noisy = scan_of(3), scan_of(3, noise=4.0)
    patient = patient_of(head, clean)
    clean_slices, noisy_slices = (
        list(scan_series(clean, patient)),
        list(scan_series(noisy, patient)),
    )
    middle = len(clean_slices) // 2
    difference = noisy_slices[middle].hu.astype(float) - clean_slices[middle].hu
    center = difference[76:116, 76:116]
    assert 2.5 < center.std() < 6.5
    assert abs(center.mean()) < 0.6


def test_noise_is_that_of_back_projection():
    spectrum = np.abs(np.fft.rfft2(noise_tile(0.2, 256))) ** 2
    frequency = np.hypot(
        np.fft.fftfreq(spectrum.shape[0])[:, None], np.arange(spectrum.shape[1]) / 320
    )
    bands = [(0.0, 0.02), (0.05, 0.09), (0.1, 0.16), (0.35, 0.5)]
    low, rising, peak, high = (
        spectrum[(frequency >= a) & (frequency < b)].mean() for a, b in bands
    )
    assert low < 0.4 * rising < 0.5 * peak
    assert high < 0.1 * peak


@pytest.mark.parametrize("subtype", sorted(BLEED_TYPES))
def test_blood_shows_in_its_mask_at_its_intensity(head, subtype):
    scan = scan_of(5)
    bleed = BLEED_TYPES[subtype].draw(np.random.default_rng([5, 1]), subtle=False)
    slices = list(scan_series(scan, patient_of(head, scan, bleed)))
    number = int(np.argmax([taken.volumes.get(subtype, 0) for taken in slices]))
    best, mask = slices[number], slices[number].masks[subtype]
    depth = ndimage.distance_transform_edt(mask)
    core = best.hu[depth >= min(3, depth.max())]
    diluted = 18 if subtype == "subarachnoid" else 0  # mixed with fluid in narrow sulci
    assert -8 - diluted < np.median(core) - bleed.hu < 8
    sound = list(scan_series(scan, patient_of(head, scan)))[number]
    far = ~ndimage.binary_dilation(mask, iterations=60)
    assert np.median(np.abs(best.hu[far].astype(int) - sound.hu[far])) <= 1


def test_volumes_of_a_finely_cut_bleed_agree_with_its_shape(head, block):
    bleed = BLEED_TYPES["epidural"].draw(np.random.default_rng([2, 1]), subtle=False)
    scan = scan_of(6, heights=tuple(np.arange(-60.0, 85.0, 4.0)), tilt=0.0)
    taken = scan_series(scan, patient_of(head, scan, bleed))
    volume = sum(slice_.volumes.get("epidural", 0) for slice_ in taken)
    canonical = (bleed.distance(block.points, block.space) < 0).sum() * block.voxel
    assert volume == pytest.approx(canonical * np.prod(head.scale), rel=0.15)


def test_lookalikes_are_bright_and_bleed_nowhere(head):
    scan = scan_of(8, heights=tuple(np.arange(-10.0, 70.0, 4.0)))
    rng = np.random.default_rng(1)
    seen = set()
    while len(seen) < 6:
        for lookalike in lookalikes.draw(rng, 85):
            if lookalike.name in seen:
                continue
            seen.add(lookalike.name)
            slices = list(scan_series(scan, patient_of(head, scan, bright=[lookalike])))
            without = scan_series(scan, patient_of(head, scan))
            brighter = [
                int((a.hu.astype(int) - b.hu).max()) for a, b in zip(slices, without, strict=True)
            ]
            best = int(np.argmax([taken.lookalikes[0] for taken in slices]))
            assert brighter[best] > 8
            assert not any(taken.masks for taken in slices)
