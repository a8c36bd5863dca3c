"""A state dict in torch's old format: read as it was written, and nothing of it run."""

import hashlib
import pickle
import sys
import types
from collections import OrderedDict

import numpy as np
import pytest

from ichreport.model.pretrained.torch_state import read_tensors

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
SYSTEM = {"protocol_version": 1001, "little_endian": True}
NUMBERS = np.arange(24, dtype="<f4")


class Tensor:
    """Pickles as torch's do: a call of `torch._utils._rebuild_tensor_v2`."""

    def __init__(self, key, storage, offset, shape, strides):
        self.parts = (key, storage, offset, shape, strides)

    def __reduce__(self):
        key, storage, offset, shape, strides = self.parts
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        return rebuild, (Place(key, storage), offset, shape, strides, False, OrderedDict())


class Place:
    def __init__(self, key, storage):
        self.key, self.storage = key, storage


class Pickler(pickle.Pickler):
    def persistent_id(self, thing):
        if not isinstance(thing, Place):
            return None
        return "storage", thing.storage[0], thing.key, "cpu", len(thing.storage[1]), None


@pytest.fixture(name="types_of_torch", autouse=True)
def types_of_torch_(monkeypatch):
    """Modules of torch's names, so that pickles can name what is in them."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def _rebuild_tensor_v2(*_):
        raise AssertionError("a function of the file's own ran")

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    for name in ("FloatStorage", "LongStorage", "HalfStorage"):
        setattr(torch, name, type(name, (), {"__module__": "torch"}))
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return torch


@pytest.fixture
def written(tmp_path, types_of_torch):
    """Writes a file and returns its path and hash; parts of it may be others."""

    def write(view=(0, (4, 6), (6, 1)), kind="FloatStorage", tail=b"", cut=None, **parts):
        path = tmp_path / "weights.pth"
        storage = getattr(types_of_torch, kind), NUMBERS
        tensors = OrderedDict(w=Tensor("7", storage, *view))
        tensors = parts.pop("tensors", tensors)
        with path.open("wb") as file:
            for value in (parts.get("magic", MAGIC), parts.get("version", VERSION)):
                pickle.dump(value, file, protocol=2)
            pickle.dump(parts.get("system", SYSTEM), file, protocol=2)
            Pickler(file, protocol=2).dump(tensors)
            pickle.dump(parts.get("keys", ["7"]), file, protocol=2)
            file.write(len(NUMBERS).to_bytes(8, "little") + NUMBERS.tobytes() + tail)
        path.write_bytes(path.read_bytes()[:cut])
        return path, hashlib.sha256(path.read_bytes()).hexdigest()

    return write


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ((0, (4, 6), (6, 1)), NUMBERS.reshape(4, 6)),
        ((0, (6, 4), (1, 6)), NUMBERS.reshape(4, 6).T),
        ((1, (2, 3, 2), (1, 8, 4)), NUMBERS.reshape(3, 2, 4)[:, :, 1:3].transpose(2, 0, 1)),
        ((5, (), ()), NUMBERS[5]),
    ],
)
def test_a_tensor_is_what_its_strides_say(written, view, expected):
    [(name, tensor)] = read_tensors(*written(view)).items()
    assert name == "w"
    np.testing.assert_array_equal(tensor, expected)
    assert tensor.flags.c_contiguous


class Attack:
    def __reduce__(self):
        return eval, ("__import__('pathlib').Path('attacked').touch()",)


@pytest.mark.parametrize("part", ["magic", "version", "system", "tensors", "keys"])
def test_no_code_of_a_pickle_runs(written, part, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"it names __builtin__\.eval, which no tensor needs"):
        read_tensors(*written(**{part: Attack()}))
    assert not (tmp_path / "attacked").exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"magic": 1}, "its magic number must be"),
        ({"version": 1002}, "its version must be 1001, got '1002'"),
        ({"system": {"little_endian": False}}, "its little_endian must be True"),
        ({"keys": ["8"]}, "its keys of storages must be"),
        ({"kind": "HalfStorage"}, "it names torch.HalfStorage"),
        ({"tail": b"x"}, "its end of the file must be"),
        ({"cut": -1}, "its bytes of storage 7 must be 96, got '95'"),
        ({"cut": 20}, "is no state dict of torch's old format"),
        ({"view": (1, (4, 6), (6, 1))}, "leaves its storage"),
        ({"view": (0, (4, 6), (6, -1))}, "leaves its storage"),
        ({"view": (0, (4, 6), (1,))}, "leaves its storage"),
    ],
)
def test_a_file_that_is_otherwise_is_refused(written, changes, told):
    with pytest.raises(ValueError, match=told):
        read_tensors(*written(**changes))


def test_a_file_of_another_hash_is_not_opened(written):
    path, _ = written()
    with pytest.raises(ValueError, match="is not the file that is known: its SHA-256 is"):
        read_tensors(path, "0" * 64)
    with pytest.raises(FileNotFoundError, match=r"none\.pth does not exist"):
        read_tensors(path.with_name("none.pth"), "0" * 64)
