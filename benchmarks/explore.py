"""What exploring a store of the challenge's full size costs: the whole of notebook 1.

    python benchmarks/explore.py

The index is generated as in index.py. The shards have their full size but are sparse files, so that
the few hundred slices that the notebook looks at come from the page cache and are black.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from index import FULL, SMALL, Size, write_tables
from side_by_side import main

from ichreport.data.ingest.slice_index import build_index, slice_names_from_files
from ichreport.data.labels.table import LabelTable
from ichreport.data.shards.shard_files import shard_name
from ichreport.data.store_format import STORE_FORMAT
from ichreport.files import sha256_of_file, write_json, write_sealed_json

IMAGE_SIZE = 256
NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "1-explore.ipynb"


def note_as_checked(shard: Path) -> None:
    """Say that a shard has been compared with its hash: the made-up ones have none."""
    status = shard.stat()
    note = {"hash": "generated", "size": status.st_size, "modified": status.st_mtime_ns}
    write_json(shard.parent / ".checked" / f"{shard.name}.json", note)


def write_store(folder: Path, size: Size) -> None:
    """A store of the challenge's size whose slices are all air."""
    numbers = range(write_tables(folder, size))
    with np.load(folder / "labels.npz") as stored:
        labels = LabelTable(pa.array(stored["names"].tolist(), pa.string()), stored["labels"])
    index = build_index(folder, numbers, labels, slice_names=slice_names_from_files)
    tables = {
        "slices.parquet": index.slices,
        "series.parquet": index.series,
        "rejects.parquet": index.rejects,
        "set-aside.parquet": index.set_aside,
    }
    for name, table in tables.items():
        pq.write_table(table, folder / name, compression="zstd")
    sizes = np.bincount(index.slices["shard"].to_numpy())
    for number, slices in enumerate(sizes.tolist()):
        shape = (slices, IMAGE_SIZE, IMAGE_SIZE)
        np.lib.format.open_memmap(folder / shard_name(number), "w+", np.int16, shape)
        note_as_checked(folder / shard_name(number))
    manifest = {
        "format": STORE_FORMAT,
        "recipe": {"image_size": IMAGE_SIZE},
        "synthetic": False,
        "truth": False,
        "counts": {"slices": size.slices},
        "rules": index.rules,
        "findings": [],
        "store_hash": "generated",
        "shards": {shard_name(number): "generated" for number in range(len(sizes))},
        "files": {name: sha256_of_file(folder / name) for name in tables},
    }
    write_sealed_json(folder / "manifest.json", manifest)


def explore(store: Path) -> float:
    """Seconds of the notebook, the start of its kernel and its imports included."""
    papermill = ["-m", "papermill", str(NOTEBOOK), str(store / "explored.ipynb"), "-k", "python3"]
    parameters = [
        "-p",
        "store",
        str(store),
        "-p",
        "sampa_share",
        "0.1328",
        "-p",
        "sampb_share",
        "0.1328",
    ]
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, *papermill, *parameters, "--no-progress-bar"],
        check=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    return time.perf_counter() - started


def measure(repeats: int = 3, size: Size = FULL) -> dict[str, Any]:
    """Seconds of the whole notebook: median of several runs."""
    with tempfile.TemporaryDirectory() as folder:
        write_store(Path(folder), size)
        seconds = [explore(Path(folder)) for _ in range(repeats)]
    return {"rows": size.slices, "seconds": statistics.median(seconds)}


if __name__ == "__main__":
    main(measure, repeats=1, size=SMALL)
