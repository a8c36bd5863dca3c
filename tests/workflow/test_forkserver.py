"""A job that is forked from a warm process is the same job, and ends with whoever it works for."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import nbformat
import psutil
import pytest

from ichreport.workflow import forkserver, timed

pytestmark = pytest.mark.skipif(not forkserver.is_possible(), reason="forks are for Linux alone")

LOOK = """
import json, os, sys
found = {
    "cwd": os.getcwd(), "main": __name__, "path": sys.path[:2], "executable": sys.executable,
    "marked": os.environ.get("MARKED"), "imported": "tensorflow" in sys.modules,
}
print(json.dumps(found))
"""
WAIT = "import os, time; open({!r}, 'w').write(str(os.getpid())); time.sleep(600)"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a server of this module's."""
    folder = tmp_path_factory.mktemp("server")
    with started(folder) as process:
        yield folder / "socket"
        process.kill()


def started(folder, **environment):
    """A server at `folder / socket`."""
    with forkserver.listen(folder / "socket") as listening:
        number = listening.fileno()
        with (folder / "log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "ichreport.workflow.forkserver", str(number), folder / "n"],
                env=os.environ | forkserver.WITHOUT_THREADS | environment,
                pass_fds=[number],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


def notebook(path, *cells):
    code = [nbformat.v4.new_code_cell(cell) for cell in cells]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=code, metadata={"kernelspec": spec}), path)
    return path


def job(tmp_path, address, *words, **environment):
    """A job's process."""
    command = [sys.executable, "-m", "ichreport.workflow.timed", str(tmp_path / "t" / "note.json")]
    return subprocess.Popen(
        [*command, "--", *map(str, words)],
        env=os.environ | {forkserver.ADDRESS: str(address)} | environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output_of(path):
    [cell] = nbformat.read(path, as_version=4).cells
    return json.loads("".join(o.text for o in cell.outputs if o.get("name") == "stdout"))


def wait_for(path):
    for _ in range(300):
        if path.exists() and path.read_text():
            return int(path.read_text())
        time.sleep(0.1)
    pytest.fail("the job did not come to its cell")


def ends(pid, seconds=10):
    for _ in range(10 * seconds):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.1)
    return False


def test_a_forked_job_sees_what_one_of_its_own_sees_but_for_what_is_imported(tmp_path, server):
    source = notebook(tmp_path / "in.ipynb", LOOK)
    found = {}
    for name, address in (("forked", server), ("own", tmp_path / "none")):
        words = ("ichreport", "execute", source, tmp_path / f"{name}.ipynb")
        with job(tmp_path, address, *words, MARKED="yes") as process:
            _, said = process.communicate()
            assert process.returncode == 0, said
        found[name] = output_of(tmp_path / f"{name}.ipynb")
    assert found["forked"].pop("imported") is True
    assert found["own"].pop("imported") is False
    assert found["forked"] == found["own"]
    assert found["own"]["cwd"] == str(tmp_path)


def test_its_status_words_time_and_memory_come_back(tmp_path, server):
    work = "import time\nwhile time.process_time() < 1: pass\nheld = bytearray(50 * 2**20)\nx"
    source = notebook(tmp_path / "in.ipynb", work)
    with job(tmp_path, server, "ichreport", "execute", source, tmp_path / "o.ipynb") as process:
        _, said = process.communicate()
    assert process.returncode == 1
    assert said.endswith("ichreport execute: NameError: name 'x' is not defined\n")
    note = json.loads((tmp_path / "t" / "note.json").read_text())
    assert note["status"] == 1
    assert 1 <= note["cpu_seconds"] < 60
    assert note["peak_mib"] > 50
    assert note["ready_seconds"] < note["wall_seconds"]


def test_a_mistake_is_one_line_and_status_2(tmp_path, server):
    with job(tmp_path, server, "ichreport", "render", "nowhere") as process:
        _, said = process.communicate()
    assert process.returncode == 2
    assert said.startswith("ichreport render: nowhere: there is no such report.")


