"""The vault of the skull: its sutures, the regions between them, points on it and its normals."""

import numpy as np
from numpy.typing import NDArray

from ichreport.phantom.anatomy.cavity import DOME_HEIGHT, cavity
from ichreport.phantom.shapes import Array, Points, Vector, vector


def sutures(p: Points) -> tuple[Array, Array, Array]:
    """Distances to the vault's sutures, signed (mm).

    Returns:
        Behind the coronal suture; above the lambdoid suture (beyond it in front of the occiput);
        to the left of the sagittal suture.
    """
    coronal = p.y + 15 + np.float32(0.2) * (DOME_HEIGHT - p.z)
    lambdoid = (p.z - 40 + np.float32(1.18) * np.abs(p.x)) * np.float32(0.65)
    lambdoid = np.maximum(lambdoid, 30 - p.y)
    return coronal, lambdoid, p.x


REGIONS = ("frontal", "left parietal", "right parietal", "occipital")

VERTEX = "vertex"
"""Both parietal regions, where the dura is stripped off the sagittal suture."""


def beyond_region(p: Points, region: str) -> Array:
    """Distance out of one of the vault's `REGIONS` or the `VERTEX`; negative within (mm).

    Sutures bound the regions. The metopic suture closes in childhood, so the frontal region spans
    both sides.
    """
    coronal, lambdoid, left = sutures(p)
    if region == "frontal":
        return coronal
    if region == "occipital":
        return lambdoid
    outside = np.maximum(-coronal, -lambdoid)
    if region == VERTEX:
        return outside
    return np.maximum(outside, -left if region == "left parietal" else left)


def point(place: Vector) -> Points:
    """One place as points."""
    x, y, z = (np.array([v], dtype=np.float32) for v in place)
    return Points(x, y, z)


def on_vault(direction: Vector) -> Vector:
    """The place on the vault's inner table that lies in a direction from the center."""
    place = np.asarray(direction, dtype=float)
    for _ in range(6):
        place = place / float(cavity(point(vector(place))).radius[0])
    return vector(place)


def outward(place: Vector) -> NDArray[np.float64]:
    """The vault's unit normal at a place on it."""
    steps = np.concatenate([np.eye(3), -np.eye(3)])
    heights = cavity(Points(*(steps + place).T.astype(np.float32))).vault.astype(float)
    normal = heights[:3] - heights[3:]
    unit: NDArray[np.float64] = normal / np.linalg.norm(normal)
    return unit


def direction_to(rng: np.random.Generator, region: str) -> Vector:
    """A direction from the head's center to somewhere within a region of the vault."""
    while True:
        x, y, z = rng.normal(size=3)
        direction = np.asarray([x, y, abs(z) * 0.8 - 0.15])
        direction *= 70 / np.linalg.norm(direction)
        place = on_vault(vector(direction))
        low = -8 if region != "occipital" else -22
        if low < place[2] < 62 and float(beyond_region(point(place), region)[0]) < -6:
            return vector(direction)
