"""Blood in the ventricles."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ichreport.phantom.anatomy.brain import Brain
from ichreport.phantom.anatomy.fluid.csf import LATERAL_VENTRICLE, OCCIPITAL_TIP
from ichreport.phantom.anatomy.landmarks import EDGE
from ichreport.phantom.bleeds.blood import Blood, level_above
from ichreport.phantom.shapes import Array, Points, Vector, inside, smooth_step


@dataclass(frozen=True)
class Intraventricular:
    """Blood in the ventricles: it settles at the back of them, and may clot into a cast.

    Attributes:
        blood: Its blood.
        subtle: Whether only a little of it has settled.
        where: "left", "right" or "both".
        depth: Height of the settled blood above the lowest point (mm).
        cast: Whether a clot fills the front of the ventricles too.
        lower: Whether the third and the fourth ventricles are filled.
    """

    subtype: ClassVar[str] = "intraventricular"
    blood: Blood
    subtle: bool
    where: str
    depth: float
    cast: bool
    lower: bool

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        subtle: bool,
        blood: Blood | None = None,
        beside: int = 0,
    ) -> Self:
        """Draw an amount of blood.

        Args:
            rng: Source of randomness.
            subtle: Whether it is little and faint.
            blood: Its blood; acute if not given.
            beside: Side of the bleed that broke into the ventricles, -1 right or 1 left; 0 if
                there is none.
        """
        sides = {0: (0.2, 0.2, 0.6), 1: (0.35, 0.0, 0.65), -1: (0.0, 0.35, 0.65)}[beside]
        return cls(
            blood=blood or Blood.draw(rng, subtle=subtle),
            subtle=subtle,
            where=str(rng.choice(("left", "right", "both"), p=sides)),
            depth=float(rng.uniform(11, 15) if subtle else rng.uniform(17, 40)),
            cast=bool(not subtle and rng.random() < (0.55 if beside else 0.4)),
            lower=bool(not subtle and rng.random() < 0.55),
        )

    @property
    def hu(self) -> float:
        """Intensity of its clot (HU)."""
        return self.blood.hu

    def aged(self, days: float) -> Self:
        """The same bleed some days later: casts dissolve, and what has settled gets less."""
        return dataclasses.replace(
            self,
            blood=self.blood.aged(days),
            depth=float(self.depth * np.exp(-days / 15)),
            cast=self.cast and self.blood.days + days < 6,
            lower=self.lower and self.blood.days + days < 5,
        )

    def share(self, brain: Brain, now: Points, slow: Array, down: Vector) -> Array:
        """Share of each point that is blood in a ventricle.

        Args:
            brain: The brain that holds the ventricles.
            now: The points; a level is one whatever presses on the brain.
            slow: `slow_noise` at the points; clots are uneven.
            down: Unit vector of gravity in the head's frame.
        """
        p = brain.rest
        share = np.zeros_like(p.x)
        for side in {"left": (1,), "right": (-1,), "both": (-1, 1)}[self.where]:
            same_side = p.x * side > 2.5
            tip = np.asarray(OCCIPITAL_TIP) * (side, 1, 1)
            level = -float(tip @ np.asarray(down)) - LATERAL_VENTRICLE[6][2][1] + self.depth
            settled = inside(level_above(now, down, level), EDGE)
            if self.cast:
                clot = smooth_step(slow + np.float32(0.5), -0.1, 0.3)
                settled = np.maximum(settled, clot * smooth_step(-p.z, -30, -15))
            share = np.maximum(share, settled * same_side)
        if self.lower:
            midline = (np.abs(p.x) < 12) & (np.abs(p.x) <= 2.5 + 12 * (p.z < -20))
            share = np.maximum(share, midline & (p.z < 9))
        return share * brain.ventricles
