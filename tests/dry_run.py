"""What Snakemake would do, asked of a process that has imported Snakemake once for all who ask."""

import multiprocessing
import os
import sys

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["snakemake.cli"])


def run(folder, environment, words, log):
    """Run `snakemake` in a folder, what it says going to a file; gives its exit status."""
    process = _PROCESSES.Process(target=_become, args=(folder, environment, words, log))
    process.start()
    process.join()
    return process.exitcode


def _become(folder, environment, words, log):
    """Turn this process, which has imported nothing of the package, into `snakemake`."""
    for number in (1, 2):
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path.insert(0, str(folder))
    sys.argv = ["snakemake", *words]
    from snakemake.cli import main

    main(list(words))
