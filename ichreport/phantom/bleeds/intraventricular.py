"""Blood in the ventricles."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ichreport.phantom.anatomy.brain import Brain
from ichreport.phantom.anatomy.csf import LATERAL_VENTRICLE, OCCIPITAL_TIP
from ichreport.phantom.anatomy.landmarks import EDGE
from ichreport.phantom.bleeds.intensity import acute_hu
from ichreport.phantom.shapes import Array, Vector, inside, smooth_step


@dataclass(frozen=True)
class Intraventricular:
    """Blood in the ventricles: it settles at the back of them, and may clot into a cast.

    Attributes:
        hu: Intensity of the blood (HU).
        subtle: Whether only a little of it has settled.
        where: "left", "right" or "both".
        depth: Height of the settled blood above the lowest point (mm).
        cast: Whether a clot fills the front of the ventricles too.
        lower: Whether the third and the fourth ventricles are filled.
    """

    subtype: ClassVar[str] = "intraventricular"
    hu: float
    subtle: bool
    where: str
    depth: float
    cast: bool
    lower: bool

    @classmethod
    def draw(cls, rng: np.random.Generator, *, subtle: bool) -> Self:
        """Draw an amount of blood."""
        return cls(
            hu=acute_hu(rng, subtle=subtle),
            subtle=subtle,
            where=str(rng.choice(("left", "right", "both"), p=(0.2, 0.2, 0.6))),
            depth=float(rng.uniform(11, 15) if subtle else rng.uniform(17, 40)),
            cast=bool(not subtle and rng.random() < 0.4),
            lower=bool(not subtle and rng.random() < 0.55),
        )

    def share(self, brain: Brain, slow: Array, down: Vector) -> Array:
        """Share of each point that is blood in a ventricle.

        Args:
            brain: The brain that holds the ventricles.
            slow: `slow_noise` at the points; clots are uneven.
            down: Unit vector of gravity in the head's frame.
        """
        p = brain.rest
        height = -(
            p.x * np.float32(down[0]) + p.y * np.float32(down[1]) + p.z * np.float32(down[2])
        )
        sides = {"left": (1,), "right": (-1,), "both": (-1, 1)}[self.where]
        share = np.zeros_like(height)
        for side in sides:
            same_side = p.x * side > 2.5
            tip = np.asarray(OCCIPITAL_TIP) * (side, 1, 1)
            level = -float(tip @ np.asarray(down)) - LATERAL_VENTRICLE[6][2][1] + self.depth
            settled = inside(height - np.float32(level), EDGE)
            if self.cast:
                clot = smooth_step(slow + np.float32(0.5), -0.1, 0.3)
                settled = np.maximum(settled, clot * smooth_step(-p.z, -30, -15))
            share = np.maximum(share, settled * same_side)
        if self.lower:
            midline = (np.abs(p.x) < 12) & (np.abs(p.x) <= 2.5 + 12 * (p.z < -20))
            share = np.maximum(share, midline & (p.z < 9))
        return share * brain.ventricles
