"""Executing a notebook as a job: by papermill, in a kernel that talks over Unix sockets.

    ichreport execute notebooks/1-explore.ipynb out.ipynb -f params/demo.yaml

does what `papermill` does with the same words, and besides:

- The kernel's sockets are files in a folder that only this user can enter. Two kernels that start
  together cannot choose the same, as they can TCP ports, and nobody else can connect.
- The kernel reads no IPython profile of the user's and shares no history with other kernels.
- The notebook is written when it has ended, whole or not at all, and says by which version of the
  report's code its outputs were made.
- A kernel that dies before its first cell is started once more.
"""

import contextlib
import errno
import json
import logging
import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn, cast

import nbformat
import papermill
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError
from papermill.iorw import LocalHandler, papermill_io

from ichreport.files import private_folder, write_text
from ichreport.runs import markup, record_format
from ichreport.workflow import forkserver, lifetime

PROVISIONER: Final = "ichreport-job"
"""The name under which `pyproject.toml` makes `JobProvisioner` known to Jupyter."""
SECONDS_TO_START: Final = 300
"""That a kernel may take to start, on a machine that does other things too."""

_ANSI: Final = re.compile(r"\x1b\[[0-9;]*m")
_log = logging.getLogger(__name__)


class _KernelDied(Exception):  # noqa: N818
    """A kernel ended before its first cell."""


def execute(notebook: Path, output: Path, parameters: Mapping[str, Any], kernel: str) -> int:
    """Execute a notebook with parameters.

    Args:
        notebook: The notebook.
        output: Where the executed one goes, also if a cell fails.
        parameters: Names and values.
        kernel: The Jupyter kernel.

    Returns:
        The exit status: 0 done, 1 a cell failed, with its traceback and last its error printed.

    Raises:
        OSError: If the notebook cannot be written, or the disk was full for one of its cells.
        RuntimeError: If its kernel died: twice before its first cell, or once after.
    """
    if forkserver.FORK in os.environ:  # before anything here starts a thread
        WaitingKernel.waiting = WaitingKernel()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    record_format.unseal_notebook(output)
    papermill_io.register(str(output), _AtomicHandler(_metadata(notebook)))
    try:
        try:
            _execute(notebook, output, parameters, kernel)
        except _KernelDied as reason:
            message = f"The kernel died before its first cell ({reason}); starting it once more."
            print(message, file=sys.stderr)  # noqa: T201
            _execute(notebook, output, parameters, kernel)
        record_format.seal_notebook(output)
    except _KernelDied as reason:
        raise RuntimeError(f"{notebook}: its kernel died: {reason}") from reason
    except PapermillExecutionError as error:
        return _explain(error)
    finally:
        papermill_io.reset()
        papermill_io.register("local", LocalHandler())
    return 0


class WaitingKernel:
    """A process that waits to become a kernel: forked while this one had no threads yet."""

    waiting: "WaitingKernel | None" = None
    """The process that the next kernel is made of, if there is one."""

    def __init__(self) -> None:
        read, self._write = os.pipe()
        self.returncode: int | None = None
        self.stdin = self.stdout = self.stderr = None
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._write)
            _become_kernel(read, parent)
        os.close(read)

    def start(
        self, arguments: list[str], environment: Mapping[str, str], folder: str | None
    ) -> None:
        """Make it a kernel, with the arguments after `ipykernel_launcher`."""
        message = {"arguments": arguments, "environment": dict(environment), "folder": folder}
        with os.fdopen(self._write, "wb") as stream:
            stream.write(json.dumps(message).encode())

    def poll(self) -> int | None:
        """Its exit status, once it has ended."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self) -> int:
        """Its exit status, when it has ended."""
        if self.returncode is None:
            _, status = os.waitpid(self.pid, 0)
            self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


def _become_kernel(read: int, parent: int) -> NoReturn:
    """Wait for the arguments of a kernel, then run as that kernel to its end."""

    def work() -> int:
        lifetime.die_with_parent(parent)
        os.setsid()
        with os.fdopen(read, "rb") as stream:
            message = json.loads(stream.read() or "null")
        if message is not None:
            os.environ.clear()
            os.environ.update(message["environment"])
            if message["folder"]:
                os.chdir(message["folder"])
            sys.argv = ["ipykernel_launcher", *message["arguments"]]
            from ipykernel import kernelapp

            kernelapp.launch_new_instance(argv=message["arguments"])
        return 0

    forkserver.end_with(work)


class JobProvisioner(LocalProvisioner):
    """Starts the kernel of a job: on Unix sockets, from a `WaitingKernel` where there is one."""

    async def pre_launch(self, **options: Any) -> dict[str, Any]:
        """Choose where the kernel's sockets are."""
        manager: Any = self.parent
        manager.transport = "ipc"
        manager.ip = str(Path(os.environ["JUPYTER_RUNTIME_DIR"]) / "kernel")
        chosen: dict[str, Any] = await super().pre_launch(**options)
        return chosen

    async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
        """Start it."""
        kernel, WaitingKernel.waiting = WaitingKernel.waiting, None
        if kernel is None or "ipykernel_launcher" not in cmd:
            held = [int(os.environ[forkserver.HELD])] if forkserver.HELD in os.environ else []
            return await super().launch_kernel(cmd, pass_fds=held, **options)
        arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
        environment = {**options["env"], "JPY_PARENT_PID": str(os.getpid())}
        kernel.start(arguments, environment, options.get("cwd"))
        self.process, self.pid, self.pgid = cast("Any", kernel), kernel.pid, kernel.pid
        return self.connection_info


