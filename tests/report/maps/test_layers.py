"""What the page says of a choice of layers that was made, and of one that could not be."""

import pytest

from ichreport.evaluation.maps.layer_choice import Candidate, LayerChoice
from ichreport.evaluation.maps.similarity import Mean
from ichreport.report.maps import layers

NAN = float("nan")


def candidate(number, value, low=0.3, high=0.6):
    return Candidate(f"relu{number}", 96 >> number, Mean(value, low, high, 60, 0))


@pytest.fixture
def clear():
    made = (candidate(1, 0.2, 0.1, 0.32), candidate(2, 0.45), candidate(3, 0.1, 0.04, 0.2))
    return LayerChoice("relu2", made)


def test_the_table_has_each_candidate_and_marks_the_chosen_one(clear):
    table = layers.table(clear)
    assert [row.cells[0] for row in table.rows] == ["block 1", "block 2", "block 3"]
    assert [row.cells[2] for row in table.rows] == ["48", "24", "12"]
    assert table.rows[1].cells[1].text == "chosen"
    assert [row.cells[1] for row in (table.rows[0], table.rows[2])] == ["", ""]
    assert table.rows[1].cells[3] == "0.450 (0.300–0.600)"
    assert "bleeding, 60 of them" in table.caption
    assert "no test slice had a part" in table.caption


def test_the_sentence_names_the_chosen_block_and_what_it_was_chosen_by(clear):
    [said] = layers.sentences(clear).sentences
    assert "The maps come from block 2, which pointed at the bleeding in 0.450 of 60" in said
    assert "so are the figures on test" in said
    one = LayerChoice("relu1", (Candidate("relu1", 48, Mean(1.0, 0.1, 1.0, 1, 0)),))
    assert "in 1.000 of 1 validation slice." in str(layers.sentences(one))
    assert "of 60 validation slices." in said


def test_a_tie_is_said_where_there_is_one(clear):
    tied = LayerChoice("relu3", (candidate(1, 0.2), candidate(2, 0.45), candidate(3, 0.45)))
    said = str(layers.sentences(tied))
    assert "Equally often pointed block 2 and block 3; the deepest of them was taken." in said
    assert "Equally often" not in str(layers.sentences(clear))


def test_blocks_that_never_point_are_no_tie_but_a_choice_that_says_nothing(clear):
    blind = LayerChoice("relu2", (candidate(1, 0.0, 0.0, 0.3), candidate(2, 0.0, 0.0, 0.3)))
    said = str(layers.sentences(blind))
    assert "no block pointed at any bleeding: the choice says nothing" in said
    assert "Equally often" not in said
    assert "says nothing" not in str(layers.sentences(clear))


def test_blocks_within_the_chosen_ones_interval_are_named_and_others_are_not(clear):
    far = candidate(3, 0.1, 0.04, 0.2)
    close = LayerChoice("relu2", (candidate(1, 0.35, 0.24, 0.44), candidate(2, 0.45), far))
    said = str(layers.sentences(close))
    assert "of the intervals of the chosen one and of block 1, one holds the other's share" in said
    assert "uncertain" not in str(layers.sentences(clear))
    unknown = LayerChoice("relu2", (candidate(1, 0.35, NAN, NAN), candidate(2, 0.45, NAN, NAN)))
    assert "uncertain" not in str(layers.sentences(unknown))


def test_a_block_without_a_hit_is_close_where_its_interval_holds_the_chosen_ones_share():
    """Of 18 maps: the interval of 3 hits ends above 0, but that of no hit reaches 3 of 18."""
    none, three = candidate(1, 0.0, 0.0, 0.176), candidate(3, 3 / 18, 0.056, 0.464)
    said = str(layers.sentences(LayerChoice("relu3", (none, three))))
    assert "of the chosen one and of block 1, one holds" in said
    four = candidate(3, 4 / 18, 0.09, 0.452)
    assert "uncertain" not in str(layers.sentences(LayerChoice("relu3", (none, four))))


def test_without_masks_the_page_says_that_no_choice_could_be_made(clear):
    undefined = Mean(NAN, NAN, NAN, 0, 0)
    without = LayerChoice(
        None, (Candidate("relu1", 48, undefined), Candidate("relu2", 24, undefined))
    )
    said = str(layers.sentences(without))
    assert "no choice could be made among block 1 and block 2" in said
    assert "by default" in said
    assert str(layers.table(without)) == "There are no layers to compare."
    assert "no choice" not in str(layers.table(clear)) + str(layers.sentences(clear))


def test_a_network_with_one_layer_says_that_there_was_no_choice(clear):
    fixed = LayerChoice(None, ())
    assert "There was no layer to choose" in str(layers.sentences(fixed))
    assert "mask" not in str(layers.sentences(fixed))
    assert "no layer to choose" not in str(layers.sentences(clear))
