"""Passes over slices with their neighbours: in order, each slice goes to the device once.

Where a pass takes one slice after the other, most slices are seen three times or five: as the next
one, by themselves, and as the previous one. Sent as they are seen, they would take three times the
way to the device. So the slices of a batch are sent once, beside which of them each item sees, and
put together there.
"""

from collections.abc import Callable
from typing import Any, Final

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from ichreport.data.store import Store
from ichreport.model import backend
from ichreport.model.inputs import hu_of
from ichreport.params.inputs import input_spec
from ichreport.params.machine import Machine

_ENDS: Final = 4
"""Ends of the runs of slices in a batch, of which each has neighbours: one that is filled up from
the first one has two runs."""


@keras.saving.register_keras_serializable("ichreport")
class Neighbours(layers.Layer):  # type: ignore[misc]
    """Put slices together with their neighbours."""

    def call(self, window: Any, index: Any) -> Any:
        """HU (slices, h, w) and, for each item, the places of its slices there (items, seen).

        By way of float32, which holds HU exactly: TensorFlow gathers no int16 on a GPU.

        Returns:
            HU (items, seen, h, w).
        """
        return ops.cast(ops.take(ops.cast(window, "float32"), index, axis=0), window.dtype)


def in_a_pass(
    store: Store, rows: NDArray[np.int64], kind: str, model: keras.Model, machine: Machine
) -> tuple[Any, Callable[[NDArray[np.int64]], Any]]:
    """A program for a pass over slices, and what reads its input for some of them.

    Args:
        store: Where the slices are.
        rows: Their row numbers, in the order of the pass.
        kind: What the model takes, by the name of an input.
        model: A model of HU (items, slices seen, h, w).
        machine: How it computes.

    Returns:
        The program, see `backend.program`, and a function from a batch's row numbers to its input.
    """
    in_order = bool((np.diff(rows) == 1).all())
    beside = input_spec(kind).neighbours
    if not beside or not in_order or len(backend.group(machine.devices)) > 1:
        return backend.program(model, machine), lambda batch: hu_of(store, batch, kind)
    with backend.building(machine):
        shared = _of_window(model)
    return backend.program(shared, machine), lambda batch: _window(store, batch, beside)


def _of_window(model: keras.Model) -> keras.Model:
    """The same model, whose input is slices and which of them each item sees."""
    _, seen, height, width = model.input.shape
    window = keras.Input((height, width), dtype="int16", name="window")
    index = keras.Input((seen,), dtype="int32", name="index")
    return keras.Model({"window": window, "index": index}, model(Neighbours()(window, index)))


def _window(store: Store, rows: NDArray[np.int64], beside: int) -> dict[str, NDArray[Any]]:
    """Slices, each once, and their places for each item; always as many for as many items."""
    unique, index = np.unique(store.adjacent_rows(rows, beside), return_inverse=True)
    filling = np.repeat(unique[:1], len(rows) + _ENDS * beside - len(unique))
    window = store.hu(np.concatenate([unique, filling]))
    return {"window": window, "index": index.reshape(len(rows), -1).astype(np.int32)}
