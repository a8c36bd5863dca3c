"""One plane through a head: tissue, blood and look-alikes put together."""

from dataclasses import dataclass, field

import numpy as np

from ichreport.labels import SUBTYPES
from ichreport.phantom import brain, hemorrhage, skull
from ichreport.phantom.anatomy import Head, cavity
from ichreport.phantom.hemorrhage import Bleed
from ichreport.phantom.lookalikes import Lookalike
from ichreport.phantom.shapes import Array, Points, Vector, inside


@dataclass(frozen=True)
class Patient:
    """A head with what is wrong with it at one time.

    Attributes:
        head: The person.
        bleeds: Acute bleeds.
        lookalikes: Bright things that are none.
        down: Unit vector of gravity in the head's frame.
        cupping: Brightening of the brain next to the bone by beam hardening (HU).
    """

    head: Head
    bleeds: tuple[Bleed, ...]
    lookalikes: tuple[Lookalike, ...]
    down: Vector
    cupping: float


@dataclass
class Section:
    """What a plane through a head shows, on the grid that it was drawn on.

    Attributes:
        hu: Intensity (HU).
        blood: Share of each point that is blood, by subtype; only subtypes that are there.
        lookalikes: Total share of each look-alike (points), in the order of the patient's.
    """

    hu: Array
    blood: dict[str, Array] = field(default_factory=dict)
    lookalikes: list[float] = field(default_factory=list)


def draw(patient: Patient, p: Points, *, edge: float, thickness: float) -> Section:
    """Draw a plane.

    Args:
        patient: The head.
        p: The plane's points in the head's frame, shape (rows, columns).
        edge: Width of a voxel's edge response in the plane (mm).
        thickness: Width of the slab that the plane stands for (mm).
    """
    space = cavity(p)
    around = skull.shell(patient.head, p, space, edge, thickness)
    section = Section(around.hu, lookalikes=[0.0] * len(patient.lookalikes))
    blur = np.float32(edge) + np.float32(thickness) * space.slope
    within = inside(space.wall, blur)
    index = np.flatnonzero(within)
    if not len(index):
        return section
    share = within.take(index)
    hu, blood = _content(patient, p.at(index), space.at(index), section.lookalikes)
    flat = section.hu.reshape(-1)
    bone = flat.take(index)
    flat[index] = bone + share * (hu - bone)
    for subtype, amount in blood.items():
        amount *= share
        if amount.max() > 0:
            plane = np.zeros(p.x.shape, np.float32)
            plane.reshape(-1)[index] = amount
            section.blood[subtype] = plane
    return section


def _content(
    patient: Patient, p: Points, space: "hemorrhage.Cavity", seen: list[float]
) -> tuple[Array, dict[str, Array]]:
    bleeds = list(patient.bleeds)
    pressed = hemorrhage.strip(bleeds, p, space)
    inner = [b for b in bleeds if isinstance(b, hemorrhage.Subarachnoid)]
    densities = [b.density(p) for b in inner]
    content = brain.draw(
        patient.head,
        p,
        space,
        pressure=hemorrhage.pressure_of(bleeds),
        outside=pressed.outside,
        clogged=np.maximum.reduce(densities) if densities else None,
    )
    hu = content.hu
    for number, lookalike in enumerate(patient.lookalikes):
        share = lookalike.share(p, content)
        if share is not None:
            hu = hu + share * (np.float32(lookalike.hu) - hu)
            seen[number] += float(share.sum())
    blood: dict[str, Array] = {}
    layers = list(zip(inner, densities, strict=True))
    for bleed, density in layers:
        _bleed(hu, blood, bleed, density * content.subarachnoid, content.slow)
    for bleed in bleeds:
        if isinstance(bleed, hemorrhage.Intraventricular):
            _bleed(hu, blood, bleed, bleed.share(content, patient.down), content.slow)
        elif isinstance(bleed, hemorrhage.Intraparenchymal):
            distance = np.maximum(bleed.distance(p), np.float32(1.5) - pressed.outside)
            rim = inside(distance - np.float32(bleed.oedema), 3.0)
            brightness = np.float32(9 if bleed.oedema > 1 else 3)
            hu -= rim * brightness * (1 - content.subarachnoid) * (1 - content.ventricles)
            _bleed(hu, blood, bleed, inside(distance, 1.6), content.slow)
    outer = [b for b in bleeds if isinstance(b, hemorrhage.Epidural | hemorrhage.Subdural)]
    for bleed, share in zip(outer, pressed.shares, strict=True):
        _bleed(hu, blood, bleed, share, content.slow, p)
    hu += np.float32(patient.cupping) * np.exp(np.minimum(space.wall, 0) * np.float32(1 / 9))
    return hu, {name: blood[name] for name in SUBTYPES if name in blood}


def _bleed(
    hu: Array,
    blood: dict[str, Array],
    bleed: Bleed,
    share: Array,
    slow: Array,
    p: Points | None = None,
) -> None:
    """Put a bleed over what is there; earlier bleeds give way to it."""
    value = np.float32(bleed.hu) + np.float32(1.5) * slow
    if p is not None and isinstance(bleed, hemorrhage.Subdural) and bleed.sediment:
        value = value - np.float32(bleed.sediment) * np.clip(0.5 - p.y / 90, 0, 1)
    hu += share * (value - hu)
    for other in blood.values():
        other *= 1 - share
    before = blood.get(bleed.subtype)
    blood[bleed.subtype] = share if before is None else np.maximum(before, share)
