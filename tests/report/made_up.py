"""A report without training: made-up runs, and the notebooks executed in this process.

Names, questions, parameters, identifiers and files carry what must never run on a page.
"""

import ast
import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pydicom
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from ichreport.data.ingest.make_store import ingest
from ichreport.data.store import Store
from ichreport.evaluation.assessment import assess
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.files import read_json
from ichreport.labels import LABELS
from ichreport.params.experiment import Experiment
from ichreport.params.profile import Profile
from ichreport.report import site
from ichreport.report.viewer import run_series
from ichreport.runs import markup, recording
from ichreport.runs.results import Results, read
from ichreport.splits import SPLITS
from tests.report.external import made_evaluations
from tests.runs.stand_in_training import LEARNED_FROM, StandInTraining

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "<script>alert(1)</script>"
PICTURE = '"><img src=x onerror=alert(1)>'
TEMPLATE = "{{7*7}}"
PLANTED = f"{SCRIPT} {PICTURE} {TEMPLATE}"

EXPERIMENTS = {
    "01-small": {
        **{"network": "cnn7", "sample": "fullid", "baseline": "02-large"},
        "question": f"Does {PLANTED} learn?",
    },
    "02-large": {"network": "densenet121", "sample": "fullid", "loss": "focal", "poster_row": 13},
    "03-windowed": {"network": "cnn7", "input": "sigmoid", "sample": "sampa", "poster_row": 3},
    "04-broken": {"network": "densenet121", "head": "bilstm", "sample": "sampb"},
    "05-later": {"network": "cnn7", "loss": "weighted-bce", "sample": "sampb"},
}
"""Those with a parameter file: three ran, one failed, one is missing; the first is a step."""

BY_HAND = {
    **{"network": "densenet121", "sample": "fullid", "poster_row": 13},
    "weights": f"{PICTURE}.weights.h5",
}
"""A run by hand, `by-hand`: `02-large` with another loss, and weights that have no good name."""

SKILL = {"01-small": 3.0, "02-large": 1.5, "03-windowed": 2.0, "by-hand": 0.0}
"""How far apart the logits of bleeding and no bleeding are, by run."""


@dataclass(frozen=True)
class Report:
    """A rendered report and what it was made from."""

    folder: Path
    profile: Profile
    results: Results
    store: Store

    @property
    def pages(self) -> list[Path]:
        """Every page."""
        return sorted(self.folder.rglob("*.html"))


def make(folder: Path, source: Path) -> Report:
    """Make a report in a new project.

    Args:
        folder: An empty folder to make the project in.
        source: Synthetic heads in the challenge's layout.
    """
    (folder / "workflow").mkdir(exist_ok=True)
    (folder / "workflow" / "Snakefile").touch()
    _plant(source, folder / "rsna")
    ingest(folder / "rsna", folder / "store", image_size=96, max_reject_share=0.2)
    given = {
        "profile": "tiny",
        "source": str(folder / "rsna"),
        "store": str(folder / "store"),
        "experiments": str(folder / "params" / "experiments"),
        "image_size": 96,
        "sampb_share": 1.0,
        "seed": 0,  # with this one every split of ten patients holds a slice
        "phantom": {"patients": 10, "matrix": 96, "slices": 8, "faults": False},
        "external": [{"name": "island", "source": str(folder / "island"), "runs": ["01-small"]}],
    }
    (folder / "params" / "experiments").mkdir(parents=True)
    (folder / "params" / "tiny.yaml").write_text(yaml.safe_dump(given))
    for name, values in EXPERIMENTS.items():
        path = folder / "params" / "experiments" / f"{name}.yaml"
        path.write_text(yaml.safe_dump({"name": name, **values}))
    profile, store = Profile.parse(given, where="test"), Store.open(folder / "store")
    report = folder / "reports" / "tiny"
    with contextlib.chdir(folder):
        for seed, (name, values) in enumerate({**EXPERIMENTS, "by-hand": BY_HAND}.items()):
            if name in SKILL:
                experiment = Experiment.parse({**given, **values, "name": name}, where=name)
                write_run(experiment, predictions(experiment.sample, seed, SKILL[name]))
        _fail(report / "runs" / "04-broken")
        _evaluate_elsewhere(report / "runs" / "01-small")
        write_executed(story(store), report / "runs" / "01-small" / "notebook.ipynb")
        write_executed(executed("1-explore", given), report / "explore.ipynb")
        write_executed(executed("4-results", given), report / "results.ipynb")
        write_executed(executed("6-external", given), report / "external.ipynb")
        write_executed(executed("7-beyond-the-poster", given), report / "beyond.ipynb")
        (report / "cam.log").write_text(f"Traceback\nValueError: {PLANTED}\n")
        site.render(report, profile)
        return Report(report, profile, read(profile, report), store)


