import itertools
from collections import Counter

import numpy as np
import pytest

from ichreport.phantom.anatomy.cavity import cavity
from ichreport.phantom.bleeds.intraparenchymal import CONTUSION_SITES
from ichreport.phantom.bleeds.kinds import BLEED_TYPES, mass_effect
from ichreport.phantom.bleeds.patterns import draw_bleeds
from ichreport.phantom.cohort import ENRICHED
from ichreport.phantom.scanner.series import scan_series
from ichreport.phantom.section import Patient
from ichreport.phantom.shapes import Points
from tests.phantom.scans import draw_scan


def patients(*subtypes, number=400, subtle=False, age=75.0):
    """The bleeds of many patients."""
    plan = [(subtype, subtle) for subtype in subtypes]
    return [draw_bleeds(np.random.default_rng([seed, 4]), plan, age=age) for seed in range(number)]


def within_sampling(count, number, share):
    """Whether a count lies within four standard errors of a share."""
    return abs(count - number * share) < 4 * np.sqrt(number * share * (1 - share))


@pytest.mark.parametrize("combination", [combination for combination, _ in ENRICHED])
def test_a_patient_has_every_subtype_of_the_plan_and_no_other(combination):
    for bleeds in patients(*combination, number=20):
        assert {bleed.subtype for bleed in bleeds} == set(combination)


def test_sound_adults_have_one_acute_bleed_of_each_subtype():
    for seed in range(20):
        plan = [(subtype, bool(seed % 2)) for subtype in BLEED_TYPES]
        bleeds = draw_bleeds(np.random.default_rng(seed), plan, varied=False)
        assert [bleed.subtype for bleed in bleeds] == list(BLEED_TYPES)
        assert {bleed.blood.stage for bleed in bleeds} == {"acute"}


def test_of_subdural_bleeds_alone_half_are_fresh_and_the_rest_of_every_age():
    drawn = patients("subdural", number=1000)
    stages = Counter(bleeds[0].blood.stage for bleeds in drawn)
    expected = {"hyperacute": 0.05, "acute": 0.45, "mixed": 0.22, "subacute": 0.12, "chronic": 0.16}
    assert set(stages) == set(expected)
    for stage, share in expected.items():
        assert within_sampling(stages[stage], 1000, share), stage


def test_chronic_subdural_bleeds_are_of_the_old():
    old, young = (
        sum(b[0].blood.stage == "chronic" for b in patients("subdural", age=age))
        for age in (75.0, 30.0)
    )
    assert young < 0.6 * old


def test_two_subdural_bleeds_over_the_convexity_lie_on_both_sides():
    drawn = patients("subdural", number=1000)
    bilateral = 0
    for bleeds in drawn:
        sides = [bleed.side for bleed in bleeds if bleed.where == "convexity"]
        assert len(set(sides)) == len(sides)
        bilateral += len(sides) == 2
        assert abs(mass_effect(bleeds).shift) <= 9
    # (0.5 old) x 0.28 + (0.5 fresh) x (0.78 over the convexity) x 0.10
    assert within_sampling(bilateral, 1000, 0.179)


def test_contusions_are_several_and_lie_within_the_brain():
    counts = Counter()
    for bleeds in patients("subdural", "intraparenchymal"):
        contusions = [bleed for bleed in bleeds if bleed.where in CONTUSION_SITES]
        counts[len(contusions)] += 1
        for bleed in contusions:
            (x, y, z), radius = bleed.lobes[0]
            center = Points(*(np.array([v], np.float32) for v in (x, y, z)))
            assert cavity(center).wall[0] < -0.8 * radius
    assert set(counts) == {0, 1, 2, 3, 4}
    assert within_sampling(counts[0], 400, 0.2)


def test_blood_breaks_into_the_ventricle_beside_a_deep_bleed():
    deep = 0
    for bleed, ventricles in patients("intraparenchymal", "intraventricular"):
        if bleed.where in ("putamen", "thalamus"):
            side = "left" if bleed.lobes[0][0][0] > 0 else "right"
            assert ventricles.where in (side, "both")
            deep += 1
    assert within_sampling(deep, 400, 0.80)


def test_faint_patients_have_faint_small_bleeds():
    for bleeds in patients("subdural", number=60, subtle=True):
        assert all(bleed.subtle for bleed in bleeds)
        assert all(bleed.thickness <= 6 for bleed in bleeds)


@pytest.mark.parametrize("subtype", ["epidural", "subdural", "intraparenchymal"])
def test_masks_of_neighbouring_slices_overlap(head, subtype):
    """Each bleed has one shape in space, however it is cut."""
    bleeds = patients(subtype, number=3)[2][:1]
    scan = draw_scan(4, slices=36)
    patient = Patient(head, bleeds, (), scan.down(head), 0.0)
    masks = [slice_.masks.get(subtype) for slice_ in scan_series(scan, patient)]
    masks = [mask for mask in masks if mask is not None and np.count_nonzero(mask) > 40]
    assert len(masks) >= 3
    for lower, upper in itertools.pairwise(masks):
        smaller = min(np.count_nonzero(lower), np.count_nonzero(upper))
        assert np.count_nonzero(lower & upper) > 0.25 * smaller
