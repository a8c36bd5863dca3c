"""Whether a GPU does all that the experiments ask of it, before hours depend on it."""

import keras
import numpy as np

from ichreport.labels import LABELS
from ichreport.model import backend, networks
from ichreport.model.augmentation import augmented_model
from ichreport.model.fitting import losses
from ichreport.model.heads.build import build_head
from ichreport.params.machine import Machine
from ichreport.params.training.augmentations import FLIP_ALONE
from ichreport.params.training.training_plan import HeadPart, View

_SLICES, _FEATURES, _STEP_SIZE = 8, 16, 2e-3
_MACHINE = Machine()


def check() -> str:
    """Multiply matrices on a GPU, and train a step of each kind of network; gives the GPU's name.

    Raises:
        RuntimeError: If there is no GPU, something else computes, or a step fails, with the reason.
    """
    name = backend.check_gpu()
    for what, step in (("convolutions", convolutions), ("an LSTM", recurrence)):
        try:
            loss = step()
        except Exception as error:  # whatever a library of the GPU's raises
            raise RuntimeError(f"training {what} on {name} fails: {error}") from error
        if not np.isfinite(loss):
            raise RuntimeError(f"training {what} on {name} gives a loss of {loss}.")
    return name


def convolutions() -> float:
    """A training step of the small network, mirroring included; gives its loss."""
    view = View("raw", "cnn7", image_size=32, pixels_seen=32)
    network = networks.cnn7(view, HeadPart("dense", 2), _MACHINE)
    model = augmented_model.build(network, view, FLIP_ALONE, _MACHINE)
    hu = np.zeros((_SLICES, 1, 32, 32), dtype=np.int16)
    return _step(model, {"hu": hu, "flip": np.arange(_SLICES) % 2 == 0}, (_SLICES,))


def recurrence() -> float:
    """A training step of an LSTM with attention over a padded series; gives its loss."""
    model = build_head(HeadPart("bilstm-attention", 2), _FEATURES, _MACHINE)
    present = np.arange(_SLICES) < [[_SLICES], [_SLICES // 2]]
    features = np.ones((2, _SLICES, _FEATURES), dtype=np.float32)
    return _step(model, {"features": features, "present": present}, (2, _SLICES))


def _step(
    model: keras.Model,
    inputs: dict[str, np.ndarray],
    items: tuple[int, ...],
) -> float:
    truth = np.zeros((*items, len(LABELS)), dtype=np.float32)
    program = backend.program(
        model,
        _MACHINE,
        loss=losses.build("bce", truth.reshape(-1, len(LABELS))),
        optimizer=backend.adam(_STEP_SIZE, _MACHINE),
    )
    weights = np.ones(items, dtype=np.float32)
    return float(backend.to_numpy(program.train(inputs, truth, weights)))
