import dataclasses
import functools
from types import SimpleNamespace

import numpy as np
import pytest

from ichreport.labels import SUBTYPES
from ichreport.phantom import study
from ichreport.phantom.anatomy import brain
from ichreport.phantom.anatomy.cavity import cavity
from ichreport.phantom.anatomy.cranial_vault import sutures
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.anatomy.landmarks import MassEffect, slow_noise
from ichreport.phantom.bleeds.blood import Blood
from ichreport.phantom.bleeds.epidural import Epidural
from ichreport.phantom.bleeds.intraparenchymal import CONTUSION_SITES, Intraparenchymal
from ichreport.phantom.bleeds.intraventricular import Intraventricular
from ichreport.phantom.bleeds.kinds import BLEED_TYPES, mass_effect, place_extraaxial
from ichreport.phantom.bleeds.layers import Layers
from ichreport.phantom.bleeds.subarachnoid import Subarachnoid
from ichreport.phantom.bleeds.subdural import Subdural
from ichreport.phantom.shapes import Points


def draws(kind, number=12, subtle=False):
    return [kind.draw(np.random.default_rng([seed, 8]), subtle=subtle) for seed in range(number)]


def convexity(distance, points):
    """Share of the midpoints between random points of a body that lie in it: 1 if it is convex."""
    pairs = np.random.default_rng(0).integers(len(points), size=(2, 4000))
    middles = Points(*np.float32(points[pairs].mean(axis=0).T))
    return (distance(middles) < 0.5).mean()


def distance_to(bleed, points):
    return bleed.distance(points, cavity(points))


def mask_of(bleed, block):
    return bleed.distance(block.points, block.space) < 0


def coordinates(block, mask):
    return np.stack([axis[mask] for axis in block.points], axis=1)


@pytest.fixture(scope="module")
def content(head, block):
    """The brain without blood at the block's points within the cavity."""
    index = np.flatnonzero(block.space.wall < 0)
    p, space = block.points.at(index), block.space.at(index)
    slow = slow_noise(head, p)
    drawn = brain.draw(
        head, p, space, mass_effect=MassEffect(), outside=-space.wall, clogged=None, slow=slow
    )
    return drawn, p, space, slow


def test_there_is_a_kind_for_each_subtype():
    assert tuple(BLEED_TYPES) == SUBTYPES


@pytest.mark.parametrize("kind", BLEED_TYPES.values())
@pytest.mark.parametrize("subtle", [False, True])
def test_unless_told_otherwise_blood_is_acute_of_60_to_85_hu_or_faint(kind, subtle):
    low, high = (54, 60) if subtle else (60, 85)
    for bleed in draws(kind, subtle=subtle):
        assert bleed.blood.stage == "acute"
        assert low <= bleed.hu <= high


@pytest.mark.parametrize("bleed", draws(Epidural))
def test_an_epidural_bleed_is_a_convex_lens_against_the_inner_table(bleed, block):
    mask = mask_of(bleed, block)
    distance = functools.partial(distance_to, bleed)
    assert (block.space.wall[mask] < 1).all()
    assert block.space.wall[mask].max() > -2.5
    assert -block.space.wall[mask].min() == pytest.approx(bleed.thickness, abs=3.5)
    assert convexity(distance, coordinates(block, mask)) > 0.99


@pytest.mark.parametrize("bleed", draws(Epidural))
def test_an_epidural_bleed_crosses_no_suture(bleed, block):
    inside = block.points.at(np.flatnonzero(mask_of(bleed, block)))
    coronal, lambdoid, left = sutures(inside)
    assert (coronal < 0).all() or (coronal > 0).all()
    assert (lambdoid < 0).all() or (lambdoid > 0).all()
    if "parietal" in bleed.where:
        assert (left < 0).all() or (left > 0).all()


def test_only_an_epidural_bleed_at_the_vertex_crosses_the_midline_behind_the_coronal_suture(block):
    crossed = {}
    for seed in range(60):
        bleed = Epidural.draw(np.random.default_rng([seed, 8]), subtle=False, rare_sites=True)
        coronal, lambdoid, left = sutures(block.points.at(np.flatnonzero(mask_of(bleed, block))))
        between = (coronal > 1) & (lambdoid > 1)
        both = (left[between] < -5).any() and (left[between] > 5).any()
        crossed.setdefault(bleed.where, []).append(both)
    assert all(crossed["vertex"])
    assert len(crossed) == 6
    assert not any(any(each) for where, each in crossed.items() if where != "vertex")


@pytest.mark.parametrize(
    "bleed", [b for b in draws(Subdural, 24) if b.where == "convexity" and not b.subtle][:10]
)
def test_a_subdural_bleed_is_a_concave_crescent_on_one_side(bleed, block):
    mask = mask_of(bleed, block)
    distance = functools.partial(distance_to, bleed)
    assert (block.space.wall[mask] < 1).all()
    assert (np.sign(block.points.x[mask]) == bleed.side).all()
    assert -block.space.wall[mask].min() < bleed.thickness + 1
    assert convexity(distance, coordinates(block, mask)) < 0.9


