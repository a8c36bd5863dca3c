"""What depends on what in the code: the closure of imports, and what a change of a file changes."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ichreport import dependencies
from ichreport.dependencies import closure, fingerprint
from ichreport.model import training_store
from ichreport.model.features import feature_store
from ichreport.model.maps import permuted_labels

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


def test_a_notebook_may_use_what_ipython_knows(tmp_path):
    cell = "%matplotlib inline\nfiles = !ls\nfrom ichreport.data import store"
    assert names(notebook(tmp_path / "a.ipynb", cell)) == names("ichreport.data.store")
    timed = notebook(tmp_path / "b.ipynb", "%%time\nfrom ichreport.data import store")
    assert names(timed) <= names("ichreport.data.store")


def test_what_cannot_be_followed_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"ichreport\.nothing is no module of ichreport"):
        closure("ichreport.nothing")
    (tmp_path / "bad.ipynb").write_text("{")
    with pytest.raises(ValueError, match=r"bad\.ipynb is not readable as a notebook"):
        closure(tmp_path / "bad.ipynb")


@pytest.fixture
def meaning(tmp_path):
    """What some code says, as a fingerprint takes it."""
    path = tmp_path / "code.py"

    def meaning(text):
        path.write_text(text)
        dependencies._meaning.cache_clear()
        return dependencies._meaning(path)

    return meaning


def test_a_fingerprint_is_of_what_code_does(meaning):
    plain = meaning("def f(x):\n    return x + 1\n")
    assert (
        meaning('"""About."""\n# why\ndef f(x):\n    """Adds."""\n\n    return (x + 1)\n') == plain
    )
    assert meaning('def f(x):\n    return x + 1\n\n\n"""What f does."""\n') == plain
    assert meaning("def f(x):\n    return x + 2\n") != plain
    assert meaning("def f(y):\n    return y + 1\n") != plain


EVERY_BLOCK = """
class A:
    TEXT
    async def f(self):
        TEXT
        async with self: TEXT; pass
if 1: TEXT; pass
elif 2: TEXT; pass
else: TEXT; pass
for x in y: TEXT; pass
else: TEXT; pass
while 1: TEXT; pass
try: TEXT; pass
except ValueError: TEXT; pass
else: TEXT; pass
finally: TEXT; pass
match x:
    case 1: TEXT; pass
"""


def test_a_text_that_is_a_statement_counts_in_no_block_and_one_that_is_a_value_does(meaning):
    without = meaning(re.sub(" *TEXT\n|TEXT; ", "", EVERY_BLOCK))
    assert meaning(EVERY_BLOCK.replace("TEXT", "'why'")) == without
    assert meaning(EVERY_BLOCK.replace("TEXT", "2")) != without
    assert meaning("x = lambda: 'a'") != meaning("x = lambda: 'b'")


ENTRIES = {
    "phantom": "ichreport.phantom",
    "ingest": "ichreport.data.ingest.make_store",
    "features": feature_store.CODE,
    "training": training_store.CODE,
    "permuted": permuted_labels.CODE,
    "explore": "notebooks/1-explore.ipynb",
    "experiment": "notebooks/2-experiment.ipynb",
    "combination": "notebooks/2-combination.ipynb",
    "cam": "notebooks/3-cam.ipynb",
    "results": "notebooks/4-results.ipynb",
    "beyond": "notebooks/7-beyond-the-poster.ipynb",
    "evaluate": "ichreport.application.evaluate",
    "external": "notebooks/6-external.ipynb",
    "pages": "ichreport.report.site",
}
"""What is known by the code where it is entered: jobs, and what is kept under a key."""


@pytest.mark.parametrize(
    ("rule", "entry"),
    [(name, entry) for name, entry in ENTRIES.items() if name not in ("training", "permuted")],
)
def test_each_rule_runs_again_for_the_code_that_its_command_enters(rule, entry):
    text = "".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk")))
    [code] = re.findall(rf"^ *rule {rule}:\n(?:.*\n)*? +code=(.*),\n", text, flags=re.MULTILINE)
    if code.isupper():
        [code] = re.findall(rf"^{code} = (.*)\n", text, flags=re.MULTILINE)
    assert re.findall(r'"([^"]*)"', code)[-1] == entry


def test_a_fingerprint_of_the_whole_is_what_the_modules_that_train_ask_for():
    """What is written here is what runs: the modules say their own names."""
    for module in (feature_store, permuted_labels):
        assert module.__name__ == module.CODE
    assert training_store.training.__name__ == training_store.CODE


SCRIPT = """
import json, pathlib, sys
from ichreport import dependencies
entries, changes, left = json.load(sys.stdin)
known = {}
def meaning(path, read=dependencies._meaning.__wrapped__):  # each content once
    content = (path, path.read_bytes())
    return known.get(content) or known.setdefault(content, read(path))
