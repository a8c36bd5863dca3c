"""Claims about the brain: its fluid, falx and variants, and old disease that is no bleed."""

import dataclasses
import json

import numpy as np
import pytest

from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.phantom import write_phantom
from ichreport.phantom.anatomy import brain, lesions
from ichreport.phantom.anatomy.cavity import cavity
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.anatomy.landmarks import MassEffect, callosal_arch, slow_noise, tentorium
from ichreport.phantom.anatomy.lesions import Cyst, Infarct, Spot, Tissue
from ichreport.phantom.shapes import Points, to_crease, wander


def plane(height, step=1.0):
    """Points within the dura in an axial plane."""
    y, x = np.mgrid[-90:95:step, -76:77:step].astype(np.float32)
    p = Points(x.ravel(), y.ravel(), np.full(x.size, height, np.float32))
    return p.at(np.flatnonzero(cavity(p).wall < 0))


def draw(head, p):
    space = cavity(p)
    return brain.draw(
        head,
        p,
        space,
        mass_effect=MassEffect(),
        outside=-space.wall,
        clogged=None,
        slow=slow_noise(head, p),
    )


def people(number, *, varied=True, first=0):
    seeds = range(first, first + number)
    return [Head.draw(np.random.default_rng([seed, 16]), varied=varied) for seed in seeds]


def aged(head, atrophy):
    """The same person with an atrophy, and the sulci and ventricles that go with it on average."""
    return dataclasses.replace(
        head, atrophy=atrophy, sulci=0.8 + 2.6 * atrophy, ventricles=0.65 + 0.75 * atrophy
    )


def with_lesions(head, *found):
    return dataclasses.replace(head, brain=dataclasses.replace(head.brain, lesions=found))


def lesion_draws(number=40, age=85):
    drawn = (lesions.draw(np.random.default_rng([seed, 3]), age, 0.9) for seed in range(number))
    return [lesion for found in drawn for lesion in found]


@pytest.mark.parametrize("height", [8.0, 36.0, 55.0])
def test_atrophy_widens_the_sulci_of_a_person(head, height):
    p = plane(height)
    shares = [draw(aged(head, atrophy), p).subarachnoid.mean() for atrophy in (0.0, 0.4, 0.9)]
    assert shares[0] < 0.7 * shares[1] < 0.5 * shares[2]


@pytest.mark.parametrize("seed", range(6))
def test_sulci_are_at_the_rim_and_the_white_matter_within_is_smooth(seed):
    person = with_lesions(aged(people(1, first=seed)[0], 0.5))
    p = plane(38.0)
    depth, drawn = -cavity(p).wall, draw(person, p)
    within = (depth > 25) & (np.abs(p.x) > 16)
    rim = (depth > 2) & (depth < 15) & (np.abs(p.x) > 16)
    assert drawn.subarachnoid[rim].mean() > 0.05
    assert drawn.subarachnoid[within].mean() < 0.1 * drawn.subarachnoid[rim].mean()
    assert drawn.hu[within & (drawn.ventricles == 0)].std() < 3


@pytest.mark.parametrize("person", people(8), ids=lambda person: f"{person.age:.0f}")
def test_the_falx_runs_from_front_to_back_above_the_corpus_callosum(person):
    y = np.arange(-85, 92, 1.0, dtype=np.float32)
    across = np.arange(-3, 3.1, 0.25, dtype=np.float32)
    grid = np.meshgrid(y, across, indexing="ij")
    p = Points(grid[1].ravel(), grid[0].ravel(), np.full(grid[0].size, 42, np.float32))
    hu = draw(with_lesions(person), p).hu.reshape(grid[0].shape)
    rows = cavity(p).wall.reshape(grid[0].shape).max(1) < -4
    assert (callosal_arch(p) > 8).all()
    bright = hu[rows].max(1) > person.grey + 4
    assert bright.mean() > 0.8


@pytest.mark.parametrize("height", [-16.0, -20.0, -24.0])
def test_a_slice_cuts_the_tentorium_in_two_limbs_that_part_forwards(height):
    p = plane(height, step=0.5)
    cut = p.at(np.flatnonzero(np.abs(tentorium(p)[0]) < 0.5))
    x, y = np.abs(cut.x), cut.y
    apex = y[x < 1].mean()
    assert 55 < apex < 85
    beside = (x > 2) & (x < 14) & (y > apex - 30)
    slope = np.polyfit(x[beside], y[beside], 1)[0]
    assert slope < -0.6  # an arc as wide as the posterior fossa has -0.15 there


