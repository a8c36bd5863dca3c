"""What operations leave in a head: flaps, burr holes, plates, drains, clips and coils."""

from dataclasses import dataclass

import numpy as np

from ichreport.phantom.anatomy.cranial_vault import on_vault, outward
from ichreport.phantom.anatomy.neck import Metal
from ichreport.phantom.shapes import (
    Array,
    Points,
    Vector,
    capsule,
    inside,
    smooth_step,
    sphere,
    vector,
)

_CRANIOTOMY, _CRANIECTOMY, _BURR_HOLES, _SHUNT, _DRAIN, _CLIP, _COILS = (
    0.03,
    0.015,
    0.025,
    0.022,
    0.012,
    0.01,
    0.012,
)
"""Share of people with each, in a set of patients of whom many have been operated on."""

_TITANIUM, _PLATINUM = 2900.0, 3071.0
_TUBE = 330.0


@dataclass(frozen=True)
class Flap:
    """Bone that was sawn out of the vault.

    Attributes:
        center: The middle of the flap on the inner table (mm).
        radius: From there to the saw's cut (mm).
        gap: Width of the cut (mm).
        missing: Whether the bone was not put back.
        sunken: How far the skin has sunk beneath the bone's outer side, relative to the bone's
            thickness; negative where the brain bulges. 0 where the bone is back.
    """

    center: Vector
    radius: float
    gap: float
    missing: bool
    sunken: float

    def beyond(self, p: Points) -> Array:
        """Distance outside the cut (mm)."""
        return sphere(p, self.center, self.radius)


@dataclass(frozen=True)
class Tube:
    """A catheter.

    Attributes:
        path: Places along it, from its tip on (mm).
        radius: Its radius (mm).
        hu: Its intensity (HU).
    """

    path: tuple[Vector, ...]
    radius: float
    hu: float

    def distance(self, p: Points) -> Array | None:
        """Distance to the tube; None if no point is near its height."""
        low, high = float(p.z.min()) - 3, float(p.z.max()) + 3
        parts = [
            capsule(p, a, b, (self.radius, self.radius))
            for a, b in zip(self.path, self.path[1:], strict=False)
            if min(a[2], b[2]) < high and max(a[2], b[2]) > low
        ]
        return np.minimum.reduce(parts) if parts else None


@dataclass(frozen=True)
class Surgery:
    """What operations have left in one head.

    Attributes:
        reasons: What was done and why.
        flap: The bone flap, if any.
        burr_holes: Centers of holes of 6 mm radius in the vault, on its inner table (mm).
        tube: A catheter in a ventricle, if any.
        metal: Plates, clips and coils.
    """

    reasons: tuple[str, ...] = ()
    flap: Flap | None = None
    burr_holes: tuple[Vector, ...] = ()
    tube: Tube | None = None
    metal: tuple[Metal, ...] = ()

    def sunken(self, p: Points, width: Array) -> Array | float:
        """How far the skin lies deeper than over sound bone (mm)."""
        if self.flap is None or not self.flap.missing:
            return 0.0
        within = smooth_step(-self.flap.beyond(p), -2, 14)
        lost: Array = np.float32(self.flap.sunken) * width * within
        return lost

    def bone_left(self, p: Points) -> Array | float:
        """Share of the vault's bone that is still there."""
        left: Array | float = 1.0
        flap = self.flap
        if flap is not None and _reached(p, flap.center, flap.radius + 4):
            beyond = flap.beyond(p)
            if flap.missing:
                left = 1 - inside(beyond, 1.5)
            else:
                left = 1 - np.float32(0.92) * inside(np.abs(beyond) - flap.gap / 2, 1.2)
        for hole in self.burr_holes:
            if _reached(p, hole, 14):
                left = left * (1 - inside(_across(p, hole) - np.float32(6), 1.5))
        return left

    def devices(self, p: Points, edge: float) -> list[tuple[Array, float]]:
        """Shares of each point that are tube or metal, each with its intensity (HU)."""
        found = []
        if self.tube is not None:
            distance = self.tube.distance(p)
            if distance is not None:
                found.append((inside(distance, edge), self.tube.hu))
        for center, radius, hu in self.metal:
            if _reached(p, center, radius + 2):
                found.append((inside(sphere(p, center, radius), edge), hu))
        return found


NONE = Surgery()
"""A head that was never operated on."""


def _reached(p: Points, center: Vector, radius: float) -> bool:
    return bool(p.z.min() < center[2] + radius and p.z.max() > center[2] - radius)


def _across(p: Points, hole: Vector) -> Array:
    """Distance from the axis of a hole that runs through the vault (mm)."""
    normal = outward(hole)
    start, end = (vector(np.asarray(hole) + t * normal) for t in (-4, 16))
    return capsule(p, start, end, (0.0, 0.0))


def draw(rng: np.random.Generator, skull: float) -> Surgery:
    """Draw what was done to someone: nothing to most.

    Args:
        rng: Source of randomness.
        skull: Thickness of the person's vault (mm).
    """
    pick = rng.random()
    kinds = (
        (_CRANIOTOMY, _craniotomy),
        (_CRANIECTOMY, _craniectomy),
        (_BURR_HOLES, _burr_holes),
        (_SHUNT, _shunt),
        (_DRAIN, _external_drain),
        (_CLIP, _clipped),
        (_COILS, _coiled),
    )
    for share, kind in kinds:
        if pick < share:
            return kind(rng, skull)
        pick -= share
    return NONE


