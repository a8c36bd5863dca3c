"""Tensors of a file that `torch.save` wrote before it zipped its files, read without torch.

Such a file is a row of pickles (a magic number, a version, facts of the machine, descriptions of
the tensors, the keys of their storages) and the storages' raw bytes. A pickle may name any function
to be called: here, those few that describe tensors are known and every other name is refused, so
that nothing of the file's own runs. The format is torch's `_legacy_save`,
https://github.com/pytorch/pytorch/blob/main/torch/serialization.py.
"""

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from ichreport.files import sha256_of_file

_MAGIC: Final = 0x1950A86A20F9469CFC6C
_VERSION: Final = 1001
_TYPES: Final = {"FloatStorage": "<f4", "LongStorage": "<i8"}
_DAMAGED: Final = (
    *(pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, LookupError),
    *(OverflowError, MemoryError),
)
"""What reading bytes that are no such file raises."""


@dataclass(frozen=True)
class _Storage:
    """Numbers that follow the pickles: their key, their type and how many they are."""

    key: str
    dtype: str
    numel: int


@dataclass(frozen=True)
class _Tensor:
    """A view of a storage; strides are in numbers, not in bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_tensors(path: Path, sha256: str) -> dict[str, NDArray[Any]]:
    """Read the state dict of a torch module.

    Args:
        path: The file.
        sha256: The hash that it must have, in hex.

    Returns:
        By name, float32 or int64 arrays, in the order of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it has another hash, or is no such file; the message says what came.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist.")
    found = sha256_of_file(path)
    if found != sha256:
        raise ValueError(f"{path} is not the file that is known: its SHA-256 is {found}.")
    with path.open("rb") as file:
        try:
            return _read(file)
        except _DAMAGED as error:
            raise ValueError(f"{path} is no state dict of torch's old format: {error}") from error


class _Unpickler(pickle.Unpickler):
    """Knows what describes tensors, and refuses every other name."""

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a name in the file."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _described
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        raise pickle.UnpicklingError(f"it names {module}.{name}, which no tensor needs")

    def persistent_load(self, pid: Any) -> _Storage:
        """The storage that stands behind a tensor."""
        kind, dtype, key, _, numel, view = pid
        if kind != "storage" or view is not None or dtype not in _TYPES.values():
            raise pickle.UnpicklingError(f"it holds {kind!r} of {dtype!r}, not a plain storage")
        return _Storage(key, dtype, numel)


def _described(
    storage: _Storage,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    requires_grad: bool,
    hooks: Any,
) -> _Tensor:
    """In place of `torch._utils._rebuild_tensor_v2`; gradients and hooks are not kept."""
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _read(file: IO[bytes]) -> dict[str, NDArray[Any]]:
    _expect("magic number", _Unpickler(file).load(), _MAGIC)
    _expect("version", _Unpickler(file).load(), _VERSION)
    system = _Unpickler(file).load()
    _expect("little_endian", dict(system).get("little_endian"), True)
    tensors = dict(_Unpickler(file).load())
    keys = _Unpickler(file).load()
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    _expect("keys of storages", sorted(keys), sorted(storages))
    values = {key: _numbers(file, storages[key]) for key in keys}
    _expect("end of the file", file.read(1), b"")
    return {
        name: _strided(name, tensor, values[tensor.storage.key]) for name, tensor in tensors.items()
    }


def _numbers(file: IO[bytes], storage: _Storage) -> NDArray[Any]:
    count = int.from_bytes(file.read(8), "little", signed=True)
    _expect(f"length of storage {storage.key}", count, storage.numel)
    dtype = np.dtype(storage.dtype)
    raw = file.read(count * dtype.itemsize)
    _expect(f"bytes of storage {storage.key}", len(raw), count * dtype.itemsize)
    return np.frombuffer(raw, dtype)


def _strided(name: str, tensor: _Tensor, numbers: NDArray[Any]) -> NDArray[Any]:
    """A tensor in the usual order of rows, its numbers its own."""
    shape, strides = tensor.shape, tensor.strides
    is_view = len(shape) == len(strides) and min((tensor.offset, *shape, *strides), default=0) >= 0
    last = tensor.offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=False))
    if not is_view or 0 in shape or last >= len(numbers):
        raise ValueError(f"{name} of shape {shape} and strides {strides} leaves its storage")
    size = numbers.itemsize
    view = np.lib.stride_tricks.as_strided(
        numbers[tensor.offset :], shape, [step * size for step in strides], writeable=False
    )
    return np.array(view, order="C")


def _expect(what: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise ValueError(f"its {what} must be {expected!r}, got {str(found)[:80]!r}")
