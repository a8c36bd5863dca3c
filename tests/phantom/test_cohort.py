from collections import Counter

import numpy as np
import pytest

from ichreport.labels import SUBTYPES
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.phantom import write_phantom
from ichreport.phantom.cohort import ENRICHED, FAULTS, RSNA, identifier, plan_cohort

CHALLENGE = {
    "epidural": 0.42,
    "intraparenchymal": 4.80,
    "intraventricular": 3.48,
    "subarachnoid": 4.74,
    "subdural": 6.27,
    "any": 14.34,
}
"""Positive slices in percent: poster/table0_labels.csv."""


def share_of_patients(recipe, subtype):
    plans = plan_cohort(recipe)
    return np.mean([subtype in dict(each.subtypes) for each in plans])


@pytest.mark.parametrize(
    ("kind", "digits"), [("slice", 9), ("patient", 8), ("study", 10), ("series", 10)]
)
def test_identifiers_never_meet(kind, digits):
    names = [identifier(3, kind, number) for number in range(3000)]
    assert len(set(names)) == len(names)
    assert {len(name) for name in names} == {3 + digits}


def test_identifiers_scatter_over_their_whole_range():
    values = np.array([int(identifier(0, "slice", n)[3:], 16) for n in range(2000)]) / 16**9
    counts, _ = np.histogram(values, bins=10, range=(0, 1))
    assert counts.min() > 140
    assert counts.max() < 260


def test_identifiers_of_another_seed_are_others():
    first, second = ({identifier(s, "slice", n) for n in range(500)} for s in (1, 2))
    assert not first & second


@pytest.mark.parametrize("table", [ENRICHED, RSNA])
def test_combinations_are_shares_of_known_bleeds(table):
    assert 0 < sum(share for _, share in table) < 1
    for combination, share in table:
        assert share > 0
        assert set(combination) <= set(SUBTYPES)
        assert len(set(combination)) == len(combination)


@pytest.mark.parametrize("seed", range(4))
def test_each_combination_is_spread_evenly_whatever_the_seed(seed):
    plans = plan_cohort(PhantomRecipe(patients=96, seed=seed))
    counts = Counter(tuple(subtype for subtype, _ in each.subtypes) for each in plans)
    for combination, share in ENRICHED:
        assert abs(counts[combination] - 96 * share) < 1


def test_epidural_bleeds_are_common_enough_to_be_held_out():
    assert share_of_patients(PhantomRecipe(patients=96), "epidural") >= 0.10


def test_bleeders_are_in_no_order():
    plans = plan_cohort(PhantomRecipe(patients=96))
    bleeds = [bool(each.subtypes) for each in plans]
    assert bleeds != sorted(bleeds)
    assert bleeds != sorted(bleeds, reverse=True)


def test_families_are_about_equal_and_some_patients_come_back():
    plans = plan_cohort(PhantomRecipe(patients=200, faults=False))
    studies = [study for each in plans for study in each.studies]
    assert 0.45 < np.mean([study.family == "a" for study in studies]) < 0.55
    assert {len(each.studies) for each in plans} == {1, 2, 3}


@pytest.mark.parametrize("patients", [1, 2, 4, 12, 96])
def test_each_fault_is_planted_once_in_its_family(patients):
    recipe = PhantomRecipe(patients=patients)
    studies = [study for each in plan_cohort(recipe) for study in each.studies]
    faults = Counter(name for study in studies for name in study.faults)
    assert set(faults.values()) == {1}
    if len(studies) >= 3:
        assert set(faults) == set(FAULTS)
    for study in studies:
        assert study.family == "a" or "wrapped" not in study.faults
        assert study.family == "b" or not {"padded", "zero intercept"} & set(study.faults)


def test_no_faults_when_none_are_asked_for():
    plans = plan_cohort(PhantomRecipe(patients=30, faults=False))
    assert not any(study.faults for each in plans for study in each.studies)


def slice_shares(tmp_path, recipe):
    """Positive slices in percent, and their standard errors with patients as the unit."""
    contents = write_phantom(tmp_path, recipe)
    patients = contents["patients"]
    slices = np.array([sum(s["slices"] for s in p["studies"]) for p in patients])
    shares, errors = {}, {}
    for name in CHALLENGE:
        hits = np.array([sum(s["positive_slices"][name] for s in p["studies"]) for p in patients])
        share = hits.sum() / slices.sum()
        residuals = hits - share * slices
        errors[name] = 100 * np.sqrt((residuals**2).sum()) / slices.sum()
        shares[name] = 100 * share
    return shares, errors


def test_the_challenges_prevalence_is_met_within_sampling(tmp_path):
    recipe = PhantomRecipe(
        patients=150, seed=11, matrix=96, slices=8, prevalence="rsna", faults=False
    )
    shares, errors = slice_shares(tmp_path, recipe)
    for name, expected in CHALLENGE.items():
        assert abs(shares[name] - expected) < 3 * errors[name], (name, shares[name], errors[name])
        assert errors[name] < 0.35 * expected + 0.3


def test_the_enriched_prevalence_shows_every_label(tmp_path):
    recipe = PhantomRecipe(patients=96, matrix=96, slices=8, faults=False)
    shares, _ = slice_shares(tmp_path, recipe)
    assert 24 < shares["any"] < 48
    assert shares["epidural"] > 3
    assert min(shares.values()) > 2
