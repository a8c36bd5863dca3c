"""`make report` from its first line to its last: one call at a time, and its outcome.

Snakemake runs the jobs. Around it, this module checks the parameters before anything runs, keeps a
second call of the same report out, starts the server that jobs are forked from, and ends with the
outcome. A killed call leaves nothing that keeps the next one from working.
"""

import contextlib
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Final

from ichreport import dependencies
from ichreport.files import private_folder, read_json, remove_partials, write_json
from ichreport.params.profile import Profile
from ichreport.params.rows.read import read_each_experiment
from ichreport.params.yaml import project_path, shown
from ichreport.runs import job_times
from ichreport.workflow import lifetime, repairs, report_lock
from ichreport.workflow.checked_profile import missing_weights, read_profile
from ichreport.workflow.progress import JOURNAL, Journal
from ichreport.workflow.server_on_demand import ServerOnDemand

LOG: Final = "snakemake.log"
_SECONDS_TO_STOP: Final = 5
"""How long Snakemake may take to end after an interrupt from the keyboard."""
_SECONDS_TO_CANCEL: Final = 120
"""The same where it has jobs elsewhere to take back; Slurm's plugin alone may take a minute."""
RUNS: Final = ("--keep-going", "runs")
"""What is made first: all runs that can be made."""
_OF_RUNS: Final = ("results", "beyond", "external")
"""Notebooks that are executed with the pages, from whatever records there are."""
_PAGES: Final = ("--allowed-rules", *_OF_RUNS, "pages", "report", "--", "report")
"""What is made then, from whatever records there are: a failed run must not keep pages away."""
_PROCESSES: Final = (
    multiprocessing.get_context("fork")  # which has imported already; this process has no threads
    if sys.platform == "linux"
    else multiprocessing.get_context("spawn")
)
_CALL: Final = ".call.json"
_PREFIX: Final = "ichreport-call-"
_TMP: Final = Path("/tmp")  # noqa: S108


def make_report(path: str, snakemake: Sequence[str], *, with_parent: bool = False) -> int:
    """Make a profile's report: all that is missing or out of date, and the pages.

    Args:
        path: The profile's parameter file.
        snakemake: Further options of Snakemake's, such as `--cores all`.
        with_parent: Whether to end with the process that started this one.

    Returns:
        The exit status: 0 done, 1 something failed, 2 another call is at it, 130 interrupted.

    Raises:
        ValueError: If the profile is wrong; then nothing has run.
    """
    if with_parent:
        lifetime.die_with_parent()
    profile = read_profile(path)
    experiments, mistakes = read_each_experiment(profile)
    for mistake in mistakes.values():
        _print_error(mistake)
    for row, problem in missing_weights(experiments.values()).items():
        _print_error(
            f"{shown(profile.experiment_files[row])}: {problem}; until it is there, the row fails."
        )
    report = profile.report_folder
    report.mkdir(parents=True, exist_ok=True)
    with report_lock.hold_report(report) as refusal:
        if refusal:
            _print_error(f"make report: {refusal}")
            return 2
        due = repairs.find(profile, experiments)
        for line in due.lines:
            print(line, flush=True)  # noqa: T201
        remove_partials(report)
        dependencies.read_all_code()
        with _private_folder(report) as folder:
            call = _Call(path, profile, folder, snakemake or ["--cores", "all"], due.again)
            return call.make() or _say_what_is_left(due.left)


def backend_of(profile: Profile) -> str:
    """The backend of Keras' that a profile's jobs compute with."""
    environment = dict(os.environ)
    if profile.kernel != "python3":
        from ichreport.workflow import kernels

        environment |= kernels.environment_of(profile.kernel)
    return environment.get("KERAS_BACKEND", "tensorflow")


def _say_what_is_left(problems: Sequence[str]) -> int:
    """Say what nobody but a person mends; gives the exit status."""
    for problem in problems:
        _print_error(f"make report: {problem}")
    return 1 if problems else 0


def _print_error(message: str) -> None:
    print(message, file=sys.stderr, flush=True)  # noqa: T201


@contextlib.contextmanager
def _private_folder(report: Path) -> Iterator[Path]:
    """A folder for this call alone, of a short name, as a Unix socket needs."""
    noted = report / _CALL
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        _remove(Path(read_json(noted)["folder"]))  # what a killed call has left
    folder = private_folder(_PREFIX)
    write_json(noted, {"folder": str(folder)})
    try:
        yield folder
    finally:
        _remove(folder)
        noted.unlink(missing_ok=True)


def _remove(folder: Path) -> None:
    if folder.name.startswith(_PREFIX) and folder.parent in (_TMP, Path(tempfile.gettempdir())):
        shutil.rmtree(folder, ignore_errors=True)


