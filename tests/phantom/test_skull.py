import dataclasses
import itertools

import numpy as np
import pytest
from scipy import ndimage

from ichreport.phantom import section
from ichreport.phantom.anatomy import face, neck, surgery
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.scanner.series import scan_series
from ichreport.phantom.section import Patient
from ichreport.phantom.shapes import Points
from tests.phantom.scans import NOTHING, RIGHT, SILENT, draw_scan

UPRIGHT = {"pose": (0.0, 0.0, 0.0), "tilt": 0.0, "offset": (0.0, 0.0, 0.0)}


def person(seed, *, varied=True):
    return Head.draw(np.random.default_rng([seed, 1]), varied=varied)


def slices_of(head, heights, operated=surgery.NONE, **changes):
    heights = (*heights, heights[-1] + 5)  # a series has at least two slices
    changes = {**UPRIGHT, "surroundings": NOTHING, **changes, "heights": heights}
    scan = draw_scan(4, size=256, response=SILENT | RIGHT, **changes)
    patient = Patient(head, (), (), scan.down(head), 0.0, operated)
    return scan, [taken.hu.astype(float) for taken in scan_series(scan, patient)][:-1]


def plane(z, step=1.0):
    x, y = np.meshgrid(np.arange(-90, 91, step), np.arange(-104, 105, step))
    return Points(*(v.astype(np.float32) for v in (x, y, np.full_like(x, z))))


def drawn_at(head, place, operated=surgery.NONE):
    """Intensity at a canonical place, without what a scanner adds (HU)."""
    patient = Patient(head, (), (), (0.0, 1.0, 0.0), 0.0, operated)
    p = plane(place[2])
    drawn = section.draw(patient, p, lift=(0.0, 0.0, 1.0), edge=1.0, thickness=1.0)
    near = (p.x - place[0]) ** 2 + (p.y - place[1]) ** 2
    return float(drawn.hu.ravel()[near.argmin()])


def head_masks(hu):
    """The head without what lies around it, its bone, and all within the skull."""
    parts, _ = ndimage.label(hu > -300)
    head = ndimage.binary_fill_holes(parts == np.bincount(parts.ravel())[1:].argmax() + 1)
    bone = head & (hu > 300)
    return head, bone, ndimage.binary_fill_holes(bone)


def rays(hu, pixel, number=180):
    """Intensities along rays from the head's middle outwards, every half millimetre."""
    middle = ndimage.center_of_mass(head_masks(hu)[2])
    reach = np.arange(30, 110, 0.5) / pixel
    angles = np.linspace(0, 2 * np.pi, number, endpoint=False)[:, None]
    rows, columns = middle[0] + np.sin(angles) * reach, middle[1] + np.cos(angles) * reach
    return ndimage.map_coordinates(hu, [rows, columns], order=1, cval=-1000)


def test_a_deformed_plane_has_each_point_where_the_waves_put_it():
    shape = person(1).build.deformation
    along, below, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    base = np.array([5.0, -8.0, 20.0])
    across, down = (np.arange(-90, 90, 7, dtype=np.float32) for _ in range(2))
    places = base + across[None, :, None] * along + down[:, None, None] * below
    expected = places.copy()
    for wave in shape.waves:
        expected[..., wave.axis] += wave.height * np.sin(places @ wave.turn + wave.phase)
        expected[..., wave.axis] -= wave.height * np.sin(wave.phase)
    drawn = np.stack(shape.on_plane(base, along, below, across, down), axis=-1)
    np.testing.assert_allclose(drawn, expected, atol=1e-3)
    applied = shape.apply(Points(*np.moveaxis(places, -1, 0)))
    np.testing.assert_allclose(np.stack(applied, axis=-1), expected, atol=1e-3)


@pytest.mark.parametrize("seed", range(20))
def test_a_deformation_is_smooth_and_can_be_undone(seed):
    shape = person(seed).build.deformation
    axes = np.meshgrid(*[np.arange(-84.0, 85, 12)] * 3, indexing="ij")
    columns = []
    for axis in range(3):
        step = [v + 0.5 * (axis == k) for k, v in enumerate(axes)]
        back = [v - 0.5 * (axis == k) for k, v in enumerate(axes)]
        ahead, behind = (np.stack(shape.apply(Points(*v))) for v in (step, back))
        columns.append(ahead - behind)
    volume = np.linalg.det(np.moveaxis(np.stack(columns), (0, 1), (-1, -2)))
    assert volume.min() > 0.55
    assert volume.max() < 1.6
    for place in ((60.0, 20.0, -40.0), (-30.0, -70.0, 10.0), (0.0, 0.0, 70.0)):
        there = shape.apply(Points(*(np.array([v]) for v in shape.undo(place))))
        np.testing.assert_allclose([float(v[0]) for v in there], place, atol=1e-3)


