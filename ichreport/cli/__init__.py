"""The command line: one command for each job of the report's graph; each also works by hand.

A mistake ends with a line that says what is wrong, and exit status 2. A mistake is what ichreport
refuses on purpose, by a `raise` in its own code, and what the machine refuses: a disk that is full,
a folder that may not be written to. Everything else may be a bug and shows its traceback.
"""

import argparse
import errno
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import ichreport
from ichreport.cli import (
    data_commands,
    evaluate_command,
    report_commands,
    study_commands,
    training_commands,
)
from ichreport.cli.messages import brief
from ichreport.workflow import timed

_PACKAGE: Final = Path(ichreport.__file__).parent
_MISTAKES: Final = (ValueError, TypeError, OSError, RuntimeError)
_REFUSED_BY_THE_MACHINE: Final = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT),
        *(errno.ENAMETOOLONG, errno.ELOOP, errno.EISDIR, errno.ENOTDIR, errno.EEXIST),
    }
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The words after `ichreport`; those of the process if not given.

    Returns:
        The exit status: 0 done, 1 problems found, 2 a mistake in what was asked or given, 130 when
        interrupted from the keyboard.

    Raises:
        Exception: If something fails that nobody refused on purpose; it may be a bug.
    """
    timed.end_with_job()
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except KeyboardInterrupt:
        print(f"ichreport {options.command}: interrupted.", file=sys.stderr)  # noqa: T201
        return 128 + signal.SIGINT
    except Exception as error:
        if not _is_mistake(error):
            raise
        if options.traceback:
            traceback.print_exc()
        print(f"ichreport {options.command}: {brief(str(error))}", file=sys.stderr)  # noqa: T201
        return 2
    return status


class _Parser(argparse.ArgumentParser):
    """A parser whose errors show no more of a word than it takes to know it again."""

    def error(self, message: str) -> NoReturn:
        super().error(brief(message))


def _is_mistake(error: Exception) -> bool:
    """Whether an error was refused on purpose, by ichreport or by the machine."""
    if isinstance(error, OSError) and error.errno in _REFUSED_BY_THE_MACHINE:
        return True
    if not isinstance(error, _MISTAKES) or isinstance(error, NotImplementedError):
        return False
    raised = traceback.extract_tb(error.__traceback__)[-1]
    return Path(raised.filename).is_relative_to(_PACKAGE) and str(raised.line).startswith("raise ")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="ichreport",
        description="Make a report on detecting intracranial hemorrhage in head CT, job by job, "
        "and put its runs to work.",
        epilog="`make report` runs those that a report needs, in order.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {ichreport.__version__}")
    parser.add_argument(
        "--traceback", action="store_true", help="show where a mistake was noticed, too"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    for module in (
        *(report_commands, data_commands, training_commands, study_commands),
        evaluate_command,
    ):
        module.add(command)
    return parser
