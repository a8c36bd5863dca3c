"""A notebook is executed as a job: in a kernel without ports, and written whole or not at all."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jupyter_client.connect
import nbformat
import pytest

from ichreport.cli import main
from ichreport.workflow import execution

SECONDS_BEFORE_A_LOOK = 0.2


def notebook(path, *cells):
    """A notebook of these cells; the first takes parameters."""
    code = [nbformat.v4.new_code_cell(cell) for cell in cells]
    code[0].metadata["tags"] = ["parameters"]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=code, metadata={"kernelspec": spec}), path)
    return path


def printed(path):
    """What the cells of an executed notebook printed."""
    cells = nbformat.read(path, as_version=4).cells
    outputs = [output for cell in cells for output in cell.outputs]
    return "".join(output.text for output in outputs if output.get("name") == "stdout")


def execute(tmp_path, *cells, parameters=None):
    """The exit status of cells as a job, and its notebook."""
    output = tmp_path / "out.ipynb"
    source = notebook(tmp_path / "in.ipynb", *cells)
    return execution.execute(source, output, parameters or {}, "python3"), output


def test_parameters_reach_the_cells(tmp_path):
    status, output = execute(tmp_path, "size = 1", "print(size + 1)", parameters={"size": 41})
    assert status == 0
    assert printed(output) == "42\n"


def test_by_command_files_come_before_single_values(tmp_path):
    source = notebook(tmp_path / "in.ipynb", "a = b = c = 0", "print(a, b, c)")
    (tmp_path / "one.yaml").write_text("a: 1\nb: 1\nc: 1\n")
    (tmp_path / "two.yaml").write_text("b: 2\nc: 2\n")
    files = ["-f", str(tmp_path / "one.yaml"), "-f", str(tmp_path / "two.yaml")]
    words = ["execute", str(source), str(tmp_path / "o.ipynb"), *files, "-p", "c", "3.5"]
    assert main(words) == 0
    assert printed(tmp_path / "o.ipynb") == "1 2 3.5\n"


def test_a_kernel_listens_on_no_port_and_its_folder_is_its_users_alone(tmp_path):
    look = """
import json, os, psutil, stat, ipykernel.connect as connect
of = json.loads(connect.get_connection_info())
folder = os.path.dirname(of["ip"])
ports = [c.laddr for c in psutil.Process().net_connections("inet")]
print(json.dumps([of["transport"], ports, oct(stat.S_IMODE(os.stat(folder).st_mode)), folder]))
"""
    status, output = execute(tmp_path, "pass", look)
    assert status == 0
    transport, ports, mode, folder = json.loads(printed(output))
    assert (transport, ports, mode) == ("ipc", [], "0o700")
    assert not Path(folder).exists()


def test_a_kernel_starts_where_the_port_that_one_would_choose_is_held(tmp_path, monkeypatch):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()

        class Chosen(socket.socket):
            """A socket that finds the held port free, as two that choose at once do."""

            def bind(self, address):
                pass

            def getsockname(self):
                return held.getsockname()

        monkeypatch.setattr(jupyter_client.connect.socket, "socket", Chosen)
        status, output = execute(tmp_path, "pass", "print('alive')")
    assert status == 0
    assert printed(output) == "alive\n"


def test_the_same_held_port_ends_a_kernel_that_talks_over_ports(tmp_path, monkeypatch):
    """The test above can fail: with ports, it does."""
    monkeypatch.setattr(
        execution.JobProvisioner, "pre_launch", execution.LocalProvisioner.pre_launch
    )
    monkeypatch.setattr(execution, "SECONDS_TO_START", 5)
    with pytest.raises((RuntimeError, TimeoutError)):
        test_a_kernel_starts_where_the_port_that_one_would_choose_is_held(tmp_path, monkeypatch)


def test_a_kernel_reads_no_profile_of_the_users_and_keeps_no_history(tmp_path, monkeypatch):
    startup = tmp_path / "home" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("planted = 1\n")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "home"))
    status, output = execute(tmp_path, "pass", "print('planted' in globals())")
    assert status == 0
    assert printed(output) == "False\n"
    assert not list((tmp_path / "home").rglob("history*"))


def test_a_failed_cell_ends_with_its_error_in_one_line_and_its_notebook_is_kept(tmp_path, capfd):
    status, output = execute(tmp_path, "pass", "raise ValueError('first line\\nsecond')")
    assert status == 1
    assert capfd.readouterr().err.splitlines()[-1] == "ichreport execute: ValueError: first line"
    assert nbformat.read(output, as_version=4).cells[-1].outputs[0].ename == "ValueError"


def test_until_it_has_ended_there_is_no_notebook_but_an_earlier_one(tmp_path):
    output = tmp_path / "out.ipynb"
    output.write_text("earlier")
    look = f"import pathlib; print(pathlib.Path({str(output)!r}).read_text())"
    status, _ = execute(tmp_path, "pass", look)
    assert status == 0
    assert printed(output) == "earlier\n"
    assert sorted(path.name for path in tmp_path.glob("*.ipynb")) == ["in.ipynb", "out.ipynb"]


ONCE = """
import os, pathlib
mark = pathlib.Path({mark!r})
if not mark.exists():
    mark.touch()
    os.kill(os.getpid(), 9)
