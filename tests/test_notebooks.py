"""The notebooks are thin, stored clean, and say their own parameters."""

import ast
import importlib.util
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from papermill.inspection import inspect_notebook

from ichreport.params.experiment import Experiment
from ichreport.params.new_studies import NewStudies
from ichreport.params.profile import Profile
from ichreport.params.rows.read import read_each_experiment

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
MODELS = {
    "1-explore.ipynb": Profile,
    "2-combination.ipynb": Experiment,
    "2-experiment.ipynb": Experiment,
    "3-cam.ipynb": Profile,
    "4-results.ipynb": Profile,
    "5-new-study.ipynb": NewStudies,
    "6-external.ipynb": Profile,
    "7-beyond-the-poster.ipynb": Profile,
}
STATEMENTS_A_CELL = 4
THICK = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda),
    *(ast.For, ast.AsyncFor, ast.While, ast.If, ast.IfExp, ast.Match),
    *(ast.With, ast.AsyncWith, ast.Try, ast.TryStar),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


def read(name):
    return nbformat.read(NOTEBOOKS / name, as_version=4)


def code_cells(name):
    return [cell for cell in read(name).cells if cell.cell_type == "code"]


def parameters_cell(name):
    [cell] = [c for c in code_cells(name) if "parameters" in c.metadata.get("tags", [])]
    return cell


def programs(source):
    """What a thin cell leaves to the package: functions, loops, branches, comprehensions."""
    return [type(node).__name__ for node in ast.walk(ast.parse(source)) if isinstance(node, THICK)]


def test_there_is_a_model_for_every_notebook():
    assert sorted(path.name for path in NOTEBOOKS.glob("*.ipynb")) == sorted(MODELS)


@pytest.mark.parametrize(("name", "model"), MODELS.items())
def test_the_parameters_cell_equals_the_model(name, model):
    namespace = {}
    exec(parameters_cell(name).source, namespace)  # the cell is ours
    del namespace["__builtins__"]
    namespace.pop("__annotations__")
    assert namespace == model().model_dump()


@pytest.mark.parametrize(("name", "model"), MODELS.items())
def test_papermill_shows_type_and_meaning_of_every_parameter(name, model):
    shown = inspect_notebook(str(NOTEBOOKS / name))
    assert set(shown) == set(model.model_fields)
    for field, info in model.model_fields.items():
        assert shown[field]["help"] == info.description
        assert shown[field]["inferred_type_name"] != "None", field


@pytest.mark.parametrize("name", MODELS)
def test_what_folds_away_is_a_question_and_its_answer(name):
    """The question is what one unfolds its answer by, so it is a line of plain words."""
    cells = read(name).cells
    folded = ["detail" in cell.metadata.get("tags", []) for cell in cells]
    for index in np.flatnonzero(folded):
        question = cells[index] if cells[index].cell_type == "markdown" else cells[index - 1]
        answer = cells[index + 1] if question is cells[index] else cells[index]
        assert (question.cell_type, answer.cell_type) == ("markdown", "code")
        assert all("detail" in cell.metadata.get("tags", []) for cell in (question, answer))
        assert re.fullmatch(r"[^\n#`*_\[\]<>]+", question.source), question.source


WITHOUT_VERDICT = {
    "1-explore.ipynb": ["What do the slices look like?"],
    "2-combination.ipynb": [
        *("What is asked?", "Which runs?", "How are they combined?"),
        *("What does it get most wrong?", "The record"),
    ],
    "2-experiment.ipynb": ["What is asked?", "What does it get most wrong?", "The record"],
    "3-cam.ipynb": ["Which run?", "What does it find, miss and imagine?", "The maps"],
    "4-results.ipynb": [
        *("How well does the best row find bleeding?", "What was tried by hand?"),
        *("What is it made of?", "What do we infer about the poster?"),
    ],
    "5-new-study.ipynb": ["What is found?", "The most urgent study"],
    "6-external.ipynb": [  # its verdict stands before all sections
        *("What is lost?", "And single slices?", "How does another system do?"),
    ],
    "7-beyond-the-poster.ipynb": ["How far is that from the challenge's winners?"],
}
"""Sections that say what was asked, list or show something, or have one table."""
VERDICT = re.compile(r"verdicts?\b|\.sentences\(|\.outcomes\(|\.prevalence\(|elsewhere\.of_")


@pytest.mark.parametrize("name", MODELS)
def test_sections_open_with_their_verdict_and_no_section_with_what_folds(name):
    without, section, is_open = [], None, False
    for cell in read(name).cells:
        if cell.source.startswith("## "):
            if is_open:
                without.append(section)
            section, is_open = cell.source.split("\n")[0].removeprefix("## "), True
        elif cell.cell_type == "code" and is_open:
            assert "detail" not in cell.metadata.get("tags", []), section
            shown = ast.parse(cell.source).body[-1]
            if isinstance(shown, ast.Expr):
                if not VERDICT.search(ast.unparse(shown)):
                    without.append(section)
                is_open = False
    assert [*without, *([section] if is_open else [])] == WITHOUT_VERDICT[name]


