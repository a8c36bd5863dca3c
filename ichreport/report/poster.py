"""The poster's figures, as printed in its three tables.

Amit Bhatia, "Application of Computer Vision in Intracranial Hemorrhage (ICH) Detection", a course
poster on the RSNA 2019 challenge. Nothing here is ours.
"""

from typing import Final

LABEL_COUNTS: Final = {
    "epidural": 3145,
    "intraparenchymal": 36118,
    "intraventricular": 26205,
    "subarachnoid": 35675,
    "subdural": 47166,
    "any": 107933,
}
"""Positive slices of each label among `SLICES`."""

SLICES: Final = 752_803

LOSSES: Final = {
    1: (1.744, 1.722),
    2: (1.147, 1.131),
    3: (1.198, 1.200),
    4: (1.213, 1.305),
    5: (1.058, 1.082),
    6: (1.250, 1.270),
    7: (1.264, 1.240),
    8: (0.942, 1.127),
    9: (0.995, 1.088),
    10: (1.175, 1.476),
    11: (1.084, 1.534),
    12: (1.308, 1.571),
    13: (0.743, 0.874),
    14: (0.553, 0.886),
}
"""Weighted multi-label log loss (which we read as a sum over labels) of train and test, by row."""

BEST_ROW: Final = 13
"""The row of which the poster prints operating points."""

OPERATING_POINTS: Final = {
    ("any", "train"): (0.9843, 0.6187, 0.9093, 0.9566),
    ("any", "test"): (0.9329, 0.5137, 0.8641, 0.8416),
    ("epidural", "train"): (0.9581, 0.0042, 0.0042, 1.0),
    ("epidural", "test"): (0.9004, 0.0040, 0.0040, 1.0),
    ("intraparenchymal", "train"): (0.9678, 0.2333, 0.8466, 0.9588),
    ("intraparenchymal", "test"): (0.9237, 0.1999, 0.8285, 0.8620),
    ("intraventricular", "train"): (0.9882, 0.3732, 0.9428, 0.9527),
    ("intraventricular", "test"): (0.9567, 0.3196, 0.9344, 0.8112),
    ("subarachnoid", "train"): (0.9625, 0.2134, 0.8292, 0.9635),
    ("subarachnoid", "test"): (0.9053, 0.1761, 0.8071, 0.8469),
    ("subdural", "train"): (0.9735, 0.2667, 0.8322, 0.9662),
    ("subdural", "test"): (0.9238, 0.2309, 0.8105, 0.8686),
}
"""AUC, precision, accuracy and recall at the 85 % recall point of row 13, by label and split."""
