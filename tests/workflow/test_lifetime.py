"""A process ends with the one that it works for, whichever way that one ends."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from ichreport.workflow import forkserver, lifetime
from tests.workflow.conftest import is_running

CHILD = """
import subprocess, sys, time
from ichreport.workflow import forkserver, lifetime
lifetime.end_with_parent()
below = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(below.pid, flush=True)
time.sleep(600)
"""
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], stdout=subprocess.PIPE, text=True)
print(child.pid, child.stdout.readline(), flush=True)
child.wait()
"""


@pytest.fixture
def family():
    """A parent, its child that is to end with it, and the child's own child."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as one:
        child, below = (int(word) for word in one.stdout.readline().split())
        yield one, child, below
        for pid in (child, below):
            if is_running(pid):
                os.kill(pid, signal.SIGKILL)
        one.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_and_what_it_started_end_with_its_parent(family, number, ends):
    parent, child, below = family
    assert is_running(child)
    assert is_running(below)
    parent.send_signal(number)
    assert ends(child)
    assert ends(below)


def test_a_child_lives_while_its_parent_does(family, ends):
    _, child, below = family
    assert not ends(child, within=3 * lifetime.SECONDS_BETWEEN_LOOKS)
    assert is_running(below)


@pytest.mark.parametrize("end", ["end_with_parent", "die_with_parent"])
def test_a_parent_that_had_ended_before_its_child_could_look_is_not_missed(end):
    with subprocess.Popen([sys.executable, "-c", "pass"]) as ended:
        ended.wait()
    code = f"import time; from ichreport.workflow import lifetime; lifetime.{end}({ended.pid}); "
    started = [sys.executable, "-c", f"{code}time.sleep(600)"]
    assert subprocess.run(started, check=False, timeout=60).returncode in (137, -signal.SIGKILL)


def test_a_server_of_forks_whose_starter_has_ended_serves_nobody(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "pass"]) as ended:
        ended.wait()
    with forkserver.listen(tmp_path / "socket") as listening:
        words = [str(listening.fileno()), str(tmp_path / "note"), str(ended.pid)]
        served = subprocess.run(
            [sys.executable, "-m", "ichreport.workflow.forkserver", *words],
            pass_fds=[listening.fileno()], check=False, timeout=60,
        )  # fmt: skip
    assert served.returncode == 137
    assert not (tmp_path / "note").exists()


def test_ancestors_are_named_up_to_the_one_asked_for():
    above = [process.pid for process in psutil.Process().parents()]
    assert lifetime.ancestors_up_to(above[1]) == above[:2]
    assert lifetime.are_alive(above[:2])


def test_who_is_not_above_is_no_ancestor():
    assert lifetime.ancestors_up_to(os.getpid()) == []
    with subprocess.Popen([sys.executable, "-c", "pass"]) as ended:
        ended.wait()
        assert lifetime.ancestors_up_to(ended.pid) == []


@pytest.mark.parametrize("wrong", [0, 1])
def test_another_process_in_an_ancestors_place_shows_that_it_has_ended(wrong):
    above = [process.pid for process in psutil.Process().parents()][:2]
    above[wrong] = os.getpid()
    assert not lifetime.are_alive(above)
