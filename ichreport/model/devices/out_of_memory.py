"""A device without memory for a batch: in one line, what was tried and what to set."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Final, Literal

from ichreport.model import backend
from ichreport.params.machine import Machine

_ONE: Final = {"slices": "slice", "series": "series"}


class OutOfMemoryError(RuntimeError):
    """A device has no memory left for a batch."""


@contextlib.contextmanager
def explained(
    doing: str,
    batch_size: int,
    machine: Machine,
    *,
    size_of: Callable[[int], int] | None = None,
    items: Literal["slices", "series"] = "slices",
) -> Iterator[None]:
    """Where a device may run out of memory: say so in one line, with the cure.

    The backend's own error, pages of what was allocated, stays behind it as its context.

    Args:
        doing: What is done, of which run: `05-x: training`.
        batch_size: The parameter of that name.
        machine: How it computes.
        size_of: From that parameter to the items of a batch on all devices; that many slices,
            rounded up to a multiple of the devices, if not given.
        items: Of what a batch is.

    Raises:
        OutOfMemoryError: If the backend says that a device has no memory left.
    """
    try:
        yield
    except Exception as error:
        if not backend.is_out_of_memory(error):
            raise
        sizes = size_of or (lambda size: backend.batch_size(size, machine))
        devices = len(backend.group(machine.devices))
        size = sizes(batch_size)
        raise OutOfMemoryError(
            f"{doing} ran out of memory with batches of "
            f"{size:,} {items if size > 1 else _ONE[items]} on "
            f"{devices} device{'s' * (devices > 1)}{_shares(size, devices)}; "
            f"{_cure(batch_size, sizes, devices)}"
        ) from None


def _shares(size: int, devices: int) -> str:
    return f" ({size // devices:,} each)" if devices > 1 else ""


def _cure(batch_size: int, sizes: Callable[[int], int], devices: int) -> str:
    """Half of a batch that the devices share evenly, where `batch_size` makes it smaller at all."""
    half = max(batch_size // 2 // devices, 1) * devices
    if sizes(half) < sizes(batch_size):
        return f"set batch_size: {half}."
    return (
        "no batch_size makes them smaller. Free the memory of what else is on the device "
        "(nvidia-smi lists it), or use one with more."
    )
