"""One plane through a head: tissue, blood and look-alikes put together."""

from dataclasses import dataclass, field

import numpy as np

from ichreport.labels import SUBTYPES
from ichreport.phantom import brain, hemorrhage, skull
from ichreport.phantom.anatomy import Cavity, Head, cavity
from ichreport.phantom.hemorrhage import Bleed
from ichreport.phantom.landmarks import slow_noise
from ichreport.phantom.lookalikes import Lookalike
from ichreport.phantom.shapes import Array, Points, Vector, inside

SUBPLANES = 2
"""Planes that a slice's content averages, for partial volume along its thickness."""


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


def draw(patient: Patient, p: Points, *, lift: Vector, edge: float, thickness: float) -> Section:
    """Draw a slab.

    Skull and face are drawn once, their surfaces blurred as far as they lean towards the slab; the
    content of the dura is the mean of `SUBPLANES` planes.

    Args:
        patient: The head.
        p: Points of the slab's middle plane in the head's frame, shape (rows, columns).
        lift: Step from the slab's lower to its upper face in the head's frame (mm).
        edge: Width of a voxel's edge response in the plane (mm).
        thickness: Width of the slab (mm).
    """
    space = cavity(p)
    hu = skull.shell(patient.head, p, space, edge, thickness)
    section = Section(hu, lookalikes=[0.0] * len(patient.lookalikes))
    index = np.flatnonzero(space.wall < edge + thickness * space.slope)
    if not len(index):
        return section
    middle, flat = p.at(index), section.hu.reshape(-1)
    slow = slow_noise(patient.head, middle)
    bone = flat.take(index)
    total = bone.copy()
    for number in range(SUBPLANES):
        place = (number + 0.5) / SUBPLANES - 0.5
        plane = Points(*(v + np.float32(place * d) for v, d in zip(middle, lift, strict=True)))
        near = cavity(plane)
        blur = np.float32(edge) + np.float32(thickness / SUBPLANES) * near.slope
        share = inside(near.wall, blur) * np.float32(1 / SUBPLANES)
        content, blood = _content(patient, plane, near, slow, section.lookalikes)
        total += share * (content - bone)
        for subtype, amount in blood.items():
            if amount.max() > 0:
                whole = section.blood.setdefault(subtype, np.zeros(p.x.shape, np.float32))
                whole.reshape(-1)[index] += amount * share
    flat[index] = total
    return section


def _content(
    patient: Patient, p: Points, space: Cavity, slow: Array, seen: list[float]
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
        slow=slow,
    )
    hu = content.hu
    for number, lookalike in enumerate(patient.lookalikes):
        share = lookalike.share(p, content)
        if share is not None:
            hu = hu + share * (np.float32(lookalike.hu) - hu)
            seen[number] += float(share.sum()) / SUBPLANES
    blood: dict[str, Array] = {}
    layers = list(zip(inner, densities, strict=True))
    for bleed, density in layers:
        _bleed(hu, blood, bleed, density * content.subarachnoid, slow)
    for bleed in bleeds:
        if isinstance(bleed, hemorrhage.Intraventricular):
            _bleed(hu, blood, bleed, bleed.share(content, slow, patient.down), slow)
        elif isinstance(bleed, hemorrhage.Intraparenchymal):
            distance = np.maximum(bleed.distance(p), np.float32(1.5) - pressed.outside)
            rim = inside(distance - np.float32(bleed.oedema), 3.0)
            brightness = np.float32(13 if bleed.oedema > 1 else 3)
            hu -= rim * brightness * (1 - content.subarachnoid) * (1 - content.ventricles)
            _bleed(hu, blood, bleed, inside(distance, 1.6), slow)
    outer = [b for b in bleeds if isinstance(b, hemorrhage.Epidural | hemorrhage.Subdural)]
    for bleed, share in zip(outer, pressed.shares, strict=True):
        _bleed(hu, blood, bleed, share, slow, p)
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
