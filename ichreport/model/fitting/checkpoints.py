"""Checkpoints: a training that is cut off goes on from the end of one of its epochs.

A checkpoint is `checkpoint-00012.npz`, the arrays of a training after twelve epochs, and a note,
`checkpoint-00012.json`, with all else that it needs to go on and the hash of the first; it is
written last and makes the checkpoint count. The last two are kept: where one is damaged, the one
before it is taken.

They lie in the folder of their training, which is named by all that the training depends on, so
that no other finds them, and are removed when it is finished.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ichreport.files import (
    atomic_file,
    check_file,
    read_sealed_json,
    sha256_of_file,
    write_sealed_json,
)
from ichreport.model.devices.energy import added

KEPT: Final = 2

SECONDS_BETWEEN: Final = 30.0
"""Seconds from one checkpoint to the next, at least: about what a process takes to import, read
features and compile before it goes on. The epochs of a head take milliseconds, and what writes its
weights after each would take a fifth of the time (`benchmarks/checkpoints.py`)."""

SHARE: Final = 0.01
"""Share of a training's time that writing takes, at most: after a checkpoint that took a second to
write, the next one comes no sooner than 100 seconds later."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """A training at the end of an epoch.

    Attributes:
        history: By measure, one value an epoch.
        progress: What it has seen of validation, as JSON takes it.
        generators: The states of its random generators, in their order.
        state: All that steps change, as its program gives it.
        best_weights: The model's weights of the best epoch so far.
    """

    history: Mapping[str, list[float]]
    progress: Mapping[str, Any]
    generators: Sequence[Mapping[str, Any]]
    state: Sequence[NDArray[Any]]
    best_weights: Sequence[NDArray[Any]]

    @property
    def epochs(self) -> int:
        """How many have ended."""
        return len(self.history["loss"])


class Checkpoints:
    """The checkpoints of one training, and its time: a clock starts with it.

    Args:
        folder: Where they lie; nobody else may be at this training.
        name: The run, for messages.
        joules: What the cards have used since this part began, as `energy.EnergyMeter.joules`.

    Attributes:
        resumed: How many times the training went on from a checkpoint. A part that was cut off
            before it wrote one has left nothing, and does not count.
        earlier_seconds: What the parts before took, each up to its last checkpoint.
        earlier_joules: What their cards used, likewise; None if that is not known.
    """

    def __init__(
        self, folder: Path, name: str, joules: Callable[[], float | None] = lambda: None
    ) -> None:
        self._folder, self._name, self._joules = folder, name, joules
        self._started = self._written = perf_counter()
        self._pause = SECONDS_BETWEEN
        self.resumed = 0
        self.earlier_seconds = 0.0
        self.earlier_joules: float | None = 0.0

    def last(self) -> Checkpoint | None:
        """The newest checkpoint that is whole, if there is one; damaged ones are removed.

        What the log says of it: which was taken, which were damaged and how.
        """
        numbers = sorted(_numbers(self._folder, "json"), reverse=True)
        for number in numbers:
            try:
                checkpoint = self._read(number)
            except (OSError, ValueError, KeyError, TypeError) as error:
                _log.warning("%s: a checkpoint cannot be used: %s", self._name, error)
                _remove(self._folder, number)
                continue
            _log.warning("%s: training goes on after epoch %d.", self._name, checkpoint.epochs)
            return checkpoint
        if numbers:
            _log.warning("%s: no checkpoint is whole; training starts anew.", self._name)
        return None

    def offer(self, take: Callable[[], Checkpoint]) -> None:
        """At the end of an epoch: write a checkpoint, unless the last one is not long ago.

        Args:
            take: Gives the checkpoint; called only if it is to be written.

        Raises:
            OSError: If the disk is full; the checkpoints before are still there.
        """
        started = perf_counter()
        if started - self._written < self._pause:
            return
        checkpoint = take()
        self._write(checkpoint)
        for number in sorted(_numbers(self._folder, "npz"))[:-KEPT]:
            _remove(self._folder, number)
        self._written = perf_counter()
        self._pause = max(SECONDS_BETWEEN, (self._written - started) / SHARE)

    def _write(self, checkpoint: Checkpoint) -> None:
        arrays = {
            f"{kind}-{number:05d}": array
            for kind, listed in (("state", checkpoint.state), ("best", checkpoint.best_weights))
            for number, array in enumerate(listed)
        }
        path = _path(self._folder, checkpoint.epochs, "npz")
        with atomic_file(path, sum(array.nbytes for array in arrays.values())) as partial:
            np.savez(partial, **arrays)  # type: ignore[arg-type]  # of any name but allow_pickle
        note = {
            "arrays": sha256_of_file(path),
            "history": checkpoint.history,
            "progress": checkpoint.progress,
            "generators": checkpoint.generators,
            "resumed": self.resumed,
            "seconds": self.earlier_seconds + perf_counter() - self._started,
            "joules": added(self.earlier_joules, self._joules()),
        }
        write_sealed_json(_path(self._folder, checkpoint.epochs, "json"), note)

    def _read(self, number: int) -> Checkpoint:
        note = read_sealed_json(_path(self._folder, number, "json"))
        path = check_file(_path(self._folder, number, "npz"), note["arrays"], "")
        with np.load(path, allow_pickle=False) as arrays:
            state, best = (
                [arrays[name] for name in sorted(arrays) if name.startswith(kind)]
                for kind in ("state-", "best-")
            )
        checkpoint = Checkpoint(note["history"], note["progress"], note["generators"], state, best)
        self.resumed, self.earlier_seconds = note["resumed"] + 1, note["seconds"]
        self.earlier_joules = note["joules"]
        return checkpoint


def remove(folder: Path) -> None:
    """Remove all checkpoints from the folder of a training that is finished."""
    for number in _numbers(folder, "json") | _numbers(folder, "npz"):
        _remove(folder, number)


def _numbers(folder: Path, suffix: str) -> set[int]:
    """Of which epochs there is such a file."""
    numbers = set()
    for path in folder.glob(f"checkpoint-*.{suffix}"):
        with suppress(ValueError):  # somebody else's
            numbers.add(int(path.stem.removeprefix("checkpoint-")))
    return numbers


def _remove(folder: Path, number: int) -> None:
    """Remove a checkpoint: its note first, which makes it count."""
    for suffix in ("json", "npz"):
        _path(folder, number, suffix).unlink(missing_ok=True)


def _path(folder: Path, number: int, suffix: str) -> Path:
    return folder / f"checkpoint-{number:05d}.{suffix}"
