"""How fast shuffled training batches come, beside PNG files and TFRecords, with all cores.

    python benchmarks/inputs.py

Batches of 64 shuffled slices of 256 x 256 in memory, from the page cache. Ours are int16 HU from a
store, as training gathers them; windows come later, on the device. The others are what public
repositories train from: three 8-bit windows a slice in a PNG file (Pillow in a loop, and in torch's
DataLoader where torch is installed; tf.data decoding them in parallel), and TFRecords of int16 HU,
which tf.data shuffles in a buffer of 1,024.
"""

import importlib.util
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from batches import make_store
from PIL import Image
from side_by_side import interleaved, main, median_ratio

from ichreport.data.store import Store
from ichreport.data.windowing import BONE, BRAIN, SUBDURAL, linear_window
from ichreport.model import prefetch
from ichreport.model.fitting.batches import SliceBatches

SIZE, BATCH, COUNT = 256, 64, 2_048


def write_others(store: Store, folder: Path, count: int) -> tuple[list[str], str]:
    """The same slices as PNG files of three windows, and as one TFRecord file."""
    paths = []
    records = str(folder / "slices.tfrecord")
    with tf.io.TFRecordWriter(records) as writer:
        for row in range(count):
            hu = store.hu([row])[0]
            windows = [linear_window(hu, window) for window in (BRAIN, SUBDURAL, BONE)]
            path = str(folder / f"{row}.png")
            Image.fromarray((np.stack(windows, axis=-1) * 255).astype(np.uint8)).save(path)
            paths.append(path)
            writer.write(hu.tobytes())
    return paths, records


def ours(store: Store, count: int) -> None:
    """A pass over the store, gathered ahead by a thread as in training."""
    truth = np.zeros((count, 6), np.float32)
    batches = SliceBatches(lambda places, _: store.hu(places), truth, np.arange(count), BATCH)
    plan = batches.plan(np.random.default_rng(0))
    prefetch.run(batches.gather, plan, lambda batch: batch.inputs, lambda inputs: inputs)


def png_loop(paths: list[str]) -> None:
    """A plain loop."""
    order = np.random.default_rng(0).permutation(len(paths))
    for start in range(0, len(order), BATCH):
        pictures = []
        for place in order[start : start + BATCH]:
            with Image.open(paths[place]) as picture:
                pictures.append(np.asarray(picture))
        np.stack(pictures)


def png_tensorflow(paths: list[str]) -> None:
    """tf.data over files, decoding in parallel."""
    files = tf.data.Dataset.from_tensor_slices(paths).shuffle(len(paths), seed=0)
    pictures = files.map(
        lambda path: tf.io.decode_png(tf.io.read_file(path), channels=3), tf.data.AUTOTUNE
    )
    for _ in pictures.batch(BATCH).prefetch(tf.data.AUTOTUNE):
        pass


def tfrecords(path: str) -> None:
    """tf.data over records."""

    def decode(record: Any) -> Any:
        return tf.reshape(tf.io.decode_raw(record, tf.int16), (SIZE, SIZE))

    records = tf.data.TFRecordDataset(path).map(decode, tf.data.AUTOTUNE)
    for _ in records.shuffle(1_024, seed=0).batch(BATCH).prefetch(tf.data.AUTOTUNE):
        pass


def _picture(path: str) -> Any:
    with Image.open(path) as picture:
        return np.asarray(picture)


class PngDataset:
    """What a DataLoader indexes."""

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, place: int) -> Any:
        return _picture(self.paths[place])


def png_torch(paths: list[str]) -> None:
    """A DataLoader with a worker a core."""
    from torch.utils.data import DataLoader

    loader = DataLoader(
        PngDataset(paths), batch_size=BATCH, shuffle=True, num_workers=os.cpu_count() or 1
    )
    for _ in loader:
        pass


def measure(repeats: int = 5, count: int = COUNT) -> dict[str, Any]:
    """Slices a second of each way, and how much faster ours is."""
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder))
        paths, records = write_others(store, Path(folder), count)
        ways: dict[str, Callable[[], None]] = {
            "store": partial(ours, store, count),
            "PNG, plain loop": partial(png_loop, paths),
            "PNG, tf.data": partial(png_tensorflow, paths),
            "TFRecords, tf.data": partial(tfrecords, records),
        }
        if importlib.util.find_spec("torch") is not None:
            ways["PNG, torch DataLoader"] = partial(png_torch, paths)
        seconds = interleaved(ways, repeats=repeats)
    found: dict[str, Any] = {
        "slices": count,
        "slices_per_second": {name: count / float(np.median(s)) for name, s in seconds.items()},
        "store_over": {
            name: median_ratio(taken, seconds["store"])
            for name, taken in seconds.items()
            if name != "store"
        },
    }
    if "PNG, torch DataLoader" not in ways:
        found["skipped"] = {"PNG, torch DataLoader": "torch is not installed"}
    return found


if __name__ == "__main__":
    main(measure, repeats=1, count=256)
