"""Applying a run to new studies: seconds a study, and memory over a thousand of them.

    python benchmarks/predicting.py [--quick] [RUN]

RUN is a finished run, by default the demo's row 15. Studies of 36 slices of 512 x 512 pixels are
made up from synthetic heads. Measured after start: taking one in, predicting it, its heat and its
page, each by the median over studies, beside reading its files' pixels by pydicom alone. Then as
many studies as asked for go through one process, in blocks, with the memory after each block: what
a reader of the figures looks for is that it does not grow.
"""

import argparse
import json
import resource
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import pydicom

from ichreport.application import heat
from ichreport.application.loaded_run import load
from ichreport.application.predict import FoundStudies, Options
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.phantom import write_phantom
from ichreport.report.study import study_page

RUN = Path("reports/demo/runs/15-fullid-sigmoid-cnn7-bce")
SLICES = 36
BLOCK = 100


def studies_of(source: Path) -> list[list[Path]]:
    """The files of each study."""
    by_study: dict[str, list[Path]] = {}
    for path in sorted((source / "stage_2_train").glob("*.dcm")):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        by_study.setdefault(str(header.StudyInstanceUID), []).append(path)
    return [files for files in by_study.values() if len(files) >= SLICES // 2]


def resident() -> float:
    """MB of memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def linked(files: list[Path], folder: Path) -> Path:
    """A folder with these files."""
    folder.mkdir(parents=True)
    for path in files:
        (folder / path.name).hardlink_to(path)
    return folder


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("run", nargs="?", type=Path, default=RUN)
    options = parser.parse_args()
    patients, repeats, many = (3, 2, 20) if options.quick else (12, 9, 1000)
    block = min(BLOCK, many // 2)
    with tempfile.TemporaryDirectory() as name, load(options.run) as run:
        folder = Path(name)
        recipe = PhantomRecipe(patients=patients, matrix=512, slices=SLICES, faults=False)
        write_phantom(folder / "rsna", recipe, workers=2, progress=False)
        studies = studies_of(folder / "rsna")
        predictor, asked = run.predictor, Options()
        seconds: dict[str, list[float]] = {"found": [], "heat": [], "page": [], "pydicom": []}
        for repeat in range(repeats + 1):  # the first one compiles
            files = studies[repeat % len(studies)]
            source = linked(files, folder / f"one-{repeat}")
            laps = [perf_counter()]
            found = FoundStudies(predictor, source, asked)
            laps.append(perf_counter())
            [one] = found.findings
            maps = heat.of_study(predictor, one, found.store)
            laps.append(perf_counter())
            study_page.page(
                one, run.run, found.store, maps, rule=asked.rule, prevalence=asked.prevalence,
                path="index.html",
            )  # fmt: skip
            laps.append(perf_counter())
            for path in files:
                pydicom.dcmread(path).pixel_array  # noqa: B018
            laps.append(perf_counter())
            found.close()
            if repeat:
                for part, taken in zip(seconds, np.diff(laps).tolist(), strict=True):
                    seconds[part].append(taken)
        memory = [resident()]
        for start in range(0, many, block):
            tree = folder / f"many-{start}"
            for number in range(start, start + block):
                files = studies[number % len(studies)]
                linked(files, tree / f"{number}")
            for study in sorted(tree.iterdir()):
                found = FoundStudies(predictor, study, asked)
                heat.of_study(predictor, found.findings[0], found.store)
                found.close()
            memory.append(resident())
    medians = {part: median(values) for part, values in seconds.items()}
    whole = sum(medians[part] for part in ("found", "heat", "page"))
    print(
        json.dumps(
            {
                "what": f"{run.run.name}: studies of about {SLICES} slices of 512 x 512",
                "slices": median(map(len, studies)),
                "seconds": {part: round(value, 3) for part, value in medians.items()},
                "seconds_a_study": round(whole, 3),
                "times_reading_by_pydicom": round(whole / medians["pydicom"], 2),
                "studies": many,
                "memory_mb_after_each_block": [round(value) for value in memory],
                "repeats": repeats,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
