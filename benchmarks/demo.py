"""Where the time of the whole demo went, by part: what the jobs of reports/demo noted.

    make report && python benchmarks/demo.py
    python benchmarks/demo.py --against b74b9e9 --repeats 3

Without `--against` nothing is run: the figures are those of the report that is there. With it,
whole reports are made in turns, in bare clones of this commit and of another, each from an empty
folder with the environment set up.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from side_by_side import Skipped, median_ratio

from ichreport.files import read_json
from ichreport.report import timings
from ichreport.runs import job_times

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "reports" / "demo"
MADE = ("data", "reports/demo", ".snakemake")


def measure(report: Path = REPORT) -> dict[str, Any]:
    """Seconds of each part, summed over jobs, and from the first job's start to the last's end.

    Raises:
        Skipped: If there is no report.
    """
    noted = job_times.read(report)
    if not noted:
        raise Skipped("reports/demo has no notes of its jobs; make report first")
    parts = timings.seconds_by_part(noted)
    notes = [read_json(report / job_times.FOLDER / f"{job.name}.json") for job in noted]
    starts = [datetime.fromisoformat(note["started"]).timestamp() for note in notes]
    ends = [start + note["wall_seconds"] for start, note in zip(starts, notes, strict=True)]
    overhead = sum(job.starting + job.importing for job in noted)
    return {
        "jobs": len(noted),
        "failed": sum(job.failed for job in noted),
        "first_start_to_last_end_seconds": max(ends) - min(starts),
        "cpu_seconds": sum(job.cpu for job in noted),
        "job_seconds": parts,
        "starting_and_importing_over_all": overhead / sum(parts.values()),
    }


def measure_against(commit: str, repeats: int) -> dict[str, Any]:
    """Whole reports of this commit and of another, in turns.

    Raises:
        subprocess.CalledProcessError: If a clone, an environment or a report cannot be made.
    """
    with tempfile.TemporaryDirectory() as folder:
        clones = {name: Path(folder) / name for name in ("ours", "theirs")}
        for name, clone in clones.items():
            _run(["git", "clone", "--quiet", ROOT, clone], ROOT)
            if name == "theirs":
                _run(["git", "checkout", "--quiet", commit], clone)
            _run(["make", ".venv/.ready"], clone)
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in clones}
        for _ in range(repeats):
            for name in ("theirs", "ours"):
                taken[name].append(_of_a_report(clones[name]))
    wall, cpu = ({name: [one[i] for one in taken[name]] for name in taken} for i in (0, 1))
    return {
        "against": commit,
        "wall_seconds": {name: statistics.median(values) for name, values in wall.items()},
        "cpu_seconds": {name: statistics.median(values) for name, values in cpu.items()},
        "wall_ours_over_theirs": median_ratio(wall["ours"], wall["theirs"]),
        "cpu_ours_over_theirs": median_ratio(cpu["ours"], cpu["theirs"]),
        "turns": taken,
    }


def _of_a_report(clone: Path) -> tuple[float, float]:
    """Seconds by the clock and of CPU that a report takes from nothing."""
    for made in MADE:
        shutil.rmtree(clone / made, ignore_errors=True)
    before, started = os.times(), time.perf_counter()
    _run(["make", "report"], clone)
    after = os.times()
    cpu = after.children_user + after.children_system
    return time.perf_counter() - started, cpu - before.children_user - before.children_system


def _run(words: Sequence[str | Path], folder: Path) -> None:
    subprocess.run(words, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", metavar="COMMIT", help="make whole reports beside this one's")
    parser.add_argument("--quick", action="store_true", help="the same: nothing is run")
    parser.add_argument("--repeats", type=int, default=3, help="turns of whole reports")
    options = parser.parse_args()
    try:
        against = options.against
        found = measure_against(against, options.repeats) if against else measure()
        print(json.dumps(found, indent=2))
    except Skipped as reason:
        print(json.dumps({"skipped": str(reason)}))


if __name__ == "__main__":
    main()
