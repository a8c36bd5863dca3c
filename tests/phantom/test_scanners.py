"""What scanners do to heads, each against a computation of its own."""

import dataclasses
from collections import Counter

import numpy as np
import pytest

from ichreport.params.phantom import scanners
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.params.phantom.scanners import HOSPITALS, SCANNERS, named
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.anatomy.neck import Metal
from ichreport.phantom.anatomy.surgery import NONE, Surgery
from ichreport.phantom.bleeds.blood import Blood
from ichreport.phantom.bleeds.intraventricular import Intraventricular
from ichreport.phantom.bleeds.kinds import BLEED_TYPES
from ichreport.phantom.cohort import plan_cohort
from ichreport.phantom.scanner import series
from ichreport.phantom.scanner.artefacts import MetalInSlice, metal_streaks
from ichreport.phantom.scanner.exposure import Exposure
from ichreport.phantom.scanner.grid import Grid
from ichreport.phantom.scanner.series import _places_of_metal, scan_series
from ichreport.phantom.scanner.surroundings import _RESTS, AIR, Collar, Line, Surroundings
from ichreport.phantom.section import Patient
from tests.phantom.scans import NOTHING, RIGHT, SILENT, draw_scan


def scan_on(scanner, seed=0, **words):
    return draw_scan(seed, scanner, **words)


def expose(scan, head, hu, **words):
    return Exposure(scan, head).expose(np.full((scan.rows, scan.columns), hu, np.float32), **words)


def test_one_varied_and_names_ask_for_scanners():
    assert [scanner.name for scanner in named("one")] == ["harbour-1"]
    assert named("varied") == SCANNERS
    assert {scanner.hospital for scanner in named(["hills", "river-2"])} == {"hills", "river"}
    assert [s.name for s in named(["river-2", "harbour-3"])] == ["harbour-3", "river-2"]
    assert len({scanner.name for scanner in SCANNERS}) == len(SCANNERS)
    assert all(len(named(hospital)) == 4 for hospital in HOSPITALS)


