"""What the splits of each sample hold and share, where a store is large enough for splits."""

from collections.abc import Mapping
from typing import Any, Final

from ichreport.data import samples
from ichreport.data.overlap import leakage
from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.params.samples import Sample as SampleName
from ichreport.report.data import tables
from ichreport.report.html.blocks import Sentences, Table
from ichreport.report.html.captions import Captions

_CAPTIONS: Final = Captions.beside(__file__)


def draw(store: Store, name: SampleName, sampling: Mapping[str, Any]) -> Sample | Sentences:
    """Draw a sample of a store, or say why it is too small for one.

    Args:
        store: The store.
        name: sampa, sampb or fullid.
        sampling: As `data.samples.draw` takes it.
    """
    try:
        return samples.draw(store.slices, name, **sampling)
    except samples.EmptySplitError:
        too_small = _CAPTIONS.fill(
            "no_sample",
            sample=name,
            slices=_counted(len(store), "slice"),
            patients=_counted(store.slices["patient_id"].nunique(), "patient"),
            seed=sampling["seed"],
        )
        return Sentences([too_small])


def leak_audit(store: Store, sample: Sample | Sentences) -> Table | Sentences:
    """What each pair of a sample's splits shares."""
    if isinstance(sample, Sentences):
        return sample
    return tables.leak_audit(leakage.leak_audit(store.slices, sample), sample)


def labels(store: Store, sample: Sample | Sentences) -> Table | Sentences:
    """How many slices of each label fall into each of a sample's splits."""
    return sample if isinstance(sample, Sentences) else tables.sample_labels(store, sample)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
