"""How many synthetic slices one core makes in a second, DICOM files, masks and labels included.

    OMP_NUM_THREADS=1 python benchmarks/phantom.py

The demo's recipe, of fewer patients.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from side_by_side import main

from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.phantom import write_phantom


def measure(repeats: int = 5, patients: int = 20) -> dict[str, Any]:
    """Slices a second of one process: median of several sets."""
    rates = []
    for seed in range(repeats):
        recipe = PhantomRecipe(patients=patients, seed=seed)
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            write_phantom(Path(folder, "rsna"), recipe, workers=1)
            seconds = time.perf_counter() - started
            slices = len(list(Path(folder, "rsna", "stage_2_train").glob("*.dcm")))
        rates.append(slices / seconds)
    return {
        "matrix": recipe.matrix,
        "patients": patients,
        "slices_per_second_per_core": statistics.median(rates),
    }


if __name__ == "__main__":
    main(measure, repeats=1, patients=3)
