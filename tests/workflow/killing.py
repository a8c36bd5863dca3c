"""Kills `make report` again and again, and says what then was wrong.

    python tests/workflow/killing.py FOLDER 20 [SEED]

makes a small report in FOLDER, undisturbed; then the same in a second folder, killing it so many
times at random moments: the whole session, the call, or any one of its processes. Each time all
that belonged to it must end within ten seconds and the next call must go on by itself; in the end
the predictions must be those of the undisturbed report, byte for byte.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

SECONDS_TO_END = 10
SHORTEST, LONGEST = 0.3, 12.0
"""Seconds after which a call is killed."""

PROFILE = {
    "profile": "killed",
    "source": "data/killed/rsna",
    "store": "data/killed/store",
    "phantom": {"patients": 36, "matrix": 96, "slices": 8, "faults": False},
    "image_size": 64,
    "epochs": 3,
    "cam_run": "cnn",
    "cam_per_group": 1,
}
EXPERIMENTS = {
    "cnn": {"network": "cnn7", "sample": "fullid"},
    "head": {"network": "densenet121", "sample": "sampa"},
}


def processes_of(session):
    """The running processes of some sessions' descendants, whoever is their parent by now."""
    return [process for process in session if _is_running(process)]


def _is_running(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _descendants(process):
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def kill_once(start, chance, log):
    """Start a call, kill something of it, and give what was killed and what went wrong."""
    call = start()
    top, known = psutil.Process(call.pid), {}
    deadline = time.monotonic() + chance.uniform(SHORTEST, LONGEST)
    while time.monotonic() < deadline and call.poll() is None:
        known.update({p.pid: p for p in _descendants(top)})
        time.sleep(0.05)
    if call.poll() is not None:
        return "nothing, it was done", [] if call.returncode == 0 else ["it ended with an error"]
    alive = [p for p in known.values() if _is_running(p)]
    what = chance.choice(["group", "call", "one", "one"])
    if what == "group" or not alive:
        killed = "the group"
        os.killpg(call.pid, signal.SIGKILL)
    elif what == "call":
        killed = "make"
        call.kill()
    else:
        one = chance.choice(alive)
        try:
            killed = f"one process: {' '.join(one.cmdline())[:90]}"
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
    while left := [p for p in known.values() if _is_running(p)]:
        if time.monotonic() - started > SECONDS_TO_END:
            names = [" ".join(p.cmdline())[:120] for p in left]
            for process in left:
                process.kill()
            return killed, [f"still running after {SECONDS_TO_END} s: {names}"]
        known.update({q.pid: q for p in left for q in _descendants(p)})
        time.sleep(0.1)
    return killed, []


def kill_often(start, times, seed, log=sys.stderr):
    """Kill a call so many times; gives what went wrong."""
    chance, problems = random.Random(seed), []
    for turn in range(times):
        killed, found = kill_once(start, chance, log)
        problems += [f"turn {turn}, after killing {killed}: {problem}" for problem in found]
    return problems


def predictions(report):
    """The bytes of all predictions of a report, by run."""
    return {
        path.parent.name: path.read_bytes() for path in report.glob("runs/*/predictions.parquet")
    }


def main(folder, times, seed=0):
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from conftest import Project

    undisturbed, killed = (
        Project(folder / name, PROFILE, EXPERIMENTS) for name in ("undisturbed", "killed")
    )
    done = undisturbed.make_report()
    assert done.returncode == 0, done.stdout + done.stderr
    problems = kill_often(killed.start_report, times, seed)
    last = killed.make_report()
    if last.returncode != 0:
        problems.append(f"the last call failed:\n{last.stdout}{last.stderr}")
    if predictions(killed.report) != predictions(undisturbed.report):
        problems.append("the predictions differ")
    print("\n".join(problems) or f"{times} kills, nothing wrong")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), *map(int, sys.argv[3:])))