@pytest.mark.parametrize("words", [("ichreport", "--version"), ("echo", "execute")])
def test_what_imports_little_is_no_fork(tmp_path, words):
    """It would not come back: nobody serves at this address."""
    with forkserver.listen(tmp_path / "socket"):
        with job(tmp_path, tmp_path / "socket", *words) as process:
            process.communicate(timeout=60)
        assert process.returncode == 0


def test_a_forked_job_and_its_kernel_end_with_their_caller(tmp_path, server):
    source = notebook(tmp_path / "in.ipynb", WAIT.format(str(tmp_path / "pid")))
    with job(tmp_path, server, "ichreport", "execute", source, tmp_path / "o.ipynb") as process:
        kernel = wait_for(tmp_path / "pid")
        above = psutil.Process(kernel).ppid()
        process.send_signal(signal.SIGKILL)
    assert ends(kernel)
    assert ends(above)
    assert not (tmp_path / "o.ipynb").exists()


def test_a_forked_job_ends_with_the_server_and_is_done_again_without_it(tmp_path):
    (tmp_path / "server").mkdir()
    mark = tmp_path / "pid"
    once = f"import os\nif not os.path.exists({str(mark)!r}):\n    {WAIT.format(str(mark))}"
    source = notebook(tmp_path / "in.ipynb", f"{once}\nprint(1)")
    with started(tmp_path / "server") as server:
        words = ("ichreport", "execute", source, tmp_path / "o.ipynb")
        with job(tmp_path, tmp_path / "server" / "socket", *words) as process:
            kernel = wait_for(mark)
            server.send_signal(signal.SIGKILL)
            process.communicate(timeout=120)
            assert process.returncode == 0
    assert ends(kernel)
    assert output_of(tmp_path / "o.ipynb") == 1


def test_a_caller_that_goes_before_it_asks_does_no_harm(tmp_path, server):
    for _ in range(3):
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(server))
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(server))
        asking.sendall((100).to_bytes(8) + b"{")
    source = notebook(tmp_path / "in.ipynb", "print(1)")
    with job(tmp_path, server, "ichreport", "execute", source, tmp_path / "o.ipynb") as process:
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_process_with_threads_does_not_fork(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    (tmp_path / "server").mkdir()
    with started(tmp_path / "server", PYTHONPATH=str(site)) as server:
        assert server.wait(timeout=60) == 1
    assert "importing has started the threads" in (tmp_path / "server" / "log").read_text()
    source = notebook(tmp_path / "in.ipynb", "print(1)")
    words = ("ichreport", "execute", source, tmp_path / "o.ipynb")
    with job(tmp_path, tmp_path / "server" / "socket", *words) as process:
        process.communicate(timeout=120)
    assert output_of(tmp_path / "o.ipynb") == 1


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_are_not_forked(monkeypatch, backend):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    assert not forkserver.is_possible()


def test_a_machine_with_a_gpu_is_not_forked(monkeypatch):
    from ichreport.model import backend

    monkeypatch.setattr(backend, "describe", lambda: {"gpu": True})
    assert "GPU" in forkserver.unfit()


def test_waking_is_nothing_where_there_is_no_server(monkeypatch, tmp_path):
    monkeypatch.delenv(forkserver.ADDRESS, raising=False)
    forkserver.wake()
    monkeypatch.setenv(forkserver.ADDRESS, str(tmp_path / "none"))
    forkserver.wake()


def test_a_note_says_what_importing_took(server):
    for _ in range(300):
        if (server.parent / "n").exists():
            break
        time.sleep(0.1)
    note = json.loads((server.parent / "n").read_text())
    assert note["ready_seconds"] == note["wall_seconds"] > 0
    assert note["cpu_seconds"] > 1


def test_being_a_fork_is_not_being_a_child_to_end_with(monkeypatch):
    monkeypatch.setenv(timed.PARENT, str(os.getpid() + 1))  # who is no parent: it would end at once
    monkeypatch.setenv(forkserver.FORK, "here")
    timed.end_with_job()
    assert timed.PARENT not in os.environ
