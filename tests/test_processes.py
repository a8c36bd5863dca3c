"""Worker processes, how they end, and what they must not do."""

import multiprocessing
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from ichreport.files import folder_lock
from ichreport.processes import limit_memory, run_parallel


def test_a_result_comes_with_the_position_of_its_task():
    done = list(run_parallel(abs, [-3, -1, -2], workers=2))
    assert sorted(done) == [(0, 3), (1, 1), (2, 2)]


def test_a_worker_cannot_take_more_memory_than_its_limit():
    process = multiprocessing.get_context("spawn").Process(target=limit_memory, args=(2**28,))
    process.start()
    process.join()
    assert process.exitcode == 0
    with pytest.raises(MemoryError):
        list(run_parallel(bytearray, [2**33, 2**33], workers=2))


def test_a_worker_that_is_killed_says_so():
    with pytest.raises(OSError, match="A worker process was killed"):
        list(run_parallel(os._exit, [1, 1], workers=2))


def test_workers_end_with_a_killed_parent(tmp_path):
    script = (
        "import sys, multiprocessing, os, time\n"
        "from ichreport.processes import run_parallel\n"
        "if __name__ == '__main__':\n"
        "    import threading\n"
        "    def kill():\n"
        "        while len(multiprocessing.active_children()) < 2:\n"
        "            time.sleep(0.05)\n"
        "        time.sleep(float(sys.argv[1]))\n"
        "        print(*[p.pid for p in multiprocessing.active_children()], flush=True)\n"
        "        os.kill(os.getpid(), 9)\n"
        "    threading.Thread(target=kill).start()\n"
        "    list(run_parallel(time.sleep, [60, 60], workers=2))\n"
    )
    path = tmp_path / "parent.py"
    path.write_text(script)
    done = subprocess.run(
        [sys.executable, path, "1.5"], capture_output=True, text=True, check=False, timeout=55
    )
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == 2
    deadline = time.monotonic() + 30  # of the 60 s that they would sleep
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def lock_as_a_kernel_does(folder):
    sys.modules["__main__"] = ModuleType("__main__")
    with folder_lock(folder):
        return True


def test_a_worker_whose_main_module_a_notebook_has_replaced_works(tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    assert sorted(run_parallel(lock_as_a_kernel_does, folders, workers=2)) == [(0, True), (1, True)]


def test_a_script_that_its_workers_would_run_again_is_told_and_does_not_wait_for_ever(tmp_path):
    script = tmp_path / "script.py"
    head = (
        "from pathlib import Path\n"
        "from ichreport.params.phantom.recipe import PhantomRecipe\n"
        "from ichreport.phantom import write_phantom\n"
    )
    folder = f"Path({str(tmp_path / 'heads')!r})"
    call = f"write_phantom({folder}, PhantomRecipe(patients=2, matrix=64), workers=2)\n"
    script.write_text(head + call)
    run = partial(subprocess.run, [sys.executable, script], capture_output=True, timeout=120)
    done = run(text=True, check=False)
    assert done.returncode == 1
    assert 'put what it does under `if __name__ == "__main__":`' in done.stderr
    assert "could not start, of which it says more above" in done.stderr.splitlines()[-1]
    script.write_text(f"{head}if __name__ == '__main__':\n    {call}")
    run(check=True)
