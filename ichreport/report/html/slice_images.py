"""Slices as pictures: sheets by label, windows side by side, heat maps over the brain window."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from ichreport.data.store import Store
from ichreport.data.synthetic.description import is_described
from ichreport.data.synthetic.look_alikes import read_look_alikes
from ichreport.data.windowing import BRAIN, WINDOWS, Window, linear_window
from ichreport.labels import ANY, LABELS, SUBTYPES
from ichreport.params.phantom.recipe import DESCRIPTION_FILE
from ichreport.report.html.blocks import Sentences, Sheet, Tile, webp
from ichreport.report.html.captions import Captions

_CAPTIONS: Final = Captions.beside(__file__)

TILE: Final = 160
"""Pixels a side of a slice on a sheet."""

_TRUTH_COLOR: Final = (64, 255, 156)
_OTHER_COLOR: Final = (40, 150, 255)
_DASH: Final = 8
"""Pixels of a dash, and of the gap after it, in a vertical line; half as many in a level one."""

_HEAT_OPACITY: Final = 0.65

_NOT_LABELLED: Final = "not labelled"


def by_label(store: Store, *, columns: int = 6, seed: int = 0) -> Sheet:
    """Random slices in three windows: a row without bleeding, then one for each subtype.

    One row where no slice has a label.
    """
    random = np.random.default_rng(seed)
    rows = []
    for name, wanted in _classes(store).items():
        candidates = np.flatnonzero(wanted)
        chosen = np.sort(random.permutation(candidates)[:columns])
        rows.append((name, plain_tiles(store, chosen, windows=WINDOWS)))
    named = ", ".join(
        f"{name} (center {window.center:g}, width {window.width:g} HU)"
        for name, window in WINDOWS.items()
    )
    none = ", ".join(name for name, tiles in rows if not tiles)
    if _NOT_LABELLED in dict(rows):
        caption = _CAPTIONS.fill("not_labelled", windows=named)
    else:
        caption = _CAPTIONS.fill("by_label", windows=named)
    return Sheet(
        f"{caption} {_CAPTIONS.fill('none_shows', names=none)}" if none else caption,
        f"Up to {columns} slices of each of: {', '.join(name for name, _ in rows)}; in three "
        "windows.",
        rows,
    )


def _classes(store: Store) -> dict[str, NDArray[np.bool_]]:
    """Which slices are without bleeding and of each subtype; all, where none has a label."""
    slices = store.slices
    if not (slices[list(LABELS)] >= 0).any(axis=None):
        return {_NOT_LABELLED: np.ones(len(slices), dtype=bool)}
    subtypes = {label: (slices[label] == 1).to_numpy() for label in SUBTYPES}
    return {"no bleeding": (slices[ANY] == 0).to_numpy(), **subtypes}


def look_alikes(store: Store, source: Path, *, columns: int = 6) -> Sheet | Sentences:
    """Slices of synthetic heads that show something bright that is no bleeding.

    Args:
        store: Where the slices are.
        source: The folder that they were made in, or its zip; its phantom.json lists look-alikes.
        columns: Slices of each look-alike.

    Returns:
        A sheet, a row a look-alike; a sentence where the source is no phantom.

    Raises:
        ValueError: If phantom.json is damaged; the message names it.
    """
    if not store.manifest["synthetic"]:
        return Sentences(["Real data do not say where their look-alikes are."])
    if not is_described(source):
        missing = f"{DESCRIPTION_FILE}, which says where they are, is not in the source any more."
        return Sentences([missing])
    row_of = {uid: row for row, uid in enumerate(store.slices["sop_instance_uid"])}
    bleeds = store.slices["any"].to_numpy()
    rows_of: dict[str, list[int]] = {}
    for look_alike in read_look_alikes(source):
        rows = [row_of[uid] for uid in look_alike.sop_instance_uids if uid in row_of]
        clear = [row for row in rows if bleeds[row] == 0]
        rows_of.setdefault(look_alike.name, []).extend(clear[:1])
    sheet = {name: np.array(rows[:columns]) for name, rows in sorted(rows_of.items()) if rows}
    return Sheet(
        _CAPTIONS.fill("look_alikes"),
        f"A row each of: {', '.join(sheet)}; bright spots that are no bleeding.",
        [(name, plain_tiles(store, rows, view=f"{name}.")) for name, rows in sheet.items()],
    )


def gallery(
    store: Store,
    rows: NDArray[np.int64],
    heat: NDArray[np.float32],
    *,
    caption: str,
    alternative: str,
    label: str = ANY,
    texts: Sequence[str] | None = None,
) -> Sheet:
    """Slices at the brain window, each above the same with its heat map, truth outlined in both.

    Bleeding of the label is outlined in green, other kinds by blue dashes.

    Args:
        store: Where the slices are.
        rows: Their row numbers.
        heat: float32 (slices, size, size) in [0, 1].
        caption: What is shown.
        alternative: The same in words.
        label: The label that the heat is for.
        texts: A short text for each slice.
    """
    tiles = []
    below = texts or [""] * len(rows)
    edges, other_edges = _outlines(store, rows, label), _outlines(store, rows, label, other=True)
    parts = zip(_brain(store, rows), heat, edges, other_edges, rows, below, strict=True)
    for plain, warmth, edge, other_edge, row, text in parts:
        images = [
            webp(_outlined(_outlined(image, _dashed(other_edge), _OTHER_COLOR), edge))
            for image in (plain, _with_heat(plain, warmth))
        ]
        what = f"{truth_in_words(store, int(row))} {text}".strip()
        tiles.append(Tile(images, [what, f"The same slice with its heat map: {what}"], text))
    return Sheet(caption, alternative, [("", tiles)])


def plain_tiles(
    store: Store,
    rows: NDArray[np.int64],
    *,
    windows: Mapping[str, Window] = MappingProxyType({"brain": BRAIN}),
    view: str = "",
    texts: Sequence[str] | None = None,
    outlined: bool = False,
) -> list[Tile]:
    """Slices as tiles of a sheet.

    Args:
        store: Where the slices are.
        rows: Their row numbers, shape (n,).
        windows: The windows that each is shown in, one below the other, by name.
        view: What they show beside their labels, for who cannot see it.
        texts: A short text for each; without it the alternative text alone says what it is.
        outlined: Whether to outline the bleeding where the source says where it is.
    """
    if not len(rows):
        return []
    edges = _outlines(store, rows) if outlined else [None] * len(rows)
    below = texts or [""] * len(rows)
    tiles = []
    for hu, edge, row, text in zip(store.hu(rows), edges, rows, below, strict=True):
        what = " ".join(filter(None, [view, truth_in_words(store, int(row)), text]))
        tiles.append(
            Tile(
                [webp(_outlined(_tile(_gray(hu, window)), edge)) for window in windows.values()],
                [f"{name} window: {what}" for name in windows],
                text,
            )
        )
    return tiles


def brain_tile(hu: NDArray[np.int16], alternative: str, text: str = "") -> Tile:
    """HU, (h, w), at the brain window as a tile, with what it shows in words."""
    return Tile([webp(_tile(_gray(hu, BRAIN)))], [alternative], text)


def montage(store: Store, rows: NDArray[np.int64], *, columns: int = 3) -> NDArray[np.uint8]:
    """Slices at the brain window side by side, the bleeding outlined where it is known.

    Args:
        store: Where the slices are.
        rows: Their row numbers, at least one.
        columns: Slices beside each other at most.

    Returns:
        uint8 of shape (rows, columns, 3) pixels; black where the last line has no slice.
    """
    lines, wide = -(-len(rows) // columns), min(columns, len(rows))
    sheet = np.zeros((lines * TILE, wide * TILE, 3), dtype=np.uint8)
    for index, (plain, edge) in enumerate(
        zip(_brain(store, rows), _outlines(store, rows), strict=True)
    ):
        top, left = (index // columns) * TILE, (index % columns) * TILE
        tile = _outlined(plain, edge)
        sheet[top : top + TILE, left : left + TILE] = tile if tile.ndim == 3 else tile[..., None]
    return sheet


def truth_in_words(store: Store, row: int) -> str:
    """What a slice's labels say, as a sentence."""
    labels = [label for label in SUBTYPES if store.slices[label].iloc[row] == 1]
    without = {0: "no bleeding.", 1: "bleeding, its kind not labelled."}
    bleeds = int(store.slices[ANY].iloc[row])
    return f"{', '.join(labels)}." if labels else without.get(bleeds, f"{_NOT_LABELLED}.")


