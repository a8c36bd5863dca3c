"""Run benchmarks, print their ratios and keep their figures: `make bench`.

    python benchmarks/run.py                     # all of them: an hour on two cores
    python benchmarks/run.py ingest batches      # some
    python benchmarks/run.py --quick             # all, small and once, to see that they work

Each benchmark runs in a process of its own. Figures go to benchmarks/results/<date>-<machine>.json;
those of other benchmarks there stay. `--quick` keeps none.
"""

import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ichreport.files import read_json, write_json

HERE = Path(__file__).parent
RESULTS = HERE / "results"
SUPPORT = (
    "run",
    "side_by_side",
    "resampled_scores",
    "simulated_test_sets",
    "gpu_recipes",
)  # the last runs by hand, where there is a GPU
ON_ONE_CORE = (
    "areas",
    "batches",
    "coverage",
    "explore",
    "index",
    "ingest",
    "labels",
    "phantom",
)
"""Those whose figures are of one core: numerical libraries get one thread."""


def machine() -> str:
    """What this machine is called if nobody says: its cores and its maker's name for them."""
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.is_file() else ""
    model = re.search(r"^model name\s*: (.*)$", text, flags=re.MULTILINE)
    words = re.sub(r"\((R|TM)\)", "", model[1] if model else platform.machine()).split()
    name = []
    for word in words:
        if name and any(letter.isdigit() for letter in word):
            break  # a model's number, which tells nobody anything
        name.append(word)
    place = " (cloud VM)" if re.search(r"^flags.*\bhypervisor\b", text, flags=re.MULTILINE) else ""
    return f"{os.cpu_count()}-core {' '.join(name)}{place}"


def run(name: str, words: list[str]) -> dict[str, Any]:
    """The figures of one benchmark, from a process of its own.

    Raises:
        subprocess.CalledProcessError: If it fails.
    """
    one = {"OMP_NUM_THREADS": "1"} if name in ON_ONE_CORE else {}
    done = subprocess.run(
        [sys.executable, str(HERE / f"{name}.py"), *words],
        stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, **one},
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def ratios(found: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Whatever among some figures is a ratio: its name says `over` or `ratio`."""
    for key, value in found.items():
        inner = f"{name} {key}".strip()
        if isinstance(value, dict):
            yield from ratios(value, inner)
        elif isinstance(value, int | float) and re.search(r"(\b|_)(over|ratio)(\b|_)", inner):
            yield inner.replace("_", " "), value


def main() -> int:
    """Run the benchmarks that were asked for, one after another."""
    known = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in SUPPORT)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("benchmarks", nargs="*", help=f"which of {', '.join(known)}; all if none")
    parser.add_argument("--machine", default=machine(), help="what to call this machine")
    parser.add_argument("--quick", action="store_true", help="small and once, to see them work")
    parser.add_argument("--repeats", type=int, help="turns to measure in; each has its own number")
    options = parser.parse_args()
    unknown = sorted(set(options.benchmarks) - set(known))
    if unknown:
        parser.error(f"{', '.join(unknown)}: no such benchmark; there are {', '.join(known)}")
    words = ["--quick"] if options.quick else []
    words += ["--repeats", str(options.repeats)] if options.repeats else []
    slug = re.sub(r"[^a-z0-9]+", "-", options.machine.lower()).strip("-")
    path = RESULTS / f"{datetime.datetime.now(datetime.UTC).date()}-{slug}.json"
    kept: dict[str, Any] = read_json(path) if path.is_file() else {}
    kept["machine"] = options.machine
    failed = 0
    for name in options.benchmarks or known:
        try:
            found = run(name, words)
        except subprocess.CalledProcessError as error:
            print(f"{name}: failed with status {error.returncode}", flush=True)
            failed += 1
            continue
        skipped = found.get("skipped")
        for reason in skipped.values() if isinstance(skipped, dict) else [skipped] * bool(skipped):
            print(f"{name}: skipped, {reason}", flush=True)
        for ratio, value in ratios(found):
            print(f"{name}: {ratio} {value:.3g}", flush=True)
        if not options.quick and not isinstance(skipped, str):
            kept[name] = found
            write_json(path, kept)
    if not options.quick:
        print(path)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
