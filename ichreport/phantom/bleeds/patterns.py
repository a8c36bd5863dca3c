"""Which bleeds occur together, at what stage, on which sides: all bleeds of one patient."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from ichreport.phantom.bleeds.blood import ACUTE, CHRONIC, HYPERACUTE, MIXED, SUBACUTE, Blood
from ichreport.phantom.bleeds.epidural import Epidural
from ichreport.phantom.bleeds.intraparenchymal import CONTUSION_SITES, Intraparenchymal
from ichreport.phantom.bleeds.intraventricular import Intraventricular
from ichreport.phantom.bleeds.kinds import BLEED_TYPES, Bleed
from ichreport.phantom.bleeds.subarachnoid import Subarachnoid
from ichreport.phantom.bleeds.subdural import Subdural

_STAGES: Final[dict[str, dict[str, float]]] = {
    Epidural.subtype: {HYPERACUTE: 0.25, ACUTE: 0.69, SUBACUTE: 0.06},
    Intraparenchymal.subtype: {HYPERACUTE: 0.15, ACUTE: 0.69, MIXED: 0.04, SUBACUTE: 0.12},
    Intraventricular.subtype: {ACUTE: 1.0},
    Subarachnoid.subtype: {ACUTE: 1.0},
    Subdural.subtype: {HYPERACUTE: 0.05, ACUTE: 0.45, MIXED: 0.22, SUBACUTE: 0.12, CHRONIC: 0.16},
}
"""Share of each stage at the first study.

Epidural and intraparenchymal bleeds come in within a day, a fourth of the large epidural ones
with the swirls of an active bleed (Al-Nakshabandi 2001); of subdural ones about half are acute.
A few bleeds within the brain do not clot, as under anticoagulants, and show a level.
Blood diluted by fluid is washed out before its clot would fade.
"""

_OLD_AGE: Final = 55.0
"""Chronic subdural bleeds are rare before (years)."""

_TRAUMA: Final = {Epidural.subtype, Subdural.subtype}


def draw_bleeds(
    rng: np.random.Generator,
    subtypes: Sequence[tuple[str, bool]],
    *,
    age: float = 60.0,
    varied: bool = True,
) -> tuple[Bleed, ...]:
    """Draw all bleeds of a patient.

    Args:
        rng: Source of randomness.
        subtypes: Each subtype that bleeds, with whether it is subtle.
        age: Age of the patient (years).
        varied: Whether there may be several of a subtype, of any stage; else one each, acute.
    """
    if not varied:
        return tuple(BLEED_TYPES[name].draw(rng, subtle=subtle) for name, subtle in subtypes)
    names = {name for name, _ in subtypes}
    bleeds: list[Bleed] = []
    for name, subtle in subtypes:
        blood = Blood.draw(rng, _stage(rng, name, age, alone=len(names) == 1), subtle=subtle)
        if name == Epidural.subtype:
            bleeds.append(Epidural.draw(rng, subtle=subtle, blood=blood, rare_sites=True))
        elif name == Subdural.subtype:
            bleeds += _subdural(rng, blood, subtle=subtle)
        elif name == Subarachnoid.subtype:
            bleeds.append(_subarachnoid(rng, names, blood, subtle=subtle))
        elif name == Intraparenchymal.subtype:
            bleeds += _intraparenchymal(rng, names, blood, subtle=subtle)
        else:
            beside = _side_of_deep_bleed(bleeds)
            bleeds.append(Intraventricular.draw(rng, subtle=subtle, blood=blood, beside=beside))
    return tuple(bleeds)


def _stage(rng: np.random.Generator, subtype: str, age: float, *, alone: bool) -> str:
    """A stage; what comes with other bleeds is of the same accident, so it is fresh."""
    shares = _STAGES[subtype]
    stage = str(rng.choice(list(shares), p=list(shares.values())))
    if stage in (SUBACUTE, CHRONIC) and not alone and rng.random() < 0.7:
        return ACUTE
    if stage == CHRONIC and age < _OLD_AGE and rng.random() < 0.7:
        return ACUTE
    return stage


def _subdural(rng: np.random.Generator, blood: Blood, *, subtle: bool) -> list[Bleed]:
    """One crescent, at times with its mirror image or with blood along falx and tentorium.

    A fifth to a third of chronic subdural bleeds are bilateral, and one in ten acute ones.
    """
    old = blood.stage in (MIXED, SUBACUTE, CHRONIC)
    where = "convexity" if old else None
    first = Subdural.draw(rng, subtle=subtle, blood=blood, where=where)
    bleeds: list[Bleed] = [first]
    if first.where != "convexity" or subtle:
        return bleeds
    if rng.random() < (0.28 if old else 0.10):
        other = blood if rng.random() < 0.7 else Blood.draw(rng, blood.stage)
        thin = rng.random() < 0.4
        bleeds.append(Subdural.draw(rng, subtle=thin, blood=other, where=where, side=-first.side))
    if not old and rng.random() < 0.3:
        for place, share in (("falx", 0.5), ("tentorium", 0.6)):
            if rng.random() < share:
                thin = rng.random() < 0.5
                layer = Subdural.draw(rng, subtle=thin, blood=blood, where=place, side=first.side)
                bleeds.append(layer)
    return bleeds


def _subarachnoid(
    rng: np.random.Generator, names: set[str], blood: Blood, *, subtle: bool
) -> Subarachnoid:
    """Blood of an aneurysm around the base, or of a trauma in the sulci."""
    traumatic = 0.85 if names & _TRAUMA else 0.15 if Intraventricular.subtype in names else 0.45
    if rng.random() < traumatic:
        return Subarachnoid.draw_traumatic(rng, subtle=subtle, blood=blood)
    return Subarachnoid.draw_aneurysmal(rng, subtle=subtle, blood=blood)


def _intraparenchymal(
    rng: np.random.Generator, names: set[str], blood: Blood, *, subtle: bool
) -> list[Bleed]:
    """Contusions after a trauma, else a spontaneous bleed, deep if it reaches the ventricles."""
    if names & _TRAUMA and rng.random() < 0.8:
        return _contusions(rng, blood, subtle=subtle)
    deep = Intraventricular.subtype in names and not subtle
    return [Intraparenchymal.draw(rng, subtle=subtle, blood=blood, deep=deep)]


def _contusions(rng: np.random.Generator, blood: Blood, *, subtle: bool) -> list[Bleed]:
    """Several contusions, most on the side opposite to the blow, at the base and the poles."""
    side = int(rng.choice((-1, 1)))
    number = 1 + int(rng.binomial(1, 0.3)) if subtle else int(rng.integers(1, 5))
    sites = list(CONTUSION_SITES)
    shares = [CONTUSION_SITES[site][0] for site in sites]
    bleeds: list[Bleed] = []
    for number_drawn in range(number):
        where = str(rng.choice(sites, p=shares))
        at = side if not number_drawn or rng.random() < 0.65 else -side
        bleeds.append(
            Intraparenchymal.draw_contusion(rng, at, subtle=subtle, blood=blood, where=where)
        )
    return bleeds


def _side_of_deep_bleed(bleeds: Sequence[Bleed]) -> int:
    deep = [
        b for b in bleeds if isinstance(b, Intraparenchymal) and b.where in ("putamen", "thalamus")
    ]
    return int(np.sign(deep[0].lobes[0][0][0])) if deep else 0
