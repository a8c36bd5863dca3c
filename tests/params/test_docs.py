"""What the documents say of parameters, their defaults and their choices is what the code has."""

import re
from pathlib import Path
from typing import get_args

import pytest

from ichreport.params.experiment import Experiment
from ichreport.params.external import ExternalDataSet, SimulatedReaders
from ichreport.params.inputs import NAMED_WINDOWS
from ichreport.params.networks import NETWORKS
from ichreport.params.new_studies import NewStudies, Rule
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.params.rows import combinations
from ichreport.params.training import augmentations, open_choices
from ichreport.params.training.learning_curve import LearningCurve
from ichreport.params.training.sequences import SequenceRecipe
from ichreport.params.yaml import read_value

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
KINDS = augmentations.KINDS
MODELS = (Experiment, ExternalDataSet, SimulatedReaders, PhantomRecipe, NewStudies, SequenceRecipe)


def without_blocks(document):
    return re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)


def text_of(name):
    return without_blocks(ROOT / "docs" / name)


def rows_of(name, width):
    """The cells of all rows of a document's tables that have so many columns."""
    lines = [line for line in text_of(name).splitlines() if line.startswith("| `")]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in rows if len(row) == width]


def words(cell):
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_every_parameter_with_a_value_in_a_document_is_one(document):
    known = {*KINDS, *(name for model in (*MODELS, *KINDS.values()) for name in model.model_fields)}
    for said in words(without_blocks(document)):
        named = re.fullmatch(r"([a-z_]+): \S.*", said)
        if named:
            assert named[1] in known, said
            read_value(said, where=said)


def test_augmentations_have_the_defaults_that_are_told():
    told = {words(name)[0]: values for name, _, values in rows_of("augmentation.md", 3)}
    assert told.keys() == KINDS.keys()
    for name, values in told.items():
        said = {}
        for value in words(values):
            said |= read_value(value, where=name)
        assert KINDS[name].parse(said, where=name) == KINDS[name]()
        assert said.keys() == KINDS[name].model_fields.keys()


def test_a_sequence_has_the_defaults_that_are_told():
    told = {}
    for names, values, _ in rows_of("sequences.md", 3):
        said = [read_value(value.strip("`"), where=names) for value in values.split(", ")]
        told |= dict(zip(words(names), said * (len(words(names)) // len(said)), strict=True))
    assert told == SequenceRecipe().model_dump()


def test_networks_and_windows_are_those_that_are_told():
    told = {words(name)[0]: rest for name, *rest in rows_of("networks.md", 5)}
    del told["network"]  # the head of the table
    backbones = {name: spec for name, spec in NETWORKS.items() if spec.is_backbone}
    assert told.keys() == backbones.keys()
    for name, (features, _, side, _) in told.items():
        assert (int(features), int(side)) == (
            backbones[name].features,
            backbones[name].smallest_side,
        )
    windows = {words(name)[0]: band for name, band in rows_of("networks.md", 2) if " / " in band}
    assert {name: f"{w.center:g} / {w.width:g}" for name, w in NAMED_WINDOWS.items()} == {
        name: windows[name] for name in NAMED_WINDOWS
    }


def test_what_a_combination_s_file_may_say_is_told():
    [said] = re.findall(r"^Its (`name`.*), and its members\.", text_of("combinations.md"), re.M)
    assert {*words(said), *combinations.NAMED_BY} == set(combinations._SAID)


def test_numbers_of_the_text_are_those_of_the_code():
    training, studies = text_of("training.md"), text_of("new-studies.md")
    assert f"at most {open_choices.MAX_POSITIVE_WEIGHT:g} times" in training
    shares = LearningCurve(run="a").shares
    assert f"shares: {shares}}}" in (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    assert "Shares\nare from 0.001 to 0.999," in training
    LearningCurve(run="a", shares=[0.001, 0.999])
    for share in (0.0008, 0.9992):
        with pytest.raises(ValueError, match=r"shares from 0\.001 to 0\.999"):
            LearningCurve(run="a", shares=[share])
    assert f"({NewStudies().prevalence} if not given)" in studies
    assert set(get_args(Rule)) <= set(words(studies))
    focal = f"alpha {open_choices.FOCAL_ALPHA}, gamma {open_choices.FOCAL_GAMMA:g}"
    assert focal in text_of("sequences.md")
