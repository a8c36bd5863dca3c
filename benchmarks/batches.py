"""How fast random batches come out of a store, beside memory maps and a file for each slice.

    python benchmarks/batches.py

Batches of 64 random slices of 256 x 256, int16, on one core: from the page cache, and one at a time
cold, after the page cache has dropped the store. A machine's host may still have it in memory.
"""

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from side_by_side import Skipped, interleaved, main, median_ratio

from ichreport.data.shards.shard_files import ArrayFile, shard_name
from ichreport.data.store import Store

SLICES, SHARDS, SIZE, BATCH, BATCHES = 6_000, 6, 256, 64, 40


def make_heads(random: np.random.Generator, size: int) -> np.ndarray:
    """64 noisy disks in a ring of bone, on air, which compress about as well as heads do."""
    along, across = np.mgrid[:size, :size] - (size - 1) / 2
    radius = np.hypot(along / 1.2, across) / size
    inner = np.linspace(0.15, 0.37, 64)[:, None, None]
    noise = random.normal(35, 6, (64, size, size))
    bone = np.where(radius < inner + 0.03, 1100, -1024)
    return np.where(radius < inner, noise, bone).astype(np.int16)


def make_store(folder: Path, *, size: int = SIZE, count: int = SLICES) -> Store:
    """A store of plain heads, without a manifest, series of 30."""
    random = np.random.default_rng(0)
    heads = make_heads(random, size)
    per_shard = count // SHARDS
    shards, hashes = {}, []
    for number in range(SHARDS):
        shard = ArrayFile(folder / shard_name(number), "<i2", size)
        hashes += [shard.append(heads[row % len(heads)])[:32] for row in range(per_shard)]
        shards[shard_name(number)] = shard.finish()
        shard.close()
    place = random.permutation(count)
    series = [f"series {row // 30}" for row in range(count)]
    slices = pd.DataFrame(
        {
            **dict.fromkeys(("patient_id", "study_instance_uid", "series_instance_uid"), series),
            "shard": place // per_shard,
            "row": place % per_shard,
            "truth_row": np.full(count, -1),
            "pixel_hash": np.array(hashes)[place],
        }
    )
    manifest = {"recipe": {"image_size": size}, "shards": shards}
    store = Store(folder, manifest, slices, *[pd.DataFrame()] * 3)
    store.check()
    return store


class MappedStore(Store):
    """A store whose slices are copied from memory maps of its shards."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._maps: dict[int, Any] = {}
        self._shard_and_row = self.slices[["shard", "row"]].to_numpy()

    def hu(self, rows: Any) -> np.ndarray:
        """Slices in HU; see `Store`."""
        pixels = np.empty((len(rows), self.image_size, self.image_size), dtype=np.int16)
        shards, places = self._shard_and_row[rows].T
        for index in np.argsort(shards, kind="stable"):
            pixels[index] = self._map(shards[index])[places[index]]
        return pixels

    def _map(self, shard: int) -> Any:
        if shard not in self._maps:
            path = self.folder / shard_name(shard)
            self._maps[shard] = np.load(path, mmap_mode="r").view(np.ndarray)
        return self._maps[shard]


WAYS: Mapping[str, type[Store]] = {"store": Store, "memory map": MappedStore}
"""Ways to read a store: ours, and what it used to be."""


def opened(store: Store, way: str) -> Store:
    """A store as nobody has read it yet, to be read in some way."""
    tables = (store.slices, store.series, store.rejects, store.set_aside)
    return WAYS[way](store.folder, store.manifest, *tables)


def cold(
    store: Store, pass_over: Callable[[Store], object], *, repeats: int
) -> dict[str, list[float]]:
    """Seconds of a pass over a store by each way to read it, with nothing of it in memory.

    Raises:
        Skipped: If the system does not drop the store's files from memory.
    """
    fresh: dict[str, Store] = {}

    def prepare(way: str) -> None:
        fresh.clear()  # a page that somebody has mapped stays in memory
        forget(store.folder)
        fresh[way] = opened(store, way)

    passes = {way: partial(lambda way: pass_over(fresh[way]), way) for way in WAYS}
    return interleaved(passes, repeats=repeats, prepare=prepare)


def forget(folder: Path) -> None:
    """Have the page cache drop the shards in a folder.

    Raises:
        Skipped: If it does not: files of some file systems are in memory alone.
    """
    if not (hasattr(os, "posix_fadvise") and hasattr(os, "RWF_NOWAIT")):
        raise Skipped("cold reading is measured on Linux alone")
    left = set(folder.glob("*.npy"))
    for _ in range(20):  # what has just been written is dropped once it is on the disk
        left = {path for path in left if _stays_in_memory(path)}
        if not left:
            return
        time.sleep(0.05)
    raise Skipped(f"{folder} is on a file system that keeps its files in memory")


def _stays_in_memory(path: Path) -> bool:
    """Whether a file's first byte is in memory although the system was told to drop the file."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        try:
            return bool(os.preadv(stream.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT))
        except BlockingIOError:
            return False


