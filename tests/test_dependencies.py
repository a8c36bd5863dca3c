"""What depends on what in the code: the closure of imports, and what a change of a file changes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ichreport import dependencies
from ichreport.dependencies import closure, fingerprint

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "ichreport"


def names(*entries):
    return {path.relative_to(PACKAGE).as_posix() for path in closure(*entries)}


def notebook(path, *cells):
    code = [{"cell_type": "code", "source": [cell]} for cell in cells]
    path.write_text(json.dumps({"cells": [*code, {"cell_type": "markdown", "source": ["x"]}]}))
    return path


def loaded_by(module):
    """The package's files that Python itself loads where a module is imported."""
    script = (
        f"import sys, {module}\n"
        "for name, module in list(sys.modules.items()):\n"
        "    if name.partition('.')[0] == 'ichreport': print(module.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return {Path(line).relative_to(PACKAGE).as_posix() for line in done.stdout.splitlines()}


@pytest.mark.parametrize(
    "module", ["ichreport.phantom", "ichreport.data.store", "ichreport.report.site"]
)
def test_a_closure_holds_all_that_python_loads(module):
    loaded = loaded_by(module)
    assert len(loaded) > 3
    assert loaded <= names(module)


def test_a_closure_holds_what_is_imported_inside_functions():
    assert "model/frameworks/on_jax.py" in names("ichreport.model.backend")


def test_a_closure_holds_files_that_are_not_python_where_their_package_is():
    assert "poster/losses.csv" in names("ichreport.poster")
    assert "report/layout/template/style.css" in names("ichreport.report.site")
    assert "report/layout/template/style.css" not in names("ichreport.report.html.blocks")


def test_a_notebook_brings_what_its_code_imports(tmp_path):
    path = notebook(tmp_path / "a.ipynb", "from ichreport.data import store\nimport numpy")
    assert names(path) == names("ichreport.data.store")
    of_class = notebook(tmp_path / "b.ipynb", "from ichreport.data.store import Store")
    assert names(of_class) == names(path)


def test_what_cannot_be_followed_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"ichreport\.nothing is no module of ichreport"):
        closure("ichreport.nothing")
    (tmp_path / "bad.ipynb").write_text("{")
    with pytest.raises(ValueError, match=r"bad\.ipynb is not readable as a notebook"):
        closure(tmp_path / "bad.ipynb")


def test_a_fingerprint_is_of_what_code_does(tmp_path):
    path = tmp_path / "code.py"

    def meaning(text):
        path.write_text(text)
        dependencies._meaning.cache_clear()
        return dependencies._meaning(path)

    plain = meaning("def f(x):\n    return x + 1\n")
    assert (
        meaning('"""About."""\n# why\ndef f(x):\n    """Adds."""\n\n    return (x + 1)\n') == plain
    )
    assert meaning("def f(x):\n    return x + 2\n") != plain
    assert meaning("def f(y):\n    return y + 1\n") != plain


ENTRIES = {
    "phantom": "ichreport.phantom",
    "ingest": "ichreport.data.ingest.make_store",
    "features": "ichreport.model.features",
    "training": "ichreport.model.training",
    "permuted": "ichreport.model.permuted_labels",
    "explore": "notebooks/1-explore.ipynb",
    "experiment": "notebooks/2-experiment.ipynb",
    "cam": "notebooks/3-cam.ipynb",
    "results": "notebooks/4-results.ipynb",
    "pages": "ichreport.report.site",
}
SCRIPT = """
import json, pathlib, sys
from ichreport.dependencies import fingerprint
entries = json.loads(sys.argv[1])
print(json.dumps({
    name: fingerprint(pathlib.Path(entry) if entry.endswith(".ipynb") else entry)
    for name, entry in entries.items()
}))
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the code, in which files may be changed."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("ichreport", "notebooks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def fingerprints(checkout):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(ENTRIES)], capture_output=True, text=True,
        check=True, cwd=checkout, env=os.environ | {"PYTHONPATH": str(checkout)},
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def before(checkout):
    return fingerprints(checkout)


def changed_by(checkout, before, name, text):
    """The entries whose fingerprint changes with some text at a file's end."""
    path = checkout / "ichreport" / name
    content = path.read_text()
    path.write_text(content + text)
    try:
        after = fingerprints(checkout)
    finally:
        path.write_text(content)
    return {entry for entry in ENTRIES if before[entry] != after[entry]}


TRAINS = {"training", "permuted", "experiment", "cam"}
SHOWS = {"explore", "experiment", "cam", "results", "pages"}
REACHES = {
    "files.py": set(ENTRIES),
    "phantom/skull.py": {"phantom"},
    "data/dicom/header.py": {"ingest"},
    "data/ingest/make_store.py": {"ingest"},
    "model/backbones.py": {"features"} | TRAINS,
    "model/frameworks/on_jax.py": {"features"} | TRAINS,
    "model/heads.py": TRAINS,
    "model/losses.py": TRAINS,
    "model/training_loop.py": TRAINS,
    "model/permuted_labels.py": {"permuted", "cam"},
    "model/random_layers.py": {"cam"},
    "model/cam.py": {"cam"},
    "evaluation/scores.py": {"experiment", "cam", "results", "pages"},
    "evaluation/comparisons.py": {"results"},
    "report/html/blocks.py": SHOWS,
    "report/run/score_tables.py": {"experiment", "results", "pages"},
    "report/maps/sanity.py": {"cam"},
    "report/site.py": {"pages"},
    "workflow/make_report.py": set(),
}
"""By file of code that changes: the trainings and the notebooks and pages that it reaches."""


@pytest.mark.parametrize(("name", "entries"), REACHES.items())
def test_a_change_of_code_reaches_what_imports_it_and_nothing_else(checkout, before, name, entries):
    assert changed_by(checkout, before, name, "\n_CHANGED = 1\n") == entries


@pytest.mark.parametrize(
    ("name", "entries"),
    [
        ("report/layout/template/style.css", {"pages"}),
        ("report/layout/template/compare.js", {"pages"}),
        ("report/viewer/viewer.js", SHOWS - {"results"}),
        ("report/run/captions.yaml", {"experiment", "results", "pages"}),
    ],
)
def test_a_style_a_script_and_a_caption_reach_what_shows_them(checkout, before, name, entries):
    assert changed_by(checkout, before, name, "\n") == entries


def test_a_comment_reaches_nothing(checkout, before):
    assert changed_by(checkout, before, "files.py", "\n# Why this is so.\n") == set()


def test_modules_that_do_not_run_are_left_out_of_a_fingerprint():
    module = "ichreport.model.training"
    frameworks = [f"ichreport.model.frameworks.on_{name}" for name in ("jax", "torch")]
    assert fingerprint(module) != fingerprint(module, without=frameworks)
    assert fingerprint("ichreport.phantom") == fingerprint("ichreport.phantom", without=frameworks)