dependencies._meaning = meaning
def fingerprints():
    dependencies._graph.cache_clear()
    dependencies._fingerprint.cache_clear()
    return {
        name: dependencies.fingerprint(pathlib.Path(entry) if "/" in entry else entry)
        for name, entry in entries.items()
    }
before, changed = fingerprints(), {}
for name, text in changes:
    path = pathlib.Path("ichreport", name)
    content = path.read_text()
    path.write_text(content + text)
    after = fingerprints()
    changed[name + text] = [entry for entry in entries if after[entry] != before[entry]]
    path.write_text(content)
assert fingerprints() == before
for name in left:
    path = pathlib.Path("ichreport", name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes([0, 255]))
dependencies.read_all_code()
assert fingerprints() == before, "what is left beside code counts"
print(json.dumps(changed))
"""


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """By file and text at its end: the entries whose fingerprint changes with it."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("ichreport", "notebooks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    changes = [
        *((name, CODE) for name in REACHES), *((name, "\n") for name in SHOWN_BY),
        *COMMENTED.items(),
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], input=json.dumps([ENTRIES, changes, LEFT]), text=True,
        capture_output=True, check=False, cwd=folder, env=os.environ | {"PYTHONPATH": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {name: set(entries) for name, entries in json.loads(done.stdout).items()}


CODE = "\n_CHANGED = 1\n"
COMMENTED = {
    "labels.py": "\n# Why this is so.\n",
    "model/heads/dense.py": '\n"""What that is."""\n',
}
LEFT = (".DS_Store", "model/.cnn.py.swp", "model/cnn.py~", "model/.ipynb_checkpoints/cnn.py")
"""What systems and editors leave beside code."""
TRAINS = {"training", "permuted", "experiment", "cam"}
PREDICTS = TRAINS | {"evaluate"}
SHOWS = {*("explore", "experiment", "combination", "cam", "results", "beyond", "external", "pages")}
REACHES = {
    "files.py": set(ENTRIES),
    "phantom/anatomy/skull.py": {"phantom"},
    "data/dicom/header.py": {"ingest"},
    "data/ingest/make_store.py": {"ingest"},
    "model/backbones.py": {"features"} | PREDICTS,
    "model/frameworks/on_jax.py": {"features"} | PREDICTS,
    "model/heads/dense.py": PREDICTS,
    "model/fitting/losses.py": PREDICTS,
    "model/fitting/loop.py": PREDICTS,
    "model/maps/permuted_labels.py": {"permuted", "cam"},
    "model/maps/random_layers.py": {"cam"},
    "model/maps/cam.py": {"experiment", "cam", "evaluate"},
    "evaluation/scores.py": (SHOWS - {"explore"}) | {"evaluate"},
    "evaluation/blending.py": {"combination", "evaluate"},
    "evaluation/external/strata.py": {"evaluate"},
    "evaluation/external/measures.py": {"evaluate", "external", "pages"},
    "evaluation/comparisons.py": {"results", "beyond"},
    "report/html/blocks.py": SHOWS,
    "report/run/score_tables.py": {"experiment", "combination", "results"},
    "report/maps/sanity.py": {"cam"},
    "report/beyond/each_label.py": {"beyond"},
    "report/site.py": {"pages"},
    "workflow/make_report.py": set(),
}
"""By file of code that changes: the trainings and the notebooks and pages that it reaches."""


SHOWN_BY = {
    "report/layout/template/style.css": {"pages"},
    "report/layout/template/compare.js": {"pages"},
    "report/viewer/viewer.js": SHOWS - {"results", "beyond", "external"},
    "report/run/captions.yaml": SHOWS - {"explore"},
}
"""By style, script or caption that changes: what shows it."""


@pytest.mark.parametrize(("name", "entries"), REACHES.items())
def test_a_change_of_code_reaches_what_imports_it_and_nothing_else(changed, name, entries):
    assert changed[name + CODE] == entries


@pytest.mark.parametrize(("name", "entries"), SHOWN_BY.items())
def test_a_style_a_script_and_a_caption_reach_what_shows_them(changed, name, entries):
    assert changed[name + "\n"] == entries


@pytest.mark.parametrize(("name", "text"), COMMENTED.items())
def test_a_comment_or_a_docstring_reaches_nothing(changed, name, text):
    assert changed[name + text] == set()


def test_modules_that_do_not_run_are_left_out_of_a_fingerprint():
    module = "ichreport.model.training"
    frameworks = [f"ichreport.model.frameworks.on_{name}" for name in ("jax", "torch")]
    assert fingerprint(module) != fingerprint(module, without=frameworks)
    assert fingerprint("ichreport.phantom") == fingerprint("ichreport.phantom", without=frameworks)
