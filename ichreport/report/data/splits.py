"""What the splits of each sample hold and share, where it can be drawn of a store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from ichreport.data import samples, summary
from ichreport.data.overlap import leakage
from ichreport.data.patient_groups import linked_groups
from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.params.samples import SAMPLES
from ichreport.params.samples import Sample as SampleName
from ichreport.report.data import tables
from ichreport.report.html.blocks import Sentences, Table, Verdict
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import capital, counted, listed, percent

_CAPTIONS: Final = Captions.beside(__file__)


@dataclass(frozen=True)
class AuditedSample:
    """A sample of a store, and what its splits share.

    Attributes:
        name: sampa, sampb or fullid.
        sample: The sample.
        audit: `data.overlap.leakage.leak_audit` of it.
    """

    name: SampleName
    sample: Sample
    audit: pd.DataFrame

    @property
    def share_of_seen(self) -> float:
        """The share of the test slices whose patients have slices in train."""
        pair = self.audit[(self.audit["first"] == "train") & (self.audit["second"] == "test")]
        seen = pair.loc[pair["kind"] == "patients", "slices_in_second"].sum()
        return float(seen / (self.sample.split == "test").sum())


@dataclass(frozen=True)
class NotDrawn:
    """Why a store has no such sample.

    Attributes:
        name: sampa, sampb or fullid.
        why: A sentence.
    """

    name: SampleName
    why: str


def audited(
    store: Store, name: SampleName, sampling: Mapping[str, Any]
) -> AuditedSample | NotDrawn:
    """Draw a sample of a store and audit it, or say why it cannot be drawn.

    Args:
        store: The store.
        name: sampa, sampb or fullid.
        sampling: As `data.samples.draw` takes it.
    """
    try:
        sample = samples.draw(store.slices, name, **sampling)
    except samples.EmptySplitError:
        why = _CAPTIONS.fill(
            "no_sample",
            sample=name,
            slices=counted(len(store), "slice"),
            patients=counted(store.slices["patient_id"].nunique(), "patient"),
            groups=counted(linked_groups(store.slices).nunique(), "linked group"),
            seed=sampling["seed"],
        )
        return NotDrawn(name, why)
    return AuditedSample(name, sample, leakage.leak_audit(store.slices, sample))


def verdict(store: Store, drawn: Sequence[AuditedSample | NotDrawn]) -> Verdict:
    """Of which samples the patients of test have slices in train, and of which they have none.

    Args:
        store: The store.
        drawn: Of `audited`.
    """
    known = [one for one in drawn if isinstance(one, AuditedSample)]
    seen = [one for one in known if one.share_of_seen]
    apart = [SAMPLES[one.name].name for one in known if not one.share_of_seen]
    said = [
        capital(
            _CAPTIONS.fill(
                "test_patients_seen",
                sample=SAMPLES[one.name].name,
                share=percent(one.share_of_seen, 1),
            )
        )
        for one in seen
    ]
    if apart:
        said.append(_CAPTIONS.fill("test_patients_unseen", samples=listed(apart)))
        if summary.slices_of_unknown_patients(store):
            said.append(_CAPTIONS.fill("persons_unknown"))
    return Verdict(" ".join(said) or _CAPTIONS.fill("no_samples"))


def leak_audit(drawn: AuditedSample | NotDrawn) -> Table | Sentences:
    """What each pair of a sample's splits shares."""
    if isinstance(drawn, NotDrawn):
        return Sentences([drawn.why])
    return tables.leak_audit(drawn.audit, drawn.sample)


def labels(store: Store, drawn: AuditedSample | NotDrawn) -> Table | Sentences:
    """How many slices of each label fall into each of a sample's splits."""
    if isinstance(drawn, NotDrawn):
        return Sentences([drawn.why])
    return tables.sample_labels(store, drawn.sample)