"""


def test_a_kernel_that_dies_before_its_first_cell_is_started_once_more(
    tmp_path, monkeypatch, capsys
):
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import sys\nif 'ipykernel_launcher' in ' '.join(sys.orig_argv):\n"
        + "\n".join(f"    {line}" for line in ONCE.format(mark=str(tmp_path / "died")).splitlines())
    )
    monkeypatch.setenv("PYTHONPATH", str(site))
    status, output = execute(tmp_path, "pass", "print('alive')")
    assert (tmp_path / "died").exists()
    assert status == 0
    assert printed(output) == "alive\n"
    assert "The kernel died before its first cell" in capsys.readouterr().err


def test_a_kernel_that_dies_twice_is_an_error_that_names_the_notebook(tmp_path, monkeypatch):
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import os, sys\nif 'ipykernel_launcher' in ' '.join(sys.orig_argv):\n    os.abort()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(site))
    with pytest.raises(RuntimeError, match=r"in\.ipynb: its kernel died"):
        execute(tmp_path, "pass")


def test_a_kernel_that_dies_later_is_an_error_and_not_started_again(tmp_path):
    mark = tmp_path / "times"
    die = f"import os; open({str(mark)!r}, 'a').write('x'); os.kill(os.getpid(), 9)"
    with pytest.raises(RuntimeError, match=r"in\.ipynb: Kernel died after its cell 1\."):
        execute(tmp_path, "pass", die)
    assert mark.read_text() == "x"


def test_a_hundred_kernels_ten_at_a_time_on_loaded_cores_all_live(tmp_path):
    """Beside as many spinning processes as there are cores."""
    source = notebook(tmp_path / "in.ipynb", "number = 0", "print(number)")
    words = [sys.executable, "-m", "ichreport.workflow.forkserver"]
    server = _server(tmp_path, words)
    spin = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]

    def one(number):
        output = tmp_path / f"{number}.ipynb"
        job = [
            *(sys.executable, "-m", "ichreport.workflow.timed"),
            *(str(tmp_path / "notes" / f"{number}.json"), "--", "ichreport", "execute"),
            *(str(source), str(output), "-p", "number", str(number)),
        ]
        environment = os.environ | {"ICHREPORT_FORKSERVER": str(tmp_path / "socket")}
        done = subprocess.run(job, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "died" not in done.stderr
        return printed(output)

    try:
        with ThreadPoolExecutor(10) as together:
            found = list(together.map(one, range(100)))
    finally:
        for process in (*spin, server):
            process.kill()
            process.wait()
    assert found == [f"{number}\n" for number in range(100)]


def _server(tmp_path, words):
    """A server of forks at `tmp_path / socket`."""
    from ichreport.workflow import forkserver

    if not forkserver.is_possible():
        pytest.skip("kernels are forked on Linux alone")
    with forkserver.listen(tmp_path / "socket") as listening:
        number = listening.fileno()
        with (tmp_path / "server.log").open("wb") as log:
            return subprocess.Popen(
                [*words, str(number), str(tmp_path / "note.json")],
                env=os.environ | forkserver.WITHOUT_THREADS,
                pass_fds=[number],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


def test_a_kernel_ends_with_the_job_that_has_it(tmp_path):
    mark = tmp_path / "pid"
    wait = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    source = notebook(tmp_path / "in.ipynb", "pass", wait)
    words = [sys.executable, "-m", "ichreport.cli", "execute", source, tmp_path / "out.ipynb"]
    code = "import sys; from ichreport.cli import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", code, "execute", str(source), str(tmp_path / "out.ipynb")]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as job:
        while not (mark.exists() and mark.read_text()):
            assert job.poll() is None
            time.sleep(SECONDS_BEFORE_A_LOOK)
        kernel = int(mark.read_text())
        job.send_signal(signal.SIGKILL)
    for _ in range(50):
        if not re.search(r"^State:\s+[RSD]", _state(kernel), flags=re.MULTILINE):
            return
        time.sleep(SECONDS_BEFORE_A_LOOK)
    os.kill(kernel, signal.SIGKILL)
    pytest.fail("the kernel still ran ten seconds after its job")


def _state(pid):
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return ""