class _Call:
    """One call, which nobody else makes meanwhile.

    Args:
        path: The profile's parameter file.
        profile: The profile.
        folder: The call's own folder.
        snakemake: Further options of Snakemake's.
        again: Files to make anew although they are there.
    """

    def __init__(
        self,
        path: str,
        profile: Profile,
        folder: Path,
        snakemake: Sequence[str],
        again: Sequence[str],
    ) -> None:
        report = shown(profile.report_folder)
        of_runs = [f"{report}/{name}.ipynb" for name in _OF_RUNS]
        self._again = _forced(path for path in again if path not in of_runs)
        self._of_runs_again = _forced(path for path in again if path in of_runs)
        self._path, self._report, self._options = path, profile.report_folder, list(snakemake)
        self._log = self._report / LOG
        self._journal = folder / "journal.json"
        self._environment = _environment_of(self._journal)
        self._server = ServerOnDemand(folder, self._report, self._log, profile, self._environment)
        self._started = datetime.now(UTC)
        self._signals_received: list[int] = []
        self._running: BaseProcess | None = None

    def make(self) -> int:
        """Run all jobs and say what became of them; gives the exit status."""
        self._log.unlink(missing_ok=True)
        with self._ended_by_signals(), self._server:
            maps = f"{shown(self._report)}/cam.ipynb"  # the longest way: a run comes before it
            status = self._run("--prioritize", maps, *self._again, *RUNS)
            never_started = status != 0 and not self._journal_now().planned
            if not (never_started or self._signals_received):
                status = self._run(*self._of_runs_again, *_PAGES) or status
        return self._print_outcome(status, never_started=never_started)

    def _run(self, *words: str) -> int:
        """Run Snakemake to its end; gives its exit status."""
        words = (
            *self._options,
            *("--nolock", "--rerun-incomplete", "--quiet", "rules", "host"),
            *("--config", f"profile={self._path}"),
            *words,
        )
        self._running = _PROCESSES.Process(
            target=_snakemake,
            args=(words, self._environment, self._log, os.getpid()),
            name="snakemake",
        )
        sys.stdout.flush()
        self._running.start()
        if self._signals_received:  # while it was starting
            lifetime.kill_descendants()
        return self._server.wait(self._running)

    @contextlib.contextmanager
    def _ended_by_signals(self) -> Iterator[None]:
        """End the jobs when somebody asks this process to end."""

        def end(number: int, _: FrameType | None) -> None:
            self._signals_received.append(number)
            is_first, submitted = len(self._signals_received) == 1, not self._journal_now().local
            if is_first and number == signal.SIGINT:  # it has reached all that the terminal started
                signal.alarm(_SECONDS_TO_CANCEL if submitted else _SECONDS_TO_STOP)
            elif is_first and submitted:
                self._interrupt_snakemake()  # who submitted jobs takes them back
                signal.alarm(_SECONDS_TO_CANCEL)
            else:
                lifetime.kill_descendants()

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
        earlier = {number: signal.signal(number, end) for number in numbers}
        try:
            yield
        finally:
            signal.alarm(0)
            for number, handler in earlier.items():
                signal.signal(number, handler)

    def _interrupt_snakemake(self) -> None:
        if self._running is not None and self._running.pid:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(self._running.pid, signal.SIGINT)

    def _journal_now(self) -> Journal:
        return Journal.read(self._journal)

    def _print_outcome(self, status: int, *, never_started: bool) -> int:
        """Print the table of times and the outcome; gives the exit status."""
        noted = job_times.read(self._report, since=self._started)
        if noted:
            print(f"\n{job_times.as_text(noted)}\n", flush=True)  # noqa: T201
        if self._signals_received:
            _print_error("make report: interrupted; the same command goes on from here.")
            return 128 + self._signals_received[0]
        if status == 0:
            print(self._success())  # noqa: T201
            return 0
        _print_error(self._start_error() if never_started else self._failure())
        return 1

    def _success(self) -> str:
        """What there is when all went well."""
        if self._journal_now().dry_run:
            return "That was a dry run: nothing was made."
        index = self._report / "index.html"
        if not index.is_file():
            return "No report was made; none was asked for."
        return f"The report: {shown(index)}"

    def _start_error(self) -> str:
        """The message for a workflow that started no job."""
        words = self._log.read_text(encoding="utf-8", errors="replace").strip()
        return f"{words}\nmake report: the workflow could not start, for the reason above."

    def _failure(self) -> str:
        """The first error, its log, and how many jobs failed besides."""
        failed = self._journal_now().failed
        first = failed[0] if failed else {"job": "the workflow", "error": "failed", "log": ""}
        index = self._report / "index.html"
        others = "" if len(failed) < 2 else f" and {len(failed) - 1} more"
        where = f"; {shown(index)} shows what there is" if index.is_file() else ""
        return "\n".join(
            [
                f"{first['job']}: {first['error']}",
                f"Its log: {first['log'] or shown(self._log)}",
                f"make report: {first['job']}{others} failed{where}.",
            ]
        )


def _forced(paths: Iterable[str]) -> list[str]:
    """Options by which Snakemake makes files although they are there."""
    listed = list(paths)
    return ["--forcerun", *listed] if listed else []


def _environment_of(journal: Path) -> dict[str, str]:
    binaries, path = str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)
    return os.environ | {"PATH": f"{binaries}{os.pathsep}{path}", JOURNAL: str(journal)}


def _snakemake(
    words: Sequence[str], environment: Mapping[str, str], log: Path, parent: int
) -> None:
    """Run Snakemake in this process, which does nothing else.

    It holds the report as the call does, so it ends with the call from the start, not only once it
    has imported what it needs and read the workflow.
    """
    lifetime.die_with_parent(parent)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with log.open("ab") as stream:
        os.dup2(stream.fileno(), sys.stderr.fileno())
    os.environ.update(environment)
    os.chdir(project_path("."))
    from snakemake.cli import main

    sys.argv = ["snakemake", *words]
    main(list(words))
