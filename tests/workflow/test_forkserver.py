"""A job that is forked from a warm process is the same job, and ends with whoever it works for."""

import json
import os
import signal
import socket

import psutil
import pytest

from ichreport.workflow import forkserver, timed
from tests.workflow.conftest import written

pytestmark = pytest.mark.skipif(not forkserver.is_possible(), reason="forks are for Linux alone")

LOOK = """
import json, os, sys
state = {
    "cwd": os.getcwd(), "main": __name__, "path": sys.path[:2], "executable": sys.executable,
    "marked": os.environ.get("MARKED"), "imported": "tensorflow" in sys.modules,
}
print(json.dumps(state))
"""
WAIT = "import os, time; open({!r}, 'w').write(str(os.getpid())); time.sleep(600)"


@pytest.fixture(scope="module")
def server(tmp_path_factory, start_server):
    """The address of a server of this module's."""
    folder = tmp_path_factory.mktemp("server")
    with start_server(folder) as process:
        yield folder / "socket"
        process.kill()


def test_a_forked_job_sees_what_one_of_its_own_sees_but_for_what_is_imported(
    tmp_path, server, notebooks, start_job
):
    source = notebooks.write(tmp_path / "in.ipynb", LOOK)
    state = {}
    for name, address in (("forked", server), ("alone", tmp_path / "none")):
        words = ("ichreport", "execute", source, tmp_path / f"{name}.ipynb")
        with start_job(tmp_path, address, *words, MARKED="yes") as process:
            _, said = process.communicate()
            assert process.returncode == 0, said
        state[name] = json.loads(notebooks.printed(tmp_path / f"{name}.ipynb"))
    assert state["forked"].pop("imported") is True
    assert state["alone"].pop("imported") is False
    assert state["forked"] == state["alone"]
    assert state["alone"]["cwd"] == str(tmp_path)


def test_its_status_words_time_and_memory_come_back(tmp_path, server, notebooks, start_job):
    work = "import time\nwhile time.process_time() < 1: pass\nheld = bytearray(50 * 2**20)\nx"
    source = notebooks.write(tmp_path / "in.ipynb", work)
    with start_job(
        tmp_path, server, "ichreport", "execute", source, tmp_path / "o.ipynb"
    ) as process:
        _, said = process.communicate()
    assert process.returncode == 1
    assert said.endswith("ichreport execute: NameError: name 'x' is not defined\n")
    note = json.loads((tmp_path / "timings" / "note.json").read_text())
    assert note["status"] == 1
    assert 1 <= note["cpu_seconds"] < 60
    assert note["peak_mib"] > 50
    assert note["ready_seconds"] < note["wall_seconds"]


def test_a_mistake_is_one_line_and_status_2(tmp_path, server, start_job):
    with start_job(tmp_path, server, "ichreport", "render", "nowhere") as process:
        _, said = process.communicate()
    assert process.returncode == 2
    assert said.startswith("ichreport render: nowhere: there is no such report.")


@pytest.mark.parametrize("words", [("ichreport", "--version"), ("echo", "execute")])
def test_what_imports_little_is_no_fork(tmp_path, words, start_job):
    """It would not come back: nobody serves at this address."""
    with forkserver.listen(tmp_path / "socket"):
        with start_job(tmp_path, tmp_path / "socket", *words) as process:
            process.communicate(timeout=300)
        assert process.returncode == 0


def test_a_forked_job_and_its_kernel_end_with_their_caller(
    tmp_path, server, notebooks, start_job, ends, number_in
):
    source = notebooks.write(tmp_path / "in.ipynb", WAIT.format(str(tmp_path / "pid")))
    with start_job(
        tmp_path, server, "ichreport", "execute", source, tmp_path / "o.ipynb"
    ) as process:
        kernel = number_in(tmp_path / "pid")
        above = psutil.Process(kernel).ppid()
        process.send_signal(signal.SIGKILL)
    assert ends(kernel)
    assert ends(above)
    assert not (tmp_path / "o.ipynb").exists()


@pytest.mark.slow
def test_a_forked_job_ends_with_the_server_and_is_done_again_without_it(
    tmp_path, notebooks, start_server, start_job, ends, number_in
):
    (tmp_path / "server").mkdir()
    mark = tmp_path / "pid"
    once = f"import os\nif not os.path.exists({str(mark)!r}):\n    {WAIT.format(str(mark))}"
    source = notebooks.write(tmp_path / "in.ipynb", f"{once}\nprint(1)")
    with start_server(tmp_path / "server") as server:
        words = ("ichreport", "execute", source, tmp_path / "o.ipynb")
        with start_job(tmp_path, tmp_path / "server" / "socket", *words) as process:
            kernel = number_in(mark)
            server.send_signal(signal.SIGKILL)
            process.communicate(timeout=300)
            assert process.returncode == 0
    assert ends(kernel)
    assert notebooks.printed(tmp_path / "o.ipynb") == "1\n"


def test_a_caller_that_goes_before_it_asks_does_no_harm(tmp_path, server, notebooks, start_job):
    for _ in range(3):
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(server))
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(server))
        asking.sendall((100).to_bytes(8) + b"{")
    source = notebooks.write(tmp_path / "in.ipynb", "print(1)")
    with start_job(
        tmp_path, server, "ichreport", "execute", source, tmp_path / "o.ipynb"
    ) as process:
        process.communicate(timeout=300)
    assert process.returncode == 0


@pytest.mark.slow
def test_a_process_with_threads_does_not_fork(tmp_path, notebooks, start_server, start_job):
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    (tmp_path / "server").mkdir()
    with start_server(tmp_path / "server", PYTHONPATH=str(site)) as server:
        assert server.wait(timeout=300) == 1
    assert "importing has started the threads" in (tmp_path / "server" / "log").read_text()
    source = notebooks.write(tmp_path / "in.ipynb", "print(1)")
    words = ("ichreport", "execute", source, tmp_path / "o.ipynb")
    with start_job(tmp_path, tmp_path / "server" / "socket", *words) as process:
        process.communicate(timeout=300)
    assert notebooks.printed(tmp_path / "o.ipynb") == "1\n"


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_are_not_forked(monkeypatch, backend):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    assert not forkserver.is_possible()


def test_a_machine_with_a_gpu_is_not_forked(monkeypatch):
    from ichreport.model import backend

    monkeypatch.setattr(backend, "describe", lambda: {"gpu": True})
    assert "GPU" in forkserver.reason_not_to_fork()


def test_waking_is_nothing_where_there_is_no_server(monkeypatch, tmp_path):
    monkeypatch.delenv(forkserver.ADDRESS, raising=False)
    forkserver.wake()
    monkeypatch.setenv(forkserver.ADDRESS, str(tmp_path / "none"))
    forkserver.wake()


def test_a_note_says_what_importing_took(server):
    note = json.loads(written(server.parent / "n"))
    assert note["ready_seconds"] == note["wall_seconds"] > 0
    assert note["cpu_seconds"] > 1


def test_being_a_fork_is_not_being_a_child_to_end_with(monkeypatch):
    monkeypatch.setenv(timed.PARENT, str(os.getpid() + 1))  # who is no parent: it would end at once
    monkeypatch.setenv(forkserver.FORK, "here")
    timed.end_with_job()
    assert timed.PARENT not in os.environ
