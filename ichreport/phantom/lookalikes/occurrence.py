"""How often each look-alike occurs."""

from typing import Final

import numpy as np

from ichreport.phantom.lookalikes import calcifications
from ichreport.phantom.lookalikes.dura import Dura, Sinus
from ichreport.phantom.lookalikes.lookalike import Lookalike
from ichreport.phantom.lookalikes.meningioma import Meningioma
from ichreport.phantom.lookalikes.vessels import ALL_ARTERIES, Arteries, CorticalVessels

CONTRAST_SHARE: Final = 0.05
"""Share of patients scanned with contrast, whose series was sorted among the plain ones."""

_BELOW = -18.0
"""Height below which the transverse sinuses and their confluence lie (mm)."""


def draw(rng: np.random.Generator, age: float, *, varied: bool = False) -> list[Lookalike]:
    """Draw a person's look-alikes, in bleeders and others alike.

    Calcifications come with age. On CT, about two thirds of old adults have a calcified choroid
    plexus and pineal, a fifth plates in the falx, one in eight calcified basal ganglia.

    Args:
        rng: Source of randomness.
        age: Age (years).
        varied: Whether rarer ones occur too.
    """
    old = float(np.clip((age - 20) / 60, 0.15, 1))
    usual = (
        (0.55 * old + 0.1, calcifications.choroid_plexus),
        (0.5 * old + 0.15, calcifications.pineal),
        (0.3 * old, calcifications.falx),
        (0.15, _dense_sinus),
        (0.2, calcifications.small),
        (0.18 * old, calcifications.basal_ganglia),
    )
    lookalikes: list[Lookalike] = [make(rng) for share, make in usual if rng.random() < share]
    if varied:
        lookalikes = _with_rarer(rng, age, old, lookalikes)
    return lookalikes


def _with_rarer(
    rng: np.random.Generator, age: float, old: float, usual: list[Lookalike]
) -> list[Lookalike]:
    """Add what is seen in fewer people.

    Calcified carotid siphons are in most people above 70 and vertebral arteries in a fifth
    (Bos et al. 2011, 2014); petroclinoid ligaments in a tenth; dentate nuclei in under 1 %, more
    in the old; a meningioma in 1 % (Vernooij et al. 2007); a dense artery in about 1 % of heads
    scanned in an emergency, as a third of strokes of a large artery show it. Falx and tentorium
    look dense in one old person in seven, whose brain around them has shrunk.
    """
    siphons = float(np.clip((age - 45) / 35, 0, 0.85))
    rarer = (
        (siphons, calcifications.carotid_siphons),
        (0.25 * siphons, calcifications.vertebral_arteries),
        (0.12 * old, calcifications.petroclinoid_ligaments),
        (0.02 * old, calcifications.dentate_nuclei),
        (0.14 * old, _dense_dura),
        (0.04, _dense_confluence),
        (0.012, _dense_artery),
        (0.012, Meningioma.draw),
    )
    lookalikes = usual + [make(rng) for share, make in rarer if rng.random() < share]
    if rng.random() < CONTRAST_SHARE:
        lookalikes = [v for v in lookalikes if not isinstance(v, Sinus | Dura | Arteries)]
        lookalikes += _contrast(rng)
    return lookalikes


def _dense_sinus(rng: np.random.Generator) -> Sinus:
    """Thick blood, as of the young and those who drank little; or a thrombus."""
    return Sinus("hyperdense sinus", float(rng.uniform(66, 76)))


def _dense_confluence(rng: np.random.Generator) -> Sinus:
    return Sinus("hyperdense torcula", float(rng.uniform(66, 76)), highest=_BELOW)


def _dense_dura(rng: np.random.Generator) -> Dura:
    return Dura("dense falx and tentorium", float(rng.uniform(62, 80)))


def _dense_artery(rng: np.random.Generator) -> Arteries:
    """A clot in a middle cerebral or in the basilar artery."""
    hu, name = float(rng.uniform(62, 82)), "hyperdense artery"
    if rng.random() < 0.2:
        return Arteries(name, hu, ("basilar",))
    return Arteries(name, hu, ("middle cerebral",), (int(rng.choice((-1, 1))),))


def _contrast(rng: np.random.Generator) -> list[Lookalike]:
    """Contrast in a venous phase fills sinuses and arteries alike."""
    filled = float(rng.uniform(120, 250))
    return [
        Arteries("contrast in arteries", filled, ALL_ARTERIES),
        CorticalVessels("contrast in cortical vessels", 0.7 * filled, float(rng.uniform(0, 128))),
        Dura("contrast in the dura", float(rng.uniform(75, 110))),
        Sinus("contrast in sinuses", filled * float(rng.uniform(0.9, 1.1))),
    ]
