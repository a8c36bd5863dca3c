"""What a parameter file may say of an input, and what it is called by."""

import json
import re

import pytest

from ichreport import cli
from ichreport.params.experiment import Experiment
from ichreport.params.inputs import INPUTS, InputSpec, Window, input_spec
from ichreport.params.rows.differences import differences

BRAIN, SUBDURAL, BONE = Window(40, 80), Window(80, 200), Window(600, 2800)
SOFT = {"center": 40, "width": 380}


def experiment(**words):
    return Experiment.parse(words, where="mine.yaml")


@pytest.mark.parametrize(
    ("words", "seen", "channels", "name"),
    [
        ({}, InputSpec(), 1, "raw"),
        ({"neighbours": 1}, InputSpec(neighbours=1), 3, "adjacent"),
        ({"neighbours": 2}, InputSpec(neighbours=2), 5, "raw-linear-2"),
        # The winners': three slices in one window (the file's own is not in the store) …
        (
            {"windows": ["brain"], "neighbours": 1},
            InputSpec((BRAIN,), neighbours=1), 3, "brain-linear-1",
        ),
        # … three windows of one slice …
        (
            {"windows": ["brain", "subdural", SOFT]},
            InputSpec((BRAIN, SUBDURAL, Window(40, 380))), 3, "brain_subdural_soft-linear-0",
        ),
        # … and three of each of three.
        (
            {"windows": ["brain", "subdural", "bone"], "neighbours": 1},
            InputSpec((BRAIN, SUBDURAL, BONE), neighbours=1), 9, "brain_subdural_bone-linear-1",
        ),
        ({"input": "sigmoid", "neighbours": 1}, InputSpec((BRAIN, SUBDURAL, BONE), "sigmoid", 1), 9,
         "brain_subdural_bone-sigmoid-1"),
        ({"input": "adjacent", "neighbours": 1}, InputSpec(neighbours=1), 3, "adjacent"),
        (
            {"windows": [{"center": -600, "width": 1500.5}], "window_shape": "sigmoid"},
            InputSpec((Window(-600, 1500.5),), "sigmoid"), 1, "c-600w1500.5-sigmoid-0",
        ),
    ],
)  # fmt: skip
def test_an_input_is_windows_times_neighbours_and_its_name_says_all_of_it(
    words, seen, channels, name
):
    spec = experiment(**words).input_spec
    assert (spec, spec.channels, spec.name) == (seen, channels, name)
    assert input_spec(name) == spec


@pytest.mark.parametrize("shape", ["linear", "sigmoid"])
def test_a_short_form_and_its_windows_spelt_out_are_one_input(shape):
    spelt = experiment(windows=["brain", "subdural", "bone"], window_shape=shape)
    short = experiment(input=shape)
    assert spelt.input_spec.name == shape
    assert spelt.plan.values() == short.plan.values()
    by_numbers = [{"center": 40, "width": 80}, "subdural", "bone"]
    as_text = [
        json.dumps(experiment(windows=windows, window_shape=shape).plan.values())
        for windows in (spelt.windows, by_numbers)
    ]
    assert as_text == [json.dumps(short.plan.values())] * 2
    assert differences(spelt, short) == {}
    assert spelt.features_marker == short.features_marker
    assert "input" in differences(spelt, experiment(windows=["brain"]))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"input": "linear", "windows": ["brain"]}, "leave input out and say windows"),
        ({"input": "adjacent", "windows": ["brain"]}, "leave input out and say windows"),
        ({"input": "adjacent", "neighbours": 2}, "leave input out, or neighbours"),
        ({"input": "sigmoid", "window_shape": "linear"}, "say input: linear"),
        ({"window_shape": "sigmoid"}, "add windows, such as [brain, subdural, bone]"),
        ({"neighbours": 3}, "neighbours must be less than or equal to 2, got 3"),
        ({"windows": []}, "windows must be null, or a list of 1 to 8 windows, got []"),
        ({"windows": "brain"}, "a list of 1 to 8 windows, got 'brain'"),
        ({"windows": ["brian"]}, "windows must be a list of brain, subdural, bone, soft or {cent"),
        ({"windows": [{"center": 40}]}, "or {center: HU, width: HU}"),
        ({"windows": [{"center": 40, "width": True}]}, "or {center: HU, width: HU}"),
        ({"windows": [{"center": 40, "width": 0}]}, "at least 1 HU wide"),
        ({"windows": [{"center": -2000, "width": 80}]}, "show something of -1024 to 3071 HU"),
        ({"windows": ["brain", {"center": 40.0, "width": 80}]}, "of which none stands twice"),
    ],
)
def test_what_contradicts_itself_or_shows_nothing_is_refused_with_the_cure(words, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        experiment(**words)


@pytest.mark.parametrize(
    "name",
    [
        "", "raw-linear-1", "raw-sigmoid-2", "brain-linear-3", "brain-cubic-0", "c40w80-linear-0",
        "brain_brain-linear-0", "c40w1e3-linear-0", "c1e400w80-linear-0", "x" * 1000, "brain",
    ],
)  # fmt: skip
def test_a_name_that_no_input_has_is_refused(name):
    with pytest.raises(ValueError, match="input must be raw, linear, sigmoid, adjacent, or wind"):
        input_spec(name)


def test_the_command_line_takes_inputs_by_name(capsys):
    words = ["features", "p.yaml", "--samples", "sampa", "--network", "convnexttiny", "--input"]
    assert cli._parser().parse_args([*words, "brain_bone-linear-1"]).input == "brain_bone-linear-1"
    with pytest.raises(SystemExit):
        cli._parser().parse_args([*words, "liver"])
    assert "such as brain_c50w130-linear-1, got 'liver'" in capsys.readouterr().err


def test_what_a_short_form_is_in_words_has_not_changed():
    assert {name: spec.words for name, spec in INPUTS.items()} == {
        "raw": "HU clipped to a 12-bit scanner's range and scaled to [0, 1]",
        "linear": "the Brain, Subdural and Bone windows as three channels, each linear",
        "sigmoid": "the Brain, Subdural and Bone windows as three channels, each a sigmoid",
        "adjacent": "a slice and its two neighbours as three channels, HU scaled to [0, 1]",
    }


def test_nine_channels_in_words():
    spec = experiment(windows=["brain", {"center": 90, "width": 30}, "bone"], neighbours=1)
    assert spec.input_spec.words == (
        "a slice and its two neighbours, each through the Brain, 90/30 HU and Bone windows, as "
        "nine channels, each linear"
    )
