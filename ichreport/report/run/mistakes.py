"""The slices that a run gets most wrong, as pictures."""

from typing import Final

import numpy as np
import pandas as pd

from ichreport.data.store import Store
from ichreport.evaluation.failures.worst_mistakes import KINDS, worst_mistakes
from ichreport.labels import ANY
from ichreport.report.html.blocks import Sentences, Sheet
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import as_probability, counted
from ichreport.report.html.slice_images import plain_tiles, truth_in_words

_CAPTIONS: Final = Captions.beside(__file__)
_NAMES: Final = dict(
    zip(
        KINDS,
        ("Bleeding, the lowest probabilities", "No bleeding, the highest probabilities"),
        strict=True,
    )
)


def worst_slices(
    store: Store, predictions: pd.DataFrame, *, label: str = ANY, count: int = 6
) -> Sheet | Sentences:
    """The slices of test that a run gets most wrong, at the brain window.

    Args:
        store: Where the slices are.
        predictions: A run's predictions.
        label: One of the six labels.
        count: Slices of each kind, at most; one a study.

    Returns:
        A row of bleeding with the lowest and one of no bleeding with the highest probability; a
        sentence where test holds neither in the store.
    """
    mistakes = worst_mistakes(predictions, label, count=count)
    row_of = {uid: row for row, uid in enumerate(store.slices["sop_instance_uid"])}
    mistakes = mistakes[mistakes["sop_instance_uid"].isin(row_of)]
    if mistakes.empty:
        return Sentences(["The test split has no slice to show."])
    strips, words = [], []
    for kind, name in _NAMES.items():
        of_kind = mistakes[mistakes["kind"] == kind]
        rows = np.array([row_of[uid] for uid in of_kind["sop_instance_uid"]], dtype=np.int64)
        texts = [as_probability(value) for value in of_kind["probability"]]
        words.append(f"{name}, {counted(len(of_kind), 'slice')}: {', '.join(texts)}")
        if kind == KINDS[0]:
            truths = (truth_in_words(store, row).removesuffix(".") for row in rows)
            texts = [f"{truth}, {text}" for truth, text in zip(truths, texts, strict=True)]
        tiles = plain_tiles(store, rows, texts=texts, outlined=True)
        strips.append((name, tiles))
    outlines = "Bleeding is outlined." if store.has_truth else ""
    return Sheet(
        _CAPTIONS.fill("mistakes", label=label, outlines=outlines),
        f"Slices at the brain window: {'; '.join(words)}.",
        [(name, tiles) for name, tiles in strips if tiles],
    )
