"""The worst mistakes of a run as pictures, to see what it takes for what."""

from typing import Final

import numpy as np
import pandas as pd

from ichreport.data.store import Store
from ichreport.evaluation.mistakes import KINDS, worst_mistakes
from ichreport.labels import ANY
from ichreport.report.html.blocks import Sentences, Sheet
from ichreport.report.html.formats import number
from ichreport.report.html.slice_images import plain_tiles, truth_in_words

_NAMES: Final = dict(zip(KINDS, ("Missed", "False alarms"), strict=True))


def worst(
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
    found = worst_mistakes(predictions, label, count=count)
    row_of = {uid: row for row, uid in enumerate(store.slices["sop_instance_uid"])}
    found = found[found["sop_instance_uid"].isin(row_of)]
    if found.empty:
        return Sentences(["The test split has no slice to show."])
    rows, said = [], []
    for kind, name in _NAMES.items():
        own = found[found["kind"] == kind]
        places = np.array([row_of[uid] for uid in own["sop_instance_uid"]], dtype=np.int64)
        texts = [f"p {number(value, 2)}" for value in own["probability"]]
        said.append(f"{len(own)} of {name.lower()}, with probabilities {', '.join(texts)}")
        if kind == KINDS[0]:
            words = (truth_in_words(store, row).removesuffix(".") for row in places)
            texts = [f"{word}, {text}" for word, text in zip(words, texts, strict=True)]
        rows.append(
            (f"{name}, the worst first", plain_tiles(store, places, texts=texts, outlined=True))
        )
    outlined = " Bleeding is outlined." if store.has_truth else ""
    return Sheet(
        f"The worst mistakes on test for {label}, at most one slice a study, with the probability "
        "p that the run gave it: bleeding that it finds least probable, and slices without "
        f"bleeding that it finds most probable.{outlined}",
        f"Slices at the brain window: {'; '.join(said)}.",
        [(name, tiles) for name, tiles in rows if tiles],
    )
