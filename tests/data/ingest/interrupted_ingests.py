"""Ingests that are killed, for test_interruptions.py: runs on its own, forks, and prints JSON.

It never ingests itself, so that its forks start from a process without threads.
"""

import gc
import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from ichreport.data.ingest import job, sources
from ichreport.data.ingest.make_store import ingest
from ichreport.data.ingest.shards import shard_plan
from ichreport.data.store import Store

sources._SMALLEST_CHUNK = 16
# The code is the same in all of them: reading it would be most of what each does.
job.fingerprint = shard_plan.fingerprint = lambda *_: "code"
# What a killed process has written, the system keeps; only a power failure would need this.
os.fsync = lambda _: None


def start(source, store, kill_at=None):
    """Ingest in a fork, which kills itself before the n-th step that writes, if given."""
    child = os.fork()
    if child:
        return child
    if kill_at is not None:
        kill_before_step(kill_at)
    try:
        ingest(source, store, image_size=16, progress=False)
    except BaseException as error:
        sys.stderr.write(repr(error))
        os._exit(1)
    os._exit(0)


def kill_before_step(number):
    left = [number]

    def counted(function):
        def call(*arguments, **words):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **words)

        return call

    for name in ("fsync", "replace", "unlink"):
        setattr(os, name, counted(getattr(os, name)))


def finish(child):
    """0 if it ended well, 9 if it was killed."""
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return -status if status < 0 else status


def content(store):
    return {path.name: path.read_bytes() for path in store.iterdir() if path.name != ".lock"}


def reads_as_done(store):
    try:
        Store.open(store)
    except FileNotFoundError:
        return False
    return True


def main(source, work, kills, stride):
    gc.freeze()  # or each fork looks through all that was imported, and so copies it
    reference = work / "reference"
    durations = []
    for _ in range(3):
        shutil.rmtree(reference, ignore_errors=True)
        started = time.perf_counter()
        assert finish(start(source, reference)) == 0
        durations.append(time.perf_counter() - started)
    expected = content(reference)
    outcome = {"random": [], "steps": [], "stale": 0, "unequal": [], "half": []}
    outcome |= {"kills": kills, "stride": stride}

    def again(name, status):
        store = work / "store"
        partials = [path for path in store.glob(".*") if path.name != ".lock"]
        outcome["stale"] += len(partials)
        if status == 9 and reads_as_done(store) and content(store) != expected:
            outcome["half"].append(name)
        if finish(start(source, store)) != 0 or content(store) != expected:
            outcome["unequal"].append(name)
        shutil.rmtree(store)

    moments = random.Random(6)
    while outcome["random"].count(9) < kills and len(outcome["random"]) < 200:
        child = start(source, work / "store")
        time.sleep(moments.uniform(0, min(durations)))
        os.kill(child, signal.SIGKILL)
        status = finish(child)
        outcome["random"].append(status)
        (work / "store").mkdir(exist_ok=True)
        again(f"random {len(outcome['random'])}", status)
    status, step = 9, 0
    while status == 9:
        status = finish(start(source, work / "store", kill_at=step))
        outcome["steps"].append(status)
        (work / "store").mkdir(exist_ok=True)
        again(f"step {step}", status)
        step += stride
    two = [start(source, work / "store") for _ in range(2)]
    outcome["together"] = [finish(child) for child in two]
    outcome["together_equal"] = content(work / "store") == expected
    sys.stdout.write(json.dumps(outcome))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
