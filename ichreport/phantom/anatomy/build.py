"""How people are built: what differs in skull, face and neck from one person to the next."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from ichreport.phantom.anatomy.deformation import Deformation
from ichreport.phantom.shapes import Vector, vector


def _bounded(value: float, low: float, high: float) -> float:
    return float(min(max(value, low), high))


@dataclass(frozen=True)
class VaultTraits:
    """The skull's vault and the scalp over it.

    Attributes:
        front: Thickness of the frontal bone, relative to the head's mean.
        back: Thickness of the occiput, relative to it.
        temples: Share of the thickness that is lost at the temporal squama.
        tilt: Difference of thickness between left and right, relative.
        uneven: Random changes of thickness along the vault, relative (standard deviation).
        thick_front: Added thickness of the frontal bone, even all over it, in some old people (mm).
        tables: Thickness of each table (mm).
        sutures: How open the sutures look, 0 to 1.
        base: Intensity of the skull's base, relative to the tables.
        granulations: Pits of arachnoid granulations: centers (mm).
        skin: Thickness of the skin (mm).
        temporalis: Greatest thickness of the temporal muscle (mm).
        swelling: Center and radius (mm) of a swelling of the scalp, if there is one.
        swollen: Its added thickness (mm).
        swelling_hu: Its intensity (HU): fluid, or a hematoma outside the skull.
    """

    front: float
    back: float
    temples: float
    tilt: float
    uneven: float
    thick_front: float
    tables: float
    sutures: float
    base: float
    granulations: tuple[Vector, ...]
    skin: float
    temporalis: float
    swelling: tuple[Vector, float] | None
    swollen: float
    swelling_hu: float

    @classmethod
    def draw(cls, rng: np.random.Generator, age: float, *, varied: bool) -> Self:
        """Draw a vault; an adult's is even and sound."""
        spread = 1.0 if varied else 0.4
        thickened = varied and age > 50 and rng.random() < 0.14
        swollen = varied and rng.random() < 0.10
        pits = int(rng.integers(0, 4)) if varied else 0
        away = rng.normal(size=3) * (1, 1, 0.7)
        away[2] = abs(away[2]) - 0.1
        return cls(
            front=_bounded(1.08 + spread * rng.normal(0, 0.12), 0.75, 1.5),
            back=_bounded(1.18 + spread * rng.normal(0, 0.14), 0.8, 1.6),
            temples=_bounded(0.46 + spread * rng.normal(0, 0.09), 0.2, 0.66),
            tilt=_bounded(spread * rng.normal(0, 0.06), -0.15, 0.15),
            uneven=float(spread * rng.uniform(0.03, 0.08)),
            thick_front=float(rng.uniform(1.5, 4.0)) if thickened else 0.0,
            tables=_bounded(1.45 + spread * rng.normal(0, 0.3), 0.9, 2.4),
            sutures=_bounded(1.0 - age / 130 + spread * rng.normal(0, 0.2), 0, 1),
            base=_bounded(0.62 + spread * rng.normal(0, 0.07), 0.45, 0.8),
            granulations=tuple(_granulation(rng) for _ in range(pits)),
            skin=_bounded(3.1 + spread * rng.normal(0, 0.25), 2.8, 3.8),
            temporalis=_bounded(5.5 + spread * rng.normal(0, 1.6), 1.5, 9),
            swelling=(vector(away / np.linalg.norm(away)), float(rng.uniform(16, 42)))
            if swollen
            else None,
            swollen=float(rng.uniform(3, 12)) if swollen else 0.0,
            swelling_hu=float(rng.choice((rng.uniform(15, 35), rng.uniform(50, 70)))),
        )


def _granulation(rng: np.random.Generator) -> Vector:
    side = rng.choice((-1, 1))
    return vector(np.array([side * rng.uniform(5, 22), rng.uniform(-50, 70), rng.uniform(1.5, 3)]))


@dataclass(frozen=True)
class FaceSide:
    """One side of the face.

    Attributes:
        orbit: Shift of the orbit and what is in it from the canonical place (mm).
        orbit_size: Width of the orbit, relative.
        globe: Radius of the eyeball (mm).
        gaze: Shift of the lens to the left and up, as the eye looks there (mm).
        lens: Half thickness of the lens (mm); an artificial one is thin.
        frontal: Half width, height and center's height of the frontal sinus (mm);
            0.1 wide if there is none.
        maxillary: Size of the maxillary sinus, relative.
        maxillary_lining: Thickness of swollen mucosa in it (mm).
        maxillary_level: Height of a fluid level in it above its middle (mm); -99 if none.
        mastoid: Extent of the mastoid's cells, relative.
        mastoid_air: Share of that which is air.
        mastoid_fluid: Whether the cells hold fluid.
        petrous: Shift of the petrous bone's inner parts (mm).
        apex: Intensity of the petrous apex's marrow (HU); air below -500.
        canal: Radius of the ear canal (mm).
        ear: Half height, half depth and how far the auricle stands off (mm).
    """

    orbit: Vector
    orbit_size: float
    globe: float
    gaze: tuple[float, float]
    lens: float
    frontal: Vector
    maxillary: float
    maxillary_lining: float
    maxillary_level: float
    mastoid: float
    mastoid_air: float
    mastoid_fluid: bool
    petrous: Vector
    apex: float
    canal: float
    ear: Vector


