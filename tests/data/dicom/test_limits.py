"""The limit of time for a file."""

import signal
import threading
import time

import pytest

from ichreport.data.dicom.limits import time_limit
from ichreport.data.dicom.reject import RejectError


def test_a_file_that_takes_too_long_is_rejected():
    with pytest.raises(RejectError, match=r"longer than 0.05 s") as stopped, time_limit(0.05):
        sum(1 for _ in range(10**9))  # ends by itself after a minute
    assert stopped.value.passing


def test_a_file_in_time_is_not_disturbed_afterwards():
    before = signal.getsignal(signal.SIGALRM)
    with time_limit(60):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) == before


def test_outside_the_main_thread_there_is_no_limit():
    done = []

    def work():
        with time_limit(0.01):
            time.sleep(0.05)
        done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
