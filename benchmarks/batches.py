"""How fast random batches come out of a store, beside a file for each slice.

    python benchmarks/batches.py

Batches of 64 random slices of 256 x 256, int16, from the page cache, on one core.
"""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from side_by_side import interleaved, main, median_ratio

from ichreport.data.shard_files import ArrayFile, shard_name
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
    store = Store(
        folder, {"recipe": {"image_size": size}, "shards": shards}, slices, pd.DataFrame()
    )
    store.check()
    return store


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
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder))
        write_singles(store, Path(folder))
        random = np.random.default_rng(1)
        many = random.integers(0, SLICES, (batches, BATCH))
        few = many[:8] % 1000
        seconds = interleaved(
            {
                "store": partial(read_store, store.hu, many),
                "store, adjacent slices": partial(read_store, store.adjacent_hu, few),
                "one .npy a slice": partial(read_npy, Path(folder), few),
                "one .png a slice": partial(read_png, Path(folder), few),
            },
            repeats=repeats,
        )
    slices = {name: (many if name == "store" else few).size for name in seconds}
    each = {name: [s / slices[name] for s in times] for name, times in seconds.items()}
    return {
        "slices_per_second": {n: 1 / float(np.median(times)) for n, times in each.items()},
        "store_over_npy_files": median_ratio(each["one .npy a slice"], each["store"]),
        "store_over_png_files": median_ratio(each["one .png a slice"], each["store"]),
    }


if __name__ == "__main__":
    main(measure, repeats=1, batches=8)
