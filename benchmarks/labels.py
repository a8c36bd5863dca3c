"""How fast the challenge's label CSV becomes a table, beside pandas' split and pivot.

    python benchmarks/labels.py

The CSV is generated at its full size: 752,803 slices, four of which stand twice: 4,516,842 rows.
"""

import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from side_by_side import alone, main

from ichreport.data.labels.challenge import read_challenge_labels
from ichreport.labels import LABELS

SLICES = 752_803


def write_csv(path: Path, slices: int) -> None:
    """Labels in the challenge's form, prevalence and order of rows."""
    random = np.random.default_rng(0)
    bleeds = random.random((slices, 5)) < [0.0042, 0.048, 0.035, 0.047, 0.063]
    labels = np.column_stack([bleeds, bleeds.any(axis=1)]).astype(int)
    names = [f"ID_{n:09x}" for n in random.choice(16**9, slices, replace=False)]
    order = [*range(slices), 5, 6, 7, 8]
    with path.open("w", encoding="ascii") as stream:
        stream.write("ID,Label\n")
        for row in order:
            values = zip(LABELS, labels[row], strict=True)
            stream.writelines(f"{names[row]}_{label},{value}\n" for label, value in values)


def ours(path: Path) -> list[int]:
    """Read with one thread."""
    pa.set_cpu_count(1)
    return read_challenge_labels(path).labels.sum(axis=0).tolist()


def naive(path: Path) -> list[int]:
    """Split and pivot, as public notebooks do."""
    frame = pd.read_csv(path).drop_duplicates()
    parts = frame["ID"].str.rsplit("_", n=1, expand=True)
    frame = frame.assign(name=parts[0], label=parts[1])
    table = frame.pivot(index="name", columns="label", values="Label")[list(LABELS)]  # noqa: PD010
    return table.sum().tolist()


def nothing(path: Path) -> None:
    """A process that only imports, to see its memory."""


def measure(repeats: int = 3, slices: int = SLICES) -> dict[str, Any]:
    """Seconds, peak memory and the ratio; both sides in fresh processes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "stage_2_train.csv")
        write_csv(path, slices)
        turns = [(alone(ours, path), alone(naive, path)) for _ in range(repeats)]
        base = alone(nothing, path)["peak_mib"]
    if any(run["result"] != other["result"] for run, other in turns):
        raise ValueError("The two tables differ.")
    return {
        "rows": (slices + 4) * 6,
        "ours_seconds": statistics.median(run["seconds"] for run, _ in turns),
        "naive_seconds": statistics.median(other["seconds"] for _, other in turns),
        "ours_over_naive": statistics.median(o["seconds"] / w["seconds"] for w, o in turns),
        "ours_peak_mib": max(run["peak_mib"] for run, _ in turns),
        "naive_peak_mib": max(other["peak_mib"] for _, other in turns),
        "imports_alone_mib": base,
    }


if __name__ == "__main__":
    main(measure, repeats=1, slices=20_000)
