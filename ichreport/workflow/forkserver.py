"""A process that has imported what notebooks need, and forks itself for each job that comes.

Importing takes four seconds of CPU, which two dozen jobs would each spend again. A job that is
forked has it all at once, in the state of a process that has imported and done nothing else: the
server starts no thread, opens no device and computes nothing.

Linux only, and only where a job may run on this machine; elsewhere a job is a process of its own.
A caller hands over its command, environment, folder and standard streams through a Unix socket,
and gets back the exit status and what the kernel counted. Whichever of the two is killed, the job
ends with it.
"""

import contextlib
import importlib
import json
import os
import pkgutil
import resource
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NoReturn

import ichreport
from ichreport import dependencies
from ichreport.files import write_json
from ichreport.importing import without_garbage_collection
from ichreport.workflow import lifetime

ADDRESS: Final = "ICHREPORT_FORKSERVER"
"""The environment variable that names the socket of the server, where there is one."""
FORK: Final = "ICHREPORT_FORK"
"""The environment variable that a fork has instead of `ADDRESS`."""
HELD: Final = "ICHREPORT_HELD"
"""The environment variable that names the descriptor that all processes of a job keep open."""
_FORKED_COMMANDS: Final = frozenset({"execute", "features", "render"})
"""The commands that import most of the package, which is why they are forked."""
WITHOUT_THREADS: Final = {
    "OMP_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # of pyarrow's allocator
}
"""Environment variables of the server, with which importing starts no thread."""
_NOT_IMPORTED: Final = ("ichreport.model.frameworks", "ichreport.workflow.forkserver")
"""Modules that are not imported ahead: a framework's module imports that framework."""

_LENGTH: Final = 8
"""Bytes that say how long a message is."""


@dataclass(frozen=True)
class Outcome:
    """How a job ended, and what it took.

    Attributes:
        status: Its exit status, as a shell gives it.
        cpu_seconds: Of all its processes, on all cores.
        max_rss: The memory of its largest process, in the units of `getrusage`.
    """

    status: int
    cpu_seconds: float
    max_rss: int


def is_possible() -> bool:
    """Whether this machine can fork jobs: Linux, with TensorFlow as Keras' backend.

    A fork keeps no thread but its own, and JAX and torch have some as soon as they are imported.
    """
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    return sys.platform == "linux" and hasattr(os, "pidfd_open") and backend == "tensorflow"