@dataclass(frozen=True)
class FaceTraits:
    """The face.

    Attributes:
        right: The right side.
        left: The left side.
        ethmoid: Half width of the ethmoid cells of one side (mm).
        ethmoid_fluid: Share of them that holds fluid.
        sphenoid: Half width, depth and height of the sphenoid sinus (mm).
        sphenoid_septum: How far its septum lies off the midline (mm).
        sphenoid_fluid: Whether it holds fluid.
        nose: Length, width and height of the nose, relative.
        septum: How far the nasal septum bends (mm).
        fat: Thickness of the cheeks' fat (mm).
        length: Shift of the jaws downwards (mm).
        zygoma: Shift of the cheekbones sideways (mm).
    """

    right: FaceSide
    left: FaceSide
    ethmoid: float
    ethmoid_fluid: float
    sphenoid: Vector
    sphenoid_septum: float
    sphenoid_fluid: bool
    nose: Vector
    septum: float
    fat: float
    length: float
    zygoma: float

    @classmethod
    def draw(cls, rng: np.random.Generator, age: float, *, varied: bool) -> Self:
        """Draw a face, of an adult or of anyone."""
        s = 1.0 if varied else 0.4
        inflamed = varied and rng.random() < 0.3
        common = {
            "orbit": vector(s * rng.normal(0, (1.2, 2.2, 2.2))),
            "size": 1 + s * rng.normal(0, 0.05),
            "globe": 12.1 + s * rng.normal(0, 0.5),
            "proptosis": s * rng.normal(0, 1.6),
            "gaze": vector(rng.normal(0, (2.2, 1.0, 0)) * s),
            "artificial": varied and age > 62 and rng.random() < 0.35,
            "frontal": rng.gamma(2.2, 0.38) if varied else 0.8,
            "maxillary": 1 + s * rng.normal(0, 0.12),
            "mastoid": np.clip(rng.normal(0.95, 0.22), 0.4, 1.4) if varied else 0.95,
            "apex": rng.choice((-990.0, -60.0, 350.0, 700.0), p=(0.15, 0.2, 0.3, 0.35)),
            "ear": vector(np.array([27, 11, 11]) * (1 + s * rng.normal(0, (0.1, 0.15, 0.25)))),
            "aeration": np.clip(rng.normal(0.6, 0.15), 0.2, 0.85),
            "inflamed": inflamed,
        }
        right, left = (_side(rng, s, common) for _ in range(2))
        return cls(
            right=right,
            left=left,
            ethmoid=float(6.5 + s * rng.normal(0, 0.9)),
            ethmoid_fluid=float(rng.uniform(0.2, 0.9)) if inflamed and rng.random() < 0.6 else 0.0,
            sphenoid=vector(
                np.array([14, 12, 9.5]) * np.clip(1 + s * rng.normal(0, (0.28, 0.3, 0.2)), 0.3, 1.6)
            ),
            sphenoid_septum=float(s * rng.normal(0, 4)),
            sphenoid_fluid=bool(inflamed and rng.random() < 0.25),
            nose=vector(1 + s * rng.normal(0, (0.12, 0.12, 0.12))),
            septum=float(s * rng.normal(0, 2)),
            fat=_bounded(7 + s * rng.normal(0, 3), 2.5, 16),
            length=float(s * rng.normal(0, 4)),
            zygoma=float(s * rng.normal(0, 2)),
        )