@pytest.mark.parametrize("asked", ["two", [], ["hills", "x"], 3, None, ["one"], [3]])
def test_what_is_no_scanner_is_refused_with_those_there_are(asked):
    with pytest.raises(
        ValueError, match=r"^t: scanners must be one, varied, .*island-2, got "
    ) as e:
        PhantomRecipe.parse({"scanners": asked}, where="t")
    assert len(str(e.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("asked", "twice"),
    [
        (["river", "river"], "river-1"),
        (["hills-2", "river", "hills-2"], "hills-2"),
        (["island", "island-2"], "island-2"),
    ],
)
def test_a_scanner_that_comes_twice_is_refused(asked, twice):
    said = f"t: scanners must be scanners that each come once, and {twice} comes twice, got "
    with pytest.raises(ValueError, match=f"^{said}"):
        PhantomRecipe.parse({"scanners": asked}, where="t")


def test_every_scanner_takes_its_share_and_a_patient_stays_in_one_hospital():
    plans = plan_cohort(PhantomRecipe(patients=240, faults=False))
    first = Counter(plan.studies[0].scanner for plan in plans)
    assert set(first.values()) == {20}
    assert set(first) == {scanner.name for scanner in SCANNERS}
    for plan in plans:
        assert len({study.scanner.partition("-")[0] for study in plan.studies}) == 1
    assert any(len({study.scanner for study in plan.studies}) > 1 for plan in plans)


def test_scanners_that_are_not_asked_for_take_nobody():
    plans = plan_cohort(PhantomRecipe(patients=40, scanners=["river"]))
    assert {study.scanner for plan in plans for study in plan.studies} == {
        f"river-{n}" for n in (1, 2, 3, 4)
    }


def test_who_bleeds_does_not_depend_on_the_scanners():
    one, varied = (
        plan_cohort(PhantomRecipe(patients=60, scanners=scanners)) for scanners in ("one", "varied")
    )
    assert [plan.subtypes for plan in one] == [plan.subtypes for plan in varied]


@pytest.mark.parametrize("scanner", SCANNERS, ids=lambda scanner: scanner.name)
def test_a_series_keeps_to_its_scanners_habits(scanner):
    for seed in range(12):
        scan = scan_on(scanner, seed)
        response = scan.response
        for value, span in (
            (response.noise, scanner.noise),
            (response.offset, scanner.offset),
            (response.gain, scanner.gain),
            (response.bone, scanner.bone),
            (scan.pixel * 128, scanner.field),
            (scan.heights[0], scanner.lowest),
        ):
            assert span[0] - 0.01 <= value <= span[1] + 0.01
        assert scan.thickness in scanner.thickness
        assert scan.surroundings.rest in scanner.rests
        assert scan.tilt == 0 or scanner.tilt[0] <= scan.tilt <= scanner.tilt[1]


def test_together_the_scanners_reach_what_real_ones_do():
    drawn = [scan_on(scanner, seed) for scanner in SCANNERS for seed in range(10)]
    fields = [scan.pixel * 128 for scan in drawn]
    assert np.percentile(fields, 10) < 228
    assert np.percentile(fields, 90) >= 250
    assert {0.625, 5.0} <= {scan.thickness for scan in drawn}
    assert {scan.surroundings.rest for scan in drawn} == set(_RESTS)


@pytest.mark.parametrize("edge", [0.1, -0.1])
def test_a_kernel_keeps_what_is_even_and_changes_edges(edge):
    grid = Grid.over(80, 80, 0.9, edge)
    shape = (len(grid.down), len(grid.across))
    np.testing.assert_allclose(grid.reconstruct(np.full(shape, 37, np.float32)), 37, rtol=1e-4)
    step = np.where(grid.across[None, :] > 0, 1000, 0) + np.zeros((shape[0], 1))
    plain, made = (f(step.astype(np.float32)) for f in (grid.pixels, grid.reconstruct))
    if edge > 0:
        assert 1000 * edge / 10 < made.max() - 1000 < 1000 * edge
        assert np.abs(np.diff(made)).max() > np.abs(np.diff(plain)).max()
    else:
        assert made.max() <= 1000.01
        assert np.abs(np.diff(made)).max() < np.abs(np.diff(plain)).max()


@pytest.mark.parametrize(("hu", "expected"), [(30, 38), (-1000, -1000), (1000, 1125), (0, 5)])
def test_a_scanner_is_off_by_its_offset_its_gain_and_its_bone(head, hu, expected):
    off = {"offset": 5.0, "gain": 1.1, "bone": 1.1222}
    response = SILENT | off
    scan = scan_on(SCANNERS[0], response=response, surroundings=NOTHING)
    made = expose(scan, head, hu, height=0.0)
    # 1000 HU: 5 + 120 * 1.1 + 880 * 1.1222
    assert made == pytest.approx(expected, abs=1)


def test_shading_slopes_across_the_head(head):
    response = SILENT | RIGHT | {"shading": (4.0, -2.0)}
    scan = scan_on(SCANNERS[0], response=response, surroundings=NOTHING)
    made = expose(scan, head, 40.0, height=0.0).astype(float)
    across, down = scan.places
    expected = 40 + 0.04 * across[None, :] - 0.02 * down[:, None]
    np.testing.assert_allclose(made, expected, atol=0.51)


def correlation(hu, lag):
    return np.corrcoef(hu[:, :-lag].ravel(), hu[:, lag:].ravel())[0, 1]


def test_noise_is_coarser_where_the_kernel_is_smoother(head):
    found = {}
    for name in ("harbour-3", "hills-3"):
        (scanner,) = named([name])
        response = SILENT | RIGHT | {"noise": 20.0}
        scan = scan_on(scanner, size=256, response=response, surroundings=NOTHING)
        scan = dataclasses.replace(scan, pixel=0.9)
        found[name] = correlation(expose(scan, head, 40.0, height=60.0).astype(float), 1)
    assert found["harbour-3"] > found["hills-3"] + 0.1


@pytest.mark.parametrize("rest", sorted(_RESTS))
def test_what_a_head_lies_on_is_below_it_and_leaves_it_as_it_is(head, rest):
    lying = Surroundings(rest, 3.0, 0.0, 120.0, -930.0, None, ())
    for seed in range(3):
        scan = scan_on(SCANNERS[0], seed, response=SILENT | RIGHT, heights=(5.0, 12.0))
        patient = Patient(head, (), (), scan.down(head), 0.0)
        bare, made = (
            list(scan_series(dataclasses.replace(scan, surroundings=around), patient))
            for around in (NOTHING, lying)
        )
        for without, with_rest in zip(bare, made, strict=True):
            changed = without.hu != with_rest.hu
            assert changed.sum() > 50
            assert without.hu[changed].max() < -550
            assert (with_rest.hu >= without.hu).all()
            middle = np.abs(scan.places[0]) < 20
            rows = np.flatnonzero(changed[:, middle].any(axis=1))
            in_head = np.flatnonzero((without.hu[:, middle] > -200).any(axis=1))
            assert rows.min() > np.median(in_head)


def test_a_strap_crosses_its_slices_in_front_of_the_head(head):
    strapped = dataclasses.replace(NOTHING, strap=(10.0, 20.0))
    scan = scan_on(SCANNERS[0], response=SILENT | RIGHT, surroundings=strapped, size=256)
    exposure = Exposure(scan, head)
    for height, expected in ((9.0, False), (12.0, True), (19.0, True), (21.0, False)):
        hu = exposure.expose(np.full((256, 256), AIR, np.float32), height)
        assert (hu > -600).any() == expected
        if expected:
            rows, _ = np.nonzero(hu > -600)
            assert scan.places[1][rows].min() < -80


def test_clothes_lie_around_the_lowest_slices(head):
    dressed = dataclasses.replace(NOTHING, collar=Collar(-60.0, 100.0, 1.0, -400.0))
    scan = scan_on(SCANNERS[0], response=SILENT | RIGHT, surroundings=dressed, size=256)
    exposure = Exposure(scan, head)
    for height, expected in ((-90.0, True), (-61.0, True), (-59.0, False), (30.0, False)):
        hu = exposure.expose(np.full((256, 256), AIR, np.float32), height)
        assert ((hu > -700) & (hu < -350)).any() == expected


def test_a_tube_has_the_area_of_its_ring_and_runs_where_it_should():
    tube = Line((5.0, -20.0), (0.5, -0.25), (-40.0, 40.0), radius=5.0, wall=1.5, hu=200.0)
    across = down = (np.arange(256, dtype=np.float32) - 127.5) * 0.5
    for height in (-40.0, 0.0, 40.0):
        hu = np.full((256, 256), AIR, np.float32)
        tube.paint(hu, across, down, height)
        share = (hu - AIR) / (200 - AIR)
        assert share.sum() * 0.25 == pytest.approx(np.pi * (5**2 - 3.5**2), rel=0.08)
        y, x = np.average(np.indices(hu.shape).reshape(2, -1), axis=1, weights=share.ravel())
        assert x * 0.5 - 63.75 == pytest.approx(5 + 0.5 * (height + 40), abs=0.3)
        assert y * 0.5 - 63.75 == pytest.approx(-20 - 0.25 * (height + 40), abs=0.3)
    hu = np.full((256, 256), AIR, np.float32)
    tube.paint(hu, across, down, 41.0)
    assert (hu == AIR).all()


def test_what_leaves_the_field_of_view_is_cut(head):
    tube = Line((300.0, 0.0), (0.0, 0.0), (-40.0, 40.0), radius=5.0, wall=1.5, hu=200.0)
    hu = np.full((64, 64), AIR, np.float32)
    places = (np.arange(64, dtype=np.float32) - 31.5) * 3
    tube.paint(hu, places, places, 0.0)
    assert (hu == AIR).all()


def test_a_head_that_moves_is_seen_twice_in_those_slices_only(head):
    scan = scan_on(SCANNERS[0], response=SILENT | RIGHT, surroundings=NOTHING, size=192)
    scan = dataclasses.replace(scan, heights=(0.0, 8.0, 16.0), moved={})
    patient = Patient(head, (), (), scan.down(head), 0.0)
    still, restless = (
        [taken.hu.astype(int) for taken in scan_series(each, patient)]
        for each in (scan, dataclasses.replace(scan, moved={1: (4.4, 0.0)}))
    )
    for number in (0, 2):
        np.testing.assert_array_equal(still[number], restless[number])
    shift = round(4 * scan.grid.step / scan.pixel)
    expected = (still[1] + np.roll(still[1], shift, axis=1)) / 2
    assert np.median(np.abs(restless[1] - expected)) < 3
    assert (np.abs(restless[1] - still[1]) > 100).sum() > 300


def test_some_varied_people_move_turn_and_have_tubes_and_others_never():
    varied, still = (
        [scan_on(SCANNERS[0], seed, varied=varied) for seed in range(200)]
        for varied in (True, False)
    )
    assert 2 <= sum(bool(scan.moved) for scan in varied) <= 26
    assert 30 <= sum(bool(scan.surroundings.lines) for scan in varied) <= 110
    assert not any(scan.moved or scan.surroundings.lines for scan in still)
    turned = [np.std([scan.pose[2] for scan in scans]) for scans in (varied, still)]
    assert turned[0] > 1.15 * turned[1]
    assert all(0 <= number < len(s.heights) for s in varied for number in s.moved)


def test_streaks_of_metal_are_strong_nearby_and_darken_as_much_as_they_brighten():
    places = (np.arange(201, dtype=np.float32) - 100) * 1.0
    rng = np.random.default_rng(0)
    streaks = metal_streaks(MetalInSlice(20.0, -10.0, 100.0), places, places, rng)
    away = np.hypot(places[None, :] - 20, places[:, None] + 10)
    near, far = (np.abs(streaks[(away > a) & (away < b)]).mean() for a, b in ((5, 15), (70, 90)))
    assert near > 3 * far > 0
    ring = streaks[(away > 3) & (away < 12)]
    assert -100 < ring.min() < -30
    assert 20 < ring.max() < 100
    assert abs(streaks[110 - 20, 120]) < 10  # the piece itself is not striped


@pytest.mark.parametrize("tilt", [0.0, 17.0])
def test_a_piece_of_metal_streaks_the_slices_that_show_it_from_where_it_is(tilt):
    head = Head.draw(np.random.default_rng(4), varied=True)
    coils = Surgery(metal=(Metal((10.0, -12.0, 30.0), 4.0, 3071.0),))
    scan = scan_on(SCANNERS[0], response=SILENT | RIGHT, surroundings=NOTHING, size=256)
    scan = dataclasses.replace(scan, tilt=tilt, thickness=1.0)
    patient, bare = (Patient(head, (), (), scan.down(head), 0.0, each) for each in (coils, NONE))
    (place,) = [p for p in _places_of_metal(scan, patient) if p.strength > 100]
    heights = tuple(place.height + gap for gap in (-25.0, 0.0, 25.0))
    scan = dataclasses.replace(scan, heights=heights)
    pairs = zip(scan_series(scan, patient), scan_series(scan, bare), strict=True)
    below, at, above = (with_it.hu.astype(int) - without.hu for with_it, without in pairs)
    assert not below.any()
    assert not above.any()
    rows, columns = np.nonzero(at > 2000)
    assert scan.places[0][columns].mean() == pytest.approx(place.across, abs=1)
    assert scan.places[1][rows].mean() == pytest.approx(place.down, abs=1)
    streaked = np.abs(at) > 15
    assert streaked.sum() > 2000


def test_heads_are_drawn_whole_wherever_they_lie_in_a_slice(monkeypatch):
    """However a head is turned, tilted and placed: as if every point of the plane were drawn."""
    for seed in range(36):
        head = Head.draw(np.random.default_rng([seed, 7]), varied=True)
        scan = scan_on(SCANNERS[seed % 12], seed, varied=True, size=64, slices=8)
        patient = Patient(head, (), (), scan.down(head), 0.0)
        heights = scan.heights[::3]
        windowed = [series._slab(scan, patient, height).hu for height in heights]
        with monkeypatch.context() as everywhere:
            everywhere.setattr(series, "_window", lambda *_: (slice(None), slice(None)))
            whole = [series._slab(scan, patient, height).hu for height in heights]
        for one, other in zip(windowed, whole, strict=True):
            lost = (np.abs(one - other) > 100).sum()
            assert lost <= 1, (seed, scan.scanner)


@pytest.mark.parametrize("seed", range(6))
def test_settled_blood_has_a_level_across_gravity_in_the_slice_itself(seed):
    """In a tilted series of a deformed head, the level is a row of the slice, nearly."""
    head = Head.draw(np.random.default_rng([seed, 3]), varied=True)
    head = dataclasses.replace(head, ventricles=1.6)
    blood = Blood.draw(np.random.default_rng(1), subtle=False)
    bleed = Intraventricular(blood, False, "both", 24.0, cast=False, lower=False)
    scan = scan_on(SCANNERS[3], seed, response=SILENT | RIGHT, size=256)
    scan = dataclasses.replace(scan, heights=tuple(np.arange(0.0, 30.0, 6.0)))
    patient = Patient(head, (bleed,), (), scan.down(head), 0.0)
    slices = [t.masks["intraventricular"] for t in scan_series(scan, patient) if t.masks]
    mask = max(slices, key=np.count_nonzero)
    columns = np.flatnonzero(mask.sum(axis=0) > 6)
    tops = np.array([np.flatnonzero(mask[:, column])[0] for column in columns])
    slope, _ = np.polyfit(columns, tops, 1)
    assert np.degrees(np.arctan(abs(slope))) < 5


def test_no_pixel_of_a_mask_is_bone(head):
    rng = np.random.default_rng(0)
    for subtype, kind in BLEED_TYPES.items():
        scan = scan_on(SCANNERS[0], response=SILENT | RIGHT, size=192, slices=16)
        patient = Patient(head, (kind.draw(rng, subtle=False),), (), scan.down(head), 0.0)
        for taken in scan_series(scan, patient):
            if subtype in taken.masks:
                assert (taken.hu[taken.masks[subtype]] <= 121).all()


def test_the_dark_band_lies_between_the_petrous_bones(head):
    streaky = SILENT | RIGHT | {"streaks": 60.0}
    for seed in range(4):
        scan = scan_on(SCANNERS[5], seed, response=streaky, surroundings=NOTHING, size=128)
        across, down, height = scan.place(head, (0.0, 14.0, -40.0))
        hu = Exposure(scan, head).expose(np.full((128, 128), 40, np.float32), height).astype(float)
        profile = hu[:, np.abs(scan.places[0] - across) < 20].mean(axis=1)
        darkest = scan.places[1][np.argmin(np.convolve(profile, np.ones(9) / 9, "same")[6:-6]) + 6]
        assert darkest == pytest.approx(down, abs=10)


def test_metal_is_as_bright_on_every_scanner(head):
    for bone in (0.7, 1.3):
        scan = scan_on(SCANNERS[0], response=SILENT | RIGHT | {"bone": bone}, surroundings=NOTHING)
        assert (expose(scan, head, 3071, height=60.0) >= 3071).all()


def test_no_scanner_gives_a_bleed_away():
    for seed in range(10):
        plans = plan_cohort(PhantomRecipe(patients=160, seed=seed, faults=False))
        bleeds = {scanner.name: [] for scanner in SCANNERS}
        for plan in plans:
            bleeds[plan.studies[0].scanner].append(bool(plan.subtypes))
        shares = [np.mean(found) for found in bleeds.values()]
        assert max(shares) - min(shares) <= 2 / 13


def test_the_table_of_scanners_holds_together():
    for scanner in SCANNERS:
        for span in (scanner.noise, scanner.field, scanner.gain, scanner.bone, scanner.lowest):
            assert span[0] <= span[1]
        assert set(scanner.rests) <= set(_RESTS)
        assert 0 <= scanner.straps <= 1
        assert len(scanner.windows[0]) == len(scanner.windows[1])
        assert scanner.bits == 16 or scanner.padding >= 0
    assert scanners.ONE != scanners.VARIED