def test_the_tentorium_is_barely_brighter_than_the_cerebellum():
    for person in people(6, varied=False):
        p = plane(-20.0)
        drawn = draw(with_lesions(person), p)
        tent = (drawn.dura > 0.1) & (drawn.sinus == 0) & (cavity(p).wall < -5) & (np.abs(p.x) > 5)
        tent &= p.y > 30
        assert 0 < tent.mean() < 0.1
        assert drawn.hu[tent].max() < person.grey + 15


def test_grey_matter_lines_the_brain_in_a_ribbon(head):
    young = aged(head, 0.0)
    p = plane(30.0)
    depth, drawn = -cavity(p).wall, draw(young, p)
    ribbon = np.median(drawn.hu[(depth > 2.5) & (depth < 3.5)])
    center = np.median(drawn.hu[(depth > 30) & (drawn.ventricles == 0)])
    assert ribbon - center > 0.6 * (young.grey - young.white)


def test_hemispheres_are_uneven_but_neither_is_on_average():
    traits = [person.brain for person in people(400)]
    unaided = [t.ventricles - sum(v.draws_ventricle for v in t.lesions) for t in traits]
    for values in (unaided, [t.lopsided for t in traits]):
        assert np.std(values) > 0.05
        assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))


def test_a_wider_left_ventricle_is_on_the_left(head):
    wide = dataclasses.replace(head, brain=dataclasses.replace(head.brain, ventricles=1.5))
    p = plane(16.0)
    share = draw(wide, p).ventricles
    assert share[p.x > 0].sum() > 1.3 * share[p.x < 0].sum()


def test_sound_adults_have_no_old_disease():
    for person in people(60, varied=False):
        assert person.brain.lesions == ()
        assert person.brain.cavum == person.brain.frontal_fluid == 0
        assert 0.5 <= person.ventricles <= 1.5


def test_old_disease_comes_with_age():
    crowd = people(600)
    old, young = ([p for p in crowd if lo < p.age < hi] for lo, hi in ((70, 99), (17, 45)))
    names = [[{lesion.name for lesion in p.brain.lesions} for p in group] for group in (young, old)]
    ill = [np.mean(["old infarct" in each for each in group]) for group in names]
    assert ill[0] < 0.06 < 0.08 < ill[1] < 0.3
    names = {lesion.name for person in crowd for lesion in person.brain.lesions}
    assert names >= {"lacune", "white-matter disease", "old infarct", "subacute infarct"}
    assert "arachnoid cyst" in names


def test_ventricles_range_from_slits_to_hydrocephalus():
    sizes = [person.ventricles for person in people(600)]
    assert min(sizes) < 0.5
    assert max(sizes) > 1.8
    assert 0.7 < np.median(sizes) < 1.1


def tissue_of(p, hu=35.0):
    ones = np.ones_like(p.x)
    return Tissue(hu * ones, p, 30 * ones, 0 * ones, 0 * ones, 5.0)


def cube(center, half, step=0.5):
    axis = np.arange(-half, half + step, step)
    grid = np.meshgrid(axis, axis, axis, indexing="ij")
    coordinates = (g.ravel() + c for g, c in zip(grid, center, strict=True))
    return Points(*(np.float32(v) for v in coordinates))


@pytest.mark.parametrize("radii", [(3.0, 4.0, 5.0), (5.0, 5.0, 5.0)])
def test_a_lacune_has_the_volume_of_its_ellipsoid(radii):
    lacune = Spot("lacune", (24.0, 3.0, 4.0), radii, 0.0)
    p = cube(lacune.center, 8)
    volume = lacune.share(p).sum() * 0.5**3
    assert volume == pytest.approx(4 / 3 * np.pi * np.prod(radii), rel=0.08)


