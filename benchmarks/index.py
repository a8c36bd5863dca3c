"""What an index of the challenge's full size costs: 752,803 rows.

    python benchmarks/index.py

The shards' tables are generated: 18,900 patients, 21,700 studies, and 4,073 pairs of identical
slices under different patients, as one public scan counted.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from side_by_side import alone, main

from ichreport.data import samples, summary
from ichreport.data.ingest.shards.make_shard import SCHEMA
from ichreport.data.ingest.slice_index import build_index, slice_names_from_files
from ichreport.data.labels.table import LabelTable
from ichreport.data.overlap.leakage import leak_audit
from ichreport.data.patient_groups import linked_groups
from ichreport.data.shards.shard_files import table_name
from ichreport.data.store import Store
from ichreport.labels import LABELS

SHARD = 2_900


class Size(NamedTuple):
    """How much there is."""

    slices: int
    studies: int
    patients: int
    twins: int


FULL = Size(752_803, 21_700, 18_900, 4_073)
SMALL = Size(15_000, 430, 370, 80)


def write_tables(folder: Path, size: Size) -> int:
    """The tables of all shards and the labels; returns how many shards there are."""
    random = np.random.default_rng(0)
    cuts = np.sort(random.choice(np.arange(1, size.slices), size.studies - 1, replace=False))
    study = np.searchsorted(cuts, np.arange(size.slices), side="right")
    patient = np.concatenate(
        [np.arange(size.patients), random.integers(0, size.patients, size.studies - size.patients)]
    )
    position = np.arange(size.slices) - np.concatenate([[0], cuts])[study]
    pixel = np.arange(size.slices)
    twins = random.permutation(size.slices)[: 2 * size.twins].reshape(2, -1)
    pixel[twins[0]] = pixel[twins[1]]
    names = np.array([f"ID_{n:09x}" for n in random.choice(16**9, size.slices, replace=False)])
    order = np.argsort(names)
    studies = np.array([f"ID_{s * 15485863 % 16**10:010x}" for s in range(size.studies)])
    bits = np.where(study % 2 == 0, "12-bit unsigned", "16-bit signed")
    columns = {
        "sop_instance_uid": names,
        "patient_id": np.array([f"ID_{p * 7919 % 16**8:08x}" for p in patient])[study],
        "study_instance_uid": studies[study],
        "series_instance_uid": np.char.add(studies, "0")[study],
        "z": 5.0 * position + study % 97,
        "spacing": np.full(size.slices, 0.488281),
        "tilt": (study % 20).astype(float),
        "family": bits,
        "rows": np.full(size.slices, 512, np.int32),
        "columns": np.full(size.slices, 512, np.int32),
        "intercept": np.full(size.slices, -1024.0),
        "window_center": np.where(study % 3 == 0, 40.0, 36.0),
        "window_width": np.full(size.slices, 80.0),
        "orientation": np.full(size.slices, "standard"),
        "thickness": np.full(size.slices, np.nan),
        "spacing_between": np.full(size.slices, np.nan),
        **{name: np.full(size.slices, "") for name in ("kernel", "manufacturer", "model")},
        "description": np.full(size.slices, "unknown"),
        "image_type": np.full(size.slices, ""),
        "contrast": np.zeros(size.slices, bool),
        "shows_head": np.full(size.slices, None),
        "rules": np.where(study % 2 == 0, "first of several windows kept", ""),
        "blank": np.zeros(size.slices, bool),
        "truth_row": np.full(size.slices, -1, np.int32),
        "pixel_hash": np.array([f"{p * 2654435761 % 2**64:032x}" for p in pixel.tolist()]),
        "file": np.char.add(names, ".dcm"),
    }  # fmt: skip
    shards = np.array_split(order, size.slices // SHARD)
    for number, rows in enumerate(shards):
        part: dict[str, Any] = {name: values[rows] for name, values in columns.items()}
        part |= {"row": np.arange(len(rows), dtype=np.int32), "reason": [None] * len(rows)}
        table = pa.table({name: part[name] for name in SCHEMA.names}, schema=SCHEMA)
        pq.write_table(table, folder / table_name(number), compression="zstd")
    bleeds = random.random((size.slices, 5)) < [0.0042, 0.048, 0.035, 0.047, 0.063]
    labels = np.column_stack([bleeds, bleeds.any(axis=1)]).astype(np.int8)
    np.savez(folder / "labels.npz", names=names, labels=labels)
    return len(shards)


def work(folder: Path, shards: int, size: Size) -> dict[str, float]:
    """Everything that is done with the whole index, in seconds."""
    seconds: dict[str, float] = {}
    last = time.perf_counter()

    def done(name: str) -> None:
        nonlocal last
        now = time.perf_counter()
        seconds[name] = now - last
        last = now

    with np.load(folder / "labels.npz") as stored:
        labels = LabelTable(pa.array(stored["names"].tolist(), pa.string()), stored["labels"])
    last = time.perf_counter()
    index = build_index(folder, range(shards), labels, slice_names=slice_names_from_files)
    done("merge, label and sort")
    pq.write_table(index.slices, folder / "slices.parquet", compression="zstd")
    done("write")
    slices = pq.read_table(folder / "slices.parquet").to_pandas()
    done("read")
    groups = linked_groups(slices)
    done("link")
    shares = {"sampa_share": 0.1328, "sampb_share": 0.1328}
    drawn = [samples.draw(slices, name, seed=1, **shares) for name in ("sampa", "sampb", "fullid")]
    done("draw and split three samples")
    for sample in drawn:
        leak_audit(slices, sample)
    done("audit three samples")
    store = Store(folder, {"recipe": {"image_size": 256}}, slices, *[pd.DataFrame()] * 3)
    store.adjacent_rows(np.arange(len(store)))
    done("find the neighbours of all")
    for table in (
        *(summary.label_counts, summary.co_occurrence, summary.labels_per_slice),
        *(summary.slices_per_study, summary.bleed_positions, summary.series_geometry),
        *(summary.families, summary.windows),
    ):
        table(slices)
    done("summary tables")
    if groups.nunique() >= size.patients or len(slices) != size.slices or set(LABELS) - set(slices):
        raise ValueError("The index is not what was generated.")
    return seconds


def measure(repeats: int = 3, size: Size = FULL) -> dict[str, Any]:
    """Seconds of each step and together, and the peak memory, in fresh processes."""
    with tempfile.TemporaryDirectory() as folder:
        shards = write_tables(Path(folder), size)
        runs = [alone(work, Path(folder), shards, size) for _ in range(repeats)]
    steps = {n: statistics.median(run["result"][n] for run in runs) for n in runs[0]["result"]}
    return {
        "rows": size.slices,
        "seconds": steps,
        "seconds_together": statistics.median(sum(run["result"].values()) for run in runs),
        "peak_mib": max(run["peak_mib"] for run in runs),
    }


if __name__ == "__main__":
    main(measure, repeats=1, size=SMALL)
