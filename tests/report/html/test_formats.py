"""One format for each kind of value, with a dash where there is none."""

import numpy as np
import pytest

from ichreport.report.html import formats


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.12345, "0.123"),
        (-1.5, "−1.500"),
        (None, "–"),
        (float("nan"), "–"),
        (0.0, "0.000"),
        (-0.0004, "0.000"),
    ],
)
def test_a_number_has_three_decimals_and_a_dash_where_there_is_none(value, said):
    assert formats.number(value) == said


def test_a_dash_bears_no_mark():
    assert formats.starred("0.812", " *") == "0.812 *"
    assert formats.starred("0.812", "") == "0.812"
    assert formats.starred("–", " *") == "–"


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "<0.001"), (0.0009, "<0.001"), (0.001, "0.001"), (1.0, "1.000"), (None, "–")],
)
def test_no_p_value_is_zero(value, said):
    assert formats.p_value(value) == said


def test_a_figure_stands_before_its_interval_and_a_dash_where_it_is_undefined():
    assert formats.with_interval({"value": 0.5, "low": 0.25, "high": 1.0}, 2) == "0.50 (0.25–1.00)"
    assert formats.with_interval({"value": None, "low": None, "high": None}) == "–"
    assert formats.with_interval({"value": 0.5, "low": np.nan, "high": 1.0}, 1) == "0.5"
    negative = {"value": -0.5, "low": -1.0, "high": 0.0}
    assert formats.with_interval(negative, 1) == "−0.5 (−1.0 to 0.0)"


@pytest.mark.parametrize(
    ("share", "digits", "said"),
    [
        (0.5, 0, "50"), (1.0, 1, "100.0"), (0.9998, 1, "more than 99.9"),
        (0.997, 0, "more than 99"), (0.994, 0, "99"),
        (0.0, 1, "0.0"), (0.0002, 1, "less than 0.1"), (0.003, 0, "less than 1"),
    ],
)  # fmt: skip
def test_nearly_all_is_not_said_to_be_all_nor_a_few_to_be_none(share, digits, said):
    assert formats.percent(share, digits) == said


@pytest.mark.parametrize(
    ("values", "digits"),
    [((0.1,), 3), ((0.0004, 0.5), 4), ((-0.0004, -0.0002), 4), ((0.0, np.nan), 3), ((1e-12,), 9)],
)
def test_decimals_are_added_until_no_value_looks_like_none(values, digits):
    assert formats.digits_for(*values) == digits


@pytest.mark.parametrize(
    ("pair", "digits"),
    [
        ((0.25, 0.5), 3), ((0.4998, 0.5004), 4), ((0.9, 0.90004), 5), ((0.5, 0.5), 3),
        ((np.nan, 0.5), 3), ((0.5, 0.5 + 1e-12), 9),
    ],
)  # fmt: skip
def test_decimals_are_added_until_two_numbers_differ(pair, digits):
    assert formats.digits_apart(*pair) == digits


@pytest.mark.parametrize(
    ("values", "digits", "said"),
    [
        ([10, 8, 9], 0, "8 to 10"), ([4, 4], 0, "4"), ([-0.2, 0.1], 0, "0"),
        ([-12.0, 3.5], 1, "−12.0 to 3.5"), ([0.501, 0.499], 2, "0.50"),
    ],
)  # fmt: skip
def test_a_range_of_ends_that_are_said_alike_is_one_number(values, digits, said):
    assert formats.number_range(values, digits) == said


def test_a_sentence_starts_with_a_capital_whatever_its_first_word():
    assert formats.capital("less than 0.1 % of it.") == "Less than 0.1 % of it."
    assert formats.capital("42.0 % of SampA.") == "42.0 % of SampA."
    assert formats.capital("") == ""


def test_an_interval_that_is_not_there_is_said_not_to_be():
    known = {"value": 0.5, "low": 0.25, "high": 0.75}
    assert formats.with_named_interval(known) == "0.500 (95 % interval 0.250–0.750)"
    few = formats.with_named_interval(known | {"low": np.nan})
    assert few == "0.500 (too few patients for an interval)"
    assert formats.with_named_interval({"value": np.nan, "low": 0.1, "high": 0.2}) == "–"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "none"), (True, "yes"), (np.bool_(False), "no"), (12_345, "12,345"), (123, "123"),
        (1e-3, "0.001"), ([1, None], "1, none"), ([], "none"), ({"a": 1}, '{"a": 1}'), ("x", "x"),
    ],
)  # fmt: skip
def test_a_parameter_is_said_in_words(value, said):
    assert formats.in_words(value) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (89.4, "89 s"), (90, "2 min"), (5340, "89 min"), (5400, "1 h 30 min")],
)
def test_a_duration_is_said_as_a_person_says_it(seconds, said):
    assert formats.duration(seconds) == said


def test_counts_have_their_noun_in_the_right_number():
    assert formats.counted(1, "slice") == "1 slice"
    assert formats.counted(0, "slice") == "0 slices"
    assert formats.counted(1200, "study", "studies") == "1,200 studies"
    assert formats.counted(1, "study", "studies") == "1 study"


def test_names_are_listed_as_a_person_does():
    assert formats.listed(["a"]) == "a"
    assert formats.listed(iter(["a", "b"])) == "a and b"
    assert formats.listed(["a", "b", "c"]) == "a, b and c"


def test_all_of_one_is_the_only_one():
    assert formats.all_of(12, "epoch") == "all 12 epochs"
    assert formats.all_of(1, "epoch") == "the only epoch"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "p 0.00"),
        (0.0049, "p <0.01"),
        (0.006, "p 0.01"),
        (0.314, "p 0.31"),
        (0.9951, "p >0.99"),
        (1.0, "p 1.00"),
        (float("nan"), "p –"),
    ],
)
def test_no_probability_beside_a_picture_is_0_or_1_that_is_neither(value, said):
    assert formats.as_probability(value) == said
