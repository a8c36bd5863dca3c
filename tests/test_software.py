"""By what a run says that it was made."""

import json
import os
import subprocess

import pytest

from ichreport import software

FILES = {
    "ichreport/labels.py": "LABELS = ()\n",
    "ichreport/report/captions.yaml": "a: b\n",
    "notebooks/1-explore.ipynb": json.dumps(
        {"cells": [{"cell_type": "code", "source": ["1 + 1\n", "2"], "outputs": []}]}
    ),
    "params/demo.yaml": "profile: demo\n",
    "workflow/Snakefile": "rule all:\n",
    "requirements.lock": "numpy==2\n",
    "README.md": "# x\n",
    "tests/test_x.py": "def test_x(): pass\n",
    "docs/data.md": "# x\n",
}


@pytest.fixture(params=[".", "in/a .hidden/project"], ids=["checkout", "folder of a checkout"])
def root(request, tmp_path, monkeypatch):
    """A project in git, with nothing changed."""
    root = tmp_path / request.param
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    git = ("git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@y")
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "x")):
        subprocess.run([*git, *words], check=True, env={"PATH": "/usr/bin:/bin", "HOME": "/"})
    monkeypatch.chdir(root)
    return root


def change(root, name):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    with (root / name).open("a") as file:
        file.write("x = 1\n")


def test_a_checkout_as_it_was_committed_is_clean(root):
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=root)
    assert software.git_state() == {"commit": head.stdout.strip(), "dirty": False}


@pytest.mark.parametrize(
    "name",
    [
        *(name for name in FILES if name.startswith(("ich", "notebooks", "params", "workflow"))),
        "requirements.lock",
        "pyproject.toml",
        "ichreport/new.py",
        "ichreport/new folder/ü.py",
        "params/experiments/17-new.yaml",
        "workflow/rules/new.smk",
        "notebooks/new.ipynb",
    ],
)
def test_what_a_run_is_made_by_makes_a_checkout_dirty_new_or_changed(root, name):
    change(root, name)
    assert software.git_state()["dirty"] is True


def test_names_of_files_may_be_in_any_bytes(root):
    (root / "notebooks" / os.fsdecode(b"b\xfcro.ipynb")).write_text("{}")
    assert software.git_state()["dirty"] is True


@pytest.mark.parametrize("name", ["ichreport/labels.py", "params/demo.yaml"])
@pytest.mark.parametrize("to", [None, "ichreport/moved.py", "elsewhere.py"])
def test_so_does_what_is_gone_or_moved(root, name, to):
    if to is None:
        (root / name).unlink()
    else:
        (root / name).rename(root / to)
        subprocess.run(["git", "add", "-A"], check=True, cwd=root)
    assert software.git_state()["dirty"] is True


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "tests/test_x.py",
        "docs/data.md",
        "mine.ipynb",
        "out/notes.txt",
        "ichreport/.labels.py.swp",
        "ichreport/labels.py~",
        "ichreport/__pycache__/labels.cpython-311.pyc",
        "notebooks/.ipynb_checkpoints/1-explore-checkpoint.ipynb",
        "params/.demo.yaml.swp",
    ],
)
def test_nothing_else_does(root, name):
    change(root, name)
    assert software.git_state()["dirty"] is False


@pytest.mark.parametrize(
    ("cell", "dirty"),
    [
        ({"cell_type": "code", "source": "1 + 1\n2", "outputs": [{"text": "2"}], "id": "a"}, False),
        ({"cell_type": "code", "source": "1 + 2", "outputs": []}, True),
        ({"cell_type": "markdown", "source": "1 + 1\n2"}, True),
    ],
)
def test_of_a_notebook_what_it_says_counts_and_not_its_outputs(root, cell, dirty):
    content = json.dumps({"cells": [cell], "metadata": {"kernelspec": "python3"}})
    (root / "notebooks" / "1-explore.ipynb").write_text(content)
    assert software.git_state()["dirty"] is dirty


def test_outside_of_git_nothing_is_known(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert software.git_state() == {"commit": None, "dirty": None}
