"""How a network computes: devices, arithmetic, and how alike two trainings are."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import PlainValidator

Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
"""Arithmetic of the networks: mixed ones multiply in 16 bits and keep weights in 32."""

Determinism = Literal["none", "seeded", "strict"]
"""How alike two trainings of one row are.

none: each draws its own initial weights, order and dropout. seeded: these follow the seed; on a GPU
the order of additions does not, so that probabilities agree closely, not exactly. strict: on the
same machine, software and devices the weights agree bit for bit, at the price of slower kernels.
Samples, splits and random backbones follow the seed at every level.
"""


MOST_DEVICES: Final = 64
"""Devices of one machine, at most."""


def _devices(value: Any) -> int | Literal["all"]:
    if value == "all" or (type(value) is int and 1 <= value <= MOST_DEVICES):
        return value  # type: ignore[no-any-return]
    raise ValueError(f"all or a whole number from 1 to {MOST_DEVICES}")


Devices = Annotated[int | Literal["all"], PlainValidator(_devices)]
"""On how many devices of one machine a network computes: each takes its share of every batch.

Losses are those of one device, up to rounding, which long steps amplify as training goes on; but on
TensorFlow each draws dropout for itself.
"""


@dataclass(frozen=True)
class Machine:
    """How a network computes.

    Attributes:
        devices: Devices that share each batch.
        precision: Arithmetic.
        determinism: How alike two trainings are.
    """

    devices: Devices = 1
    precision: Precision = "float32"
    determinism: Determinism = "seeded"
