"""The patients of a set: which of them bleed and how, their studies, headers, faults and names."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.params.phantom.scanners import Scanner, named

EDH, IPH, IVH, SAH, SDH = (
    "epidural",
    "intraparenchymal",
    "intraventricular",
    "subarachnoid",
    "subdural",
)
"""The subtypes by their usual abbreviations."""

_Combinations = tuple[tuple[tuple[str, ...], float], ...]

ENRICHED: Final[_Combinations] = (
    ((EDH,), 0.08),
    ((EDH, SDH), 0.05),
    ((EDH, SAH), 0.05),
    ((EDH, IPH, SAH), 0.04),
    ((SDH,), 0.06),
    ((SDH, SAH), 0.08),
    ((SDH, IPH, SAH), 0.08),
    ((SAH,), 0.03),
    ((SAH, IPH), 0.05),
    ((SAH, IVH), 0.06),
    ((SAH, IPH, IVH), 0.06),
    ((IPH, IVH), 0.07),
    ((IVH,), 0.03),
    ((IPH,), 0.05),
)
"""Share of patients with each combination of bleeds; the rest bleeds nowhere."""

RSNA: Final[_Combinations] = (
    ((EDH,), 0.0025),
    ((EDH, SDH), 0.0177),
    ((EDH, SAH), 0.0006),
    ((EDH, IPH, SAH), 0.0006),
    ((SDH,), 0.0088),
    ((SDH, SAH), 0.0281),
    ((SDH, IPH, SAH), 0.0831),
    ((SAH,), 0.0172),
    ((SAH, IPH), 0.0168),
    ((SAH, IVH), 0.0050),
    ((SAH, IPH, IVH), 0.0113),
    ((IPH, IVH), 0.1315),
    ((IVH,), 0.0058),
    ((IPH,), 0.0437),
)
"""The same, so that each label has the share of slices that it has in the challenge.

The share of slices that a bleed reaches was measured on 60 varied patients of each combination; of
all shares of patients that give the challenge's, these differ least from an earlier table's.
"""

_SUBTLE_SHARE: Final = 0.14
"""Share of bleeds that are small and faint."""

_TWO_STUDIES_SHARE: Final = 0.14
_THREE_STUDIES_SHARE: Final = 0.03
"""Shares of patients with at least so many studies."""

FAULTS: Final[tuple[str, ...]] = (
    "truncated",
    "non-square",
    "padded",
    "wrapped",
    "zero intercept",
    "duplicated label",
)
"""What is wrong with some series: one file cut short; a matrix that is no square; -2000 outside
the field of view, which some scanners write anyway; the 12-bit wrap; intercept 0 with signed
pixels; six rows twice in the CSV."""

_FAULT_FAMILY: Final = {"padded": "b", "wrapped": "a", "zero intercept": "b"}


@dataclass(frozen=True)
class StudyPlan:
    """One study of one series.

    Attributes:
        scanner: Name of the scanner that it is taken on.
        family: Header family, "a" (12 bits, unsigned) or "b" (16 bits, signed).
        faults: Which of `FAULTS` are planted in it.
    """

    scanner: str
    family: str
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class PatientPlan:
    """What a patient will have.

    Attributes:
        number: Position in the set; with the recipe's seed it decides everything random.
        subtypes: Bleeds, each with whether it is subtle.
        studies: Studies, in order of time.
    """

    number: int
    subtypes: tuple[tuple[str, bool], ...]
    studies: tuple[StudyPlan, ...]


def plan_cohort(recipe: PhantomRecipe) -> list[PatientPlan]:
    """Decide who bleeds, who comes back, and where the faults are.

    _Combinations are spread evenly over the patients (systematic sampling), so that also a small
    set has each bleed about as often as it should.
    """
    rng = np.random.default_rng([recipe.seed, 0])
    order, combinations = _spread(rng, recipe)
    subtle = rng.random((recipe.patients, 5)) < _SUBTLE_SHARE
    returns = rng.random(recipe.patients)
    counts = 1 + (returns < _TWO_STUDIES_SHARE) + (returns < _THREE_STUDIES_SHARE)
    scanners = _assign_scanners(rng, named(recipe.scanners), order, counts)
    faults = _place_faults(rng, len(scanners)) if recipe.faults else {}
    families = ["a" if scanner.bits == 12 else "b" for scanner in scanners]
    for number, names in faults.items():
        for name in names:
            families[number] = _FAULT_FAMILY.get(name, families[number])
    plans, first = [], 0
    for number, (combination, count) in enumerate(zip(combinations, counts, strict=True)):
        studies = tuple(
            StudyPlan(scanners[i].name, families[i], tuple(faults.get(i, ())))
            for i in range(first, first + int(count))
        )
        bleeds = tuple((s, bool(f)) for s, f in zip(combination, subtle[number], strict=False))
        plans.append(PatientPlan(number, bleeds, studies))
        first += int(count)
    return plans


def _spread(
    rng: np.random.Generator, recipe: PhantomRecipe
) -> tuple[NDArray[np.int64], list[tuple[str, ...]]]:
    """The bleeds of each patient, and each one's place among patients sorted by their bleeds."""
    table = ENRICHED if recipe.prevalence == "enriched" else RSNA
    ends = np.cumsum([share for _, share in table])
    positions = (np.arange(recipe.patients) + rng.random()) / recipe.patients
    chosen = np.searchsorted(ends, positions, side="right")
    combinations = [table[i][0] if i < len(table) else () for i in chosen]
    order = rng.permutation(recipe.patients)
    return order, [combinations[i] for i in order]


