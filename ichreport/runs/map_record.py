"""`cam.json`: what was measured of a run's heat maps, for the model card and for other tools."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from ichreport.files import read_json, without_nan, write_json
from ichreport.report.maps.localisation import Measured
from ichreport.report.maps.sanity import BesideShuffled, Cascade
from ichreport.runs.record import RunRecord

FORMAT: Final = 2
FILE: Final = "cam.json"


def write(
    folder: Path, run: RunRecord, measured: Measured, cascade: Cascade, compared: BesideShuffled
) -> None:
    """Write `cam.json` into a report's folder, atomically.

    Args:
        folder: `reports/<profile>`.
        run: The run whose maps were measured.
        measured: The measures; none where the data hold no truth.
        cascade: The check with random layers.
        compared: The check with permuted labels.
    """
    rows = measured.table.to_dict(orient="records")
    write_json(
        folder / FILE,
        without_nan(
            {
                "format": FORMAT,
                "run": run.name,
                "predictions_sha256": run.record["provenance"]["predictions_sha256"],
                "method": measured.method,
                "side": measured.side,
                "measures": rows,
                "random_layers": asdict(cascade),
                "permuted_labels": asdict(compared),
            }
        ),
    )


def read(folder: Path, run: RunRecord) -> dict[str, Any] | None:
    """What was measured of a run's maps; None if nothing was, or of other predictions.

    Args:
        folder: `reports/<profile>`.
        run: The run.

    Raises:
        ValueError: If the file is not readable.
    """
    path = folder / FILE
    if run.status != "ok" or not path.is_file():
        return None
    found: dict[str, Any] = read_json(path)
    known = run.record["provenance"].get("predictions_sha256")
    same = found.get("format") == FORMAT and found.get("predictions_sha256") == known
    return found if same and found.get("run") == run.name else None
