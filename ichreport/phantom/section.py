"""One plane through a head: tissue, blood and look-alikes put together."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import numpy as np

from ichreport.phantom.anatomy import brain, neck, skull
from ichreport.phantom.anatomy.brain import Brain
from ichreport.phantom.anatomy.cavity import Cavity, cavity
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.anatomy.landmarks import EDGE, MassEffect, slow_noise
from ichreport.phantom.anatomy.neck import Metal
from ichreport.phantom.anatomy.surgery import NONE, Surgery
from ichreport.phantom.bleeds import kinds
from ichreport.phantom.bleeds.intraparenchymal import Intraparenchymal
from ichreport.phantom.bleeds.intraventricular import Intraventricular
from ichreport.phantom.bleeds.kinds import Bleed, ExtraaxialBlood
from ichreport.phantom.bleeds.layers import Layers
from ichreport.phantom.bleeds.subarachnoid import Subarachnoid
from ichreport.phantom.lookalikes import Lookalike
from ichreport.phantom.lookalikes.meningioma import Meningioma
from ichreport.phantom.shapes import Array, Points, Vector, any_of, at_most, inside

_SUBPLANES = 2
"""Planes that a thick slice's content averages, for partial volume along its thickness."""

_THIN = 1.5
"""Up to this thickness one plane stands for a slice, which is as thick as pixels are wide (mm)."""


@dataclass(frozen=True)
class Patient:
    """A head with its bleeds and look-alikes at one time.

    Attributes:
        head: The person.
        bleeds: Its bleeds, as old as they are at that time.
        lookalikes: Bright things that are no bleed.
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

    @cached_property
    def mass_effect(self) -> MassEffect:
        """How its bleeds displace its brain."""
        return kinds.mass_effect(self.bleeds)


@dataclass
class Section:
    """What a plane through a head shows, on the grid that it was drawn on.

    Attributes:
        hu: Intensity (HU).
        blood: Share of each point that is blood, by subtype; only subtypes that are there.
        bleeds: Total share of each bleed (points), in the order of the patient's.
        lookalikes: The same of each look-alike.
    """

    hu: Array
    blood: dict[str, Array] = field(default_factory=dict)
    bleeds: list[float] = field(default_factory=list)
    lookalikes: list[float] = field(default_factory=list)

    @classmethod
    def empty(cls, hu: Array, patient: Patient) -> Self:
        """A plane that shows none of the patient's bleeds and look-alikes."""
        return cls(hu, {}, [0.0] * len(patient.bleeds), [0.0] * len(patient.lookalikes))


def draw(patient: Patient, p: Points, *, lift: Vector, edge: float, thickness: float) -> Section:
    """Draw a slab.

    Skull and face are drawn once, their surfaces blurred as far as they lean towards the slab; the
    content of the dura is the mean of `_SUBPLANES` planes, of a thin slab one plane.

    Args:
        patient: The head.
        p: Points of the slab's middle plane in the head's frame, shape (rows, columns).
        lift: Step from the slab's lower to its upper face in the head's frame (mm).
        edge: Width of a voxel's edge response in the plane (mm).
        thickness: Width of the slab (mm).
    """
    space = cavity(p)
    hu = skull.shell(patient.head, p, space, edge, thickness, patient.surgery)
    section = Section.empty(hu, patient)
    index = np.flatnonzero(space.wall < edge + thickness * space.slope)
    if not len(index):
        return section
    middle, flat = p.at(index), section.hu.reshape(-1)
    slow = slow_noise(patient.head, middle)
    bone = flat.take(index)
    total = bone.copy()
    planes = 1 if thickness <= _THIN else _SUBPLANES
    stack, near = _stacked(middle, lift, planes)
    blur = np.float32(edge) + np.float32(thickness / planes) * near.slope
    share = inside(near.wall, blur) * np.float32(1 / planes)
    content, blood = _content(patient, stack, near, np.tile(slow, planes), section, 1 / planes)
    share, content = share.reshape(planes, -1), content.reshape(planes, -1)
    for one, hu_of_one in zip(share, content, strict=True):
        total += one * (hu_of_one - bone)
    for subtype, amount in blood.items():
        if amount.max() > 0:
            whole = section.blood.setdefault(subtype, np.zeros(p.x.shape, np.float32))
            whole.reshape(-1)[index] += (amount.reshape(planes, -1) * share).sum(axis=0)
    flat[index] = total
    return section


