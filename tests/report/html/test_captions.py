"""Captions stand in YAML; each is used, and each of its slots is filled by the code."""

import ast
from pathlib import Path

import pytest

from ichreport.report.html.captions import FILE, Captions

REPORT = Path(__file__).resolve().parents[3] / "ichreport" / "report"
FILES = sorted(REPORT.rglob(FILE))


def fills(folder):
    """What each call of `fill` in a folder's modules names: the text, and its slots."""
    for module in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "_CAPTIONS.fill":
                yield node.args[0].value, {keyword.arg for keyword in node.keywords}


def test_the_pages_have_captions():
    folders = {path.parent.name for path in FILES}
    named = {"run", "comparison", "data", "maps", "viewer", "papers", "html", "report"}
    assert named <= folders


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_every_caption_is_used_and_every_slot_is_filled(path):
    captions, filled = Captions(path), list(fills(path.parent))
    assert {name for name, _ in filled} == set(captions.texts)
    for name, slots in filled:
        assert slots == captions.slots(name), name


@pytest.fixture
def captions(tmp_path):
    (tmp_path / FILE).write_text(
        "scores: >-\n  Scores of {run},\n  on {split}.\nplain: 100 {{%}}\n"
    )
    return Captions.beside(str(tmp_path / "page.py"))


def test_a_caption_is_one_line_with_its_slots_filled(captions):
    assert captions.fill("scores", run="<a>", split="test") == "Scores of <a>, on test."
    assert captions.fill("plain") == "100 {%}"


@pytest.mark.parametrize(
    ("name", "values", "problem"),
    [
        ("unknown", {}, "no text 'unknown'; it has plain, scores"),
        (
            "scores",
            {"run": "a"},
            "slots without a value: split; values without a slot: none",
        ),
        (
            "plain",
            {"run": "a"},
            "slots without a value: none; values without a slot: run",
        ),
    ],
)
def test_an_unknown_name_a_missing_and_an_unused_slot_are_refused(captions, name, values, problem):
    with pytest.raises(ValueError, match=problem):
        captions.fill(name, **values)


def test_a_text_that_is_none_is_refused(tmp_path):
    (tmp_path / FILE).write_text("empty: \n")
    with pytest.raises(ValueError, match="empty must be a text, got None"):
        Captions(tmp_path / FILE).fill("empty")
