"""Steps along the mean slopes of several batches."""

from collections.abc import Callable
from itertools import cycle
from typing import Any


def steps_of(batches: int, accumulate: int) -> int:
    """Steps of a pass over so many batches: the last one takes what is left."""
    return -(-batches // accumulate)


def taking_steps(program: Any, batches: int, accumulate: int) -> Callable[..., Any]:
    """What training does with each batch, pass after pass; gives its weighted sum of losses.

    A step follows each `accumulate` batches, and the last batch of a pass, so that nothing is left
    over for the next. It goes along the mean over all items of its batches that count, as one
    batch of all of them would; batch normalization still norms each batch for itself.

    Args:
        program: What trains, see `backend.program`.
        batches: Batches of a pass.
        accumulate: Batches a step.
    """
    numbers = cycle(range(1, batches + 1))

    def take(*batch: Any) -> Any:
        number = next(numbers)
        if number % accumulate and number != batches:
            return program.gather(*batch)
        return program.train(*batch)

    return take