def test_subdural_bleeds_cross_sutures(block):
    crossed = 0
    for bleed in draws(Subdural):
        coronal, _, _ = sutures(block.points.at(np.flatnonzero(mask_of(bleed, block))))
        crossed += (coronal < -5).any() and (coronal > 5).any()
    assert crossed > 3


def test_subarachnoid_blood_is_where_the_fluid_is_and_thins_out(content):
    drawn, p, _, _ = content
    for bleed in draws(Subarachnoid):
        density = bleed.density(p)
        assert density.max() == 1
        assert (density >= 0).all()
        center, reach, _ = bleed.pools[0]
        away = np.linalg.norm(np.stack(p, 1) - center, axis=1)
        assert (density[away > 2.5 * reach] == 0).all()
        assert (density * drawn.subarachnoid <= drawn.subarachnoid).all()


def test_intraventricular_blood_lies_in_the_ventricles(content):
    drawn, p, _, slow = content
    for bleed in draws(Intraventricular):
        share = bleed.share(drawn, p, slow, (0.0, 1.0, 0.0))
        assert share.max() > 0.9
        assert (share <= drawn.ventricles + 1e-6).all()


@pytest.mark.parametrize("down", [(0.0, 1.0, 0.0), (0.1, 0.96, -0.26)])
def test_settled_intraventricular_blood_has_a_level_across_gravity(content, down):
    drawn, p, _, slow = content
    for bleed in draws(Intraventricular, 20):
        if bleed.cast or bleed.lower:
            continue
        share = bleed.share(drawn, p, slow, down)
        height = -np.stack(p, 1) @ np.asarray(down)
        ventricle = (drawn.ventricles > 0.99) & (np.abs(p.x) > 4)
        ventricle &= {"left": p.x > 0, "right": p.x < 0, "both": True}[bleed.where]
        for side in (p.x > 0, p.x < 0):
            bloody, clear = ventricle & side & (share > 0.9), ventricle & side & (share < 0.1)
            if bloody.any():
                assert height[bloody].max() < height[clear].min()


def test_an_intraparenchymal_bleed_is_a_ragged_blob_of_its_size(block):
    for bleed in draws(Intraparenchymal):
        mask = bleed.distance(block.points) < 0
        center, radius = bleed.lobes[0]
        volume, ball = mask.sum() * block.voxel, 4 / 3 * np.pi * radius**3 / 1000
        assert 0.5 * ball < volume < 4 * ball
        surface = np.abs(bleed.distance(block.points)) < 1
        reaches = np.linalg.norm(coordinates(block, surface) - center, axis=1)
        assert reaches.std() / reaches.mean() > 0.08  # a ball has 0.03 at most


def test_blood_outside_the_brain_pushes_its_surface_in(block):
    bleed = draws(Epidural, 1)[0]
    extraaxial = place_extraaxial([bleed], block.points, block.space)
    within = mask_of(bleed, block)
    assert (extraaxial.outside[within] <= 0).all()
    assert (extraaxial.outside <= -block.space.wall).all()


def test_the_midline_shifts_away_from_the_bleed():
    for bleed in draws(Subdural, 20):
        shift = mass_effect([bleed]).shift
        assert shift * bleed.side <= 0
        assert abs(shift) <= 9
    assert any(mass_effect([b]).shift for b in draws(Subdural))


def test_mass_effect_leaves_the_skull_and_moves_the_middle(block):
    mass_effect = MassEffect(shift=5.0)
    rest = mass_effect.undo(block.points, block.space)
    moved = block.points.x - rest.x
    assert np.abs(moved[block.space.radius > 1]).max() == 0
    center = block.space.radius < 0.1
    np.testing.assert_allclose(moved[center], 5, atol=0.1)


def test_a_subtle_bleed_is_smaller_and_fainter():
    for kind in BLEED_TYPES.values():
        usual, subtle = draws(kind), draws(kind, subtle=True)
        assert np.mean([b.hu for b in subtle]) < np.mean([b.hu for b in usual]) - 4
    sizes = [np.mean([b.thickness for b in draws(Epidural, subtle=s)]) for s in (True, False)]
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("side", [-1, 1])
def test_the_ventricle_beside_a_large_bleed_is_squeezed_and_the_other_one_widens(
    head, block, content, side
):
    sound, p, space, slow = content
    bleed = dataclasses.replace(draws(Subdural, 1)[0], where="convexity", side=side, thickness=18.0)
    outside = place_extraaxial([bleed], p, space).outside
    pressed = brain.draw(
        head,
        p,
        space,
        mass_effect=mass_effect([bleed]),
        outside=outside,
        clogged=None,
        slow=slow,
    )
    beside = (sound.rest.x * side > 2) & (p.z > -5)
    other = (sound.rest.x * side < -2) & (p.z > -5)
    here = pressed.rest.x * side
    assert pressed.ventricles[(here > 2) & (p.z > -5)].sum() < 0.75 * sound.ventricles[beside].sum()
    assert pressed.ventricles[(here < -2) & (p.z > -5)].sum() > sound.ventricles[other].sum()