def _assign_scanners(
    rng: np.random.Generator,
    scanners: Sequence[Scanner],
    order: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> list[Scanner]:
    """The scanner of each study, a patient's all in one hospital.

    They are dealt out to patients sorted by their bleeds: each takes its share of each combination,
    so that no scanner gives a bleed away.
    """
    assigned, start = [], rng.integers(len(scanners))
    for place, count in zip(order, counts, strict=True):
        first = scanners[(place + start) % len(scanners)]
        near = [scanner for scanner in scanners if scanner.hospital == first.hospital]
        again = rng.integers(len(near), size=int(count) - 1)
        assigned += [first, *(near[i] for i in again)]
    return assigned


def _place_faults(rng: np.random.Generator, series: int) -> dict[int, list[str]]:
    """Faults by series; first those that set the family or the pixels, each in another series."""
    order = rng.permutation(series)
    placed: dict[int, list[str]] = {}
    exclusive = [name for name in FAULTS if name in _FAULT_FAMILY]
    for index, name in enumerate(exclusive[:series]):
        placed.setdefault(int(order[index]), []).append(name)
    others = [name for name in FAULTS if name not in _FAULT_FAMILY]
    for index, name in enumerate(others, start=len(exclusive)):
        placed.setdefault(int(order[index % series]), []).append(name)
    return placed


def identifier(seed: int, kind: str, number: int) -> str:
    """A name such as the challenge gives: `ID_` and hexadecimal digits in no order.

    Each number has another name, however large the set.

    Args:
        seed: The recipe's seed.
        kind: "slice" (9 digits), "patient" (8), "study" (10) or "series" (10).
        number: A number below 16 to the power of the digits.
    """
    digits = {"slice": 9, "patient": 8, "study": 10, "series": 10}[kind]
    bits = 4 * digits
    limit = (1 << bits) - 1
    value = number
    for key in _keys(seed, kind):
        value = (value ^ (key * 0x9E3779B97F4A7C15)) & limit
        value = value * 0xD6E8FEB86659FD93 & limit
        value ^= value >> (bits // 2)
    return f"ID_{value:0{digits}x}"


@cache
def _keys(seed: int, kind: str) -> tuple[int, ...]:
    keys = np.random.default_rng([seed, 1, sum(map(ord, kind))]).integers(1 << 30, size=4)
    return tuple(int(key) for key in keys)