@pytest.mark.parametrize("name", MODELS)
def test_the_first_code_cell_after_the_parameters_validates_them(name):
    cells = code_cells(name)
    after = cells[cells.index(parameters_cell(name)) + 1]
    assert f"{MODELS[name].__name__}.from_notebook(globals())" in after.source


@pytest.mark.parametrize("name", MODELS)
def test_a_notebook_is_stored_without_outputs(name):
    for cell in code_cells(name):
        assert cell.outputs == []
        assert cell.execution_count is None


@pytest.mark.parametrize("name", MODELS)
def test_a_notebook_is_thin(name):
    for cell in code_cells(name):
        assert programs(cell.source) == [], cell.source
        if "parameters" not in cell.metadata.get("tags", []):
            statements = ast.parse(cell.source).body
            work = [s for s in statements if not isinstance(s, ast.Import | ast.ImportFrom)]
            assert len(work) <= STATEMENTS_A_CELL, cell.source


@pytest.mark.parametrize(
    "source",
    [
        "def f(): pass",
        "async def f(): pass",
        "class A: pass",
        "f = lambda: 1",
        "for x in []: pass",
        "while True: pass",
        "if True: pass",
        "match 1:\n    case _: pass",
        "with open('x'): pass",
        "try: pass\nfinally: pass",
        "try: pass\nexcept* ValueError: pass",
        "[x for x in []]",
        "{x for x in []}",
        "{x: x for x in []}",
        "sum(x for x in [])",
        "show(figure if runs else table)",
    ],
)
def test_a_cell_that_programs_is_not_thin(source):
    assert len(programs(source)) == 1


@pytest.mark.parametrize("name", MODELS)
def test_prose_introduces_every_code_cell_after_the_parameters(name):
    cells = read(name).cells
    start = cells.index(parameters_cell(name)) + 2
    for before, cell in zip(cells[start - 1 :], cells[start:], strict=False):
        if cell.cell_type == "code":
            assert before.cell_type == "markdown", cell.source


@pytest.mark.parametrize("name", MODELS)
def test_a_notebook_has_one_title_and_says_what_it_asks(name):
    text = "\n".join(c.source for c in read(name).cells if c.cell_type == "markdown")
    assert len(re.findall(r"^# ", text, flags=re.MULTILINE)) == 1
    assert "?" in text


@pytest.mark.parametrize("name", MODELS)
def test_what_the_cells_import_is_there(name):
    """Executing a notebook takes long; a name that has moved is found in no time."""
    imports = [
        node
        for cell in code_cells(name)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.ImportFrom)
    ]
    assert imports
    for node in imports:
        package = importlib.import_module(node.module)
        for alias in node.names:
            module = (
                importlib.util.find_spec(f"{node.module}.{alias.name}")
                if (hasattr(package, "__path__"))
                else None
            )
            assert module or hasattr(package, alias.name), (node.module, alias.name)


def cell_with(name, text):
    """The source of the one cell that holds a text."""
    [source] = [cell.source for cell in read(name).cells if text in cell.source]
    return source


def test_maps_of_a_run_that_is_not_there_are_refused_with_the_cure(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"profile": Profile(cam_run="13-mine")}
    with pytest.raises(ValueError, match=r"^Maps are of 13-mine, which has no result: not run yet"):
        exec(cell_with("3-cam.ipynb", "profile.cam_run"), names)
    assert "experiment" not in names


def test_the_data_s_notebook_says_what_it_reads_beside_the_store():
    beside = [cell.source for cell in code_cells("1-explore.ipynb") if "profile.so" in cell.source]
    assert beside == ["slice_images.look_alikes(store, profile.source_folder)"]
    assert "the list of their look-alikes" in read("1-explore.ipynb").cells[0].source


def test_what_is_said_of_the_poster_s_networks_is_true_of_its_rows(monkeypatch):
    monkeypatch.chdir(NOTEBOOKS.parent)
    rows = [row for row in read_each_experiment(Profile())[0].values() if row.poster_row]
    assert "pre-trained networks stay frozen" in read("7-beyond-the-poster.ipynb").cells[0].source
    assert all(row.trainable_layers == 0 for row in rows if row.network_spec.is_backbone)
    assert not all(row.network_spec.is_backbone for row in rows)
    single = [row for row in rows if not (row.head_spec.reads_series or row.input_spec.neighbours)]
    assert len(rows) / 2 < len(single) < len(rows)  # most, and not all
