"""Turning a report into pages: what that costs where the runs are of the whole challenge.

    python benchmarks/rendering.py [--quick]

Makes a report of 16 runs of 752,803 made-up slices each: predictions, records with all that is
measured, and notebooks that show it. Then renders it, and renders and packs it, each in a process
of its own. What it is held against is what reading the predictions of all runs alone would cost.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import nbformat
import numpy as np
import pandas as pd
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from ichreport import poster, software
from ichreport.evaluation.assessment import Assessment, assess
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.labels import LABELS
from ichreport.params.experiment import Experiment
from ichreport.params.profile import Profile
from ichreport.params.rows.read import read_each_experiment
from ichreport.report.run import curves, score_tables
from ichreport.runs import markup, recording
from ichreport.splits import SPLITS

SLICES_A_PATIENT = 40
REPLICATES = 20
RENDER = "import sys; from ichreport.cli import main; sys.exit(main(sys.argv[1:]))"
READ = "import sys, pandas as pd; [pd.read_parquet(path) for path in sys.argv[1:]]"


def predictions(slices: int) -> pd.DataFrame:
    """Made-up predictions with the challenge's prevalences and a fair network's probabilities."""
    random = np.random.default_rng(1)
    group = np.arange(slices) // SLICES_A_PATIENT
    shares = [poster.label_counts()[label] / poster.SLICES for label in LABELS]
    truth = (random.random((slices, len(LABELS))) < shares).astype(np.int8)
    logits = 3 * truth + np.log(shares) + random.normal(size=truth.shape)
    patient = np.char.add("ID_", group.astype(str))
    table = pd.DataFrame(
        {
            "sop_instance_uid": np.char.add("ID_s", np.arange(slices).astype(str)),
            "patient_id": patient,
            "study_instance_uid": patient,
            "series_instance_uid": patient,
            "study_slices": np.int32(SLICES_A_PATIENT),
            "group": patient,
            "split": np.array(SPLITS)[np.array([0, 0, 0, 1, 2])[group % 5]],
        }
    )
    table[list(TRUTHS)] = truth
    table[list(PROBABILITIES)] = (1 / (1 + np.exp(-logits))).astype(np.float32)
    return table


def _write_files(table: pd.DataFrame, folder: Path) -> None:
    table.to_parquet(folder / "predictions.parquet", index=False)
    (folder / "model.weights.h5").write_bytes(b"none")


def write_run(experiment: Experiment, table: pd.DataFrame, assessed: Assessment) -> None:
    """What a run leaves behind, but for its weights."""
    epochs = np.arange(1, 13)
    losses = {"loss": (1 / epochs).tolist(), "val_loss": (1 / epochs + 0.01).tolist()}
    training = SimpleNamespace(
        folder=Path("made-up"), predictions=table, history=losses, trainable=1, frozen=0,
        is_new=True, finished="", seconds={"training": 1.0}, machine={"backend": "none"},
        software=software.describe(),
        copy_to=partial(_write_files, table),
    )  # fmt: skip
    experiment.run_folder.mkdir(parents=True)
    recording.write_run(
        *(experiment, training, assessed),
        leak=[],
        store={"store_hash": "0" * 64, "synthetic": False},
        stopwatch=recording.Stopwatch(),
    )
    shown = [
        *(curves.loss_curves(losses), score_tables.scores(assessed), curves.roc_curves(assessed)),
        *(curves.precision_recall_curves(assessed), score_tables.operating_points(assessed)),
        *(score_tables.calibration(assessed), score_tables.studies(assessed)),
    ]
    notebook = new_notebook(cells=[new_markdown_cell("# A run"), *map(_cell, shown)])
    _write(notebook, experiment.run_folder / "notebook.ipynb")


def _write(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook as `ichreport execute` does, with what made its markup."""
    nbformat.write(notebook, path)
    notebook.metadata[markup.KEY] = {"markup": markup.markup_version(path)}
    nbformat.write(notebook, path)


def _cell(shown: object) -> nbformat.NotebookNode:
    kept = {"text/plain": repr(shown), "text/html": shown._repr_html_()}  # type: ignore[attr-defined]
    return new_code_cell("shown", outputs=[new_output("execute_result", kept, execution_count=1)])


def cpu_seconds(*words: str) -> float:
    """CPU seconds of a Python process, its children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", *words], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few slices, once")
    parser.add_argument("--repeats", type=int, default=3, help="turns, of which medians are kept")
    options = parser.parse_args()
    slices = 4_000 if options.quick else poster.SLICES
    with tempfile.TemporaryDirectory() as folder:
        profile = Profile.parse(
            {"profile": Path(folder).name, "store": f"{folder}/store"}, where="benchmark"
        )
        report = Path("reports") / profile.profile
        try:
            figures = _measure(profile, slices, 1 if options.quick else options.repeats)
        finally:
            shutil.rmtree(report, ignore_errors=True)
            report.with_name(f"{report.name}.zip").unlink(missing_ok=True)
    print(json.dumps(figures))


def _measure(profile: Profile, slices: int, repeats: int) -> dict[str, float]:
    report = profile.report_folder
    table = predictions(slices)
    assessed = assess(table, replicates=REPLICATES)
    experiments, _ = read_each_experiment(profile)
    for experiment in experiments.values():
        write_run(experiment, table, assessed)
    _write(new_notebook(cells=[new_markdown_cell("# Results")]), report / "results.ipynb")
    words = ("render", str(report), "--profile", str(report / "profile.yaml"))
    (report / "profile.yaml").write_text(profile.model_dump_json(exclude_unset=True))
    paths = [str(path) for path in report.glob("runs/*/predictions.parquet")]
    turns = [
        (
            cpu_seconds(RENDER, *words),
            cpu_seconds(RENDER, *words, "--zip"),
            cpu_seconds(READ, *paths),
        )
        for _ in range(repeats)
    ]
    rendering, packing, reading = (median(values) for values in zip(*turns, strict=True))
    return {
        "runs": len(experiments),
        "slices a run": slices,
        "rendering, CPU seconds": rendering,
        "the zip besides, CPU seconds": packing - rendering,
        "reading all predictions, CPU seconds": reading,
        "rendering over reading all predictions": rendering / reading,
    }


if __name__ == "__main__":
    main()
