"""A notebook is executed as a job: in a kernel without ports, and written whole or not at all."""

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jupyter_client.connect
import nbformat
import psutil
import pytest

from ichreport.cli import main
from ichreport.runs import markup
from ichreport.workflow import execution, forkserver
from tests.workflow.conftest import written

CORES = os.cpu_count() or 1
WAIT = "import os, time; open({!r}, 'w').write(str(os.getpid())); time.sleep(600)"


@pytest.fixture
def execute(tmp_path, notebooks):
    """The exit status of cells as a job, and the path of its notebook."""

    def run(*cells, parameters=None):
        output = tmp_path / "out.ipynb"
        source = notebooks.write(tmp_path / "in.ipynb", *cells)
        return execution.execute(source, output, parameters or {}, "python3"), output

    return run


def test_parameters_reach_the_cells(execute, notebooks):
    status, output = execute("size = 1", "print(size + 1)", parameters={"size": 41})
    assert status == 0
    assert notebooks.printed(output) == "42\n"


def test_a_notebook_says_by_which_version_of_the_report_it_was_made(execute):
    _, output = execute("pass", "from ichreport.report.html import blocks")
    kept = nbformat.read(output, as_version=4).metadata["ichreport"]
    assert kept == {"markup": markup.markup_version(output)}


def test_cells_that_only_ipython_knows_run_and_say_their_version(execute, notebooks):
    status, output = execute("pass", "%time print(1)")
    assert status == 0
    assert "markup" in nbformat.read(output, as_version=4).metadata["ichreport"]


def test_by_command_files_come_before_single_values(tmp_path, notebooks):
    source = notebooks.write(tmp_path / "in.ipynb", "a = b = c = 0", "print(a, b, c)")
    (tmp_path / "one.yaml").write_text("a: 1\nb: 1\nc: 1\n")
    (tmp_path / "two.yaml").write_text("b: 2\nc: 2\n")
    files = ["-f", str(tmp_path / "one.yaml"), "-f", str(tmp_path / "two.yaml")]
    words = ["execute", str(source), str(tmp_path / "o.ipynb"), *files, "-p", "c", "3.5"]
    assert main(words) == 0
    assert notebooks.printed(tmp_path / "o.ipynb") == "1 2 3.5\n"


def test_no_channel_of_a_kernel_is_a_port_and_its_folder_is_its_users_alone(execute, notebooks):
    """But for the pipe for its subprocesses' output, which tries ports until one is free."""
    look = """
import json, os, psutil, stat, ipykernel.connect as connect
of = json.loads(connect.get_connection_info())
folder = os.path.dirname(of["ip"])
ports = {c.laddr.port for c in psutil.Process().net_connections("inet")}
ports = sorted(ports - {get_ipython().kernel.iopub_thread._pipe_port})
print(json.dumps([of["transport"], ports, oct(stat.S_IMODE(os.stat(folder).st_mode)), folder]))
"""
    status, output = execute("pass", look)
    assert status == 0
    transport, ports, mode, folder = json.loads(notebooks.printed(output))
    assert (transport, ports, mode) == ("ipc", [], "0o700")
    assert not Path(folder).exists()


@pytest.fixture
def chosen_ports_are_held(monkeypatch):
    """Ports that whoever looks for free ones is given, while another process listens there."""
    with contextlib.ExitStack() as held:
        taken = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(10)]
        names = itertools.cycle([one.getsockname() for one in taken])

        class Chosen(socket.socket):
            def bind(self, address):
                pass

            def getsockname(self):
                return next(names)

        monkeypatch.setattr(jupyter_client.connect.socket, "socket", Chosen)
        yield


@pytest.mark.usefixtures("chosen_ports_are_held")
def test_a_kernel_starts_where_the_port_that_one_would_choose_is_held(execute, notebooks):
    status, output = execute("pass", "print('alive')")
    assert status == 0
    assert notebooks.printed(output) == "alive\n"


@pytest.mark.usefixtures("chosen_ports_are_held")
def test_the_same_held_port_ends_a_kernel_that_talks_over_ports(execute, monkeypatch):
    """The test above can fail: with ports, it does."""
    over_ports = execution.LocalProvisioner.pre_launch
    monkeypatch.setattr(execution.JobProvisioner, "pre_launch", over_ports)
    monkeypatch.setattr(execution, "SECONDS_TO_START", 5)
    with pytest.raises((RuntimeError, TimeoutError)):
        execute("pass")


def test_a_kernel_reads_no_profile_of_the_users_and_keeps_no_history(
    tmp_path, monkeypatch, execute, notebooks
):
    startup = tmp_path / "home" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("planted = 1\n")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "home"))
    status, output = execute("pass", "print('planted' in globals())")
    assert status == 0
    assert notebooks.printed(output) == "False\n"
    assert not list((tmp_path / "home").rglob("history*"))


