"""Which slices are shown as mistakes."""

import pandas as pd

from ichreport.evaluation.failures.worst_mistakes import worst_mistakes


def test_the_worst_come_first_and_a_study_only_once():
    predictions = pd.DataFrame(
        {
            "sop_instance_uid": list("abcdefg"),
            "patient_id": "P",
            "study_instance_uid": ["1", "1", "2", "3", "4", "4", "5"],
            "split": ["test"] * 6 + ["train"],
            "truth_any": [1, 1, 1, 0, 0, 0, 1],
            "probability_any": [0.2, 0.1, 0.3, 0.9, 0.95, 0.99, 0.0],
        }
    )
    worst = worst_mistakes(predictions, "any")
    assert worst["sop_instance_uid"].tolist() == ["b", "c", "f", "d"]
    assert worst["kind"].tolist() == ["miss", "miss", "false alarm", "false alarm"]
    assert worst["probability"].tolist() == [0.1, 0.3, 0.99, 0.9]
    several = worst_mistakes(predictions, "any", count=2, per_study=2)
    assert several["sop_instance_uid"].tolist() == ["b", "a", "f", "e"]


def test_a_label_that_no_slice_has_leaves_only_false_alarms(predictions):
    worst = worst_mistakes(predictions.assign(truth_epidural=0), "epidural", count=3)
    assert worst["kind"].tolist() == ["false alarm"] * 3
