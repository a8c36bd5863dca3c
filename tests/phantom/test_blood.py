import numpy as np
import pytest

from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.bleeds.blood import Blood
from ichreport.phantom.shapes import Points

RANGES = {
    "hyperacute": (60, 85),
    "acute": (60, 85),
    "mixed": (48, 72),
    "subacute": (36, 50),
    "chronic": (22, 34),
}
"""Intensity of the clot (HU)."""


def draws(stage, number=300):
    return [Blood.draw(np.random.default_rng([seed, 6]), stage) for seed in range(number)]


def cloud(number=20_000):
    return Points(*np.random.default_rng(1).uniform(-60, 60, (3, number)).astype(np.float32))


def intensities(blood, p, above=None):
    return blood.intensity(p, np.zeros_like(p.x), above)


@pytest.mark.parametrize("stage", RANGES)
def test_each_stage_has_its_intensities(stage):
    low, high = RANGES[stage]
    hu = [blood.hu for blood in draws(stage)]
    assert min(hu) >= low - 1e-6
    assert max(hu) <= high + 1e-6
    assert np.ptp(hu) > 0.6 * (high - low)


def test_chronic_blood_is_darker_than_grey_matter_and_subacute_blood_about_as_bright():
    grey = np.median([Head.draw(np.random.default_rng(seed)).grey for seed in range(100)])
    assert max(blood.hu for blood in draws("chronic")) < grey
    assert all(abs(blood.hu - grey) < 15 for blood in draws("subacute"))


@pytest.mark.parametrize("stage", RANGES)
def test_blood_fades_and_never_brightens(stage):
    for blood in draws(stage, 20):
        hu = [blood.aged(days).hu for days in (0, 0.5, 1, 3, 7, 14, 30, 90)]
        assert np.all(np.diff(hu) <= 0)
        assert hu[-1] < 25


def test_acute_blood_becomes_subacute_then_chronic():
    blood = draws("acute", 1)[0]
    stages = [blood.aged(days).stage for days in (1, 8, 15, 25, 60)]
    assert stages == ["acute", "subacute", "subacute", "chronic", "chronic"]


def test_ageing_twice_is_ageing_once():
    for blood in draws("acute", 20):
        assert blood.aged(3).aged(9).hu == pytest.approx(blood.aged(12).hu)


@pytest.mark.parametrize("stage", ["subacute", "chronic"])
def test_the_age_of_a_stage_agrees_with_what_ageing_makes_of_it(stage):
    assert all(blood.aged(0.001).stage == stage for blood in draws(stage))


def test_thin_blood_fills_about_the_share_that_is_mixed_in():
    p = cloud()
    for blood in draws("hyperacute", 12):
        hu = intensities(blood, p)
        share = (blood.hu - hu.mean()) / (blood.hu - blood.thin)
        assert share == pytest.approx(blood.mixing, abs=0.12)
        assert hu.max() <= blood.hu + 1e-3
        assert hu.min() >= min(blood.thin, blood.hu) - 1e-3


def test_cells_lie_below_their_level():
    blood = next(blood for blood in draws("mixed") if blood.cells)
    p = cloud()
    hu = intensities(blood, p, above=p.z)
    np.testing.assert_allclose(hu[p.z < -2], blood.hu, atol=1e-3)
    np.testing.assert_allclose(hu[p.z > 2], blood.thin, atol=1e-3)


def test_blood_that_is_not_mixed_is_even():
    blood = draws("chronic", 1)[0]
    np.testing.assert_allclose(intensities(blood, cloud()), blood.hu, rtol=1e-5)