def test_a_failed_cell_ends_with_its_error_in_one_line_and_its_notebook_is_kept(execute, capfd):
    status, output = execute("pass", "raise ValueError('first line\\nsecond')")
    assert status == 1
    assert capfd.readouterr().err.splitlines()[-1] == "ichreport execute: ValueError: first line"
    last = nbformat.read(output, as_version=4).cells[-1]
    assert last.outputs[0].ename == "ValueError"


def test_until_it_has_ended_there_is_no_notebook_but_an_earlier_one(tmp_path, execute, notebooks):
    (tmp_path / "out.ipynb").write_text("earlier")
    path = str(tmp_path / "out.ipynb")
    status, output = execute("pass", f"import pathlib; print(pathlib.Path({path!r}).read_text())")
    assert status == 0
    assert notebooks.printed(output) == "earlier\n"
    assert sorted(path.name for path in tmp_path.glob("*.ipynb")) == ["in.ipynb", "out.ipynb"]


@pytest.fixture
def as_kernels_start(tmp_path, monkeypatch):
    """Lets each kernel run a line of Python before it does anything."""

    def run(line):
        site = tmp_path / "site"
        site.mkdir()
        asked = "import os, sys\nif 'ipykernel_launcher' in ' '.join(sys.orig_argv):\n"
        (site / "sitecustomize.py").write_text(f"{asked}    {line}\n")
        monkeypatch.setenv("PYTHONPATH", str(site))

    return run


def test_a_kernel_that_dies_before_its_first_cell_is_started_once_more(
    tmp_path, as_kernels_start, execute, notebooks, capsys
):
    mark = str(tmp_path / "died")
    die = "os.kill(os.getpid(), 9)"
    as_kernels_start(f"os.path.exists({mark!r}) or (open({mark!r}, 'x').close(), {die})")
    status, output = execute("pass", "print('alive')")
    assert Path(mark).exists()
    assert status == 0
    assert notebooks.printed(output) == "alive\n"
    assert "The kernel died before its first cell" in capsys.readouterr().err


def test_a_kernel_that_dies_twice_is_an_error_that_names_the_notebook(as_kernels_start, execute):
    as_kernels_start("os.kill(os.getpid(), 9)")
    with pytest.raises(RuntimeError, match=r"in\.ipynb: its kernel died"):
        execute("pass")


def test_a_kernel_that_dies_later_is_an_error_and_not_started_again(tmp_path, execute):
    mark = tmp_path / "times"
    die = f"import os; open({str(mark)!r}, 'a').write('x'); os.kill(os.getpid(), 9)"
    with pytest.raises(RuntimeError, match=r"in\.ipynb: Kernel died after its cell 1\."):
        execute("pass", die)
    assert mark.read_text() == "x"


@pytest.mark.slow
@pytest.mark.skipif(not forkserver.is_possible(), reason="kernels are forked on Linux alone")
def test_ten_kernels_at_a_time_on_loaded_cores_all_live(
    tmp_path, notebooks, start_server, start_job
):
    """Beside as many spinning processes as there are cores, once the server has imported."""
    source = notebooks.write(tmp_path / "in.ipynb", "number = 0", "print(number)")
    server, spin = start_server(tmp_path), []

    def one(number):
        output = tmp_path / f"{number}.ipynb"
        words = ("ichreport", "execute", source, output, "-p", "number", number)
        with start_job(tmp_path, tmp_path / "socket", *words, note=f"{number}") as process:
            _, said = process.communicate()
        assert process.returncode == 0, said
        assert "died" not in said
        return notebooks.printed(output)

    try:
        written(tmp_path / "n")
        spin += [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(CORES)]
        with ThreadPoolExecutor(10) as together:
            printed = list(together.map(one, range(10)))
    finally:
        for process in (*spin, server):
            process.kill()
            process.wait()
    assert printed == [f"{number}\n" for number in range(10)]


@pytest.fixture
def waiting(tmp_path, notebooks, start_job, number_in):
    """A job in whose notebook a cell waits: what watches it, itself, and its kernel."""
    source = notebooks.write(tmp_path / "in.ipynb", "pass", WAIT.format(str(tmp_path / "pid")))
    words = ("ichreport", "execute", source, tmp_path / "out.ipynb")
    with start_job(tmp_path, tmp_path / "none", *words) as watching:
        kernel = number_in(tmp_path / "pid")
        yield watching, psutil.Process(psutil.Process(kernel).ppid()), kernel


def test_a_kernel_ends_with_the_job_that_has_it(waiting, ends):
    watching, job, kernel = waiting
    job.send_signal(signal.SIGKILL)
    watching.communicate()
    assert watching.returncode == 128 + signal.SIGKILL
    assert ends(kernel)


def test_a_kernel_ends_with_the_process_that_watches_its_job(waiting, ends):
    watching, job, kernel = waiting
    watching.send_signal(signal.SIGKILL)
    assert ends(job.pid)
    assert ends(kernel)
