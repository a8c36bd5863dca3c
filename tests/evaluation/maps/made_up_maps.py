"""Slices with known bleeds, and heat maps of them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ichreport.data.measures.bleeds import truth_masks
from ichreport.data.samples import Sample
from ichreport.labels import LABELS

SIZE, COUNT = 16, 60


class MadeUpStore:
    """60 slices of 20 patients; subdural bleeds in every second, epidural in the first 30.

    A skull of one pixel runs along the border of each slice.
    """

    def __init__(self, *, has_truth=True, has_skull=True):
        self.has_truth = has_truth
        self.pixels = np.full((COUNT, SIZE, SIZE), 1000 if has_skull else 30, np.int16)
        self.pixels[:, 1:-1, 1:-1] = 30
        self.slices = pd.DataFrame(0, index=range(COUNT), columns=list(LABELS))
        self.slices.loc[::2, "subdural"] = 1
        self.slices.loc[:29, "epidural"] = 1
        self.slices["any"] = self.slices.max(axis=1)
        self.bits = np.zeros((COUNT, SIZE, SIZE), np.uint8)
        self.bits[::2, 1:4, 1:4] |= 1 << LABELS.index("subdural")
        self.bits[:30, 9:12, 12:15] |= 1 << LABELS.index("epidural")

    def truth(self, rows):
        return self.bits[rows]

    def hu(self, rows):
        return self.pixels[rows]


@dataclass
class Heat:
    """The heat maps of some slices for a label."""

    heat: np.ndarray
    method: str = "CAM"
    side: int = 4


def draw_sample():
    """All slices, three a patient: the first 45 in test, the others in train."""
    group = np.array([f"p{row // 3:02d}" for row in range(COUNT)])
    split = np.where(np.arange(COUNT) < 45, "test", "train")
    return Sample("fullid", np.arange(COUNT), split, group)


def at_the_truth(store, bleeding):
    """Heat exactly where each label bleeds."""
    return {
        label: Heat(truth_masks(store, rows, label).astype(np.float32))
        for label, rows in bleeding.items()
    }