def listen(path: Path) -> socket.socket:
    """The socket at which jobs ask; `path` must lie in a folder that only its user can enter."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(path))
    listening.listen(64)
    return listening


def wake() -> None:
    """Have the server start to import, for jobs that will come; nothing where there is none."""
    address = os.environ.get(ADDRESS)
    if address:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as asking:
            asking.connect(address)


def run(command: Sequence[str], environment: Mapping[str, str], held: int) -> Outcome | None:
    """Run an `ichreport` command in a fork of the server that the environment names.

    Args:
        command: The command's words, `ichreport` first.
        environment: Its environment variables.
        held: A descriptor that the fork keeps open, beside its standard streams.

    Returns:
        Its outcome; None where there is no server for it, or none any more, so that what it would
        have done is still to do.
    """
    address = environment.get(ADDRESS)
    if not address or list(command[:1]) != ["ichreport"] or command[1] not in _FORKED_COMMANDS:
        return None
    request = {
        "command": list(command),
        "environment": dict(environment),
        "folder": str(Path.cwd()),
    }
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        try:
            asking.connect(address)
            message = json.dumps(request).encode()
            socket.send_fds(asking, [len(message).to_bytes(_LENGTH)], [0, 1, 2, held])
            asking.sendall(message)
            answer = b"".join(iter(lambda: asking.recv(4096), b""))
        except OSError:
            return None
    return Outcome(**json.loads(answer)) if answer else None


def main(words: Sequence[str]) -> int:
    """Import, then serve until the process that started this one ends.

    Args:
        words: The number of the listening socket's descriptor, the note to write on what importing
            took, and the process that started this one.
    """
    lifetime.die_with_parent(int(words[2]))
    if sys.path[0] == str(Path.cwd()):  # `python -m` puts it there; a job has its own
        del sys.path[0]
    listening = socket.socket(fileno=int(words[0]))
    started, clock = datetime.now(UTC), time.perf_counter()
    _import_package()
    reason = reason_not_to_fork()
    if reason:
        print(f"Jobs start as processes of their own: {reason}.", flush=True)  # noqa: T201
        return 1
    taken = resource.getrusage(resource.RUSAGE_SELF)
    seconds = round(time.perf_counter() - clock, 3)
    note: dict[str, Any] = {
        "started": started.isoformat(),
        "wall_seconds": seconds,
        "cpu_seconds": round(taken.ru_utime + taken.ru_stime, 3),
        "peak_mib": round(taken.ru_maxrss / 2**10, 1),
        "ready_seconds": seconds,
        "status": 0,
    }
    write_json(Path(words[1]), note)
    ForkServer(listening).serve()
    return 0


def _import_package() -> None:
    """Import all modules of the package, and so all libraries that they use; read its code.

    Matplotlib's list of fonts, which is made where there is none yet, is made here, once.
    """
    with without_garbage_collection():
        for module in pkgutil.walk_packages(ichreport.__path__, "ichreport."):
            if not module.name.startswith(_NOT_IMPORTED):
                __import__(module.name)
        dependencies.read_all_code()


def reason_not_to_fork() -> str | None:
    """Why this process must not be forked, once it has imported all; None if it may."""
    if importlib.import_module("ichreport.model.backend").describe()["gpu"]:
        return "there is a GPU, which a fork could not use"
    names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    if len(names) > 1:
        return f"importing has started the threads {', '.join(sorted(names))}"
    return None


class ForkServer:
    """Forks a job for each caller, and tells the caller how it ended.

    Args:
        listening: Where callers come.
    """

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._waiting = selectors.DefaultSelector()
        self._waiting.register(listening, selectors.EVENT_READ, None)

    def serve(self) -> None:
        """Never returns, but in the jobs, which end without returning either."""
        while True:
            for key, _ in self._waiting.select():
                if key.data is None:
                    self._start(*self._listening.accept())
                else:
                    key.data()

    def _start(self, caller: socket.socket, _: object) -> None:
        request, streams = _receive(caller)
        if request is None:  # one that only woke this process
            caller.close()
            return
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._waiting.close()
            self._listening.close()
            caller.close()
            _become(request, streams, server)
        for stream in streams:
            os.close(stream)
        ended = os.pidfd_open(pid)

        def finish() -> None:
            if ended not in self._waiting.get_map():
                return  # both have happened at once
            self._waiting.unregister(ended)
            self._waiting.unregister(caller)
            os.close(ended)
            _, status, taken = os.wait4(pid, 0)
            with contextlib.suppress(OSError):  # the caller is gone
                caller.sendall(json.dumps(_outcome(status, taken)).encode())
            caller.close()

        def kill() -> None:
            for send in (os.killpg, os.kill):  # it may have no group of its own yet
                with contextlib.suppress(ProcessLookupError):
                    send(pid, signal.SIGKILL)
            finish()

        self._waiting.register(ended, selectors.EVENT_READ, finish)
        self._waiting.register(caller, selectors.EVENT_READ, kill)  # it says no more: it is gone


def _outcome(status: int, taken: resource.struct_rusage) -> dict[str, Any]:
    code = os.waitstatus_to_exitcode(status)
    return {
        "status": code if code >= 0 else 128 - code,
        "cpu_seconds": taken.ru_utime + taken.ru_stime,
        "max_rss": taken.ru_maxrss,
    }


def _receive(caller: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    caller.settimeout(10)
    try:
        head, streams, _, _ = socket.recv_fds(caller, _LENGTH, 4)
        if not head:
            return None, []
        length, message = int.from_bytes(head), b""
        while len(message) < length:
            part = caller.recv(length - len(message))
            if not part:
                return None, []
            message += part
    except OSError:
        return None, []
    caller.settimeout(None)
    return json.loads(message), streams


def _become(request: Mapping[str, Any], streams: Sequence[int], server: int) -> NoReturn:
    """Turn this fork into the job, to its end."""

    def work() -> int:
        os.setsid()
        lifetime.die_with_parent(server)
        *standard, held = streams
        for number, stream in enumerate(standard):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        os.environ[FORK] = os.environ.pop(ADDRESS)
        os.environ[HELD] = str(held)
        sys.argv = list(request["command"])
        status: int = importlib.import_module("ichreport.cli").main(sys.argv[1:])
        return status

    end_with(work)


def end_with(work: Callable[[], int]) -> NoReturn:
    """End this fork with the status that some work gives, as a process of its own would end."""
    status = 1
    try:
        status = work()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