def _side(rng: np.random.Generator, s: float, common: dict) -> FaceSide:  # type: ignore[type-arg]
    """One side of a face whose sides share most; their rest differs."""
    inflamed, size = common["inflamed"], common["frontal"] * (1 + s * rng.normal(0, 0.35))
    orbit = np.asarray(common["orbit"]) + s * rng.normal(0, (0.5, 0.8, 0.8))
    orbit[1] += common["proptosis"]
    frontal = (0.1, 0.1, 0.0)
    if size > 0.25:
        size = min(size, 2.2)
        wide, high, middle = rng.normal((6 + 10 * size, 4 + 9 * size, -20 + 7 * size), (2, 2, 2))
        frontal = (max(wide, 4), max(high, 4), middle)
    return FaceSide(
        orbit=vector(orbit),
        orbit_size=float(common["size"]),
        globe=_bounded(common["globe"] + s * rng.normal(0, 0.15), 10.5, 14),
        gaze=(common["gaze"][0], common["gaze"][1]),
        lens=0.8 if common["artificial"] and rng.random() < 0.8 else 2.1,
        frontal=vector(np.array(frontal)),
        maxillary=_bounded(common["maxillary"] + s * rng.normal(0, 0.06), 0.5, 1.3),
        maxillary_lining=float(rng.uniform(1, 6)) if inflamed and rng.random() < 0.5 else 0.0,
        maxillary_level=float(rng.uniform(-9, 12)) if inflamed and rng.random() < 0.3 else -99.0,
        mastoid=_bounded(common["mastoid"] + s * rng.normal(0, 0.1), 0.3, 1.5),
        mastoid_air=_bounded(common["aeration"] + s * rng.normal(0, 0.08), 0.1, 0.9),
        mastoid_fluid=bool(s == 1 and rng.random() < 0.07),
        petrous=vector(s * rng.normal(0, (1.5, 1.5, 1.5))),
        apex=float(common["apex"]),
        canal=_bounded(3.4 + s * rng.normal(0, 0.5), 2.2, 4.8),
        ear=vector(np.asarray(common["ear"]) * (1 + s * rng.normal(0, (0.04, 0.06, 0.2)))),
    )


@dataclass(frozen=True)
class NeckTraits:
    """Jaw, teeth, neck and shoulders.

    Attributes:
        teeth: Share of the teeth that is left.
        metal: Angles on the dental arch where a tooth carries metal (radians from the front, left
            positive), and whether it is an upper one.
        airway: Half width of the pharynx (mm).
        muscle: Size of the muscles, relative.
        fat: How fatty the planes between muscles are, 0 to 1.
        tilt: Shift of the spine forwards with each mm downwards.
        shoulders: Height of the shoulders' top (mm); far below what is scanned in most.
    """

    teeth: float
    metal: tuple[tuple[float, bool], ...]
    airway: float
    muscle: float
    fat: float
    tilt: float
    shoulders: float

    @classmethod
    def draw(cls, rng: np.random.Generator, age: float, *, varied: bool) -> Self:
        """Draw a neck, of an adult or of anyone."""
        teeth = 0.95
        if varied:
            teeth = _bounded(1.25 - age / 110 + rng.normal(0, 0.25), 0, 1)
            if age > 70 and rng.random() < 0.3:
                teeth = 0.0
        fillings = int(rng.poisson(2.5)) if varied and teeth > 0 and rng.random() < 0.6 else 0
        metal = tuple(
            (float(rng.choice((-1, 1)) * rng.uniform(0.35, 1.5)), bool(rng.random() < 0.6))
            for _ in range(fillings)
        )
        shrugged = varied and rng.random() < 0.12
        return cls(
            teeth=teeth,
            metal=metal,
            airway=_bounded(rng.normal(10, 2.5), 5, 16) if varied else 10.0,
            muscle=_bounded(rng.normal(1.05 - age / 700, 0.12), 0.65, 1.3) if varied else 1.0,
            fat=_bounded(rng.normal(0.2 + age / 150, 0.2), 0, 1) if varied else 0.5,
            tilt=float(rng.normal(-0.1, 0.12)) if varied else -0.1,
            shoulders=float(rng.uniform(-112, -90)) if shrugged else -160.0,
        )


@dataclass(frozen=True)
class Build:
    """A person's shape, skull, face and neck.

    Attributes:
        deformation: The shape of the head, as against the canonical one.
        vault: The skull's vault and scalp.
        face: The face.
        neck: Jaw, teeth, neck and shoulders.
    """

    deformation: Deformation
    vault: VaultTraits
    face: FaceTraits
    neck: NeckTraits

    @classmethod
    def draw(cls, rng: np.random.Generator, age: float, *, varied: bool) -> Self:
        """Draw a build.

        Args:
            rng: Source of randomness.
            age: Years.
            varied: Whether it is anyone's, or a sound adult's.
        """
        shape, vault, face, neck = rng.spawn(4)
        return cls(
            Deformation.draw(shape, 0.9 if varied else 0.4),
            VaultTraits.draw(vault, age, varied=varied),
            FaceTraits.draw(face, age, varied=varied),
            NeckTraits.draw(neck, age, varied=varied),
        )
