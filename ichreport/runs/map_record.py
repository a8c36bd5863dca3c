"""`cam.json`: what was measured of a run's heat maps, for the model card and for other tools."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ichreport.evaluation.maps.against_truth import MapMeasures
from ichreport.evaluation.maps.sanity_checks import Cascade, PermutedComparison
from ichreport.files import without_nan, write_sealed_json
from ichreport.runs.record import RunRecord
from ichreport.runs.record_format import MAPS, MAPS_FORMAT, read_maps


def write(
    folder: Path,
    run: RunRecord,
    measures: MapMeasures,
    cascade: Cascade,
    permuted: PermutedComparison,
) -> None:
    """Write `cam.json` into a report's folder, atomically.

    Args:
        folder: `reports/<profile>`.
        run: The run whose maps were measured.
        measures: The measures; none where the data hold no truth.
        cascade: The check with random layers.
        permuted: The check with permuted labels.
    """
    rows = measures.table.to_dict(orient="records")
    write_sealed_json(
        folder / MAPS,
        without_nan(
            {
                "format": MAPS_FORMAT,
                "run": run.name,
                "predictions_sha256": run.record["provenance"]["predictions_sha256"],
                "method": measures.method,
                "side": measures.side,
                "layer": run.map_layer,
                "measures": rows,
                "random_layers": asdict(cascade),
                "permuted_labels": asdict(permuted),
            }
        ),
    )


def read(folder: Path, run: RunRecord) -> dict[str, Any] | None:
    """What was measured of a run's maps; None if nothing was, or of other predictions.

    Args:
        folder: `reports/<profile>`.
        run: The run.

    Raises:
        ValueError: If the file is damaged; the message names it.
    """
    kept = read_maps(folder) if run.status == "ok" else None
    if kept is None:
        return None
    expected = {
        "run": run.name,
        "predictions_sha256": run.record["provenance"].get("predictions_sha256"),
    }
    return kept if all(kept.get(key) == value for key, value in expected.items()) else None
