"""Batches in a stream: in order, few at a time, ahead of the device, and cleanly ended."""

import threading

import numpy as np
import pytest

from ichreport.model import prefetch


class Alive:
    """Counts the batches that somebody still holds."""

    def __init__(self):
        self.now, self.most = 0, 0
        self.lock = threading.Lock()

    def gather(self, batch):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        return batch

    def keep(self, _):
        with self.lock:
            self.now -= 1


def no_thread_is_left():
    return not [thread for thread in threading.enumerate() if thread.name.startswith("stream")]


@pytest.mark.parametrize(("ahead", "in_flight"), [(1, 0), (3, 2), (50, 50)])
def test_every_batch_comes_out_once_and_in_order(ahead, in_flight):
    kept = []
    prefetch.run(
        lambda x: x + 1, range(20), lambda x: 2 * x, kept.append, ahead=ahead, in_flight=in_flight
    )
    assert kept == [2 * (x + 1) for x in range(20)]
    assert no_thread_is_left()


@pytest.mark.parametrize("batches", [10, 1000])
def test_as_many_batches_are_alive_for_a_large_store_as_for_a_small_one(batches):
    alive = Alive()
    prefetch.run(alive.gather, range(batches), lambda x: x, alive.keep, ahead=3, in_flight=2)
    assert 3 <= alive.most <= 3 + 2 + 1
    assert alive.now == 0


def test_the_next_batch_is_gathered_while_the_device_computes():
    """The device waits for the next batch to be gathered: without a thread that would never end."""
    gathered = [threading.Event() for _ in range(6)]

    def gather(batch):
        gathered[batch].set()
        return batch

    def compute(batch):
        return batch == 5 or gathered[batch + 1].wait(timeout=30)

    met = []
    prefetch.run(gather, range(6), compute, met.append, ahead=2)
    assert met == [True] * 6


def test_results_are_asked_for_while_later_batches_are_under_way():
    events = []
    prefetch.run(
        lambda x: x,
        range(4),
        lambda x: events.append(f"start {x}") or x,
        lambda x: events.append(f"ask {x}"),
        in_flight=2,
    )
    assert events == [
        "start 0", "start 1", "start 2", "ask 0", "start 3", "ask 1", "ask 2", "ask 3",
    ]  # fmt: skip


def test_several_readers_gather_at_once_and_their_batches_stay_in_order():
    """Each of the two waits for the other to have begun: one alone would never end."""
    both = threading.Barrier(2)

    def gather(batch):
        both.wait(timeout=30)
        return batch

    kept = []
    prefetch.run(gather, range(10), lambda x: x, kept.append, readers=2, ahead=4)
    assert kept == list(range(10))
    assert no_thread_is_left()


class BrokenError(Exception):
    pass


@pytest.mark.parametrize("error", [BrokenError, KeyboardInterrupt])
@pytest.mark.parametrize("where", ["gather", "compute", "keep", "batches"])
def test_an_error_anywhere_reaches_the_caller_and_leaves_no_thread(where, error):
    def breaks(name):
        def step(batch):
            if name == where and batch == 3:
                raise error(where)
            return batch

        return step

    batches = (breaks("batches")(batch) for batch in range(1000))
    with pytest.raises(error, match=where):
        prefetch.run(breaks("gather"), batches, breaks("compute"), breaks("keep"))
    assert no_thread_is_left()


def test_the_last_batch_is_filled_up_from_the_first():
    batches = list(prefetch.in_batches(np.array([7, 3, 9, 4, 8]), 3))
    assert [(batch.tolist(), count) for batch, count in batches] == [([7, 3, 9], 3), ([4, 8, 7], 2)]


def test_fewer_places_than_a_batch_are_repeated():
    [(batch, count)] = prefetch.in_batches(np.array([7, 3]), 5)
    assert (batch.tolist(), count) == ([7, 3, 7, 3, 7], 2)
