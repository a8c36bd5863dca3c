"""A finished run with all that predicting takes: weights, decisions, and the runs it rests on."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from ichreport.data.acquisition_range import AcquisitionRange
from ichreport.evaluation.assessment import Assessment
from ichreport.evaluation.operating.decisions import Decisions
from ichreport.params.experiment import Experiment
from ichreport.params.training.training_plan import TrainedNetwork, TrainingPlan
from ichreport.runs.record import RunRecord, read_finished
from ichreport.runs.record_format import RECORD

BACKBONE: Final = "backbone.weights.h5"
"""In a pack, the weights of the frozen network before a run's head."""


def check(run: Path) -> None:
    """Say what is wrong with a run before a framework starts, which takes seconds.

    Args:
        run: Its folder, or a pack of it, of which only whether it is there is looked at.

    Raises:
        ValueError: As `SavedRun.read`.
        FileNotFoundError: If there is nothing of that name.
    """
    if run.is_dir():
        SavedRun.read(run)
    elif not run.is_file():
        raise FileNotFoundError(
            f"{run}: there is no such run. Name its folder, reports/<profile>/runs/<name>, or a "
            "file that `ichreport pack` made."
        )


@dataclass(frozen=True)
class SavedRun:
    """A run as it lies in a report, or as it came out of a pack.

    Attributes:
        run: Its folder and record.
        members: The runs that it combines; of a blend the first and the second.
        network: The run whose network gives it its features.
    """

    run: RunRecord
    members: tuple["SavedRun", ...] = ()
    network: "SavedRun | None" = None

    @classmethod
    def read(cls, folder: Path, *, is_packed: bool = False) -> "SavedRun":
        """Read a run's folder, and those of the runs that it rests on, which lie beside it.

        Args:
            folder: `reports/<profile>/runs/<name>`.
            is_packed: Whether it came out of a pack.

        Raises:
            ValueError: If it or one of those is not finished or damaged, or has been made anew
                since it was read; the message names it and the cure.
        """
        if not folder.is_dir():
            raise ValueError(f"{folder}: there is no such run; {_known_beside(folder)}")
        folder = folder.resolve()  # a run's name is its folder's, also where that is `.`
        run = read_finished(folder, "Nothing can be predicted by", is_packed=is_packed)
        network = None
        if (read := run.record["provenance"]["network"]) is not None:
            network = cls.read(_beside(folder, read["run"]), is_packed=is_packed)
            known, found = read["weights_sha256"], network.provenance["weights_sha256"]
            if known != found:
                raise ValueError(
                    f"{folder} reads the features of {network.name}, which has been trained anew "
                    f"since; run {run.name} again."
                )
        members = []
        for member in (run.combination or {}).get("members", []):
            saved = cls.read(_beside(folder, member["name"]), is_packed=is_packed)
            if saved.provenance["predictions_sha256"] != member["predictions_sha256"]:
                raise ValueError(
                    f"{folder} combines {saved.name}, which has been made anew since; run "
                    f"{run.name} again."
                )
            members.append(saved)
        return cls(run, tuple(members), network)

    @property
    def name(self) -> str:
        """The run's name."""
        return self.run.name

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What the run came of, as its record says."""
        provenance: Mapping[str, Any] = self.run.record["provenance"]
        return provenance

    @property
    def experiment(self) -> Experiment:
        """What was run."""
        return self.run.experiment

    @property
    def image_size(self) -> int:
        """Pixels a side of the slices that it takes."""
        return self.experiment.image_size

    @property
    def is_synthetic(self) -> bool:
        """Whether it has learned from synthetic heads."""
        return bool(self.provenance["synthetic"])

    @cached_property
    def assessment(self) -> Assessment:
        """What was measured when it was made."""
        return Assessment.from_record(self.run.record["assessment"])

    @cached_property
    def decisions(self) -> Decisions:
        """What it has chosen on validation."""
        return Decisions.of(self.assessment)

    @cached_property
    def learned_from(self) -> AcquisitionRange:
        """How the series were taken that it has learned from."""
        return AcquisitionRange.from_record(self.run.record["learned_from"])

    @property
    def identity(self) -> str:
        """The hash that tells it from other runs: that of its weights, or of its predictions."""
        kept = self.provenance
        return str(kept["weights_sha256"] or kept["predictions_sha256"])

    @property
    def all_runs(self) -> list["SavedRun"]:
        """It and the runs that it rests on, each once."""
        below = [*self.members, *([self.network] if self.network else [])]
        found = {self.name: self}
        for saved in below:
            found |= {one.name: one for one in saved.all_runs}
        return list(found.values())

    @property
    def plan(self) -> TrainingPlan:
        """All that its training depends on, but for its slices and the code.

        Raises:
            ValueError: If it combines others, or if a weights file is missing or damaged.
        """
        if self.network is None:
            return self.experiment.plan
        run = self.network.run
        sha256 = self.network.provenance["weights_sha256"]
        trained = TrainedNetwork(run.name, self.network.plan, str(run.weights), sha256)
        return self.experiment.plan_on(trained)

    @property
    def backbone(self) -> Path | None:
        """The file of its frozen network's weights, where a pack brings them along."""
        path = self.run.folder / BACKBONE
        return path if path.is_file() else None


def _beside(folder: Path, name: str) -> Path:
    return folder.parent / name


def _known_beside(folder: Path) -> str:
    """The runs that lie where one was looked for, as a hint."""
    known = sorted(record.parent.name for record in folder.parent.glob(f"*/{RECORD}"))
    return f"there: {', '.join(known)}." if known else "name one, reports/<profile>/runs/<name>."
