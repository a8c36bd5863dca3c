"""What varies in brains beyond their size: lopsided atrophy, variants, and old disease."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from ichreport.phantom.anatomy import lesions
from ichreport.phantom.anatomy.lesions import Lesion


@dataclass(frozen=True)
class BrainTraits:
    """What varies in brains beyond their size.

    Attributes:
        lopsided: Widening of the left side's sulci, and narrowing of the right's (mm).
        frontal: Widening of the frontal sulci (mm).
        frontal_fluid: Thickness of fluid over the frontal lobes that atrophy has left (mm).
        sylvian: Width of the Sylvian fissures, relative to what atrophy makes of them.
        ventricles: Widening of the left lateral ventricle, and narrowing of the right one (mm).
        cavum: Width of a cavum septi pellucidi (mm); 0 without one.
        cisterns: Size of the basal cisterns, relative to the canonical ones.
        cisterna_magna: Size of the cistern behind the cerebellum, relative to the canonical one.
        falx: Thickness of the falx (mm).
        lesions: Old disease.
    """

    lopsided: float = 0.0
    frontal: float = 0.0
    frontal_fluid: float = 0.0
    sylvian: float = 1.0
    ventricles: float = 0.0
    cavum: float = 0.0
    cisterns: float = 1.0
    cisterna_magna: float = 1.0
    falx: float = 1.2
    lesions: tuple[Lesion, ...] = ()

    @classmethod
    def draw(cls, rng: np.random.Generator, age: float, atrophy: float, *, varied: bool) -> Self:
        """Draw a person's.

        Args:
            rng: Source of randomness.
            age: Years.
            atrophy: Loss of brain with age, 0 to 1.
            varied: Whether people differ as much as those who come to a scanner do; else they are
                sound adults.
        """
        if not varied:
            return cls(falx=float(rng.uniform(1.1, 1.4)), ventricles=float(rng.normal(0, 0.3)))
        old = lesions.draw(rng, age, atrophy)
        widened = sum(lesion.draws_ventricle for lesion in old)
        return cls(
            lopsided=float(rng.normal(0, 0.07) * (1 + 4 * atrophy)),
            frontal=float(rng.uniform(0, 1.6) * atrophy if rng.random() < 0.4 else 0),
            frontal_fluid=float(rng.uniform(2, 7) if atrophy > 0.4 and rng.random() < 0.15 else 0),
            sylvian=float(rng.uniform(0.6, 1.5)),
            ventricles=float(rng.normal(0, 0.7) + widened),
            cavum=float(rng.uniform(3, 8) if rng.random() < 0.05 else 0),
            cisterns=float(np.clip(rng.normal(1, 0.15), 0.6, 1.4)),
            cisterna_magna=float(
                rng.uniform(1.5, 2.1) if rng.random() < 0.06 else rng.uniform(0.6, 1.2)
            ),
            falx=float(rng.uniform(1.0, 1.7)),
            lesions=old,
        )