def _stacked(middle: Points, lift: Vector, planes: int) -> tuple[Points, Cavity]:
    """Planes that lie evenly through a slab, one after the other, and the cavity at their points.

    They are drawn at once: half of the time that a plane takes is that of calls, not of points.
    """
    offsets = [(number + 0.5) / planes - 0.5 for number in range(planes)]
    parts = [
        Points(*(v + np.float32(offset * d) for v, d in zip(middle, lift, strict=True)))
        for offset in offsets
    ]
    spaces = [cavity(part) for part in parts]
    return (
        Points(*(np.concatenate(v) for v in zip(*parts, strict=True))),
        Cavity(*(np.concatenate(v) for v in zip(*spaces, strict=True))),
    )


def _content(
    patient: Patient, p: Points, space: Cavity, slow: Array, section: Section, weight: float
) -> tuple[Array, dict[str, Array]]:
    """Intensity of the content of the dura, and each subtype's share; adds to what is seen.

    `weight` is this plane's share of the slab.
    """
    extraaxial = kinds.place_extraaxial(patient.bleeds, p, space)
    outside = extraaxial.outside
    for mass in patient.lookalikes:
        if isinstance(mass, Meningioma):
            outside = np.minimum(outside, mass.distance(p, space))
    densities = {
        number: bleed.density(p)
        for number, bleed in enumerate(patient.bleeds)
        if isinstance(bleed, Subarachnoid)
    }
    content = brain.draw(
        patient.head,
        p,
        space,
        mass_effect=patient.mass_effect,
        outside=outside,
        clogged=any_of(list(densities.values())) if densities else None,
        slow=slow,
    )
    hu = content.hu
    for number, lookalike in enumerate(patient.lookalikes):
        patch = lookalike.patch(p, space, content)
        if patch is not None:
            hu[patch.points] += patch.share * (np.float32(lookalike.hu) - hu.take(patch.points))
            section.lookalikes[number] += float(patch.share.sum()) * weight
    layers = Layers(hu, p, slow, patient.down)
    for number, amount in _paint(layers, patient, content, extraaxial, densities):
        section.bleeds[number] += amount * weight
    for share, device in patient.surgery.devices(p, EDGE):
        layers.hu += share * (np.float32(device) - layers.hu)
    cup = np.exp(at_most(space.wall, 0) * np.float32(1 / 9))
    return layers.hu + np.float32(patient.cupping) * cup, layers.blood


def _paint(
    layers: Layers,
    patient: Patient,
    content: Brain,
    extraaxial: ExtraaxialBlood,
    densities: dict[int, Array],
) -> Iterator[tuple[int, float]]:
    """Paint the bleeds, from the inner fluid outwards; yields each one's total share (points)."""
    for number, density in densities.items():
        yield number, layers.put(patient.bleeds[number], density * content.subarachnoid)
    for number, bleed in enumerate(patient.bleeds):
        if isinstance(bleed, Intraventricular):
            yield (
                number,
                layers.put(bleed, bleed.share(content, layers.p, layers.slow, patient.down)),
            )
        elif isinstance(bleed, Intraparenchymal):
            outside = extraaxial.outside
            yield number, layers.put_within(bleed, content, outside, patient.head)
    for number, (outer, share) in extraaxial.placed.items():
        yield number, layers.put(outer, share, level=outer.level(patient.down))
