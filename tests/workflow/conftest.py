"""Notebooks, servers of forks, and whether processes still run."""

import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest

from ichreport.workflow import forkserver
from tests.workflow.killing import EXPERIMENTS, PROFILE

BINARIES = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


class Notebooks:
    """Writes notebooks and reads what their cells printed."""

    @staticmethod
    def write(path, *cells):
        """A notebook of these cells; the first takes parameters."""
        code = [nbformat.v4.new_code_cell(cell) for cell in cells]
        code[0].metadata["tags"] = ["parameters"]
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(nbformat.v4.new_notebook(cells=code, metadata={"kernelspec": spec}), path)
        return path

    @staticmethod
    def printed(path):
        cells = nbformat.read(path, as_version=4).cells
        outputs = [output for cell in cells for output in cell.outputs]
        return "".join(output.text for output in outputs if output.get("name") == "stdout")


@pytest.fixture(scope="session")
def notebooks():
    return Notebooks


@pytest.fixture(scope="session")
def start_server():
    """Starts a server of forks at `folder / socket`, with further environment variables."""

    def start(folder, **environment):
        with forkserver.listen(folder / "socket") as listening:
            number = listening.fileno()
            with (folder / "log").open("wb") as log:
                return subprocess.Popen(
                    [
                        sys.executable,
                        "-m",
                        "ichreport.workflow.forkserver",
                        str(number),
                        folder / "n",
                        str(os.getpid()),
                    ],
                    env=os.environ | forkserver.WITHOUT_THREADS | environment,
                    pass_fds=[number],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )

    return start


@pytest.fixture(scope="session")
def start_job():
    """Starts words as a job in a folder, with a server's address and further variables."""

    def start(folder, address, *words, note="note", **environment):
        command = [
            *(sys.executable, "-m", "ichreport.workflow.timed"),
            *(str(folder / "timings" / f"{note}.json"), "--", *map(str, words)),
        ]
        return subprocess.Popen(
            command,
            env=os.environ | {"PATH": BINARIES, forkserver.ADDRESS: str(address)} | environment,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="session")
def ends():
    """Whether a process ends within some seconds."""

    def ends(pid, within=60):
        started = time.monotonic()
        while is_running(pid):
            if time.monotonic() - started > within:
                return False
            time.sleep(0.05)
        return True

    return ends


def written(path):
    """What a file says, as soon as it says anything."""
    deadline = time.monotonic() + 300  # importing takes half a minute where much else runs
    while time.monotonic() < deadline:
        if path.exists() and (text := path.read_text()):
            return text
        time.sleep(0.05)
    return pytest.fail(f"{path.name} was never written")


@pytest.fixture(scope="session")
def number_in():
    """Waits until a file holds a number."""

    def read(path):
        return int(written(path))

    return read


@pytest.fixture
def project(tmp_path, make_project):
    """A project in which nothing has been made."""
    return make_project(tmp_path, PROFILE, EXPERIMENTS)


def content(folder):
    """All files below a folder, with their sizes and times."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in files}
