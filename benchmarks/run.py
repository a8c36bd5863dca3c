"""Run benchmarks and keep their figures.

    OMP_NUM_THREADS=1 python benchmarks/run.py ingest labels index batches

Figures go to benchmarks/results/<date>-<machine>.json; those of other benchmarks there stay.
"""

import argparse
import datetime
import importlib
import json
import os
import platform
import re
from pathlib import Path
from typing import Any

from ichreport.files import read_json, write_json

RESULTS = Path(__file__).parent / "results"


def machine() -> str:
    """What this machine is called if nobody says."""
    return f"{os.cpu_count()}-core {platform.processor() or platform.machine()}"


def main() -> None:
    """Run the benchmarks that were asked for, one after another."""
    known = sorted(path.stem for path in Path(__file__).parent.glob("*.py"))
    known = [name for name in known if name not in ("run", "side_by_side")]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("benchmarks", nargs="+", choices=known)
    parser.add_argument("--machine", default=machine(), help="what to call this machine")
    options = parser.parse_args()
    slug = re.sub(r"[^a-z0-9]+", "-", options.machine.lower()).strip("-")
    path = RESULTS / f"{datetime.datetime.now(datetime.UTC).date()}-{slug}.json"
    found: dict[str, Any] = read_json(path) if path.is_file() else {}
    found["machine"] = options.machine
    for name in options.benchmarks:
        found[name] = importlib.import_module(name).measure()
        print(json.dumps({name: found[name]}, indent=2))
        write_json(path, found)
    print(path)


if __name__ == "__main__":
    main()