def test_no_two_skull_bases_are_alike_and_adults_differ_less():
    def correlations(*, varied):
        bones = [slices_of(person(s, varied=varied), [-42.0])[1][0] > 300 for s in range(6)]
        pairs = itertools.combinations([bone.ravel() for bone in bones], 2)
        return [np.corrcoef(one, other)[0, 1] for one, other in pairs]

    varied, adult = correlations(varied=True), correlations(varied=False)
    assert max(varied) < 0.8
    assert np.mean(varied) < np.mean(adult) - 0.02


def test_left_and_right_are_no_mirror_images():
    _, (hu,) = slices_of(person(3), [-42.0])
    _, bone, _ = head_masks(hu)
    middle = round(ndimage.center_of_mass(bone)[1])
    half = 90
    left, right = bone[:, middle : middle + half], bone[:, middle - half : middle][:, ::-1]
    assert np.corrcoef(left.ravel(), right.ravel())[0, 1] < 0.75


def test_the_vault_is_thick_and_thin_around_one_head():
    ratios, means = [], []
    for seed in range(12):
        head = person(seed)
        scan, (hu,) = slices_of(head, [2.0])
        widths = (rays(hu, scan.pixel) > 600).sum(axis=1) * 0.5
        thin, thick = np.percentile(widths, [5, 95])
        ratios.append(thick / thin)
        means.append(widths.mean() / head.skull)
    assert np.median(ratios) > 1.6
    assert np.mean(means) == pytest.approx(1, abs=0.25)


def test_bone_is_as_dense_and_takes_as_much_room_as_on_real_slices():
    """Medians within the 10th to 90th percentiles of two public collections, and as wide."""
    rng = np.random.default_rng(0)
    rows = []
    for seed in range(20):
        for hu in slices_of(person(seed), rng.uniform(-40, 55, 3))[1]:
            head, bone, filled = head_masks(hu)
            dense = np.percentile(hu[bone], [50, 95])
            rows.append((bone.sum() / head.sum(), *dense, (head & ~filled).sum() / filled.sum()))
    share, middle, dense, outside = np.transpose(rows)
    assert 0.13 < np.median(share) < 0.20
    assert 800 < np.median(middle) < 1200
    assert np.ptp(np.percentile(middle, [10, 90])) > 250
    assert 1215 < np.median(dense) < 1650
    assert np.ptp(np.percentile(dense, [10, 90])) > 300
    assert 0.10 < np.median(outside) < 0.25


@pytest.mark.parametrize("seed", range(5))
def test_a_line_of_skin_lies_outside_the_fat_all_round(seed):
    scan, (hu,) = slices_of(person(seed), [25.0])
    seen = 0
    for ray in rays(hu, scan.pixel):
        outermost = np.flatnonzero(ray > -500)[-1]
        line = ray[outermost - 8 : outermost + 1]
        seen += line.max() > 0
    assert seen > 0.75 * 180


def test_a_missing_flap_leaves_no_bone_within_its_outline_and_a_sawn_one_a_gap():
    head = dataclasses.replace(person(5), skull=6.0)
    for seed in range(6):
        operated = surgery.Surgery(
            flap=dataclasses.replace(flap_of(seed), missing=True, sunken=0.2)
        )
        flap = operated.flap
        p = plane(flap.center[2])
        patient = Patient(head, (), (), (0.0, 1.0, 0.0), 0.0, operated)
        hu = section.draw(patient, p, lift=(0.0, 0.0, 1.0), edge=1.0, thickness=1.0).hu
        away = np.sqrt(sum((v - c) ** 2 for v, c in zip(p, flap.center, strict=True)))
        assert hu[away < flap.radius - 3].max() < 200
        sawn = surgery.Surgery(flap=dataclasses.replace(flap, missing=False, sunken=0.0))
        patient = dataclasses.replace(patient, surgery=sawn)
        hu = section.draw(patient, p, lift=(0.0, 0.0, 1.0), edge=1.0, thickness=1.0).hu
        assert hu[away < flap.radius - 3].max() > 500


def flap_of(seed):
    return surgery._flap(np.random.default_rng(seed), 1, missing=False)


def operated_people(number=4000):
    return [surgery.draw(np.random.default_rng([seed, 3]), 5.5) for seed in range(number)]


@pytest.fixture(scope="module")
def operated():
    """Those of many people who were operated on."""
    return [one for one in operated_people() if one.reasons]


def test_some_in_ten_were_operated_on_each_for_a_reason(operated):
    assert 0.09 < len(operated) / 4000 < 0.16
    assert len({one.reasons for one in operated}) == 7


def test_metal_is_where_it_says(operated):
    head = person(6)
    seen = set()
    for one in operated:
        if one.reasons in seen or not one.metal:
            continue
        seen.add(one.reasons)
        for piece in one.metal:
            assert drawn_at(head, piece.center, one) > 1500
    assert len(seen) >= 5


