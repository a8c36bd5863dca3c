"""What the challenge's 752,803 slices would take, from the jobs of a report on fewer.

    make report PROFILE=scale && python benchmarks/projection.py           # 20,000 slices, one GPU
    python benchmarks/projection.py --report reports/demo

Nothing is run: what each job noted is scaled by the number of slices, all but its start and its
imports. That assumes that time is proportional to slices, that experiments take as many epochs,
that samples have the same shares, and that jobs run one after the other, as they do on one GPU.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from side_by_side import Skipped

from ichreport import poster
from ichreport.data.store_format import read_manifest
from ichreport.params.profile import Profile
from ichreport.report import timings
from ichreport.runs import job_times

ROOT = Path(__file__).parents[1]
MADE_HERE = "phantom"


def measure(report: Path) -> dict[str, Any]:
    """Hours of each part at the challenge's size.

    Raises:
        Skipped: If there is no report.
    """
    noted = [job for job in job_times.read(report) if job.rule != MADE_HERE]
    if not noted:
        raise Skipped(f"{report} has no notes of its jobs; make report PROFILE={report.name} first")
    profile = Profile.from_files(ROOT / "params" / f"{report.name}.yaml")
    slices = int(read_manifest(profile.store_folder)["counts"]["slices"])
    starting = {"starting processes and kernels", "imports"}
    seconds = {
        part: taken * (1 if part in starting else poster.SLICES / slices)
        for part, taken in timings.seconds_by_part(noted).items()
    }
    return {
        "slices": slices,
        "jobs": len(noted),
        "failed": sum(job.failed for job in noted),
        "hours": {part: taken / 3600 for part, taken in seconds.items()},
        "hours_together": sum(seconds.values()) / 3600,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--report", type=Path, default=ROOT / "reports" / "scale")
    parser.add_argument("--quick", action="store_true", help="the same: nothing is run")
    parser.add_argument("--repeats", type=int, help="not used: nothing is run")
    try:
        print(json.dumps(measure(parser.parse_args().report.resolve()), indent=2))
    except Skipped as reason:
        print(json.dumps({"skipped": str(reason)}))
