"""Draws docs/synthetic-heads.jpg: varied heads without blood, each bleed, look-alikes, histories.

    python docs/contact_sheet.py [FOLDER]

FOLDER keeps the synthetic heads; without one they go again. All at the brain window, 256 px.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pydicom
from PIL import Image, ImageDraw

from ichreport.labels import SUBTYPES
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.params.phantom.scanners import named
from ichreport.phantom import write_phantom

RECIPE: Final = PhantomRecipe(patients=420, seed=16, slices=16, faults=False)
TILE: Final = 256
COLUMNS: Final = 6
WINDOW: Final = (0.0, 80.0)
"""HU that are black and white."""
SOUND_HEADS: Final = 18
_HEIGHTS: Final = {"clipped aneurysm": -10.0, "coiled aneurysm": -10.0}
"""Where in the head some operations show (mm)."""


class Tile(NamedTuple):
    """A slice to show, and what it shows."""

    uid: str
    words: str


def main(folder: Path) -> None:
    """Make the heads and draw the sheet."""
    made = write_phantom(folder, RECIPE, workers=2, progress=True)
    heights = _heights(folder, made)
    parts = {
        "Without blood": list(_sound(made, heights)),
        **{f"{subtype.capitalize()}": list(_bleeds(made, subtype)) for subtype in SUBTYPES},
        "Bright, and no blood": list(_lookalikes(made)),
        "Old disease and surgery": list(_histories(made, heights)),
    }
    rows = [part for title, tiles in parts.items() for part in _part(folder, title, tiles)]
    sheet = Image.fromarray(np.concatenate(rows))
    sheet.save(Path(__file__).with_name("synthetic-heads.jpg"), quality=82, optimize=True)


def _studies(made: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    return ((patient, study) for patient in made["patients"] for study in patient["studies"])


def _heights(folder: Path, made: dict[str, Any]) -> dict[str, list[str]]:
    """The slices of each study, from the lowest on."""
    of_study: dict[str, list[tuple[float, str]]] = {}
    for path in (folder / "stage_2_train").iterdir():
        header = _read(path, stop_before_pixels=True)
        height = float(header.ImagePositionPatient[2])
        of_study.setdefault(header.StudyInstanceUID, []).append((height, path.stem))
    return {study: [uid for _, uid in sorted(slices)] for study, slices in of_study.items()}


def _sound(made: dict[str, Any], heights: dict[str, list[str]]) -> Iterator[Tile]:
    """Heads without blood, one of each scanner before any comes again, lowest slices first."""
    sound = [(p, s) for p, s in _studies(made) if not s["bleeds"]]
    turn: dict[str, int] = {}
    order = []
    for patient, study in sound:
        turn[study["scanner"]] = turn.get(study["scanner"], 0) + 1
        order.append((turn[study["scanner"]], study["scanner"], patient, study))
    order.sort(key=lambda entry: entry[:2])
    for number, (_, scanner, patient, study) in enumerate(order[:SOUND_HEADS]):
        slices = heights[study["study_instance_uid"]]
        place = 0.12 + 0.72 * number / (SOUND_HEADS - 1)
        words = f"{scanner}, {patient['age']:.0f} years, {study['thickness']:g} mm"
        yield Tile(slices[round(place * (len(slices) - 1))], words)


def _bleeds(made: dict[str, Any], subtype: str) -> Iterator[Tile]:
    """The largest acute bleed of each place, then of each age that has not been shown by then."""
    found = sorted(
        (
            (bleed["volume_ml"], bleed)
            for _, study in _studies(made)
            for bleed in study["bleeds"]
            if bleed["subtype"] == subtype and bleed["sop_instance_uids"]
        ),
        key=lambda entry: -entry[0],
    )
    seen: set[str] = set()
    for what, acute in (("where", True), ("where", False), ("stage", False)):
        for _, bleed in found:
            if bleed[what] not in seen and (bleed["stage"] == "acute" or not acute):
                seen |= {bleed["stage"], bleed["where"]}
                words = f"{bleed['where']}, {bleed['stage']}, {bleed['hu']:.0f} HU"
                yield Tile(bleed["sop_instance_uids"][0], words)


def _lookalikes(made: dict[str, Any]) -> Iterator[Tile]:
    """One of each, in a study without blood where there is one."""
    found: dict[str, Tile] = {}
    for _, study in sorted(_studies(made), key=lambda both: bool(both[1]["bleeds"])):
        for lookalike in study["lookalikes"]:
            words = f"{lookalike['name']}, {lookalike['hu']:.0f} HU"
            found.setdefault(lookalike["name"], Tile(lookalike["sop_instance_uids"][0], words))
    yield from (found[name] for name in sorted(found))


def _histories(made: dict[str, Any], heights: dict[str, list[str]]) -> Iterator[Tile]:
    """Each operation, and the largest of each old lesion, in studies without blood if there are."""
    found: dict[str, tuple[tuple[bool, float], Tile]] = {}
    for patient, study in _studies(made):
        slices = heights[study["study_instance_uid"]]
        lowest = sum(named(study["scanner"])[0].lowest) / 2
        entries = [(name, 0.0, _HEIGHTS.get(name, 30.0)) for name in patient["surgery"]]
        lesions = patient["brain"]["lesions"]
        entries += [(lesion["name"], _size(lesion), _height(lesion)) for lesion in lesions]
        for name, size, height in entries:
            share = np.clip((height - lowest) / (80 - lowest), 0, 1)
            tile = Tile(slices[round(share * (len(slices) - 1))], name)
            rank = (not study["bleeds"], size)
            found[name] = max(found.get(name, (rank, tile)), (rank, tile))
    yield from (found[name][1] for name in sorted(found))


def _height(lesion: dict[str, Any]) -> float:
    """About where an old lesion lies (mm)."""
    if "center" in lesion:
        return float(lesion["center"][2])
    return float(lesion["apex"][2] + 0.7 * lesion["reach"] * lesion["axis"][2])


def _size(lesion: dict[str, Any]) -> float:
    """How far an old lesion reaches (mm)."""
    return float(lesion.get("reach") or max(lesion["radii"]))


def _part(folder: Path, title: str, tiles: list[Tile]) -> Iterator[np.ndarray]:
    heading = Image.new("L", (COLUMNS * TILE, 30))
    ImageDraw.Draw(heading).text((6, 6), title, fill=255, font_size=18)
    yield np.asarray(heading)
    pictures = [_picture(folder, tile) for tile in tiles]
    pictures += [np.zeros((TILE, TILE), np.uint8)] * (-len(pictures) % COLUMNS)
    for start in range(0, len(pictures), COLUMNS):
        yield np.concatenate(pictures[start : start + COLUMNS], axis=1)


def _picture(folder: Path, tile: Tile) -> np.ndarray:
    header = _read(folder / "stage_2_train" / f"{tile.uid}.dcm")
    hu = header.pixel_array.astype(float) + float(header.RescaleIntercept)
    low, high = WINDOW
    grey = np.clip((hu - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    picture = Image.fromarray(grey).resize((TILE, TILE), Image.Resampling.BICUBIC)
    ImageDraw.Draw(picture).text((4, TILE - 15), tile.words, fill=255, font_size=11)
    return np.asarray(picture)


def _read(path: Path, **options: Any) -> pydicom.FileDataset:
    with pydicom.config.disable_value_validation():
        whole = pydicom.dcmread(path, **options)
        list(whole)  # converted here, where no identifier is warned of
    return whole


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made_here:
            main(Path(made_here, "rsna"))
