"""Data frames as tables."""

import numpy as np
import pandas as pd

from ichreport.report.html import data_frame


def test_a_frame_becomes_a_table_with_its_numbers_on_the_right():
    frame = pd.DataFrame({"a_b": [0.5, np.nan], "c": ["x", "<y>"]}, index=["r", "s"])
    table = data_frame.frame(frame, "T", index="row")
    assert [column.name for column in table.head] == ["row", "a b", "c"]
    assert table.rows == [["r", "0.500", "x"], ["s", "–", "<y>"]]
    assert [column.numeric for column in table.head] == [False, True, False]


def test_counts_of_a_frame_have_their_thousands_apart():
    shown = data_frame.frame(
        pd.DataFrame({"intercept": [-1024.0], "slices": [1230]}), "x", digits=0
    )
    assert shown.rows == [["−1024", "1,230"]]
