"""One synthetic person's head: its traits.

Anatomy is drawn in canonical millimetres: the origin lies midway between the walls of the cavity
at the height of the foramina of Monro; x points to the patient's left, y to the back, z to the
vertex. A person's size and shape come in as an affine map from the scanner's frame.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ichreport.phantom.anatomy.brain_traits import BrainTraits
from ichreport.phantom.anatomy.build import Build
from ichreport.phantom.shapes import Vector, vector


@dataclass(frozen=True)
class Head:
    """What varies from one person to the next.

    Attributes:
        age: Years.
        atrophy: Loss of brain with age, 0 to 1; it widens ventricles and sulci.
        scale: Size along x, y and z, relative to the canonical head.
        lean: Shear of the outline, as in a head flattened on one side.
        skull: Thickness of the vault (mm).
        scalp: Thickness of skin and fat over it (mm).
        ventricles: Size of the ventricles, relative to the canonical ones.
        sulci: Width of an open sulcus (mm).
        white: Intensity of white matter (HU).
        grey: Intensity of grey matter (HU).
        csf: Intensity of cerebrospinal fluid (HU).
        bone: Intensity of the skull's tables (HU).
        diploe: Intensity of the marrow between them (HU).
        leukoaraiosis: Darkening of the white matter around the ventricles (HU).
        origin: Where this person's folds start in the labyrinth (voxels).
        twist: Slant of the folds, as a drift along each axis (mm a mm of depth).
        brain: Variants of the brain, and its old disease.
        build: Shape, skull, face and neck.
    """

    age: float
    atrophy: float
    scale: Vector
    lean: float
    skull: float
    scalp: float
    ventricles: float
    sulci: float
    white: float
    grey: float
    csf: float
    bone: float
    diploe: float
    leukoaraiosis: float
    origin: Vector
    twist: Vector
    brain: BrainTraits
    build: Build

    @classmethod
    def draw(cls, rng: np.random.Generator, *, varied: bool = False) -> Self:
        """Draw a person.

        Args:
            rng: Source of randomness.
            varied: Whether people differ as much as those who come to a scanner do; else they are
                sound adults.
        """
        age = float(np.clip(rng.normal(58, 20), 18, 94))
        spread = 0.22 if varied else 0.12
        atrophy = float(np.clip((age - 40) / 55 + rng.normal(0, spread), 0, 1))
        of_build = rng.spawn(1)[0]
        longer = float(np.clip(of_build.normal(0, 0.028), -0.06, 0.06)) if varied else 0.0
        size = rng.normal(1, 0.025)
        white = rng.normal(27.3, 1.6 if varied else 1.0)
        contrast = np.clip(rng.normal(7.8, 1.4), 5, 10.5) if varied else rng.normal(9.0, 0.7)
        ventricles, sulci = _spaces(rng, age, atrophy, varied=varied)
        return cls(
            age=age,
            atrophy=atrophy,
            scale=vector(size * rng.normal((1 - longer, 1 + longer, 1), (0.025, 0.025, 0.02))),
            lean=float(rng.normal(0, 0.02)),
            skull=float(np.clip(rng.normal(5.1, 0.95), 3.4, 8.6)),
            scalp=float(np.clip(rng.normal(5.6, 2.2 if varied else 1.2), 3.4, 12)),
            ventricles=ventricles,
            sulci=sulci,
            white=float(white),
            grey=float(white + contrast),
            csf=float(rng.normal(6, 1.5)),
            bone=float(np.clip(rng.normal(1590, 190), 1200, 2100)),
            diploe=float(np.clip(rng.normal(760, 170), 350, 1200)),
            leukoaraiosis=float(max(0, rng.normal(12 * (atrophy - 0.35), 4 if varied else 2))),
            origin=vector(rng.uniform(0, 128, 3)),
            twist=vector(rng.normal(0, 0.25, 3)),
            brain=BrainTraits.draw(rng.spawn(1)[0], age, atrophy, varied=varied),
            build=Build.draw(of_build, age, varied=varied),
        )

    def canonical(self) -> NDArray[np.float64]:
        """The 3 x 3 matrix from this person's millimetres to canonical ones."""
        matrix = np.diag(1 / np.asarray(self.scale))
        matrix[0, 1] = self.lean
        return matrix


def _spaces(
    rng: np.random.Generator, age: float, atrophy: float, *, varied: bool
) -> tuple[float, float]:
    """Draw the size of the ventricles, and the width of the sulci (mm)."""
    sulci = rng.normal(0.8 + 2.6 * atrophy, 0.3)
    if not varied:
        ventricles = rng.normal(0.72 + 0.55 * atrophy, 0.10)
        return float(np.clip(ventricles, 0.5, 1.5)), float(np.clip(sulci, 0.3, 3.4))
    ventricles = (0.65 + 0.75 * atrophy) * np.exp(rng.normal(0, 0.22))
    if age > 60 and rng.random() < 0.06:  # as in normal-pressure hydrocephalus
        ventricles, sulci = rng.uniform(1.5, 2.2), rng.uniform(0.3, 0.7)
    return float(np.clip(ventricles, 0.4, 2.2)), float(np.clip(sulci, 0.25, 4.0))