def _brain(store: Store, rows: NDArray[np.int64]) -> list[NDArray[np.uint8]]:
    return [_tile(_gray(hu, BRAIN)) for hu in store.hu(rows)] if len(rows) else []


def _gray(hu: NDArray[np.int16], window: Window) -> NDArray[np.uint8]:
    return (linear_window(hu, window) * 255).round().astype(np.uint8)


def _tile(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(gray).resize((TILE, TILE), Image.Resampling.BICUBIC))


def _with_heat(tile: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    scaled = ndimage.zoom(heat, TILE / len(heat), order=1, mode="nearest", grid_mode=True)
    colors = mpl.colormaps["inferno"](scaled)[..., :3] * 255
    weight = _HEAT_OPACITY * scaled[..., None]
    mixed: NDArray[np.uint8] = (tile[..., None] * (1 - weight) + colors * weight).astype(np.uint8)
    return mixed


def _outlines(
    store: Store, rows: NDArray[np.int64], label: str = ANY, *, other: bool = False
) -> list[NDArray[np.bool_] | None]:
    """The pixels around a label's bleeding in each slice, or around that of all other kinds."""
    if not store.has_truth:
        return [None] * len(rows)
    kinds = 0xFF if label == ANY else 1 << LABELS.index(label)
    edges: list[NDArray[np.bool_] | None] = []
    for mask in store.truth(rows) & np.uint8(0xFF - kinds if other else kinds):
        large: Any = Image.fromarray((mask > 0).astype(np.uint8) * 255).resize((TILE, TILE))
        inside = np.asarray(large) > 127
        edges.append(ndimage.binary_dilation(inside) & ~inside)
    return edges


def _dashed(edge: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    if edge is None:
        return None
    row, column = np.indices(edge.shape)
    dash: NDArray[np.bool_] = (row + 2 * column) // _DASH % 2 == 0
    return edge & dash


def _outlined(
    tile: NDArray[np.uint8],
    edge: NDArray[np.bool_] | None,
    color: tuple[int, int, int] = _TRUTH_COLOR,
) -> NDArray[np.uint8]:
    if edge is None or not edge.any():
        return tile
    drawn = tile.copy() if tile.ndim == 3 else np.repeat(tile[..., None], 3, axis=-1)
    drawn[edge] = color
    return drawn
