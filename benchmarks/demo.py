"""Where the time of the whole demo went, by part: what the jobs of reports/demo noted.

    make report && python benchmarks/demo.py

Nothing is run: the figures are those of the report that is there.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

from side_by_side import Skipped, main

from ichreport import jobs
from ichreport.files import read_json
from ichreport.report import timings

REPORT = Path(__file__).parents[1] / "reports" / "demo"


def measure(report: Path = REPORT) -> dict[str, Any]:
    """Seconds of each part, summed over jobs, and from the first job's start to the last's end.

    Raises:
        Skipped: If there is no report.
    """
    noted = jobs.read(report)
    if not noted:
        raise Skipped("reports/demo has no notes of its jobs; make report first")
    parts = timings.seconds_by_part(noted)
    notes = [read_json(report / jobs.FOLDER / f"{job.name}.json") for job in noted]
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


if __name__ == "__main__":
    main(measure)