def write_singles(store: Store, folder: Path, count: int = 1000) -> None:
    """A .npy and an 8-bit PNG for each of some slices."""
    for row in range(count):
        hu = store.hu([row])[0]
        np.save(folder / f"{row}.npy", hu)
        grey = ((hu.clip(0, 80) / 80) * 255).astype(np.uint8)
        Image.fromarray(grey).save(folder / f"{row}.png")


def read_npy(folder: Path, batches: np.ndarray) -> None:
    """One .npy a slice."""
    for rows in batches:
        np.stack([np.load(folder / f"{row}.npy", allow_pickle=False) for row in rows])


def read_png(folder: Path, batches: np.ndarray) -> None:
    """One PNG a slice, as most public repositories train from."""
    for rows in batches:
        pictures = []
        for row in rows:
            with Image.open(folder / f"{row}.png") as picture:
                pictures.append(np.asarray(picture))
        np.stack(pictures)


def read_store(read: Any, batches: np.ndarray) -> None:
    """Batches from the store."""
    for rows in batches:
        read(rows)


def measure(repeats: int = 7, batches: int = BATCHES) -> dict[str, Any]:
    """Slices a second of each way, and how much faster the store is."""
    random = np.random.default_rng(1)
    many = random.integers(0, SLICES, (batches, BATCH))
    few = many[:8] % 1000
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as singles:
        store = make_store(Path(folder))
        results = measure_cold(store, many[0], repeats)
        write_singles(store, Path(singles))
        mapped = opened(store, "memory map")
        read_store(store.hu, many)  # from the disk, after which all of it is in memory
        seconds = interleaved(
            {
                "store": partial(read_store, store.hu, many),
                "memory map": partial(read_store, mapped.hu, many),
                "store, adjacent slices": partial(read_store, store.adjacent_hu, few),
                "memory map, adjacent slices": partial(read_store, mapped.adjacent_hu, few),
                "one .npy a slice": partial(read_npy, Path(singles), few),
                "one .png a slice": partial(read_png, Path(singles), few),
            },
            repeats=repeats,
        )
    slices = {name: (many if name in WAYS else few).size for name in seconds}
    each = {name: [s / slices[name] for s in times] for name, times in seconds.items()}
    return {
        "slices_per_second": per_second(each),
        "store_over_memory_map": median_ratio(each["memory map"], each["store"]),
        "store_over_npy_files": median_ratio(each["one .npy a slice"], each["store"]),
        "store_over_png_files": median_ratio(each["one .png a slice"], each["store"]),
        **results,
    }


def measure_cold(store: Store, rows: np.ndarray, repeats: int) -> dict[str, Any]:
    """The same of one batch that is on the disk alone."""
    try:
        seconds = cold(store, lambda fresh: fresh.hu(rows), repeats=3 * repeats)
        adjacent = cold(store, lambda fresh: fresh.adjacent_hu(rows), repeats=repeats)
    except Skipped as reason:
        return {"skipped": {"cold": str(reason)}}
    seconds |= {f"{way}, adjacent slices": times for way, times in adjacent.items()}
    each = {name: [s / rows.size for s in times] for name, times in seconds.items()}
    return {
        "cold_slices_per_second": per_second(each),
        "cold_store_over_memory_map": median_ratio(each["memory map"], each["store"]),
    }


def per_second(seconds: Mapping[str, list[float]]) -> dict[str, float]:
    """What a second has of what takes so many seconds, in the median."""
    return {name: 1 / float(np.median(times)) for name, times in seconds.items()}


if __name__ == "__main__":
    main(measure, repeats=1, batches=8)