def test_a_drain_runs_from_a_hole_in_the_skull_to_a_ventricle(operated):
    head = person(7)
    for kind in ("shunt for hydrocephalus", "external ventricular drain"):
        one = next(o for o in operated if o.reasons == (kind,))
        tip, outside = one.tube.path[:2]
        assert np.linalg.norm(np.abs(tip) - np.array([8, 18, 6])) < 14  # frontal horn
        for share in (0.05, 0.4, 0.8):
            place = np.asarray(tip) + share * (np.asarray(outside) - tip)
            assert drawn_at(head, place, one) > 150


def test_dental_metal_is_bright_and_lies_on_the_dental_arch():
    people = [h for h in map(person, range(40)) if h.build.neck.metal]
    assert len(people) > 10
    for head in people[:6]:
        for piece in neck.dental_metal(head):
            assert piece.center[1] < -40
            assert drawn_at(head, piece.center) > 2500


def test_sinuses_differ_from_none_to_large():
    widths = np.array([person(s).build.face.left.frontal[0] for s in range(200)])
    assert 0.03 < (widths < 1).mean() < 0.3
    assert np.ptp(np.percentile(widths, [20, 95])) > 10
    fluid = [person(s).build.face.left.maxillary_level > -90 for s in range(200)]
    assert 0.02 < np.mean(fluid) < 0.25


def test_bone_on_a_thick_slice_is_as_wide_as_on_the_mean_of_thin_ones():
    patient = Patient(person(2), (), (), (0.0, 1.0, 0.0), 0.0)

    def bone(z, width):
        return section.draw(patient, plane(z), lift=(0.0, 0.0, width), edge=1.0, thickness=width).hu

    for z in (20.0, 38.0, 55.0):
        thin = np.mean([bone(z + step, 0.5) for step in np.arange(-2.25, 2.5, 0.5)], axis=0)
        assert (bone(z, 5.0) > 200).sum() == pytest.approx((thin > 200).sum(), rel=0.055)


def test_no_cell_of_the_mastoid_lies_in_soft_tissue():
    seen = 0
    for seed in range(20):
        for z in (-72.0, -62.0, -50.0):
            p = plane(z)
            patient = Patient(person(seed), (), (), (0.0, 1.0, 0.0), 0.0)
            hu = section.draw(patient, p, lift=(0.0, 0.0, 1.0), edge=1.0, thickness=1.0).hu
            beside = (np.abs(p.x) > 34) & (np.abs(p.y - 28) < 20)
            body = ndimage.binary_erosion(ndimage.binary_fill_holes(hu > -300), iterations=6)
            gas = beside & body & (hu < -400)
            seen += gas.sum()
            assert (gas & (ndimage.distance_transform_edt(hu < 300) > 6)).sum() < 10
    assert seen > 2000


def test_an_auricle_is_attached_at_every_height():
    for seed in range(20):
        patient = Patient(person(seed), (), (), (0.0, 1.0, 0.0), 0.0)
        for z in (-56.0, -40.0, -24.0):
            hu = section.draw(patient, plane(z), lift=(0.0, 0.0, 1.0), edge=1.0, thickness=1.0).hu
            parts, _ = ndimage.label(ndimage.binary_fill_holes(hu > -500))
            sizes = np.bincount(parts.ravel())[1:]
            assert sizes.sum() - sizes.max() < 30


def test_an_adult_is_sound():
    for seed in range(30):
        build = person(seed, varied=False).build
        assert build.vault.swelling is None
        assert not build.face.left.mastoid_fluid
        assert build.face.right.maxillary_level < -90
        assert not build.neck.metal


def test_shoulders_reach_the_edge_of_the_lowest_slices_of_some():
    shrugged = next(h for h in map(person, range(300)) if h.build.neck.shoulders > -94)
    other = next(h for h in map(person, range(80)) if h.build.neck.shoulders < -120)
    shown = [(slices_of(h, [-92.0])[1][0] > -300)[:, [3, -4]].any() for h in (shrugged, other)]
    assert shown == [True, False]


def test_phantom_json_says_how_each_head_is_built(small):
    for patient in small.contents["patients"]:
        assert set(patient["build"]) == {"vault", "face", "neck"}
        assert 2 < patient["build"]["vault"]["skin"] < 4
        assert isinstance(patient["surgery"], list)


def test_shoulders_nose_and_jaw_do_not_begin_with_the_lowest_point_of_a_plane():
    """Of what lies at one height, the outline is the same whatever else is drawn with it."""
    shrugged = next(
        head for head in map(person, range(200)) if head.build.neck.shoulders > neck.TOP - 90
    )
    for height in np.arange(-130.0, -20.0, 1.5):
        alone = face.skin(shrugged, plane(height, 4.0))
        planes = zip(plane(height, 4.0), plane(-200.0, 4.0), strict=True)
        together = face.skin(shrugged, Points(*map(np.stack, planes)))[0]
        near = np.minimum(alone, together) < 3
        assert np.abs(alone - together)[near].max(initial=0) < 0.3, height


def test_shoulders_lie_below_the_skull():
    tops = [person(seed).build.neck.shoulders for seed in range(150)]
    assert max(tops) <= -90
    assert any(top > -115 for top in tops)