def _place(x: float, y: float, z: float) -> Vector:
    return on_vault((float(x), float(y), float(z)))


def _side(rng: np.random.Generator) -> int:
    return int(rng.choice((-1, 1)))


def _flap(rng: np.random.Generator, side: int, *, missing: bool) -> Flap:
    center = _place(side * 62, rng.normal(-8, 16), rng.normal(24, 10))
    return Flap(
        center=center,
        radius=float(rng.uniform(44, 58) if missing else rng.uniform(24, 44)),
        gap=float(rng.uniform(1.2, 2.6)),
        missing=missing,
        sunken=float(rng.uniform(-1.2, 1.0)) if missing else 0.0,
    )


def _plates(rng: np.random.Generator, flap: Flap, skull: float) -> tuple[Metal, ...]:
    """Three to five plates over the cut, each of a few screws."""
    normal = outward(flap.center)
    across = np.cross(normal, (0, 0, 1))
    across /= np.linalg.norm(across)
    up = np.cross(across, normal)
    pieces = []
    for turn in np.arange(n := int(rng.integers(3, 6))) * 2 * np.pi / n + rng.uniform(0, 6):
        aside = np.cos(turn) * across + np.sin(turn) * up
        middle = _place(*(np.asarray(flap.center) + flap.radius * aside - 8 * normal))
        out = outward(middle)
        along = aside - (aside @ out) * out
        for step in (-4, 0, 4):
            place = np.asarray(middle) + (skull + 0.6) * out + step * along
            pieces.append(Metal(vector(place), 1.6, _TITANIUM))
    return tuple(pieces)


def _craniotomy(rng: np.random.Generator, skull: float) -> Surgery:
    flap = _flap(rng, _side(rng), missing=False)
    return Surgery(("craniotomy",), flap, metal=_plates(rng, flap, skull))


def _craniectomy(rng: np.random.Generator, skull: float) -> Surgery:
    return Surgery(("decompressive craniectomy",), _flap(rng, _side(rng), missing=True))


def _burr_holes(rng: np.random.Generator, skull: float) -> Surgery:
    side = _side(rng)
    holes = [_place(side * 45, -38 + rng.normal(0, 6), 52), _place(side * 52, 32, 48)]
    if rng.random() < 0.3:
        holes = [_place(s * 45, -30 + rng.normal(0, 6), 54) for s in (-1, 1)]
    metal = []
    if rng.random() < 0.4:
        for hole in holes:
            cover = np.asarray(hole) + (skull + 1) * outward(hole)
            metal.append(Metal(vector(cover), 3.0, _TITANIUM))
    return Surgery(("burr holes for a chronic subdural",), None, tuple(holes), None, tuple(metal))


def _tip(rng: np.random.Generator, side: int) -> Vector:
    return vector(np.array([side * 8, -18, 6]) + rng.normal(0, (1.5, 3, 2)))


def _shunt(rng: np.random.Generator, skull: float) -> Surgery:
    """From behind or in front into a ventricle, then under the scalp down to the neck."""
    side = _side(rng)
    entry = _place(side * 27, -45, 60) if rng.random() < 0.5 else _place(side * 38, 62, 38)
    hole = np.asarray(entry) + (skull + 2) * outward(entry)
    under = [
        np.asarray(place) + (skull + 2.2) * outward(place)
        for place in (_place(side * 55, 45, 30), _place(side * 62, 38, -5))
    ]
    path = (_tip(rng, side), vector(hole), *(vector(p) for p in under))
    path += ((float(side * 72), 34.0, -50.0), (float(side * 58), 22.0, -110.0))
    valve = Metal(vector(under[0]), 3.2, 2600.0)
    tube = Tube(path, 1.35, _TUBE)
    return Surgery(("shunt for hydrocephalus",), None, (entry,), tube, (valve,))


def _external_drain(rng: np.random.Generator, skull: float) -> Surgery:
    side = _side(rng)
    entry = _place(side * 27, -42, 60)
    out = np.asarray(entry) + (skull + 9) * outward(entry)
    return Surgery(
        ("external ventricular drain",),
        None,
        (entry,),
        Tube((_tip(rng, side), vector(out)), 1.4, _TUBE),
    )


def _aneurysm(rng: np.random.Generator) -> Vector:
    places = ((0.0, -20.0, -14.0), (26.0, -15.0, -13.0), (10.0, -8.0, -17.0), (0.0, 0.0, -20.0))
    x, y, z = places[int(rng.integers(len(places)))]
    return vector(np.array([_side(rng) * x, y, z]) + rng.normal(0, 1, 3))


def _clipped(rng: np.random.Generator, skull: float) -> Surgery:
    """A clip is a small bar; the way to it was a flap at the temple."""
    place = np.asarray(_aneurysm(rng))
    along = rng.normal(size=3)
    along /= np.linalg.norm(along)
    clip = tuple(Metal(vector(place + t * along), 2.2, _PLATINUM) for t in (-3.0, 0.0, 3.0))
    side = 1 if place[0] > 0 else -1
    center = _place(side * 58, -38, 6)
    flap = Flap(center, float(rng.uniform(22, 30)), 1.8, missing=False, sunken=0.0)
    return Surgery(("clipped aneurysm",), flap, metal=clip + _plates(rng, flap, skull))


def _coiled(rng: np.random.Generator, skull: float) -> Surgery:
    coils = Metal(_aneurysm(rng), float(rng.uniform(2.5, 5.5)), _PLATINUM)
    return Surgery(("coiled aneurysm",), metal=(coils,))
