"""How often a positive of each label counts in a run's loss."""

from typing import Final

import numpy as np

from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.labels import ANY, LABELS
from ichreport.params.experiment import Experiment
from ichreport.params.training.open_choices import MAX_POSITIVE_WEIGHT
from ichreport.params.training.positive_weights import ratio
from ichreport.report.html.blocks import Sentences, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import number

_CAPTIONS: Final = Captions.beside(__file__)


def positive_weights(experiment: Experiment, store: Store, sample: Sample) -> Table | Sentences:
    """How rare each label is in train, and what a positive of it weighs for that.

    Args:
        experiment: The run's parameters.
        store: The store.
        sample: Its slices.
    """
    if experiment.loss != "weighted-bce":
        return Sentences([_CAPTIONS.fill("positives_not_weighted", loss=experiment.loss)])
    train = sample.rows[sample.split == "train"]
    truth = store.slices[list(LABELS)].to_numpy()[train] == 1
    counts = dict(zip(LABELS, np.sum(truth, axis=0).tolist(), strict=True))
    weighting = experiment.fitting.weighting
    rows = []
    for label, positives in counts.items():
        given_any = experiment.hierarchy == "conditional" and label != ANY
        slices = counts[ANY] if given_any else len(train)
        weight = number(weighting.weight(positives, slices), 2)
        capped = "yes" if weighting.is_capped(positives, slices) else "no"
        told = ["–", "focal"] if label in experiment.focal_labels else [weight, capped]
        rarity = number(ratio(positives, slices), 2)
        rows.append([label, f"{positives:,}", f"{slices:,}", rarity, *told])
    return Table(
        _CAPTIONS.fill("positive_weights", most=f"{MAX_POSITIVE_WEIGHT:g}"),
        ["label", *numbers("positives", "slices", "negatives per positive", "weight"), "capped"],
        rows,
    )
