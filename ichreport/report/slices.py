"""Slices as pictures: contact sheets, windows side by side, heat maps over the brain window."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from ichreport.data.store import Store
from ichreport.data.windowing import BONE, BRAIN, SUBDURAL, Window, linear_window
from ichreport.files import read_json
from ichreport.labels import LABELS, SUBTYPES
from ichreport.report.captioned import Picture, Sentences, pixels

TILE = 160
"""Pixels a side of a slice on a sheet."""

_BAR = 16
_TRUTH_COLOR = (0, 255, 127)


def by_label(store: Store, *, columns: int = 6, seed: int = 0) -> Picture:
    """A sheet of random slices: a row without bleeding, then one for each label."""
    random = np.random.default_rng(seed)
    rows = []
    for label in ("none", *SUBTYPES):
        wanted = store.slices["any"] == 0 if label == "none" else store.slices[label] == 1
        found = np.flatnonzero(wanted.to_numpy())
        chosen = np.sort(random.permutation(found)[:columns])
        tiles = _brain(store, chosen)
        rows.append([*tiles, *[np.zeros((TILE, TILE, 3), np.uint8)] * (columns - len(tiles))])
    return pixels(
        _sheet(rows, ["no bleeding", *SUBTYPES]),
        caption="Random slices at the brain window (center 40, width 80 HU): without bleeding, "
        "then with each subtype.",
        alternative=f"A sheet of {columns} slices a row: no bleeding, {', '.join(SUBTYPES)}.",
    )


def in_three_windows(store: Store, *, columns: int = 6, seed: int = 0) -> Picture:
    """The same slices in the Brain, Subdural and Bone windows, one of each label."""
    random = np.random.default_rng(seed)
    rows_of = [np.flatnonzero((store.slices[label] == 1).to_numpy()) for label in LABELS]
    chosen = np.array([random.choice(rows) for rows in rows_of if len(rows)], dtype=np.int64)
    hu = store.hu(chosen[:columns])
    names = {"Brain": BRAIN, "Subdural": SUBDURAL, "Bone": BONE}
    sheet = [[_tile(_gray(one, window)) for one in hu] for window in names.values()]
    return pixels(
        _sheet(sheet, [f"{n} {w.center:g}/{w.width:g}" for n, w in names.items()]),
        caption="One slice of each label in the Brain, Subdural and Bone windows (center/width, "
        "HU).",
        alternative="Three rows of the same slices: the brain window shows blood bright, the "
        "subdural window thin collections beside bone, the bone window the skull.",
    )


def look_alikes(store: Store, source: Path, *, columns: int = 6) -> Picture | Sentences:
    """Slices of synthetic heads that show something bright that is no bleeding.

    Args:
        store: Where the slices are.
        source: The folder that they were made in, whose phantom.json lists look-alikes.
        columns: Slices of each look-alike.

    Returns:
        A sheet, a row a look-alike; a sentence where the source is no phantom.
    """
    described = source / "phantom.json"
    if not described.is_file():
        return Sentences(["Real data do not say where their look-alikes are."])
    row_of = {uid: row for row, uid in enumerate(store.slices["sop_instance_uid"])}
    bleeds = store.slices["any"].to_numpy()
    found: dict[str, list[int]] = {}
    for patient in read_json(described)["patients"]:
        for study in patient["studies"]:
            for item in study["lookalikes"]:
                rows = [row_of[uid] for uid in item["sop_instance_uids"] if uid in row_of]
                clear = [row for row in rows if bleeds[row] == 0]
                found.setdefault(item["name"], []).extend(clear[:1])
    sheet = {name: rows[:columns] for name, rows in sorted(found.items()) if rows}
    blank = np.zeros((TILE, TILE, 3), np.uint8)
    tiles = [_brain(store, np.array(rows)) for rows in sheet.values()]
    return pixels(
        _sheet([[*row, *[blank] * (columns - len(row))] for row in tiles], list(sheet)),
        caption="Look-alikes in slices without bleeding, at the brain window.",
        alternative=f"A sheet with a row each of: {', '.join(sheet)}; bright spots that are no "
        "bleeding.",
    )


def gallery(
    store: Store,
    rows: NDArray[np.int64],
    heat: NDArray[np.float32],
    *,
    caption: str,
    alternative: str,
) -> Picture:
    """Slices with their heat maps: the brain window, the same with heat, both with truth outlined.

    Args:
        store: Where the slices are.
        rows: Their row numbers.
        heat: float32 (slices, size, size) in [0, 1].
        caption: What is shown.
        alternative: The same in words.
    """
    plain = _brain(store, rows)
    outlines = _outlines(store, rows)
    warm = [_with_heat(tile, one) for tile, one in zip(plain, heat, strict=True)]
    sheet = [
        [_outlined(tile, edge) for tile, edge in zip(tiles, outlines, strict=True)]
        for tiles in (plain, warm)
    ]
    return pixels(_sheet(sheet, ["brain window", "heat"]), caption=caption, alternative=alternative)


def _brain(store: Store, rows: NDArray[np.int64]) -> list[NDArray[np.uint8]]:
    return [_tile(_gray(one, BRAIN)) for one in store.hu(rows)] if len(rows) else []


def _gray(hu: NDArray[np.int16], window: Window) -> NDArray[np.uint8]:
    return (linear_window(hu, window) * 255).round().astype(np.uint8)


def _tile(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    image = Image.fromarray(gray).resize((TILE, TILE), Image.Resampling.BICUBIC).convert("RGB")
    return np.asarray(image, dtype=np.uint8)


def _with_heat(tile: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    scaled = ndimage.zoom(heat, TILE / len(heat), order=1, mode="nearest", grid_mode=True)
    colors = mpl.colormaps["inferno"](scaled)[..., :3] * 255
    weight = 0.65 * scaled[..., None]
    mixed: NDArray[np.uint8] = (tile * (1 - weight) + colors * weight).astype(np.uint8)
    return mixed


def _outlines(store: Store, rows: NDArray[np.int64]) -> list[NDArray[np.bool_] | None]:
    if not store.has_truth:
        return [None] * len(rows)
    edges: list[NDArray[np.bool_] | None] = []
    for mask in store.truth(rows):
        large = np.asarray(Image.fromarray((mask > 0).astype(np.uint8) * 255).resize((TILE, TILE)))
        inside = large > 127
        edges.append(ndimage.binary_dilation(inside) & ~inside)
    return edges


def _outlined(tile: NDArray[np.uint8], edge: NDArray[np.bool_] | None) -> NDArray[np.uint8]:
    if edge is None:
        return tile
    drawn = tile.copy()
    drawn[edge] = _TRUTH_COLOR
    return drawn


def _sheet(rows: Sequence[Sequence[NDArray[np.uint8]]], names: Sequence[str]) -> NDArray[np.uint8]:
    """Rows of tiles, each under a bar with its name."""
    parts: list[Any] = []
    for tiles, name in zip(rows, names, strict=True):
        width = TILE * len(tiles)
        bar = Image.new("RGB", (width, _BAR), (24, 24, 24))
        ImageDraw.Draw(bar).text(
            (4, 2), name, fill=(235, 235, 235), font=ImageFont.load_default(11)
        )
        parts += [np.asarray(bar), np.hstack(tiles)]
    return np.vstack(parts)
