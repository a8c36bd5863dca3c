"""Slices as a run's training sees them, as pictures."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ichreport.params.training.augmentations import Augmentations, sentence
from ichreport.report.html.blocks import Sentences, Sheet
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import counted
from ichreport.report.html.slice_images import brain_tile

_CAPTIONS: Final = Captions.beside(__file__)


def contact_sheet(augmentations: Augmentations, hu: NDArray[np.int16]) -> Sheet | Sentences:
    """Slices at the brain window: as they are, and beside that as training varies them.

    Args:
        augmentations: How.
        hu: HU (slices, 1 + times, h, w), the first of each as it is.

    Returns:
        A row a slice; a sentence where nothing varies slices.
    """
    if not len(hu):
        return Sentences(["No slice is varied in training."])
    rows = []
    for number, (itself, *varied) in enumerate(hu, 1):
        tiles = [brain_tile(itself, f"Slice {number} of train as it is.", "as it is")]
        tiles += [brain_tile(one, f"Slice {number}, varied.") for one in varied]
        rows.append((f"slice {number}", tiles))
    words = sentence(augmentations)
    slices, times = counted(len(hu), "slice"), counted(hu.shape[1] - 1, "time")
    alternative = f"{slices} of train, each varied {times}. {words}"
    return Sheet(_CAPTIONS.fill("augmented_slices", words=words), alternative, rows)
