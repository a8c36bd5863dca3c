"""Timing alternatives beside each other on a machine that does other things too."""

import argparse
import inspect
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class Skipped(Exception):  # noqa: N818
    """Raised by a benchmark that cannot run here, with what is missing."""


def main(measure: Callable[..., dict[str, Any]], **quick: Any) -> None:
    """Run a benchmark from the command line and print its figures as JSON.

    Args:
        measure: The benchmark.
        quick: Its arguments with `--quick`, which shows that it works and measures nothing well.
    """
    parser = argparse.ArgumentParser(description=inspect.getmodule(measure).__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small and once, to see it work")
    parser.add_argument("--repeats", type=int, help="turns to measure in")
    options = parser.parse_args()
    words = dict(quick) if options.quick else {}
    if options.repeats and "repeats" in inspect.signature(measure).parameters:
        words["repeats"] = options.repeats
    try:
        print(json.dumps(measure(**words), indent=2))
    except Skipped as reason:
        print(json.dumps({"skipped": str(reason)}))


def interleaved(
    alternatives: Mapping[str, Callable[[], object]],
    *,
    repeats: int = 5,
    prepare: Callable[[str], object] = lambda name: None,
) -> dict[str, list[float]]:
    """Seconds of each alternative, measured in turns so that a busy moment hits all of them.

    Each is called once before, to warm up. `prepare` is called with an alternative's name before
    each of its turns, by nobody's clock.
    """
    for name, run in alternatives.items():
        prepare(name)
        run()
    seconds: dict[str, list[float]] = {name: [] for name in alternatives}
    for _ in range(repeats):
        for name, run in alternatives.items():
            prepare(name)
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    return seconds


def median_ratio(slow: list[float], fast: list[float]) -> float:
    """How many times faster one is than the other: the median over the turns."""
    return statistics.median(s / f for s, f in zip(slow, fast, strict=True))


def alone(function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """Run a function in a fresh process.

    Returns:
        `seconds` (by its own clock), `peak_mib` (its largest resident memory) and its `result`.
    """
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        found: dict[str, Any] = pool.apply(_watched, (function, arguments))
        pool.close()  # lets the process end by itself, with everything it has open
        pool.join()
    return found


def _watched(function: Callable[..., Any], arguments: tuple[Any, ...]) -> dict[str, Any]:
    started = time.perf_counter()
    result = function(*arguments)
    seconds = time.perf_counter() - started
    # Not getrusage: what it gives to a new process includes the peak of the one it came from.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    return {"seconds": seconds, "peak_mib": peak, "result": result}
