"""Samples of a store, and their splits into train, validation and test.

Every choice is made by a hash of a name and the seed, compared with a share. So it depends on no
other slice: data added later moves no slice to another split, unless it links two groups. In return
shares hold in expectation, within sampling error, and not exactly. The same goes for the class
distribution of SampA: an exact stratification would keep it to the slice, but each new slice could
move others.
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.patient_groups import linked_groups, varies_within
from ichreport.data.store import Store
from ichreport.labels import LABELS
from ichreport.params.samples import SAMPLES, Fold, SplitBy
from ichreport.params.samples import Sample as SampleName
from ichreport.splits import SPLITS

_SPLIT_ENDS: Final = (0.7, 0.8)
"""Where train ends and where validation ends, as shares; test is the rest: 70 / 10 / 20."""


class EmptySplitError(ValueError):
    """A split of a sample would hold no slice."""


@dataclass(frozen=True)
class Sample:
    """Some slices of a store, each in one split.

    Attributes:
        name: sampa, sampb or fullid.
        rows: int64 row numbers of the store's slices, ascending.
        split: The split of each: train, validation or test.
        group: The linked group of each.
    """

    name: str
    rows: NDArray[np.int64]
    split: NDArray[np.str_]
    group: NDArray[Any]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def identity(self) -> str:
        """A hash of which slices it holds, in which split and group each."""
        table = pd.DataFrame({"row": self.rows, "split": self.split, "group": self.group})
        hashes = pd.util.hash_pandas_object(table, index=False, categorize=False)
        return hashlib.sha256(hashes.to_numpy().tobytes()).hexdigest()

    def only(self, places: NDArray[np.int64]) -> Self:
        """Some of its slices, by their places in it, ascending."""
        return replace(
            self, rows=self.rows[places], split=self.split[places], group=self.group[places]
        )

    def rows_of(self, split: str) -> NDArray[np.int64]:
        """The row numbers of one split, ascending.

        Raises:
            ValueError: If there is no such split.
        """
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}.")
        rows: NDArray[np.int64] = self.rows[self.split == split]
        return rows


def draw(
    slices: pd.DataFrame,
    sample: SampleName,
    *,
    seed: int,
    sampa_share: float = 1.0,
    sampb_share: float = 1.0,
    split_by: SplitBy | None = None,
    fold: str | None = None,
) -> Sample:
    """Draw a sample and split it.

    SampA takes slices one by one and splits them one by one, as the poster did: several splits have
    slices of the same patient. SampB takes whole series, FullID takes everything; both are split by
    linked group. A group keeps its split when data is added, unless the new data links it to
    another group or to a patient whose ID sorts before all of the group's.

    A fold leaves test as it is. The groups outside test are dealt to as many folds as there are, by
    a hash of their own: those of the fold are validation, the others train.

    Args:
        slices: A store's slices.
        sample: sampa, sampb or fullid.
        seed: Another seed, another sample and other splits.
        sampa_share: Share of the slices in SampA, in (0, 1].
        sampb_share: Share of the series in SampB, in (0, 1].
        split_by: Slice or group; by default as the poster did.
        fold: The fold that is validation, `0/5` say; by default a tenth of the groups is.

    Raises:
        EmptySplitError: If a split comes out empty.
        ValueError: If the sample, a share or the fold makes no sense.
    """
    group = linked_groups(slices).to_numpy(dtype=object)
    if sample == "sampa":
        names = slices["sop_instance_uid"]
        rows = np.flatnonzero(_hash_shares(names, seed, "sampa") < _share(sampa_share))
    elif sample == "sampb":
        series = _series_names(slices)
        rows = np.flatnonzero(_hash_shares(series, seed, "sampb") < _share(sampb_share))
    elif sample == "fullid":
        rows = np.arange(len(slices))
    else:
        raise ValueError(f"sample must be sampa, sampb or fullid, got {sample!r}.")
    split_by = split_by or SAMPLES[sample].split_by
    units = slices["sop_instance_uid"].to_numpy() if split_by == "slice" else group
    position = _hash_shares(units[rows], seed, f"split by {split_by}")
    split = np.array(SPLITS)[np.searchsorted(_SPLIT_ENDS, position, side="right")]
    if fold is not None:
        if split_by == "slice":
            raise ValueError(
                f"fold: {fold} deals out groups, and {sample} is split by slice; say split_by: "
                "group, or leave fold out."
            )
        split = _with_fold(split, group[rows], seed, _fold(fold))
    for name in SPLITS:
        if not (split == name).any():
            of_fold = f" of fold {fold}" if fold else ""
            what = "Slices" if split_by == "slice" else "Linked patient groups"
            raise EmptySplitError(
                f"{sample}: no slice of {len(slices):,} is in the {name} split{of_fold} with seed "
                f"{seed}. {what} in the sample: {len(np.unique(units[rows])):,}, too few for "
                "hashed splits. Use more, or another seed; if all patients share one PatientID, "
                "`group_by: study` keeps their studies apart."
            )
    return Sample(sample, rows.astype(np.int64), split, group[rows])


def with_share_of_training(sample: Sample, share: float, *, seed: int) -> Sample:
    """A sample with fewer patient groups in train; validation and test stay as they are.

    The groups of train have an order, by a hash of their own, and the first of them stay. So those
    of a smaller share are among those of a larger one.

    Args:
        sample: A sample that is split by group.
        share: Share of the groups of train, in (0, 1]; rounded up to whole groups.
        seed: Another seed, another order.

    Raises:
        ValueError: If the share makes no sense, or a group is in train and in another split.
    """
    is_train = sample.split == "train"
    groups = np.unique(sample.group[is_train])
    if np.isin(groups, sample.group[~is_train]).any():
        raise ValueError(
            f"{sample.name}: groups of train are in other splits too, so that fewer of them would "
            "say nothing of new patients; split it by group."
        )
    order = groups[np.argsort(_hash_shares(groups, seed, "learning curve"), kind="stable")]
    count = max(1, math.ceil(round(_share(share) * len(order), 9)))  # 0.07 x 100 is 7.000…01
    kept = order[:count]
    stays = ~is_train | np.isin(sample.group, kept)
    return Sample(sample.name, sample.rows[stays], sample.split[stays], sample.group[stays])


def _with_fold(
    split: NDArray[np.str_], group: NDArray[Any], seed: int, fold: Fold
) -> NDArray[np.str_]:
    """Splits with the same test, and of the other groups a fold as validation."""
    ends = np.arange(1, fold.count) / fold.count
    folds = np.searchsorted(ends, _hash_shares(group, seed, "fold"), side="right")
    return np.where(split == "test", split, np.where(folds == fold.index, "validation", "train"))


def _fold(text: str) -> Fold:
    try:
        return Fold.parse(text)
    except ValueError as error:
        raise ValueError(f"fold must be {error}, got {text!r}.") from None


def require_slice_labels(store: Store) -> None:
    """Refuse to train on a store whose slices have no labels.

    Raises:
        ValueError: If no slice has a label; the message says what is labelled instead.
    """
    if store.labelled == "slices":
        return
    labelled, serves = "labels nothing", ""
    if store.labelled == "studies":
        labelled = "has labels of studies alone"
        serves = " Labels of studies serve to evaluate predictions of whole studies."
    raise ValueError(
        f"{store.folder} {labelled}: an experiment learns from slices, and needs all six labels of "
        f"each. Name a CSV of SOPInstanceUID and {', '.join(LABELS)} as `labels` in the profile, "
        f"and ingest again.{serves} The page of the data needs no labels."
    )


def _series_names(slices: pd.DataFrame) -> NDArray[Any]:
    """What the series of each slice is drawn by: its UID, and whose it is where others share it."""
    uid = slices["series_instance_uid"].to_numpy(dtype=object)
    study = slices["patient_id"] + "\n" + slices["study_instance_uid"]
    shared = varies_within(pd.factorize(uid)[0], pd.factorize(study)[0])
    return np.where(shared, study.to_numpy(dtype=object) + "\n" + uid, uid)


def rows_of_any(
    slices: pd.DataFrame, samples: Iterable[SampleName], **sampling: Any
) -> NDArray[np.int64]:
    """The row numbers of slices that are in any of some samples, ascending.

    Args:
        slices: A store's slices.
        samples: The samples, at least one.
        **sampling: As `draw` takes it.
    """
    drawn = [draw(slices, sample, **sampling).rows for sample in samples]
    return np.unique(np.concatenate(drawn))


def _hash_shares(names: Any, seed: int, purpose: str) -> NDArray[np.float64]:
    """A number in [0, 1) for each name, which looks random and is always the same.

    The first 8 bytes of BLAKE2b, keyed by the seed and personalised by the purpose, over 2^64. Each
    distinct name is hashed once.

    Args:
        names: Strings, shape (n,).
        seed: The key.
        purpose: Up to 16 characters; other purposes get independent numbers.
    """
    codes, uniques = pd.factorize(pd.Series(names, dtype="str"))
    start = hashlib.blake2b(digest_size=8, key=str(seed).encode(), person=purpose.encode())
    digests = bytearray()
    for name in uniques:
        state = start.copy()
        state.update(name.encode())
        digests += state.digest()
    # The top 53 bits, so that rounding to float64 never gives 1.
    numbers = np.frombuffer(bytes(digests), dtype=">u8").astype(np.uint64) >> np.uint64(11)
    shares: NDArray[np.float64] = (numbers / 2.0**53)[codes]
    return shares


def _share(share: float) -> float:
    if not 0 < share <= 1:
        raise ValueError(f"A sample's share must be in (0, 1], got {share!r}.")
    return share
