"""Worker processes that end with the process that started them."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Final, TypeVar

from ichreport.data.dicom.limits import limit_memory

_MOST_MEMORY: Final = 2 * 2**30
"""Bytes of address space that a worker may take on top of its start; far above what it needs."""

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


def run_parallel(
    work: Callable[[_Task], _Result], tasks: Sequence[_Task], workers: int
) -> Iterator[_Result]:
    """Run independent tasks in worker processes, or in this one if `workers` is 1.

    Args:
        work: A function of a module, called with each task.
        tasks: What to do, in this order.
        workers: Worker processes.

    Yields:
        Results as they come.

    Raises:
        OSError: If a worker is killed from outside; what the others wrote stays.
    """
    if workers == 1 or len(tasks) < 2:
        yield from map(work, tasks)
        return
    pool = ProcessPoolExecutor(
        max_workers=min(workers, len(tasks)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
    )
    try:
        for done in as_completed([pool.submit(work, task) for task in tasks]):
            yield done.result()
    except BrokenProcessPool:
        raise OSError(
            "A worker process was killed, perhaps because memory ran out. What is done stays: run "
            "the same again, with fewer workers if it repeats."
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
