"""The energy that a training's cards have used, where NVIDIA's driver tells it (Volta and later).

A driver counts the joules of a card since it was loaded, with all that runs there; so a training
that shares its card is charged for its neighbours too. CPUs tell nobody but the administrator, and
are not asked.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any, Final

from ichreport.model import backend
from ichreport.params.machine import Machine

_MILLIJOULES: Final = 1000


class EnergyMeter:
    """What the cards that share a training's batches use from now on.

    Args:
        machine: How the training computes.
    """

    def __init__(self, machine: Machine) -> None:
        self._cards = len(backend.group(machine.devices)) if backend.describe()["gpu"] else 0
        self._at_first = _counted(self._cards)

    def joules(self) -> float | None:
        """Joules since the meter was made; None without a card, or where nobody counts its."""
        now = _counted(self._cards)
        if now is None or self._at_first is None or now < self._at_first:  # another driver
            return None
        return now - self._at_first


def added(earlier: float | None, later: float | None) -> float | None:
    """Joules of two parts together; None where one of them is not known."""
    return None if earlier is None or later is None else earlier + later


def _counted(cards: int) -> float | None:
    """Joules that the first so many cards of this process have used since the driver was loaded."""
    if not cards:
        return None
    with _driver() as nvml:
        if nvml is None:
            return None
        with suppress(nvml.NVMLError, ValueError):
            visible = _visible(nvml)[:cards]
            if len(visible) == cards:
                counts = map(nvml.nvmlDeviceGetTotalEnergyConsumption, visible)
                return float(sum(counts)) / _MILLIJOULES
    return None


@contextmanager
def _driver() -> Iterator[Any]:
    """NVIDIA's management library; None where it, or its driver, is not there."""
    if find_spec("pynvml") is None:
        yield None
        return
    import pynvml  # only where there are cards

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield None
        return
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()


def _visible(nvml: Any) -> list[Any]:
    """The cards that CUDA gives this process, in its order; equal cards, as CUDA sorts by speed.

    Raises:
        ValueError: If CUDA_VISIBLE_DEVICES names parts of cards, whose energy nobody counts.
    """
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]
    return [
        nvml.nvmlDeviceGetHandleByUUID(name)
        if name.startswith("GPU-")
        else nvml.nvmlDeviceGetHandleByIndex(int(name))
        for name in filter(None, map(str.strip, named.split(",")))
    ]
