"""The server that jobs are forked from, started when the first job asks for it."""

import os
import selectors
import socket
import subprocess
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final, Self

from ichreport.params.profile import Profile
from ichreport.params.yaml import project_path
from ichreport.runs import job_times
from ichreport.workflow import forkserver

_FORK_SERVER: Final = (sys.executable, "-m", "ichreport.workflow.forkserver")


class ServerOnDemand:
    """The server that jobs are forked from; started by the first that asks for it.

    Args:
        folder: Where its socket goes.
        report: The report's folder, where its note of time goes.
        log: Where its words go.
        profile: What is reported: jobs on a GPU are not forked.
        environment: The jobs' environment, which gets to know the socket.
    """

    def __init__(
        self,
        folder: Path,
        report: Path,
        log: Path,
        profile: Profile,
        environment: dict[str, str],
    ) -> None:
        self._note, self._log = report / job_times.FOLDER / "imports.json", log
        self._environment = environment
        self._listening: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._is_first_report = not (report / "index.html").is_file()
        if forkserver.is_possible() and not profile.require_gpu and profile.kernel == "python3":
            self._listening = forkserver.listen(folder / "fork")
            environment[forkserver.ADDRESS] = str(folder / "fork")

    def __enter__(self) -> Self:
        if self._is_first_report:  # there will be jobs: import while Snakemake starts
            self._start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._listening is not None:
            self._listening.close()
        if self._server is not None:
            self._server.kill()
            self._server.wait()

    def wait(self, process: BaseProcess) -> int:
        """Wait for a process to end; meanwhile, start the server when somebody asks for it."""
        with selectors.DefaultSelector() as waiting:
            waiting.register(process.sentinel, selectors.EVENT_READ)
            if self._listening is not None:
                waiting.register(self._listening, selectors.EVENT_READ)
            while all(key.fd != process.sentinel for key, _ in waiting.select()):
                if self._listening is not None:
                    waiting.unregister(self._listening)
                    self._start()
        process.join()
        return process.exitcode or 0

    def _start(self) -> None:
        listening, self._listening = self._listening, None
        if listening is None:
            return
        number = listening.fileno()
        self._note.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(
                [*_FORK_SERVER, str(number), str(self._note), str(os.getpid())],
                env=self._environment | forkserver.WITHOUT_THREADS,
                cwd=project_path("."),
                pass_fds=[number],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        listening.close()
