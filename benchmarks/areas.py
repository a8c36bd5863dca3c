"""How fast six areas with intervals over linked groups are, beside a loop over scikit-learn.

    OMP_NUM_THREADS=1 python benchmarks/areas.py

150,000 slices of 3,800 patients with the challenge's prevalences, on one core. An interval rests on
the area without each patient. scikit-learn does a few of these; every one of them must agree.
"""

import statistics
from typing import Any

import numpy as np
from numpy.typing import NDArray
from side_by_side import interleaved, main, median_ratio
from sklearn.metrics import roc_auc_score

from ichreport.evaluation.uncertainty.closed_intervals import area_interval
from ichreport.evaluation.uncertainty.jackknife import LeftOut, auc_left_out
from ichreport.labels import LABELS

SLICES, PATIENTS, BY_SCIKIT_LEARN = 150_000, 3_800, 3
PREVALENCE = (0.0042, 0.048, 0.0348, 0.0474, 0.0627, 0.1434)


def make_predictions(
    slices: int, patients: int
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.intp]]:
    """Truth and scores, both clustered in patients: (n, 6), (n, 6), (n,)."""
    random = np.random.default_rng(0)
    patient = np.sort(random.integers(0, patients, slices))
    illness = random.normal(size=(patients, 6))[patient] + random.normal(size=(slices, 6))
    cut = [np.quantile(illness[:, k], 1 - PREVALENCE[k]) for k in range(6)]
    truth = (illness > cut).astype(np.int64)
    score = illness + random.normal(size=(slices, 6))
    return truth, (1 / (1 + np.exp(-score))).astype(np.float32), patient


def ours(
    truth: NDArray[np.int64], score: NDArray[np.float32], patient: NDArray[np.intp]
) -> list[LeftOut]:
    """The area of each label without each patient, with its interval."""
    areas = [auc_left_out(truth[:, k], score[:, k], patient) for k in range(6)]
    for area in areas:
        area_interval(area)
    return areas


def by_scikit_learn(
    truth: NDArray[np.int64], score: NDArray[np.float32], patient: NDArray[np.intp]
) -> NDArray[np.float64]:
    """The area of each label without each of the first few patients: (6, few)."""
    kept = [patient != number for number in range(BY_SCIKIT_LEARN)]
    areas = [[roc_auc_score(truth[rows, k], score[rows, k]) for rows in kept] for k in range(6)]
    return np.array(areas)


def measure(repeats: int = 5, slices: int = SLICES, patients: int = PATIENTS) -> dict[str, Any]:
    """Seconds for all areas and intervals, by us and (from a few) by scikit-learn, and their ratio.

    Raises:
        ValueError: If an area differs.
    """
    made = make_predictions(slices, patients)
    reference = by_scikit_learn(*made)
    few = np.stack([area.without[:BY_SCIKIT_LEARN] for area in ours(*made)])
    worst = float(np.abs(few - reference).max())
    if worst > 1e-12:
        raise ValueError(f"An area differs from scikit-learn's by {worst}.")
    seconds = interleaved(
        {"ours": lambda: ours(*made), "scikit-learn": lambda: by_scikit_learn(*made)},
        repeats=repeats,
    )
    loop = [taken * patients / BY_SCIKIT_LEARN for taken in seconds["scikit-learn"]]
    return {
        "slices": slices,
        "patients": patients,
        "labels": len(LABELS),
        "largest_difference": worst,
        "ours_seconds": statistics.median(seconds["ours"]),
        "scikit_learn_seconds": statistics.median(loop),
        "ratio": median_ratio(loop, seconds["ours"]),
        "repeats": repeats,
    }


if __name__ == "__main__":
    main(measure, repeats=1, slices=5_000, patients=200)
