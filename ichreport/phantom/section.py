"""One plane through a head: tissue, blood and look-alikes put together."""

from dataclasses import dataclass, field

import numpy as np

from ichreport.phantom.anatomy import brain, neck, skull
from ichreport.phantom.anatomy.cavity import Cavity, cavity
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.anatomy.landmarks import EDGE, slow_noise
from ichreport.phantom.anatomy.neck import Metal
from ichreport.phantom.anatomy.surgery import NONE, Surgery
from ichreport.phantom.bleeds import kinds
from ichreport.phantom.bleeds.intraparenchymal import Intraparenchymal
from ichreport.phantom.bleeds.intraventricular import Intraventricular
from ichreport.phantom.bleeds.kinds import Bleed
from ichreport.phantom.bleeds.subarachnoid import Subarachnoid
from ichreport.phantom.lookalikes import Lookalike
from ichreport.phantom.shapes import Array, Points, Vector, any_of, inside

_OEDEMA = 13.0
"""Darkening of the brain around a bleed (HU)."""

_SUBPLANES = 2
"""Planes that a slice's content averages, for partial volume along its thickness."""


@dataclass(frozen=True)
class Patient:
    """A head with its bleeds and look-alikes at one time.

    Attributes:
        head: The person.
        bleeds: Acute bleeds.
        lookalikes: Bright things that are none.
        down: Unit vector of gravity in the head's frame.
        cupping: Brightening of the brain next to the bone by beam hardening (HU).
        surgery: What operations have left.
    """

    head: Head
    bleeds: tuple[Bleed, ...]
    lookalikes: tuple[Lookalike, ...]
    down: Vector
    cupping: float
    surgery: Surgery = NONE

    @property
    def metal(self) -> tuple[Metal, ...]:
        """All metal in the canonical head, which `head.build.deformation` leads out of."""
        return self.surgery.metal + neck.dental_metal(self.head)


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
    content of the dura is the mean of `_SUBPLANES` planes.

    Args:
        patient: The head.
        p: Points of the slab's middle plane in the head's frame, shape (rows, columns).
        lift: Step from the slab's lower to its upper face in the head's frame (mm).
        edge: Width of a voxel's edge response in the plane (mm).
        thickness: Width of the slab (mm).
    """
    space = cavity(p)
    hu = skull.shell(patient.head, p, space, edge, thickness, patient.surgery)
    section = Section(hu, lookalikes=[0.0] * len(patient.lookalikes))
    index = np.flatnonzero(space.wall < edge + thickness * space.slope)
    if not len(index):
        return section
    middle, flat = p.at(index), section.hu.reshape(-1)
    slow = slow_noise(patient.head, middle)
    bone = flat.take(index)
    total = bone.copy()
    for number in range(_SUBPLANES):
        offset = (number + 0.5) / _SUBPLANES - 0.5
        plane = Points(*(v + np.float32(offset * d) for v, d in zip(middle, lift, strict=True)))
        near = cavity(plane)
        blur = np.float32(edge) + np.float32(thickness / _SUBPLANES) * near.slope
        share = inside(near.wall, blur) * np.float32(1 / _SUBPLANES)
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
    """Intensity of the content of the dura, and each subtype's share; adds to what is `seen`."""
    bleeds = patient.bleeds
    extraaxial = kinds.place_extraaxial(bleeds, p, space)
    densities = [(b, b.density(p)) for b in bleeds if isinstance(b, Subarachnoid)]
    content = brain.draw(
        patient.head,
        p,
        space,
        mass_effect=kinds.mass_effect(bleeds),
        outside=extraaxial.outside,
        clogged=any_of([density for _, density in densities]) if densities else None,
        slow=slow,
    )
    layers = _Layers(content.hu, slow)
    for number, lookalike in enumerate(patient.lookalikes):
        share = lookalike.share(p, content)
        if share is not None:
            layers.hu += share * (np.float32(lookalike.hu) - layers.hu)
            seen[number] += float(share.sum()) / _SUBPLANES
    for diluted, density in densities:
        layers.put(diluted, density * content.subarachnoid)
    for bleed in bleeds:
        if isinstance(bleed, Intraventricular):
            layers.put(bleed, bleed.share(content, slow, patient.down))
        elif isinstance(bleed, Intraparenchymal):
            distance = np.maximum(bleed.distance(p), np.float32(1.5) - extraaxial.outside)
            swollen = inside(distance - np.float32(bleed.oedema), 3.0)
            swollen *= (1 - content.subarachnoid) * (1 - content.ventricles)
            layers.hu -= np.float32(_OEDEMA if bleed.oedema > 1 else _OEDEMA / 4) * swollen
            layers.put(bleed, inside(distance, 1.6))
    for outer, amount in extraaxial.bleeds:
        layers.put(outer, amount, settled=outer.settled(p))
    for share, hu in patient.surgery.devices(p, EDGE):
        layers.hu += share * (np.float32(hu) - layers.hu)
    cup = np.exp(np.minimum(space.wall, 0) * np.float32(1 / 9))
    return layers.hu + np.float32(patient.cupping) * cup, layers.blood


class _Layers:
    """Bleeds painted over tissue; each later one replaces what is under it."""

    def __init__(self, hu: Array, slow: Array) -> None:
        self.hu = hu
        self.slow = slow
        self.blood: dict[str, Array] = {}

    def put(self, bleed: Bleed, share: Array, settled: Array | float = 0.0) -> None:
        """Put a bleed.

        Args:
            bleed: The bleed.
            share: Its share of each point.
            settled: Loss of intensity where its blood has settled away (HU).
        """
        value = np.float32(bleed.hu) + np.float32(1.5) * self.slow - settled
        self.hu += share * (value - self.hu)
        for other in self.blood.values():
            other *= 1 - share
        before = self.blood.get(bleed.subtype)
        self.blood[bleed.subtype] = share if before is None else np.maximum(before, share)
