"""Trainings that are killed again and again: `killed_trainings.py FOLDER KILLS SEED [KIND ...]`.

Each kind of network is trained undisturbed, without a checkpoint; then in another folder, with one
after each epoch, killed at random moments until it ends. Whatever ends is compared with the
undisturbed one, byte for byte, and trained anew, until so many trainings have been killed. What
came of it is written to FOLDER/killed-BACKEND.json.

All trainings are forked from one process that has imported everything, read the package's code,
and computed nothing.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

import keras
import tensorflow  # noqa: F401 - which Keras imports to set seeds, whatever the backend
from conftest import MadeUpStore, made_up_sample, make_experiment, small_build

from ichreport.dependencies import read_all_code
from ichreport.files import read_json, sha256_of_file
from ichreport.model import backend, training_store
from ichreport.model.fitting import checkpoints
from ichreport.params.networks import NETWORKS, NetworkSpec

BACKEND = keras.backend.backend()
DROPPING_OUT = {"network": "densenet121", "dense_layers": 2, "epochs": 80, "patience": 80}
VARIED = {"augment": ["flip", "affine", "noise"], "shuffle_block": 4, "epochs": 10, "patience": 10}
TRAININGS = {
    "cnn7": {"network": "cnn7", "dense_layers": 2, "determinism": "seeded"} | VARIED,
    "dense": DROPPING_OUT | {"schedule": "cosine", "optimizer": "adamw", "weight_decay": 0.1},
    "bilstm": DROPPING_OUT | {"head": "bilstm", "epochs": 30, "determinism": "seeded"},
    "fine-tuned": {"network": "densenet121", "dense_layers": 2, "trainable_layers": "all"}
    | VARIED
    | {"head_epochs": 2},
}
"""Strict where nothing else is said: a CPU computes the same bits either way."""
FEW = 3
"""Kills of each kind but the first, at most: their graphs take seconds to build each time."""


def train(folder, kind, *, after_each_epoch):
    """Ask for a training, on a small store in a folder."""
    if after_each_epoch:
        checkpoints.SECONDS_BETWEEN, checkpoints.SHARE = 0.0, float("inf")
    backend.code = lambda _: "0" * 16  # as this does, from a graph that starts threads
    keras.applications.Small = small_build
    NETWORKS["densenet121"] = NetworkSpec("a small one", 32, "Small", 16, "imagenet")
    store = MadeUpStore(folder / "store")
    changes = {"determinism": "strict"} | TRAININGS[kind]
    experiment = make_experiment(store.folder, **changes)
    training_store.fit_or_find(store, made_up_sample(store), experiment.plan)


def start(folder, kind, **options):
    """Fork a process that trains, and ends with status 0 when it has."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            train(folder, kind, **options)
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    return process


def ended(process):
    """Wait for a process; gives whether it has trained, or was killed."""
    _, status = os.waitpid(process, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, -signal.SIGKILL):
        raise RuntimeError(f"a training ended with status {code}")
    return code == 0


def brought(folder):
    """What the one training in a folder has left."""
    [training] = (folder / "trainings").iterdir()
    note = read_json(training / "training.json")
    return {
        "files": {path.name: sha256_of_file(path) for path in training.glob("[!.]*[!n]")},
        "history": note["history"],
        "resumed": note["resumed"],
    }


def epochs_written(folder):
    """Of which epoch the newest checkpoint is."""
    return max((int(path.stem[-5:]) for path in folder.rglob("checkpoint-*.json")), default=0)


def kill_somewhere(process, folder, seconds, draws):
    """Kill a training at a random moment: of all its time, or of that after some epochs more."""
    if draws.random() < 0.5:
        time.sleep(draws.uniform(0, seconds))
    else:
        enough = epochs_written(folder) + draws.randint(1, 8)
        until = time.perf_counter() + 10 * seconds
        while epochs_written(folder) < enough and time.perf_counter() < until:
            if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return  # it has ended before
        time.sleep(draws.uniform(0, 0.03))
    os.kill(process, signal.SIGKILL)


def killed(folder, kind, kills, seconds, draws):
    """Train until so many trainings were killed, then to the end; gives what each end brought."""
    results = []
    while kills:
        process = start(folder, kind, after_each_epoch=True)
        kill_somewhere(process, folder, seconds, draws)
        if ended(process):
            results.append(brought(folder))
            shutil.rmtree(folder / "trainings")
        else:
            kills -= 1
    assert ended(start(folder, kind, after_each_epoch=True))
    return [*results, brought(folder)]


def main(folder, kills, seed, *kinds):
    draws = random.Random(int(seed))
    kinds = kinds or tuple(TRAININGS)
    few = min(FEW, int(kills) // len(kinds))
    read_all_code()  # which takes each process a second or two
    results = {}
    for kind in kinds:
        undisturbed, disturbed = (folder / kind / name for name in ("undisturbed", "killed"))
        began = time.perf_counter()
        assert ended(start(undisturbed, kind, after_each_epoch=False))
        seconds = time.perf_counter() - began
        share = int(kills) - few * (len(kinds) - 1) if kind == kinds[0] else few
        results[kind] = {
            "undisturbed": brought(undisturbed),
            "killed": killed(disturbed, kind, share, seconds, draws),
            "kills": share,
            "seconds": seconds,
        }
    (folder / f"killed-{BACKEND}.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
