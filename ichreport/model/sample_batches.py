"""Batches of a sample: slices of the store, stored features, or series of them."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ichreport.data.samples import Sample, require_slice_labels
from ichreport.data.store import OF_A_STUDY, Store, series_numbers
from ichreport.labels import ANY, LABELS
from ichreport.model import backend
from ichreport.model.augmentation.drawing import Drawing
from ichreport.model.fitting.batches import Drawn, SliceBatches
from ichreport.model.fitting.mixing import Mixing
from ichreport.model.fitting.series_batches import SeriesBatches, SeriesVariation
from ichreport.model.fitting.study_sampling import StudySampling
from ichreport.model.inputs import hu_of
from ichreport.params.training.sequences import SERIES_A_BATCH
from ichreport.params.training.training_plan import TrainingPlan


def slice_batches(
    store: Store, sample: Sample, plan: TrainingPlan, truth: NDArray[np.float32], seed: int
) -> dict[str, SliceBatches]:
    """Slices of the store; those of train are augmented."""
    size = backend.batch_size(plan.fitting.batch_size, plan.machine)
    random = np.random.default_rng([seed, 1])  # not the numbers that draw the order
    kind = plan.view.input
    draw = Drawing(plan.fitting.augment, plan.view.input_spec.slices_seen, random)
    still = replace(draw, random=None)

    def read(indices: NDArray[np.int64], drawn: Drawn) -> Any:
        hu = hu_of(store, sample.rows[indices], kind)
        return {"hu": hu, **drawn} if drawn else hu

    def announce(indices: NDArray[np.int64]) -> None:
        store.announce(sample.rows[indices])

    mixing = None
    if plan.fitting.mixes:
        mixing = Mixing(plan.fitting.mixup, plan.fitting.cutmix, plan.view.pixels_seen)
    block = plan.fitting.shuffle_block
    of_splits = {name: np.flatnonzero(sample.split == name) for name in ("train", "validation")}
    if block > 1:
        of_splits = {
            name: np.searchsorted(sample.rows, store.in_order_of_storage(sample.rows[indices]))
            for name, indices in of_splits.items()
        }
    validation = SliceBatches(read, truth, of_splits["validation"], size, still, mixing=mixing)
    train = replace(
        validation,
        indices=of_splits["train"],
        draw=draw,
        block=block,
        announce=announce if block > 1 else None,
        sampling=_sampling(store, sample, plan, of_splits["train"]),
        generators=(random,),
    )
    return {"train": train, "validation": validation}


def _sampling(
    store: Store, sample: Sample, plan: TrainingPlan, indices: NDArray[np.int64]
) -> StudySampling | None:
    """Draws slices of each study of train; nothing where all of them come."""
    most = plan.fitting.slices_per_study
    if most is None:
        return None
    slices = store.slices.iloc[sample.rows[indices]]
    study = slices.groupby(OF_A_STUDY).ngroup()
    return StudySampling(study.to_numpy().astype(np.int64), slices[ANY].to_numpy() == 1, most)


def feature_batches(
    store: Store,
    sample: Sample,
    plan: TrainingPlan,
    stored: NDArray[np.float32],
    truth: NDArray[np.float32],
    seed: int,
) -> dict[str, SliceBatches] | dict[str, SeriesBatches]:
    """Stored features, by slice or by series."""
    splits = ("train", "validation")
    if plan.head.spec.reads_series:
        whole = series_batches(store, sample, plan, stored, truth)
        split = sample.split[whole.series[:, 0]]
        batches = {name: replace(whole, series=whole.series[split == name]) for name in splits}
        recipe = plan.head.sequence
        if recipe is not None and recipe.varies:
            random = np.random.default_rng([seed, 1])  # not the numbers that draw the order
            variation = SeriesVariation(recipe, random)
            batches["train"] = replace(batches["train"], variation=variation)
        return batches
    size = backend.batch_size(plan.fitting.batch_size, plan.machine)

    def read(indices: NDArray[np.int64], _: Drawn) -> Any:
        return stored[indices]

    of_splits = {name: np.flatnonzero(sample.split == name) for name in splits}
    sampling = _sampling(store, sample, plan, of_splits["train"])
    return {
        "train": SliceBatches(read, truth, of_splits["train"], size, sampling=sampling),
        "validation": SliceBatches(read, truth, of_splits["validation"], size),
    }


def series_batches(
    store: Store,
    sample: Sample,
    plan: TrainingPlan,
    stored: NDArray[np.float32],
    truth: NDArray[np.float32] | None = None,
) -> SeriesBatches:
    """All series of a sample; without labels where there is nothing to learn."""
    series, recipe = series_of(store, sample.rows), plan.head.sequence
    heights = None
    if recipe is not None and recipe.gaps:
        heights = store.slices["z"].to_numpy(dtype=np.float64)[sample.rows]
    return SeriesBatches(
        stored,
        np.zeros((len(stored), len(LABELS)), dtype=np.float32) if truth is None else truth,
        series,
        length=int(_lengths_read(series, plan).max()),
        size=series_a_batch(series, plan, plan.fitting.batch_size),
        heights=heights,
    )


def _lengths_read(series: NDArray[np.int64], plan: TrainingPlan) -> NDArray[np.int64]:
    """Slices of each series that a head reads at once; `series` as `series_of` gives them."""
    lengths, recipe = series[:, 1] - series[:, 0], plan.head.sequence
    return lengths if recipe is None else np.minimum(lengths, recipe.window)


def series_a_batch(series: NDArray[np.int64], plan: TrainingPlan, batch_size: int) -> int:
    """Series a batch, of about so many slices; `series` as `series_of` gives them."""
    slices = float(_lengths_read(series, plan).mean())
    return backend.batch_size(max(SERIES_A_BATCH, round(batch_size / slices)), plan.machine)


def series_of(store: Store, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """First and one-past-last place of each series among ascending rows, (series, 2)."""
    numbers = series_numbers(store.slices)[rows]
    starts = np.flatnonzero(np.r_[True, numbers[1:] != numbers[:-1]])
    return np.stack([starts, np.r_[starts[1:], len(rows)]], axis=1)


def splits_a_series(store: Store, sample: Sample) -> bool:
    """Whether some series has slices in two splits."""
    series = series_of(store, sample.rows)
    number = np.repeat(np.arange(len(series)), series[:, 1] - series[:, 0])
    return bool((sample.split != sample.split[series[number, 0]]).any())


def truth_of(store: Store, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """The labels of some slices: float32 (slices, 6), 0 or 1.

    Raises:
        ValueError: If a slice lacks one; the message says how many, and the cure.
    """
    require_slice_labels(store)
    truth: NDArray[np.float32] = store.slices[list(LABELS)].to_numpy()[rows].astype(np.float32)
    lacking = dict(zip(LABELS, (truth < 0).sum(axis=0).tolist(), strict=True))
    if any(lacking.values()):
        counts = ", ".join(f"{label} {count:,}" for label, count in lacking.items() if count)
        raise ValueError(
            f"{store.folder}: an experiment needs all six labels of each of its {len(rows):,} "
            f"slices; slices without a label: {counts}. Add them to the label file "
            "(`any` alone says all six where it is 0), or leave those slices out of the source."
        )
    return truth
