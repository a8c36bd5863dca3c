"""A run that is named and is no row's is told with the row that is likely meant."""

import pytest

from ichreport.params.rows.read import no_experiment

ROWS = ["13-fullid-densenet", "15-fullid-cnn7", "16-sampa", "16a-sampa"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("13", "13-fullid-densenet"),
        ("16", "16-sampa"),
        ("15-fullid", "15-fullid-cnn7"),
        ("13-fullid-densnet", "13-fullid-densenet"),
        ("15-fullid-cnn7--seed-2", "15-fullid-cnn7"),
    ],
)
def test_the_row_that_is_likely_meant_is_named(name, meant):
    assert no_experiment(name, ROWS) == (
        f"{name!r} is no experiment. Did you mean {meant}? There are {', '.join(ROWS)}."
    )


def test_no_row_is_named_where_none_is_close():
    assert no_experiment("1", ROWS).startswith("'1' is no experiment. There are 13-")
    assert no_experiment("5", []) == "'5' is no experiment. There are none."
