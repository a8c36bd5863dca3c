"""What a cluster is asked to reserve for a job: memory and minutes, by the sizes of its profile.

A job that outgrows its reservation is killed, so these are limits and no estimates: rates are
several times below what was measured (docs/cluster.md), memory is above it. A workflow profile's
`set-resources` overrides them.
"""

import math
from dataclasses import dataclass
from typing import Final

from ichreport import poster
from ichreport.params import Experiment, Profile

FILES_A_SECOND: Final = 50
"""DICOM files that one core reads and resamples."""
_START_MINUTES: Final = 15
_PROCESS_MIB: Final = 3_000
_WIDEST_FEATURES: Final = 2_560
"""Numbers that the widest backbone, EfficientNet-B7, gives a slice."""

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


def slices(profile: Profile) -> int:
    """The most slices that a profile's data are taken to hold: real ones, the challenge's."""
    if profile.phantom is None:
        return poster.SLICES
    return 2 * profile.phantom.patients * profile.phantom.slices


def reading(profile: Profile, *, threads: int, jobs: int = 1) -> Reservation:
    """Making or reading the source's files, in one of `jobs` jobs of `threads` processes."""
    seconds = slices(profile) / jobs / (FILES_A_SECOND * threads)
    index_mib = 4 * slices(profile) // 1024  # 4 KiB a row: what 752,803 took, twice
    return Reservation(_PROCESS_MIB + 500 * threads + index_mib, _minutes(seconds))


def backbone_pass(profile: Profile) -> Reservation:
    """One pass of all slices through a frozen backbone."""
    return Reservation(
        _computing_mib(profile), _minutes(slices(profile) / _rate(_BACKBONE, profile))
    )


def training(experiment: Experiment) -> Reservation:
    """Training and scoring one experiment, the epochs that may not be needed included.

    One that computes its own features, because no other job has, has the time for that too.
    """
    count, memory = slices(experiment), _computing_mib(experiment)
    seconds = count * experiment.epochs / _rate(_of_epochs(experiment), experiment)
    if experiment.needs_features:
        seconds += count / _rate(_BACKBONE, experiment)
        memory += 2 * count * _WIDEST_FEATURES * 4 // 2**20
    return Reservation(memory, _minutes(seconds))


def showing(profile: Profile) -> Reservation:
    """Drawing tables, maps and figures; the maps train a small network of their own."""
    count = slices(profile)
    seconds = count * profile.epochs / _rate(_TRAINING, profile)
    return Reservation(_computing_mib(profile) + 8 * count // 1024, _minutes(seconds))


def _of_epochs(experiment: Experiment) -> tuple[int, int]:
    """How fast slices go through an epoch of training."""
    if not experiment.trains_on_slices:
        return _HEAD
    return _FINE_TUNING if experiment.trainable_layers else _TRAINING


def _computing_mib(profile: Profile) -> int:
    """Memory of a process that runs a network; a GPU holds the activations itself."""
    if profile.require_gpu:
        return 2 * _PROCESS_MIB
    pixels = profile.batch_size * profile.image_size**2
    return _PROCESS_MIB + 3 * pixels // 1024  # 3 KiB a pixel, twice what DenseNet121 took


def _rate(rates: tuple[int, int], profile: Profile) -> float:
    """Slices a second at the profile's image size."""
    on_cpu, on_gpu = rates
    if profile.require_gpu:
        return on_gpu * (256 / profile.image_size) ** 2
    return on_cpu * (96 / profile.image_size) ** 2


def _minutes(seconds: float) -> int:
    return _START_MINUTES + math.ceil(seconds / 60)
