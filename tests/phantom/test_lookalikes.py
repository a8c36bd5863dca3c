from collections import Counter

import numpy as np
import pytest

from ichreport.phantom import lookalikes
from ichreport.phantom.anatomy import brain
from ichreport.phantom.anatomy.landmarks import MassEffect, slow_noise
from ichreport.phantom.lookalikes import calcifications, occurrence
from ichreport.phantom.lookalikes.dura import Dura, Sinus
from ichreport.phantom.lookalikes.meningioma import Meningioma
from ichreport.phantom.lookalikes.vessels import ALL_ARTERIES, Arteries, CorticalVessels
from ichreport.phantom.scanner.series import scan_series
from ichreport.phantom.section import Patient
from tests.phantom.scans import draw_scan

AT_80 = {
    "calcified choroid plexus": 0.65,
    "calcified pineal": 0.65,
    "calcified falx": 0.30,
    "calcified carotid": 0.85,
    "calcified vertebral artery": 0.2125,
    "calcified tentorium": 0.12,
    "calcified basal ganglia": 0.18,
    "small calcification": 0.20,
    "hyperdense sinus": 0.15 * 0.95,
    "dense falx and tentorium": 0.14 * 0.95,
    "contrast in arteries": 0.05,
}
"""Share of people of 80 years."""

MAKERS = [
    calcifications.choroid_plexus,
    calcifications.pineal,
    calcifications.falx,
    calcifications.small,
    calcifications.basal_ganglia,
    calcifications.dentate_nuclei,
    calcifications.carotid_siphons,
    calcifications.vertebral_arteries,
    calcifications.petroclinoid_ligaments,
    Meningioma.draw,
    lambda rng: Sinus("hyperdense torcula", 74.0, highest=-18.0),
    lambda rng: Dura("dense falx and tentorium", 75.0),
    lambda rng: Arteries("hyperdense artery", 75.0, ("middle cerebral",), (1,)),
    lambda rng: CorticalVessels("contrast in cortical vessels", 150.0, 3.0),
]


@pytest.fixture(scope="module")
def content(head, block):
    index = np.flatnonzero(block.space.wall < 0)
    p, space = block.points.at(index), block.space.at(index)
    drawn = brain.draw(
        head,
        p,
        space,
        mass_effect=MassEffect(),
        outside=-space.wall,
        clogged=None,
        slow=slow_noise(head, p),
    )
    return p, space, drawn


def people(age, number=2000):
    return [
        lookalikes.draw(np.random.default_rng([seed, 2]), age, varied=True)
        for seed in range(number)
    ]


def test_each_look_alike_occurs_as_often_as_it_should():
    counts = Counter(each.name for person in people(80) for each in person)
    for name, share in AT_80.items():
        error = np.sqrt(2000 * share * (1 - share))
        assert abs(counts[name] - 2000 * share) < 4 * error, name


def test_rare_ones_are_rare():
    counts = Counter(each.name for person in people(80) for each in person)
    masses = counts["meningioma"] + counts["calcified meningioma"]
    for count in (counts["hyperdense artery"], masses):
        assert 0.004 < count / 2000 < 0.024


def test_calcium_comes_with_age():
    old, young = (
        np.mean([any("calcified" in each.name for each in person) for person in people(age, 300)])
        for age in (85, 25)
    )
    assert young < 0.6 * old


def test_sound_adults_have_none_of_the_rarer_ones():
    names = {
        each.name
        for seed in range(300)
        for each in lookalikes.draw(np.random.default_rng(seed), 80)
    }
    assert names == {
        "calcified choroid plexus",
        "calcified pineal",
        "calcified falx",
        "hyperdense sinus",
        "small calcification",
        "calcified basal ganglia",
    }


@pytest.mark.parametrize("number", range(len(MAKERS)))
def test_each_brightens_the_head_and_is_never_blood(head, number):
    lookalike = MAKERS[number](np.random.default_rng([number, 1]))
    scan = draw_scan(2, slices=30)
    described = [Patient(head, (), bright, scan.down(head), 0.0) for bright in ((lookalike,), ())]
    series = [list(scan_series(scan, patient)) for patient in described]
    change = [a.hu.astype(int) - b.hu for a, b in zip(*series, strict=True)]
    best = int(np.argmax([slice_.lookalikes[0] for slice_ in series[0]]))
    assert change[best].max() > 8
    assert not any(slice_.masks for slice_ in series[0])
    if not isinstance(lookalike, Meningioma):  # a mass moves the brain beside it
        assert min(each.min() for each in change) > -3


def test_contrast_fills_vessels_and_the_dura_and_nothing_else(content):
    p, space, drawn = content
    filled = np.zeros(p.x.shape, bool)
    for each in occurrence._contrast(np.random.default_rng(0)):
        patch = each.patch(p, space, drawn)
        filled[patch.points[patch.share > 0.3]] = True
    assert 0.002 < filled.mean() < 0.06
    arteries = Arteries("", 0.0, ALL_ARTERIES).patch(p, space, drawn)
    vessel = (drawn.sinus > 0) | (drawn.dura > 0) | (drawn.subarachnoid > 0.1)
    vessel[arteries.points[arteries.share > 0]] = True
    assert (vessel[filled]).mean() > 0.9  # the tentorium is smeared out over its oblique cut


def test_arteries_lie_at_the_base_of_the_brain(content):
    p, space, drawn = content
    patch = Arteries("", 0.0, ALL_ARTERIES).patch(p, space, drawn)
    there = p.at(patch.points[patch.share > 0.5])
    assert there.z.max() < 12
    assert np.abs(there.x).max() < 42
    clogged = Arteries("", 0.0, ("middle cerebral",), (1,)).patch(p, space, drawn)
    assert (p.x[clogged.points[clogged.share > 0.5]] > 0).all()


def test_a_dense_torcula_lies_low(head):
    scan = draw_scan(2, slices=30)
    torcula = Sinus("hyperdense torcula", 74.0, highest=-18.0)
    patient = Patient(head, (), (torcula,), scan.down(head), 0.0)
    areas = np.array([slice_.lookalikes[0] for slice_ in scan_series(scan, patient)])
    heights = np.asarray(scan.heights)
    assert areas[heights < -10].max() > 50
    assert (areas[heights > 25] == 0).all()


def test_a_meningioma_sits_on_the_dura_and_pushes_the_brain(block):
    for seed in range(12):
        mass = Meningioma.draw(np.random.default_rng([seed, 3]))
        within = mass.distance(block.points, block.space) < 0
        assert within.any()
        assert (block.space.wall[within] <= 0).all()
        at_skull = block.space.wall[within].max() > -4
        at_falx = np.abs(block.points.x[within]).min() < 3
        assert at_skull or at_falx
