"""Kills `make report` again and again, and says what then was wrong.

    python tests/workflow/killing.py FOLDER 20 [SEED]

makes a small report in FOLDER, undisturbed; then the same in a second folder, killing it so many
times at random moments: the whole session, the call, or any one of its processes. Each time all
that belonged to it must end within half a minute and the next call must go on by itself; in the end
the predictions must be those of the undisturbed report, byte for byte.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

SECONDS_TO_END = 30
SHORTEST, LONGEST = 0.3, 12.0
"""Seconds after which a call is killed."""

PROFILE = {
    "profile": "killed",
    "source": "data/killed/rsna",
    "store": "data/killed/store",
    "phantom": {"patients": 36, "matrix": 64, "slices": 8, "faults": False},
    "image_size": 32,
    "epochs": 2,
    "cam_run": "cnn",
    "cam_per_group": 1,
}
EXPERIMENTS = {
    "cnn": {"network": "cnn7", "sample": "fullid"},
    "head": {"network": "densenet121", "sample": "sampa"},
}


def is_running(process):
    """Whether a process is there, and not only waits to be asked for its exit status."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def words_of(process):
    """A process's command line; empty where it has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def _descendants(process):
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def kill_once(start, chance, log):
    """Start a call, kill something of it; gives what was killed, if any, and what went wrong."""
    call = start()
    top, known = psutil.Process(call.pid), {}
    deadline = time.monotonic() + chance.uniform(SHORTEST, LONGEST)
    while time.monotonic() < deadline and call.poll() is None:
        known.update({p.pid: p for p in _descendants(top)})
        time.sleep(0.05)
    if call.poll() is not None:
        return None, [] if call.returncode == 0 else ["it ended with an error"]
    alive = [p for p in known.values() if is_running(p)]
    what = chance.choice(["group", "call", "one", "one"])
    if what == "group" or not alive:
        killed = "the group"
        os.killpg(call.pid, signal.SIGKILL)
    elif what == "call":
        killed = "make"
        call.kill()
    else:
        one = chance.choice(alive)
        killed = f"one process: {words_of(one)[:90]}"
        try:
            one.kill()
        except psutil.NoSuchProcess:
            killed = "a process that had just ended"
    print(f"killed {killed}", file=log, flush=True)
    if what == "one" and alive:  # the rest may go on, and has to come to an end of its own
        try:
            call.wait(timeout=300)
        except subprocess.TimeoutExpired:
            os.killpg(call.pid, signal.SIGKILL)
            return killed, ["the call did not end"]
        return killed, []
    call.wait()
    started = time.monotonic()
    while left := [p for p in known.values() if is_running(p)]:
        if time.monotonic() - started > SECONDS_TO_END:
            names = [words_of(p)[:120] for p in left]
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            return killed, [f"still running after {SECONDS_TO_END} s: {names}"]
        known.update({q.pid: q for p in left for q in _descendants(p)})
        time.sleep(0.1)
    return killed, []


def kill_often(project, expected, times, seed, log=sys.stderr):
    """Kill a project's calls so many times; gives what went wrong.

    Whenever a call comes to its end, its predictions are compared with those expected, and all that
    it has made goes, so that the next has something to do.
    """
    chance, problems, kills = random.Random(seed), [], 0
    while kills < times:
        killed, left = kill_once(project.start_report, chance, log)
        problems += [f"kill {kills}, of {killed}: {problem}" for problem in left]
        kills += killed is not None
        if killed is None:
            if predictions(project.report) != expected:
                problems.append(f"after {kills} kills the predictions differ")
            keys = {path: path.read_bytes() for path in project.root.glob("data/*/*.key")}
            for made in ("data", "reports", ".snakemake"):
                shutil.rmtree(project.root / made)
            for path, key in keys.items():  # of pseudonyms, which splits follow
                path.parent.mkdir(parents=True)
                path.write_bytes(key)
                path.chmod(0o600)
    return problems


def predictions(report):
    """The bytes of all predictions of a report, by run."""
    return {
        path.parent.name: path.read_bytes() for path in report.glob("runs/*/predictions.parquet")
    }


def main(folder, times, seed=0):
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.conftest import Project

    undisturbed, killed = (
        Project(folder / name, PROFILE, EXPERIMENTS) for name in ("undisturbed", "killed")
    )
    done = undisturbed.make_report()
    assert done.returncode == 0, done.stdout + done.stderr
    problems = kill_often(killed, predictions(undisturbed.report), times, seed)
    last = killed.make_report()
    if last.returncode != 0:
        problems.append(f"the last call failed:\n{last.stdout}{last.stderr}")
    if predictions(killed.report) != predictions(undisturbed.report):
        problems.append("the predictions differ")
    print("\n".join(problems) or f"{times} kills, nothing wrong")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), *map(int, sys.argv[3:])))