class _AtomicHandler(LocalHandler):  # type: ignore[misc]
    """Writes a notebook with further metadata, so that it is whole or not there."""

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        self._metadata = metadata

    def write(self, buf: str, path: str) -> None:
        executed = nbformat.reads(buf, as_version=4)
        executed.metadata.update(self._metadata)
        write_text(Path(path), nbformat.writes(executed))


def _metadata(notebook: Path) -> dict[str, Any]:
    """What an executed notebook keeps of the code that made its outputs.

    Taken before its first cell: if the code changes meanwhile, the outputs count as older.
    """
    try:
        return {markup.KEY: {"markup": markup.markup_version(notebook)}}
    except (OSError, ValueError):  # not there, or with cells that are no plain Python
        return {}


def _execute(notebook: Path, output: Path, parameters: Mapping[str, Any], kernel: str) -> None:
    executed: list[int] = []
    try:
        with private_jupyter():
            papermill.execute_notebook(
                notebook,
                output,
                dict(parameters),
                kernel_name=kernel,
                log_output=True,
                progress_bar=False,
                request_save_on_cell_execute=False,
                autosave_cell_every=0,
                start_timeout=SECONDS_TO_START,
                on_cell_executed=lambda cell_index, **_: executed.append(cell_index),
            )
    except DeadKernelError as error:
        if not executed:
            raise _KernelDied(str(error)) from error
        raise RuntimeError(f"{notebook}: {error} after its cell {executed[-1] + 1}.") from error
    except RuntimeError as error:
        if "before replying" in str(error):  # to the first question, before any cell
            raise _KernelDied(str(error)) from error
        raise


@contextlib.contextmanager
def private_jupyter() -> Iterator[None]:
    """Where a job's kernels start: with sockets and files where only this user can enter.

    It lies where names are short: a Unix socket's has a hundred characters at most.
    """
    folder = private_folder("ichreport-")
    before, provisioners = dict(os.environ), KernelProvisionerFactory.instance()
    provisioner, provisioners.default_provisioner_name = (
        provisioners.default_provisioner_name,
        PROVISIONER,
    )
    os.environ.update(
        JUPYTER_RUNTIME_DIR=str(folder),
        IPYTHONDIR=str(folder / "ipython"),
        PYDEVD_DISABLE_FILE_VALIDATION="1",
    )
    try:
        yield
    finally:
        provisioners.default_provisioner_name = provisioner
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(folder, ignore_errors=True)


def _explain(error: PapermillExecutionError) -> int:
    """Print a failed cell's traceback and, last, its error in one line."""
    for line in error.traceback:
        print(_ANSI.sub("", line), file=sys.stderr)  # noqa: T201
    first = next(iter(error.evalue.splitlines()), "")
    full = re.match(rf"\[Errno ({errno.ENOSPC}|{errno.EDQUOT})\]", error.evalue)
    if error.ename == "OSError" and full:
        raise OSError(int(full[1]), error.evalue[full.end() :].strip())
    print(f"ichreport execute: {error.ename}: {first}", file=sys.stderr)  # noqa: T201
    return 1
