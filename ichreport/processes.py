"""Worker processes that end with the process that started them."""

import multiprocessing
import multiprocessing.connection
import os
import resource
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Final, TypeVar

_MOST_MEMORY: Final = 2 * 2**30
"""Bytes of address space that a worker may take on top of its start; far above what it needs."""

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


def run_parallel(
    work: Callable[[_Task], _Result], tasks: Sequence[_Task], workers: int
) -> Iterator[tuple[int, _Result]]:
    """Run independent tasks in worker processes, or in this one if `workers` is 1.

    Args:
        work: A function of a module, called with each task.
        tasks: What to do, in this order.
        workers: Worker processes.

    Yields:
        Results as they come, each with its task's position.

    Raises:
        OSError: If a worker is killed from outside or cannot start; what the others wrote stays.
    """
    if workers == 1 or len(tasks) < 2:
        yield from enumerate(map(work, tasks))
        return
    pool = ProcessPoolExecutor(
        max_workers=min(workers, len(tasks)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
    )
    try:
        jobs = {pool.submit(work, task): position for position, task in enumerate(tasks)}
        for done in as_completed(jobs):
            yield jobs[done], done.result()
    except BrokenProcessPool:
        raise OSError(
            "A worker process was killed, perhaps because memory ran out, or could not start, of "
            "which it says more above. What is done stays: run the same again, with fewer workers "
            "if it repeats."
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    # The parent stops its workers; an interrupt from the keyboard reaches it too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    limit_memory(_MOST_MEMORY)


def _end_with_parent() -> None:
    # A worker that outlives a killed parent could write next to the one that starts anew.
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def check_not_importing_script() -> None:
    """Refuse to work in a worker that is still importing the script that started it.

    A worker imports its parent's script. What that does outside `if __name__ == "__main__"` the
    worker would do too, and wait for a folder that its parent holds while that waits for it.

    Raises:
        RuntimeError: With the cure.
    """
    # how multiprocessing itself tells; a notebook's kernel replaces __main__, so that says nothing
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise RuntimeError(
            "This script starts worker processes, and each of them imports it: put what it does "
            'under `if __name__ == "__main__":`, or ask for one worker.'
        )


def limit_memory(extra: int) -> None:
    """Limit this process's address space to what it has now and `extra` bytes, where Linux can."""
    try:
        with Path("/proc/self/statm").open(encoding="ascii") as stream:
            taken = int(stream.read().split()[0]) * resource.getpagesize()
    except OSError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = taken + extra
    if hard == resource.RLIM_INFINITY or wanted < hard:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