@pytest.mark.parametrize("half_angle", [18.0, 35.0])
def test_an_infarct_has_the_volume_of_a_spherical_sector(half_angle):
    volumes = []
    for apex in ((30.0, 0.0, 10.0), (28.0, 12.0, 16.0), (33.0, -8.0, 8.0)):
        infarct = Infarct("old infarct", "middle", 1, apex, (1.0, 0.0, 0.0), half_angle, 40.0)
        p = cube(infarct.ball[0], infarct.ball[1], step=1.0)
        volumes.append((infarct.distance(p) < 0).sum())
    sector = 2 / 3 * np.pi * 40**3 * (1 - np.cos(np.deg2rad(half_angle)))
    assert np.mean(volumes) == pytest.approx(sector, rel=0.15)


def test_a_ball_holds_its_lesion():
    for lesion in lesion_draws():
        center, radius = lesion.ball
        p = cube(center, 1.5 * radius, step=2.0)
        hu = lesion.paint(tissue_of(p)._replace(below=np.float32(np.full_like(p.x, 0.5))))
        touched = np.stack(p, 1)[hu < 34]
        assert len(touched)
        assert (np.abs(touched - center) <= radius + 1e-3).all()


def test_lesions_darken_the_brain_and_nothing_else(head):
    for lesion in lesion_draws(16):
        if lesion.pushes:  # swelling moves what lies around it too
            continue
        p = plane(float(lesion.ball[0][2]), step=2.0)
        sound, ill = draw(with_lesions(head), p), draw(with_lesions(head, lesion), p)
        assert (ill.hu <= sound.hu + 1e-3).all()
        assert (ill.hu >= head.csf - 1e-3).all()
        for name in ("subarachnoid", "ventricles", "sinus"):
            np.testing.assert_array_equal(getattr(ill, name), getattr(sound, name))


def test_infarcts_keep_to_their_side_and_compartment(head):
    for lesion in lesion_draws(60):
        if not isinstance(lesion, Infarct) or lesion.pushes:
            continue
        p = plane(float(lesion.ball[0][2]), step=2.0)
        changed = draw(with_lesions(head, lesion), p).hu < draw(with_lesions(head), p).hu - 2
        assert (p.x[changed] * lesion.side > -2).all()


def test_an_old_infarct_widens_the_ventricle_beside_it():
    for side in (-1, 1):
        infarct = Infarct("old infarct", "watershed", side, (24, 30, 26), (0, 0, 1), 20.0, 50.0)
        assert np.sign(infarct.draws_ventricle) == side
        swollen = dataclasses.replace(infarct, name="subacute infarct")
        assert swollen.draws_ventricle == 0
        assert swollen.pushes
        assert not infarct.pushes


def test_old_disease_enters_the_description_and_no_truth_mask(tmp_path):
    recipe = PhantomRecipe(patients=12, seed=4, matrix=96, slices=8, faults=False, anatomy="varied")
    contents = write_phantom(tmp_path, recipe)
    written = json.loads((tmp_path / "phantom.json").read_text())
    assert written["patients"] == contents["patients"]
    named = [old["name"] for p in contents["patients"] for old in p["brain"]["lesions"]]
    assert named
    for patient in contents["patients"]:
        for study in patient["studies"]:
            if not study["bleeds"]:
                assert not any(study["positive_slices"].values())


def test_creases_are_where_the_labyrinth_is_zero():
    rng = np.random.default_rng(0)
    x, y, z = (rng.uniform(0, 128, 4000).astype(np.float32) for _ in range(3))
    noise, distance = np.abs(wander(x, y, z)), to_crease(x, y, z)
    assert np.corrcoef(noise, distance)[0, 1] > 0.8
    assert noise[distance < 0.3].max() < 0.5
    assert (distance >= 0).all()


def test_a_cyst_is_clear_fluid():
    cyst = Cyst("convexity", (46.0, -30.0, 38.0), (15.0, 18.0, 16.0))
    p = cube(cyst.center, 4)
    np.testing.assert_allclose(cyst.paint(tissue_of(p)), 5.0, atol=1e-4)


def test_lesions_stay_within_the_dura():
    for lesion in lesion_draws(20):
        p = cube(*lesion.ball, step=2.0)
        depth = -cavity(p).wall
        hu = lesion.paint(tissue_of(p)._replace(depth=depth, below=np.float32(0 * p.x + 0.5)))
        assert (hu[depth <= 0] == 35).all()
        assert (hu[depth > 0] < 35).any()