def test_sulci_near_a_large_bleed_are_narrower(block):
    bleed = dataclasses.replace(draws(Subdural, 1)[0], where="convexity", thickness=14.0)
    gaps = np.ones_like(block.points.x)
    mass_effect([bleed]).narrow(gaps, block.points)
    away = np.linalg.norm(np.stack(block.points, 1) - bleed.crowding.center, axis=1)
    assert gaps[away < 20].max() < 0.2
    assert (gaps[away > bleed.crowding.reach] == 1).all()


def test_the_shell_of_a_bleed_in_the_brain_fades_first_and_its_oedema_grows():
    ages = [draws(Intraparenchymal, 1)[0].aged(days) for days in (0, 3, 7, 14)]
    assert ages[0].rim == 0
    assert np.all(np.diff([bleed.rim for bleed in ages]) >= 0)
    assert ages[-1].rim > 2
    assert np.all(np.diff([bleed.oedema for bleed in ages]) > 0)


@pytest.mark.parametrize("kind", BLEED_TYPES.values())
def test_a_follow_up_shows_less_and_darker_blood(kind, block, content):
    drawn, p, space, slow = content
    for bleed in draws(kind, 4):
        amounts, hu = [], []
        for days in (0, 2, 8, 20, 60):
            later = bleed.aged(days)
            hu.append(later.hu)
            if isinstance(later, Subarachnoid):
                amounts.append((later.density(p) * drawn.subarachnoid).sum())
            elif isinstance(later, Intraventricular):
                amounts.append(later.share(drawn, p, slow, (0.0, 1.0, 0.0)).sum())
            elif isinstance(later, Intraparenchymal):
                amounts.append((later.distance(p) < 0).sum())
            else:
                amounts.append((later.distance(p, space) < 0).sum())
        assert np.all(np.diff(hu) <= 0)
        assert hu[-1] < 30
        assert np.all(np.diff(amounts) <= 0)


def test_bleeds_cannot_change():
    bleed = draws(Epidural, 1)[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        bleed.blood = None


def test_blood_within_the_brain_leaves_fluid_as_it_is():
    """What lies in a ventricle or a fissure has another name."""
    axis = np.linspace(-20, 20, 41, dtype=np.float32)
    p = Points(*(v.ravel() for v in np.meshgrid(axis, axis, axis, indexing="ij")))
    fluid = (p.x > 3).astype(np.float32)
    brain = SimpleNamespace(ventricles=fluid, subarachnoid=np.zeros_like(fluid))
    bleed = Intraparenchymal(
        Blood.draw(np.random.default_rng(0)), subtle=False, where="lobar",
        lobes=(((0.0, 0.0, 0.0), 9.0),), swelling=4.0,
    )  # fmt: skip
    hu = np.where(fluid > 0, 5.0, 32.0).astype(np.float32)
    layers = Layers(hu.copy(), p, np.zeros_like(hu), (0.0, 0.0, -1.0))
    layers.put_within(bleed, brain, np.full_like(hu, 40), Head.draw(np.random.default_rng(0)))
    share = layers.blood["intraparenchymal"]
    assert share[fluid > 0].max() == 0
    np.testing.assert_array_equal(layers.hu[fluid > 0], hu[fluid > 0])
    assert share[(fluid == 0) & (np.square(p.x) + np.square(p.y) + np.square(p.z) < 16)].min() > 0.6


@pytest.mark.parametrize("where", sorted(CONTUSION_SITES))
def test_contusions_stay_where_the_brain_strikes_bone(where):
    """Some of the frontal base lay beside the third ventricle, 36 mm away, where they fitted."""
    site, rng = np.array(CONTUSION_SITES[where][1]), np.random.default_rng(4)
    away = []
    for _ in range(150):
        bleed = Intraparenchymal.draw_contusion(
            rng, 1, subtle=False, blood=Blood.draw(rng), where=where
        )
        away.append(np.linalg.norm(np.array(bleed.lobes[0][0]) - site))
        assert bleed.lobes[0][1] >= 0.6 * 4
    assert np.median(away) < 12
    assert max(away) < 22


def test_a_rim_of_bone_is_no_bleed():
    """A long arc of one pixel beside bone is as large as a bleed, and nobody sees one there."""
    hu = np.full((64, 64), 30, np.int16)
    hu[:20] = 900
    masks = {"subdural": np.zeros(hu.shape, np.bool_), "epidural": np.zeros(hu.shape, np.bool_)}
    masks["subdural"][20] = True
    masks["epidural"][20:23] = True
    taken = SimpleNamespace(hu=hu, masks=masks)
    bits = study._truth_bits(taken, SimpleNamespace(pixel=1.0))
    assert np.bitwise_or.reduce(bits, axis=None) == 1 << SUBTYPES.index("epidural")
