"""How fast grouped bootstrap replicates of six areas are, beside a loop over scikit-learn.

    OMP_NUM_THREADS=1 python benchmarks/bootstrap.py

150,000 slices of 3,800 patients with the challenge's prevalences, on one core. scikit-learn does a
few of the 1,000 replicates; every one of them must agree.
"""

import statistics
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from side_by_side import interleaved, main, median_ratio
from sklearn.metrics import roc_auc_score

from ichreport.evaluation.uncertainty.bootstrap import Resamples, auc_replicates, draw_resamples
from ichreport.labels import LABELS

SLICES, PATIENTS, REPLICATES, BY_SCIKIT_LEARN = 150_000, 3_800, 1_000, 3
PREVALENCE = (0.0042, 0.048, 0.0348, 0.0474, 0.0627, 0.1434)


def make_predictions(
    slices: int,
) -> tuple[NDArray[np.int64], NDArray[np.float32], pd.Index]:
    """Truth and scores, both clustered in patients: (n, 6), (n, 6), (n,)."""
    random = np.random.default_rng(0)
    patient = np.sort(random.integers(0, PATIENTS, slices))
    illness = random.normal(size=(PATIENTS, 6))[patient] + random.normal(size=(slices, 6))
    cut = [np.quantile(illness[:, k], 1 - PREVALENCE[k]) for k in range(6)]
    truth = (illness > cut).astype(np.int64)
    score = illness + random.normal(size=(slices, 6))
    names = pd.Index([f"ID_{number:08x}" for number in patient])
    return truth, (1 / (1 + np.exp(-score))).astype(np.float32), names


def ours(
    truth: NDArray[np.int64], score: NDArray[np.float32], group: pd.Index
) -> NDArray[np.float64]:
    """All replicates of all labels, drawing included: (6, replicates)."""
    resamples = draw_resamples(group, replicates=REPLICATES)
    codes = resamples.group_codes(group)
    areas = [auc_replicates(truth[:, k], score[:, k], codes, resamples.counts) for k in range(6)]
    return np.stack(areas)


def by_scikit_learn(
    truth: NDArray[np.int64],
    score: NDArray[np.float32],
    codes: NDArray[np.intp],
    resamples: Resamples,
) -> NDArray[np.float64]:
    """The first few replicates of all labels: (6, few)."""
    weights = [counts[codes] for counts in resamples.counts[:BY_SCIKIT_LEARN]]
    return np.array(
        [
            [roc_auc_score(truth[:, k], score[:, k], sample_weight=weight) for weight in weights]
            for k in range(6)
        ]
    )


def measure(repeats: int = 5, slices: int = SLICES) -> dict[str, Any]:
    """Seconds for all replicates, by us and (from a few) by scikit-learn, and their ratio.

    Raises:
        ValueError: If a replicate differs.
    """
    truth, score, group = make_predictions(slices)
    resamples = draw_resamples(group, replicates=REPLICATES)
    codes = resamples.group_codes(group)
    reference = by_scikit_learn(truth, score, codes, resamples)
    worst = float(np.abs(ours(truth, score, group)[:, :BY_SCIKIT_LEARN] - reference).max())
    if worst > 1e-12:
        raise ValueError(f"A replicate differs from scikit-learn's by {worst}.")
    seconds = interleaved(
        {
            "ours": lambda: ours(truth, score, group),
            "scikit-learn": lambda: by_scikit_learn(truth, score, codes, resamples),
        },
        repeats=repeats,
    )
    loop = [taken * REPLICATES / BY_SCIKIT_LEARN for taken in seconds["scikit-learn"]]
    return {
        "slices": slices,
        "patients": PATIENTS,
        "labels": len(LABELS),
        "replicates": REPLICATES,
        "largest_difference": worst,
        "ours_seconds": statistics.median(seconds["ours"]),
        "scikit_learn_seconds": statistics.median(loop),
        "ratio": median_ratio(loop, seconds["ours"]),
        "repeats": repeats,
    }


if __name__ == "__main__":
    main(measure, repeats=1, slices=5_000)
