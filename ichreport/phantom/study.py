"""One patient, from the plan to files: draw the head, take the series, write slices and truth."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from ichreport.labels import ANY, SUBTYPES
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.params.phantom.scanners import named
from ichreport.phantom import headers, lookalikes
from ichreport.phantom.anatomy import surgery
from ichreport.phantom.anatomy.deformation import Deformation
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.bleeds.patterns import draw_bleeds
from ichreport.phantom.cohort import PatientPlan, StudyPlan, identifier
from ichreport.phantom.scanner.scan import Scan
from ichreport.phantom.scanner.series import ScannedSlice, scan_series
from ichreport.phantom.section import Patient

IMAGES = "stage_2_train"
TRUTH = "truth"

VISIBLE_AREA = 40.0
"""A slice is positive for a subtype if its truth mask covers at least this area (mm²)."""

FREE_OF_BONE = 0.25
"""Share of that mask at least that lies off bone, whose blurred rim looks like blood."""

_RIM = 1.2
"""Width of that rim (mm)."""

_BONE = 120
"""Intensity from which a pixel shows bone (HU)."""

_KEPT_BYTES = 0.29
"""Share of its pixel bytes that the truncated file keeps."""

_NAMED_SHARE = 0.25
"""A slice is named for a bleed or a look-alike if it shows this share of what the best one does."""

_STUDIES_A_PATIENT = 8
_SLICES_A_STUDY = 128


@dataclasses.dataclass
class WrittenPatient:
    """What a patient's files hold.

    Attributes:
        description: The patient's entry in phantom.json.
        labels: For each slice, its SOP instance UID and its five labels.
        duplicated: SOP instance UIDs whose rows stand twice in the CSV.
    """

    description: dict[str, Any]
    labels: list[tuple[str, tuple[int, ...]]] = dataclasses.field(default_factory=list)
    duplicated: list[str] = dataclasses.field(default_factory=list)


def write_patient(folder: Path, recipe: PhantomRecipe, plan: PatientPlan) -> WrittenPatient:
    """Write all slices of one patient.

    Args:
        folder: The RSNA folder; its subfolders exist.
        recipe: The recipe; its seed and the patient's number decide everything.
        plan: What the patient has.
    """
    # a stream for each part, so that a new trait changes nothing else
    streams = [np.random.default_rng([recipe.seed, 2, plan.number, part]) for part in range(5)]
    of_head, of_lookalikes, of_bleeds, rng, of_surgery = streams
    varied = recipe.anatomy == "varied"
    head = Head.draw(of_head, varied=varied)
    operated = surgery.draw(of_surgery, head.skull) if varied else surgery.NONE
    bright = tuple(lookalikes.draw(of_lookalikes, head.age, varied=varied))
    bleeds = draw_bleeds(of_bleeds, plan.subtypes, age=head.age, varied=varied)
    days = _days_of_studies(of_bleeds, len(plan.studies))
    patient_id = identifier(recipe.seed, "patient", plan.number)
    traits = dataclasses.asdict(_without_shape(head))
    del traits["origin"], traits["twist"], traits["build"]["deformation"]
    written = WrittenPatient(
        {
            "patient_id": patient_id,
            **_rounded(traits),
            "surgery": list(operated.reasons),
            "studies": [],
        }
    )
    for order, study in enumerate(plan.studies):
        number = plan.number * _STUDIES_A_PATIENT + order
        names = headers.Names(
            patient_id,
            identifier(recipe.seed, "study", number),
            identifier(recipe.seed, "series", number),
        )
        at_study = tuple(bleed.aged(days[order]) for bleed in bleeds)
        scan = _draw_scan(rng, recipe, study)
        patient = Patient(head, at_study, bright, scan.down(head), scan.response.cupping, operated)
        _write_study(folder, recipe, study, scan, patient, names, number, rng, written)
    return written


def _without_shape(head: Head) -> Head:
    """A head without the waves of its shape, which nobody reads and which take long to copy."""
    return dataclasses.replace(
        head, build=dataclasses.replace(head.build, deformation=Deformation())
    )


def _days_of_studies(rng: np.random.Generator, studies: int) -> list[float]:
    """Days since the first study: follow-ups come the next day, next week, or after a month."""
    gaps = np.clip(np.exp(rng.normal(np.log(4.0), 1.1, studies - 1)), 0.5, 45)
    return [0.0, *(float(v) for v in np.cumsum(gaps))]


def _draw_scan(rng: np.random.Generator, recipe: PhantomRecipe, study: StudyPlan) -> Scan:
    rows, columns = recipe.matrix, recipe.matrix
    if "non-square" in study.faults:
        rows = round(recipe.matrix * 638 / 490)
    return Scan.draw(
        rng,
        named(study.scanner)[0],
        rows=rows,
        columns=columns,
        slices=recipe.slices,
        varied=recipe.anatomy == "varied",
    )


def _write_study(
    folder: Path,
    recipe: PhantomRecipe,
    study: StudyPlan,
    scan: Scan,
    patient: Patient,
    names: headers.Names,
    number: int,
    rng: np.random.Generator,
    written: WrittenPatient,
) -> None:
    style = headers.style_of(study)
    slices = []
    beyond = None if style.padding is None else headers.beyond_field(scan)
    template = headers.Template(scan, study, names, style)
    for index, taken in enumerate(scan_series(scan, patient)):
        uid = identifier(recipe.seed, "slice", number * _SLICES_A_STUDY + index)
        pixels = headers.stored(taken.hu, study, style, beyond)
        template.write(folder / IMAGES / f"{uid}.dcm", index, pixels)
        truth = _truth_bits(taken, scan)
        seen = int(np.bitwise_or.reduce(truth, axis=None))
        if seen:
            image = Image.fromarray(truth)
            image.save(folder / TRUTH / f"{uid}.png", compress_level=1)
        labels = tuple(seen >> bit & 1 for bit in range(len(SUBTYPES)))
        written.labels.append((uid, labels))
        slices.append((uid, taken, labels))
    entry = _describe(study, scan, patient, names, style, slices)
    if "truncated" in study.faults:
        uid = slices[int(rng.integers(len(slices)))][0]
        _truncate(folder / IMAGES / f"{uid}.dcm", len(pixels))
        entry["truncated"] = uid
    if "duplicated label" in study.faults:
        uid = slices[int(rng.integers(len(slices)))][0]
        written.duplicated.append(uid)
        entry["duplicated_label"] = uid
    written.description["studies"].append(entry)


def _truth_bits(taken: ScannedSlice, scan: Scan) -> NDArray[np.uint8]:
    """Where a reader can see blood: bit k is set where `SUBTYPES[k]` bleeds.

    A mask smaller than `VISIBLE_AREA` is left out, and one that is but a rim of bone
    (`FREE_OF_BONE`), as no reader would mark it.
    """
    bits = np.zeros(taken.hu.shape, np.uint8)
    sizes = {subtype: np.count_nonzero(mask) for subtype, mask in taken.masks.items()}
    large = [subtype for subtype, size in sizes.items() if size * scan.pixel**2 >= VISIBLE_AREA]
    if not large:
        return bits
    off_bone = ~_beside_bone(taken.hu, scan.pixel)
    for subtype in large:
        mask = taken.masks[subtype]
        if np.count_nonzero(mask & off_bone) >= FREE_OF_BONE * sizes[subtype]:
            bits |= mask.astype(np.uint8) << np.uint8(SUBTYPES.index(subtype))
    return bits


def _beside_bone(hu: NDArray[np.int16], pixel: float) -> NDArray[np.bool_]:
    """Where bone is, or its blurred rim."""
    bone: NDArray[np.bool_] = hu >= _BONE
    rim = round(_RIM / pixel)
    square = np.ones((3, 3), np.bool_)
    return ndimage.binary_dilation(bone, square, iterations=rim) if rim else bone


def _truncate(path: Path, pixel_bytes: int) -> None:
    size = path.stat().st_size
    with path.open("rb+") as stream:
        stream.truncate(size - pixel_bytes + 2 * round(pixel_bytes * _KEPT_BYTES / 2))


def _describe(
    study: StudyPlan,
    scan: Scan,
    patient: Patient,
    names: headers.Names,
    style: headers.Style,
    slices: list[tuple[str, ScannedSlice, tuple[int, ...]]],
) -> dict[str, Any]:
    bleeds = []
    for index, bleed in enumerate(patient.bleeds):
        volumes = [taken.bleeds[index] for _, taken, _ in slices]
        label = SUBTYPES.index(bleed.subtype)
        bleeds.append(
            {
                "subtype": bleed.subtype,
                "where": bleed.where,
                "stage": bleed.blood.stage,
                "days": round(bleed.blood.days, 2),
                "hu": round(bleed.hu, 1),
                "subtle": bleed.subtle,
                "volume_ml": round(sum(volumes), 2),
                "sop_instance_uids": _showing(slices, volumes, least=0.02, label=label),
            }
        )
    shown_lookalikes = []
    for index, lookalike in enumerate(patient.lookalikes):
        areas = [taken.lookalikes[index] for _, taken, _ in slices]
        shown = _showing(slices, areas, least=2.0)
        if shown:  # a small one may lie between two slices
            entry = {"name": lookalike.name, "hu": round(lookalike.hu, 1)}
            shown_lookalikes.append({**entry, "sop_instance_uids": shown})
    return {
        "study_instance_uid": names.study_instance_uid,
        "series_instance_uid": names.series_instance_uid,
        "scanner": study.scanner,
        "family": study.family,
        "intercept": style.intercept,
        "faults": list(study.faults),
        "rows": scan.rows,
        "columns": scan.columns,
        "pixel_spacing": scan.pixel,
        "tilt": scan.tilt,
        "thickness": scan.thickness,
        "noise": round(scan.response.noise, 2),
        "moved": bool(scan.moved),
        "slices": len(slices),
        "positive_slices": {
            **{name: sum(row[k] for _, _, row in slices) for k, name in enumerate(SUBTYPES)},
            ANY: sum(max(row) for _, _, row in slices),
        },
        "bleeds": bleeds,
        "lookalikes": shown_lookalikes,
    }


def _showing(
    slices: list[tuple[str, ScannedSlice, tuple[int, ...]]],
    amounts: list[float],
    least: float,
    label: int | None = None,
) -> list[str]:
    """The slices that show something, those that show most first.

    They show at least `least` of it, and `_NAMED_SHARE` of what the one with most does.

    With the number of a label, slices that have it come first: blood may be spread too thin to see.
    """
    visible = [label is not None and labels[label] > 0 for _, _, labels in slices]
    order = np.lexsort([-np.asarray(amounts), ~np.asarray(visible)])
    least = max(least, _NAMED_SHARE * max(amounts))
    return [slices[int(i)][0] for i in order if amounts[int(i)] >= least]


def _rounded(value: Any) -> Any:
    """Traits as they stand in phantom.json: numbers of three decimals."""
    if isinstance(value, dict):
        return {name: _rounded(v) for name, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [_rounded(v) for v in value]
    return value if isinstance(value, (bool, str)) or value is None else round(float(value), 3)