def predictions(
    sample: str, seed: int, skill: float, *, patients: int = 60, slices: int = 8
) -> pd.DataFrame:
    """Slices of made-up patients: the sample tells the truth, the seed the probabilities."""
    random = np.random.default_rng(sum(map(ord, sample)))
    count = patients * slices
    patient = [f"p{number:03d} {PLANTED}" for number in np.repeat(range(patients), slices)]
    bleeds = np.repeat(np.arange(patients) // 3 % 2 == 0, slices)  # half of each split
    truth = (bleeds[:, None] & (random.random((count, len(LABELS))) < 0.3)).astype(np.int8)
    truth[:, -1] = truth[:, :-1].max(axis=1)
    random = np.random.default_rng(seed)
    logits = skill * (truth - 0.5) + random.normal(size=truth.shape)
    table = pd.DataFrame(
        {
            "sop_instance_uid": [f"ID_{sample}_{number:05d}" for number in range(count)],
            "patient_id": patient,
            "study_instance_uid": patient,
            "series_instance_uid": patient,
            "group": patient,
            "split": np.repeat(np.array(SPLITS)[np.arange(patients) % 3], slices),
        }
    )
    table[list(TRUTHS)] = truth
    table[list(PROBABILITIES)] = (1 / (1 + np.exp(-logits))).astype(np.float32)
    return table


def write_run(experiment: Experiment, table: pd.DataFrame, store_hash: str = "0" * 64) -> None:
    """Leave behind what a run does, but for its weights and its notebook."""
    epochs = np.arange(1, 9)
    losses = {"loss": (1 / epochs).tolist(), "val_loss": (1 / epochs + 0.01 * epochs).tolist()}
    machine = {"backend": "none", "devices": [PLANTED]}
    recording.write_run(
        experiment,
        StandInTraining(table, losses, machine, trainable=1234, frozen=0),
        assess(table, replicates=60),
        leak=[],
        store={"store_hash": store_hash, "synthetic": True},
        learned_from=LEARNED_FROM,
        network=None,
        stopwatch=recording.Stopwatch(),
    )


def executed(name: str, values: dict[str, object]) -> nbformat.NotebookNode:
    """One of our notebooks with the outputs that its cells have in this process."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    namespace: dict[str, object] = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            shown = _run(cell.source, namespace)
            cell.outputs = [] if shown is None else [output(shown)]
            if "parameters" in cell.metadata.get("tags", []):
                namespace.update(values)
    return notebook


def write_executed(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook as `ichreport execute` does: with the version of what made its outputs."""
    nbformat.write(notebook, path)
    notebook.metadata[markup.KEY] = {"markup": markup.markup_version(path)}
    nbformat.write(notebook, path)


def output(shown: object) -> nbformat.NotebookNode:
    """What Jupyter keeps of a cell's value."""
    kept = {"text/plain": repr(shown)}
    if hasattr(shown, "_repr_html_"):
        kept["text/html"] = shown._repr_html_()
    return new_output("execute_result", kept, execution_count=1)


def predictions_for(store: Store) -> pd.DataFrame:
    """Made-up predictions for the slices of a store, each series in one split."""
    table = predictions("fullid", 7, 1.0, patients=len(store), slices=1)
    names = ["sop_instance_uid", "study_instance_uid", "series_instance_uid", "patient_id"]
    table[names] = store.slices[names].to_numpy()
    table[list(TRUTHS)] = store.slices[list(LABELS)].to_numpy()
    series = store.slices["series_instance_uid"]
    table["split"] = np.array(SPLITS)[pd.factorize(series)[0] % 3]
    return table


def story(store: Store) -> nbformat.NotebookNode:
    """The notebook of a run, but for its training: it shows slices of the store."""
    table = predictions_for(store)
    shown = run_series.with_probabilities(store, table, assess(table, replicates=10))
    cell = new_code_cell(
        "run_series.with_probabilities(store, predictions, assessed)", outputs=[output(shown)]
    )
    return new_notebook(cells=[new_markdown_cell("# An experiment\n\n## Along a head?"), cell])


def _run(source: str, namespace: dict[str, object]) -> object:
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), namespace)
    return last and eval(compile(ast.Expression(last.value), "cell", "eval"), namespace)


def _plant(source: Path, folder: Path) -> None:
    """Copy synthetic heads; one patient and three broken files get names that must not run."""
    shutil.copytree(source, folder)
    images = folder / "stage_2_train"
    paths = sorted(images.glob("*.dcm"))
    first = pydicom.dcmread(paths[0]).PatientID
    for path in paths:
        header = pydicom.dcmread(path)
        if header.PatientID == first:
            header.PatientID = f"{PICTURE}{TEMPLATE}"
            header.save_as(path)
    for name in (SCRIPT.replace("/", ""), PICTURE, TEMPLATE):
        (images / f"{name}.dcm").write_bytes(b"no DICOM")


def _evaluate_elsewhere(run_folder: Path) -> None:
    """An evaluation with every table that its page can show."""
    record = read_json(run_folder / "record.json")
    made_evaluations.write(
        run_folder, record["provenance"]["predictions_sha256"], **made_evaluations.EVERY_TABLE
    )


def _fail(run_folder: Path) -> None:
    """What a killed experiment leaves behind."""
    run_folder.mkdir(parents=True)
    (run_folder / "log.txt").write_text(f"Starting\nValueError: {PLANTED}\n")
