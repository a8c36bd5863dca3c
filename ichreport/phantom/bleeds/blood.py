"""How bright blood is: its stage, how it mixes and settles, and how it fades.

Fresh clot has 60 to 85 HU, more than brain, because it is dense with haemoglobin (New and Aronow
1976). Blood that has not clotted yet, and the water that clot leaves as it is broken down, are
darker. Clot loses about 1 HU a day (Dolinskas et al. 1977): within two to three weeks it is as
bright as brain, and then darker.
"""

import dataclasses
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from ichreport.phantom.shapes import Array, Points, Vector, smooth_step, wander

HYPERACUTE: Final = "hyperacute"
"""First hours: clot with swirls of blood that has not clotted."""

ACUTE: Final = "acute"
"""First days: dense clot."""

SUBACUTE: Final = "subacute"
"""Up to three weeks: about as bright as brain."""

CHRONIC: Final = "chronic"
"""Later: darker than grey matter."""

MIXED: Final = "mixed"
"""Old blood with fresh blood in it, in clumps or in a layer under a level."""

_FADES_FROM: Final = 3.0
"""Age at which clot begins to fade (days)."""

_FADES_OVER: Final = 14.0
"""Time in which clot loses all but 1/e of what it is brighter by than old blood (days)."""

_CHRONIC_BELOW: Final = 35.0
"""Intensity below which blood is darker than grey matter (HU)."""

_OLDEST: Final = 20.0
"""Intensity that old blood tends to (HU)."""


@dataclass(frozen=True)
class Blood:
    """The blood of one bleed.

    Attributes:
        stage: One of the module's five.
        days: Time since it bled (days).
        fresh: Intensity of its clot when it was fresh (HU).
        thin: Intensity of what is not clot: unclotted blood, or the water of old blood (HU). It
            is not brighter than the clot.
        mixing: Share of it that is thin, in clumps.
        cells: Share of its height that is filled with settled cells, below a level; 0 without one.
        phase: Where the clumps start in the labyrinth (voxels).
        grain: Fineness of the clumps (labyrinth voxels a mm): 0.75 sets them 2 cm apart.
    """

    stage: str
    days: float
    fresh: float
    thin: float
    mixing: float = 0.0
    cells: float = 0.0
    phase: float = 0.0
    grain: float = 0.75

    @classmethod
    def draw(cls, rng: np.random.Generator, stage: str = ACUTE, *, subtle: bool = False) -> Self:
        """Draw blood of a stage.

        Acute clot has 60 to 85 HU, a faint one 54 to 60, as with anaemia or a thin layer;
        subacute blood 36 to 50 HU, chronic blood 22 to 34.

        Args:
            rng: Source of randomness.
            stage: One of the module's five.
            subtle: Whether it is faint.
        """
        fresh = float(rng.uniform(54, 60) if subtle else np.clip(rng.normal(68, 5), 60, 85))
        phase = float(rng.uniform(0, 128))
        if stage == HYPERACUTE:
            days, thin = rng.uniform(0.02, 0.25), rng.uniform(40, 50)
            return cls(stage, days, fresh, thin, float(rng.uniform(0.2, 0.42)), phase=phase)
        if stage == ACUTE:
            mixing = rng.uniform(0.08, 0.25) if rng.random() < 0.35 else 0.0
            days = rng.uniform(0.25, _FADES_FROM)
            return cls(stage, days, fresh, float(rng.uniform(48, 58)), mixing, phase=phase)
        if stage == MIXED:
            layered = rng.random() < 0.4
            return cls(
                stage=stage,
                days=float(rng.uniform(0.5, _FADES_FROM)),
                fresh=float(rng.uniform(48, 72)),
                thin=float(rng.uniform(20, 30)),
                mixing=0.0 if layered else float(rng.uniform(0.35, 0.65)),
                cells=float(rng.uniform(0.25, 0.6)) if layered else 0.0,
                phase=phase,
            )
        now = rng.uniform(36, 50) if stage == SUBACUTE else rng.uniform(22, 34)
        days = _FADES_FROM + _FADES_OVER * np.log((fresh - _OLDEST) / (now - _OLDEST))
        return cls(stage, float(days), fresh, _OLDEST, phase=phase)

    @property
    def hu(self) -> float:
        """Intensity of its clot now (HU)."""
        lasts = np.exp(-max(self.days - _FADES_FROM, 0.0) / _FADES_OVER)
        return float(_OLDEST + (self.fresh - _OLDEST) * lasts)

    def aged(self, days: float) -> Self:
        """The same blood some days later; what had not clotted has, and nothing is brighter."""
        later = dataclasses.replace(self, days=self.days + days)
        stage = ACUTE if later.days < 5 else SUBACUTE if later.hu > _CHRONIC_BELOW else CHRONIC
        if later.days < 0.25 or (self.stage == MIXED and later.days < 21):
            stage = self.stage
        clots = 0.3 if self.stage == HYPERACUTE and stage != HYPERACUTE else 1.0
        return dataclasses.replace(later, stage=stage, mixing=clots * self.mixing)

    def intensity(self, p: Points, slow: Array, above: Array | None) -> Array:
        """Intensity at each point within the blood (HU).

        Args:
            p: Points within it, one-dimensional.
            slow: `slow_noise` at the points.
            above: Height of each point above the level of the cells (mm); None without a level.
        """
        hu: Array = np.float32(1.5) * slow
        hu += np.float32(self.hu)
        contrast = np.float32(min(self.thin - self.hu, 0.0))
        if above is not None:
            hu += contrast * smooth_step(above, -1.5, 1.5)
        elif self.mixing and len(slow):
            grain = wander(*(v * np.float32(self.grain) + np.float32(self.phase) for v in p))
            middle = 2.2 * (0.5 - self.mixing)  # the labyrinth's share above it is about `mixing`
            hu += contrast * smooth_step(grain, middle - 0.7, middle + 0.7)
        return hu


def level_above(p: Points, down: Vector, height: float) -> Array:
    """Height of each point above a level across gravity (mm).

    Args:
        p: The points.
        down: Unit vector of gravity.
        height: Height of the level, against gravity, from the frame's origin (mm).
    """
    above = p.x * np.float32(-down[0])
    above -= p.y * np.float32(down[1])
    above -= p.z * np.float32(down[2])
    above -= np.float32(height)
    return above
