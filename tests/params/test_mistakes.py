"""A wrong parameter is told with what came, what was expected, and the cure."""

import re

import pytest

from ichreport.params.experiment import Experiment
from ichreport.params.profile import Profile


def told(text, tmp_path, kind=Profile):
    """What is said of a parameter file, after its path."""
    path = tmp_path / "mine.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=re.escape(str(path))) as refused:
        kind.from_files(path)
    return str(refused.value).replace(str(path), "mine.yaml")


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("learning_rate: 1e-4", "must be a number, got '1e-4'. YAML reads 1e-4 as text; write it"),
        ("epochs: 1e1", "must be an integer, got '1e1'. YAML reads 1e1 as text; write it as 10."),
        ("seed: 08", "got '08'. YAML reads 08 as text; write it as 8."),
        ("prevalence: ['0.02']", "got '0.02'. Write it without quotes."),
        ("seed: '1'", "got '1'. Write it without quotes."),
        ("learning_rate: 0,001", "got '0,001'. Write it with a point: 0.001."),
        ("image_size: 1,000", "got '1,000'. Write it without commas: 1000."),
        ("sampa_share: 13.28%", "got '13.28%'. As a share it is 0.1328."),
        ("sampa_share: 30", "must be less than or equal to 1, got 30. A share of 30 % is 0.3."),
        ("prevalence: 0.02", "must be a list, got 0.02. A list of one is written [0.02]."),
        ("primary: any", "got 'any'. It has label, level, measure."),
        ("learning_curve: 13-row", "got '13-row'. It has run, shares."),
        ("weights: no", "got False. YAML reads yes, no, on and off as true and false; for none, w"),
        ("series: off", "got False. YAML reads yes, no, on and off as true and false; for none, w"),
        ("determinism: no", "got False. YAML reads yes, no, on and off as true and false."),
        ("profile: on", "got True. YAML reads yes, no, on and off as true and false; text that"),
        ("profile: 2026-01-31", "got 2026-01-31. YAML reads it as a date; text that looks like"),
        ("cam_run: 15", "got 15. Text that looks like a number needs quotes."),
        ("no: 3", "mine.yaml: False is no name, which must be text. YAML reads yes, no"),
        ("2: 3", "mine.yaml: 2 is no name, which must be text. Text that looks like a number"),
        ("SEED: 3", "SEED is not a known parameter. Did you mean seed? Known: back"),
        ("hindsight: x", "hindsight is not a known parameter. It is a parameter of a row; set it"),
        ("experiments: 3", "must be the path of a folder of rows, or a list of such paths, got 3."),
        ("kernel: a b", "must be 1 to 100 letters, digits, dots, dashes and underscores, of whi"),
        ("seed:3", "must be a YAML mapping of names to values, got 'seed:3'. A space comes after"),
        ("# seed: 3", "must be a YAML mapping of names to values, got nothing."),
        ("seed:\t3", "line 1, column 6: found a tab that cannot start any token"),
        (b"seed: 3 # \xe4", "byte 11 is not UTF-8; save it as UTF-8."),
        ("store: benchmarks/store", "must be a folder outside of the project's own"),
    ],
)  # fmt: skip
def test_a_mistake_comes_with_its_cure(tmp_path, text, cure):
    said = told(text, tmp_path)
    assert cure in said
    assert said.count("\n") == 0


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("seed: 3.5", "write"),
        ("seed: '3.5'", "as text"),
        ("seed: 30%", "share"),
        ("learning_rate: fast", "rite"),
        ("learning_rate: inf", "rite"),
        ("learning_rate: 1,000", "rite"),
        ("prevalence: 0,02", "written"),
        ("sampa_share: 3000", "A share of"),
        ("epochs: 99999", "A share of"),
        ("seeds: {a: 1}", "A list of one"),
        ("source: [a]", "quotes"),
        ("phantom: {prevalence: 0.4}", "quotes"),
        ("colour: red", "of a row"),
        ("- a", "A space comes"),
        ("source: no", "null"),
    ],
)
def test_no_cure_is_made_up(tmp_path, text, absent):
    assert absent not in told(text, tmp_path)


def test_a_parameter_of_a_row_is_known_in_its_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("hindsight: its epochs.\n")
    assert Experiment.from_files(path).hindsight == "its epochs."


@pytest.mark.parametrize(
    "value", [{"x": 1}, [[]], 3.5, -7, "", "a b", False, [False], {1: 2}, {"any": False}], ids=str
)
@pytest.mark.parametrize("name", sorted(Experiment.model_fields))
def test_whatever_comes_is_taken_or_told_by_name_without_the_words_of_a_library(name, value):
    try:
        Experiment.parse({name: value}, where="x")
    except ValueError as refused:
        for said in str(refused).splitlines():
            assert re.match(rf"x: .*\b{name}\b", said)
            assert not re.search(r"dictionary|validation|pattern|\[key\]|\[str\]|type=", said)
