"""What a cluster is asked to reserve for a job: memory and minutes, by the sizes of its profile.

A job that outgrows its reservation is killed, so these are limits and no estimates: on a CPU, rates
are several times below what was measured (README) and memory is above it; those of a GPU are
guesses, as long as nobody has measured one. A job that is tried again gets twice as much. A
workflow profile's `set-resources` overrides them.
"""

import math
from dataclasses import dataclass
from typing import Final

from ichreport import poster
from ichreport.params.experiment import Experiment
from ichreport.params.inputs import MOST_NEIGHBOURS
from ichreport.params.networks import NETWORKS
from ichreport.params.profile import Profile
from ichreport.params.samples import Sample

_FILES_A_SECOND: Final = 50
"""DICOM files that one core reads and resamples."""
_START_MINUTES: Final = 15
_PROCESS_MIB: Final = 3_000
_GPU_PROCESS_MIB: Final = 8_000
_MOST_CACHE_MIB: Final = 32_000
"""What a job that reads slices each epoch gets at most to keep them in the page cache."""
_SHOWING_MINUTES: Final = 60
"""Drawing, intervals of all runs, and the small network that the maps train on a few slices."""
_BATCHES: Final = 16
"""Batches that are read ahead, computed on and copied at a time, at most."""
_WIDEST_FEATURES: Final = max(spec.features for spec in NETWORKS.values())
"""Numbers that the widest backbone gives a slice."""

# Slices a second: (on a CPU core at 96 pixels a side, on a GPU at 256).
_BACKBONE: Final = (12, 100)
_TRAINING: Final = (40, 250)
_FINE_TUNING: Final = (4, 40)
_HEAD: Final = (1_000, 5_000)


@dataclass(frozen=True)
class Reservation:
    """What one job needs at most."""

    mem_mb: int
    runtime: int
    """Minutes."""


def slices(profile: Profile, sample: Sample = "fullid") -> int:
    """The most slices that a profile's data, or a sample of them, are taken to hold."""
    count = poster.SLICES
    if profile.phantom is not None:
        count = 2 * profile.phantom.patients * profile.phantom.slices
    shares = {"sampa": profile.sampa_share, "sampb": profile.sampb_share}
    return math.ceil(count * shares.get(sample, 1.0))


def reading(profile: Profile, *, threads: int, jobs: int = 1) -> Reservation:
    """Making or reading the source's files, in one of `jobs` jobs of `threads` processes."""
    seconds = slices(profile) / jobs / (_FILES_A_SECOND * threads)
    index_mib = 4 * slices(profile) // 1024  # 4 KiB a row: what 752,803 took, twice
    return Reservation(_PROCESS_MIB + 500 * threads + index_mib, _minutes(seconds))


def backbone_pass(profile: Profile) -> Reservation:
    """One pass of all slices through a frozen backbone."""
    return Reservation(
        _computing_mib(profile), _minutes(slices(profile) / _rate(_BACKBONE, profile))
    )


def training(experiment: Experiment) -> Reservation:
    """Training and scoring one experiment, the epochs that may not be needed included.

    One that computes its own features, because no other job has, has the time for that too, and one
    with a learning curve for its shares.
    """
    count, memory = slices(experiment, experiment.sample), _computing_mib(experiment)
    epochs = experiment.epochs * (1 + sum(experiment.learning_shares))
    seconds = count * epochs / _rate(_epoch_rates(experiment), experiment)
    if not experiment.trains_on_slices or experiment.needs_features:
        seconds += count / _rate(_BACKBONE, experiment)
        memory += 2 * count * _WIDEST_FEATURES * 4 // 2**20
    seconds += count * experiment.head_epochs / _rate(_HEAD, experiment)
    if experiment.trains_on_slices:
        memory += min(count * experiment.image_size**2 * 2 // 2**20, _MOST_CACHE_MIB)
    return Reservation(memory, _minutes(seconds))


def combining(experiment: Experiment) -> Reservation:
    """Combining the predictions of other runs, and scoring."""
    tables = 1 + len(experiment.members)
    table_mib = slices(experiment, experiment.sample) // 1024  # 1 KiB a row of predictions
    index_mib = slices(experiment) // 1024
    return Reservation(_PROCESS_MIB + index_mib + tables * table_mib, _minutes(0))


def showing(profile: Profile) -> Reservation:
    """Drawing tables, maps and figures, of predictions of all slices."""
    memory = _computing_mib(profile) + 8 * slices(profile) // 1024
    return Reservation(memory, _START_MINUTES + _SHOWING_MINUTES)


def _epoch_rates(experiment: Experiment) -> tuple[int, int]:
    """How fast slices go through an epoch of training."""
    if not experiment.trains_on_slices:
        return _HEAD
    return _FINE_TUNING if experiment.trainable_layers else _TRAINING


def _computing_mib(profile: Profile) -> int:
    """Memory of a process that runs a network: itself, the index, and batches under way.

    A GPU holds the activations itself.
    """
    pixels = profile.batch_size * profile.image_size**2
    index_mib = slices(profile) // 1024  # 1 KiB a row: twice what 752,803 took
    if profile.require_gpu:
        batches_mib = _BATCHES * (1 + 2 * MOST_NEIGHBOURS) * 2 * pixels // 2**20  # int16
        return _GPU_PROCESS_MIB + index_mib + batches_mib
    activations_mib = 3 * pixels // 1024  # 3 KiB a pixel, twice what DenseNet121 took
    return _PROCESS_MIB + index_mib + activations_mib


def _rate(rates: tuple[int, int], profile: Profile) -> float:
    """Slices a second at the profile's image size."""
    on_cpu, on_gpu = rates
    if profile.require_gpu:
        return on_gpu * (256 / profile.image_size) ** 2
    return on_cpu * (96 / profile.image_size) ** 2


def _minutes(seconds: float) -> int:
    return _START_MINUTES + math.ceil(seconds / 60)
