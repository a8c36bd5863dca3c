"""The small network's blocks: which of them maps may come from, and each pixel times its gradient.

Maps of the last block have few pixels, and averaging a gradient over the finer ones of an earlier
block, as Grad-CAM does, is not justified. So each pixel of the feature maps is multiplied by its
own gradient, and the products are summed, as HiResCAM does (Draelos and Carin, arXiv:2011.08891).
Their proof that the map adds up to the logit less its bias takes one linear layer behind it. That
is so behind the last block where the head is linear: max pooling only picks pixels, and global
average pooling is linear. It is so behind no other block, and where the head has more layers,
behind none.
"""

from functools import lru_cache, partial
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from ichreport.labels import LABELS
from ichreport.model import backend
from ichreport.params.training.training_plan import HeadPart

FINE_ENOUGH: Final = 24
"""Where nothing was chosen, maps come from the deepest block of so many pixels a side or more."""
COARSEST: Final = 4
"""Pixels a side of the coarsest maps: fewer divide a head into parts larger than most bleeds."""

_BATCH: Final = 64
_SLICES_AT_ONCE: Final = 256
"""Slices whose feature maps are in memory together, with their gradients."""


def sides(model: keras.Model) -> dict[str, int]:
    """Pixels a side of each block's maps, by the name of its ReLU, from the first to the last."""
    blocks = [layer for layer in model.layers if layer.name.startswith("relu")]
    return {block.name: min(block.output.shape[1:3]) for block in blocks}


def candidates(model: keras.Model, head: HeadPart) -> list[str]:
    """The blocks that maps may be chosen from, from the first to the last.

    No proof holds at any of them, so that it is measured which one points at bleeding. Where it
    holds at the last block, there is no choice: another would give up what justifies the map.

    Args:
        model: The small network.
        head: Its Dense layers.

    Returns:
        Names of layers; none where there is no choice.
    """
    if _adds_up_at_the_end(model, head):
        return []
    return [block for block, side in sides(model).items() if side >= COARSEST]


def default(model: keras.Model, head: HeadPart) -> str:
    """The block of the maps where none was chosen.

    Args:
        model: The small network.
        head: Its Dense layers.
    """
    by_block = sides(model)
    if _adds_up_at_the_end(model, head):
        return list(by_block)[-1]
    fine = [block for block, side in by_block.items() if side >= FINE_ENOUGH]
    return fine[-1] if fine else next(iter(by_block))


def adds_up(model: keras.Model, head: HeadPart, block: str) -> bool:
    """Whether a block's map adds up to the logit less its bias, so that it may be called HiResCAM.

    Args:
        model: The small network.
        head: Its Dense layers.
        block: One of its blocks.
    """
    return head.is_linear and block == list(sides(model))[-1]


def relevance(
    model: keras.Model, block: str, hu: NDArray[np.int16], labels: NDArray[np.int64]
) -> NDArray[np.float32]:
    """A block's maps, each pixel times its own gradient, summed over channels.

    Args:
        model: The small network.
        block: One of its blocks.
        hu: int16 (slices, slices seen, size, size).
        labels: (slices,), of which label each slice's map is.

    Returns:
        float32 (slices, side, side).

    Raises:
        ValueError: If the network has no such block.
    """
    side = _side(model, block)
    maps_model, rest = _halves(model, block)
    which = np.eye(len(LABELS), dtype=np.float32)[labels]
    summed = [np.empty((0, side, side), dtype=np.float32)]
    for start in range(0, len(hu), _SLICES_AT_ONCE):
        part = slice(start, start + _SLICES_AT_ONCE)
        maps = feature_maps(maps_model, hu[part])
        slopes = backend.gradient(partial(_logits_of, rest, which[part]), maps)
        summed.append((maps * slopes).sum(axis=-1))
    return np.concatenate(summed)


def feature_maps(model: keras.Model, hu: NDArray[np.int16]) -> NDArray[np.float32]:
    """A model's feature maps, batch by batch and without compiling it: it is used only once.

    Batches are filled up to a power of two: JAX compiles each operation for each number of slices.

    Args:
        model: From HU to maps.
        hu: int16 (slices, slices seen, size, size).
    """
    batches = []
    for start in range(0, len(hu), _BATCH):
        batch = hu[start : start + _BATCH]
        size = 1 << (len(batch) - 1).bit_length()
        maps = backend.to_numpy(model(np.resize(batch, (size, *batch.shape[1:])), training=False))
        batches.append(maps[: len(batch)].astype(np.float32, copy=False))
    return np.concatenate(batches)


def _adds_up_at_the_end(model: keras.Model, head: HeadPart) -> bool:
    """Whether the last block's map adds up to the logit, and has the pixels to point anywhere."""
    last, side = list(sides(model).items())[-1]
    return adds_up(model, head, last) and side >= COARSEST


def _side(model: keras.Model, block: str) -> int:
    by_block = sides(model)
    if block not in by_block:
        raise ValueError(f"block must be one of {', '.join(by_block)}, got {block!r}.")
    return by_block[block]


@lru_cache(maxsize=4)  # who maps a thousand studies by one network builds its halves once
def _halves(model: keras.Model, block: str) -> tuple[keras.Model, keras.Model]:
    """The network up to a block, and the rest of it."""
    maps = model.get_layer(block).output
    return keras.Model(model.input, maps), keras.Model(maps, model.output)


def _logits_of(rest: keras.Model, which: NDArray[np.float32], maps: Any) -> Any:
    """Each slice's logit of its own label, which `which` has a 1 for, and 0 for the others."""
    # by Keras, which puts the array where the tensor is: torch multiplies no array by a tensor
    return keras.ops.multiply(rest(maps, training=False), which)
