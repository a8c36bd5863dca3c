"""A profile: where and how large a report runs."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from ichreport.labels import ANY
from ichreport.params.endpoint import Endpoint, Prevalences
from ichreport.params.external import ExternalDataSet, check_external
from ichreport.params.folders import check_own_folder
from ichreport.params.ingest import GroupBy, SeriesToKeep
from ichreport.params.machine import Determinism, Devices, Machine, Precision
from ichreport.params.mistakes import NAME_PATTERN, brief
from ichreport.params.networks import NETWORKS, Network
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.params.training.learning_curve import LearningCurve
from ichreport.params.training.training_plan import FEATURES_FOLDER, Backbone, View
from ichreport.params.yaml import (
    LARGEST_SEED,
    Float32,
    Parameters,
    known_profiles,
    project_path,
    shown,
)

_LONGEST_NAME: Final = 255
"""Bytes of a file's name, at most."""

_LONGEST_PATH: Final = 4000
"""Bytes of a path, at most."""


SeedsOf = Literal["all", "features"]
"""Which rows run once more with each further seed: all, or those on stored features alone."""

OF_THE_REPORT: Final = frozenset(
    {
        *("profile", "experiments", "seeds", "seeds_of", "cam_run", "cam_per_group", "kernel"),
        *("source", "labels", "pseudonymise", "store", "phantom", "image_size"),
        *("max_reject_share", "ingest_jobs", "primary", "prevalence", "external", "require_gpu"),
        "learning_curve",
    }
)
"""What all rows of a report share, so that no row can set it for itself."""


class Profile(Parameters):
    """Where and how large a report runs: the data, the sizes, the training budget."""

    profile: str = Field(
        default="demo", pattern=NAME_PATTERN, description="name of the report, reports/<profile>"
    )
    source: str = Field(
        default="data/demo/rsna",
        description="the challenge's folder or zip, or a tree of DICOM series",
    )
    labels: str | None = Field(
        default=None,
        description="label CSV of one's own; null for the challenge's",
    )
    group_by: GroupBy = Field(
        default="patient",
        description="patient, or study where anonymising gave all patients the same ID",
    )
    series: SeriesToKeep | None = Field(
        default=None,
        description="best (a head series a study) or all; null: all of the challenge's",
    )
    pseudonymise: bool | None = Field(
        default=None,
        description="hash identifiers; null: all but the challenge's",
    )
    store: str = Field(default="data/demo/store", description="folder of the ingested slices")
    phantom: PhantomRecipe | None = Field(
        default=None, description="recipe of the synthetic heads; null for real data"
    )
    image_size: int = Field(default=96, ge=32, le=512, description="pixels a side in the store")
    backbone_size: int | None = Field(
        default=None,
        ge=32,
        le=512,
        description="pixels a side that backbones see; null: image_size",
    )
    max_reject_share: float = Field(
        default=0.01, ge=0, le=1, description="share of damaged files that stops the ingest"
    )
    ingest_jobs: int = Field(
        default=1, ge=1, le=1000, description="jobs that share the ingest; more on a cluster"
    )
    sampa_share: float = Field(
        default=0.3, gt=0, le=1, description="share of all slices in SampA (poster: 100K of 753K)"
    )
    sampb_share: float = Field(default=0.5, gt=0, le=1, description="share of all series in SampB")
    seed: int = Field(
        default=1, ge=0, le=LARGEST_SEED, description="seed of samples, splits and training"
    )
    seeds: list[int] = Field(
        default=[],
        max_length=1000,
        description="further seeds of training: each row runs once more with each",
    )
    seeds_of: SeedsOf = Field(
        default="all", description="rows that do: all, or features: those on stored features alone"
    )
    weights: str | None = Field(
        default=None, description="backbone weights: imagenet, a .weights.h5 file, or null"
    )
    epochs: int = Field(
        default=12, ge=1, le=10_000, description="most passes over the training slices"
    )
    patience: int = Field(
        default=3, ge=1, le=10_000, description="epochs without gain before stopping"
    )
    batch_size: int = Field(default=32, ge=1, le=65_536, description="slices a training step")
    shuffle_block: int = Field(
        default=1,
        ge=1,
        le=65_536,
        description="slices that lie together and are shuffled as one; more for disks that seek",
    )
    learning_rate: Float32 = Field(
        default=2e-3, description="largest step size; where steps only fall, the first"
    )
    require_gpu: bool = Field(default=False, description="fail on a machine without a GPU")
    kernel: str = Field(
        default="python3",
        pattern=NAME_PATTERN,
        description="Jupyter kernel of the notebooks: python3 or ichreport-gpu",
    )
    devices: Devices = Field(default=1, description="devices that share each batch: 1, 2, … or all")
    precision: Precision = Field(
        default="float32", description="float32, mixed_bfloat16 or mixed_float16"
    )
    determinism: Determinism = Field(
        default="seeded", description="none, seeded, or strict: the same weights bit for bit"
    )
    experiments: str | list[str] = Field(
        default="params/experiments",
        description="folder of the rows, or a list of such",
    )
    cam_run: str = Field(
        default="15-fullid-sigmoid-cnn7-bce",
        pattern=NAME_PATTERN,
        description="run whose activation maps are shown",
    )
    cam_per_group: int = Field(
        default=4, ge=1, le=24, description="slices shown for each label and outcome"
    )
    learning_curve: LearningCurve | None = Field(
        default=None, description="row that trains again on fewer patients; null: none"
    )
    primary: Endpoint = Field(default=Endpoint(), description="what this report is about")
    prevalence: Prevalences = Field(
        default=[0.02, 0.05], description="shares of bleeding at which alarms are foretold"
    )
    external: list[ExternalDataSet] = Field(
        default=[], max_length=100, description="data sets of other hospitals to apply runs to"
    )

    @classmethod
    def parse(cls, values: Mapping[str, Any], *, where: str) -> Self:
        """As any parameters', but for the file of a row, which is told as a whole."""
        if "name" in values and "name" not in cls.model_fields:
            raise ValueError(
                f"{where} is the file of a row, and no profile. Known profiles: "
                f"{known_profiles()}; a profile's experiments may name that file alone."
            )
        return super().parse(values, where=where)

    @model_validator(mode="after")
    def _seeds_differ(self) -> Self:
        are_seeds = all(0 <= seed <= LARGEST_SEED for seed in self.seeds)
        if len({*self.seeds, self.seed}) <= len(self.seeds) or not are_seeds:
            raise ValueError(
                f"seeds must be numbers from 0 to {LARGEST_SEED}, each once and other than seed "
                f"{self.seed}, got {brief(self.seeds)}: a run that repeats another says nothing of "
                "luck."
            )
        return self

    @field_validator("experiments", mode="before")
    @classmethod
    def _is_one_or_several(cls, paths: Any) -> Any:
        several = isinstance(paths, list) and all(isinstance(path, str) for path in paths)
        if not several and not isinstance(paths, str):
            raise ValueError("the path of a folder of rows, or a list of such paths")
        return paths

    @field_validator("source", "labels", "store", "weights", "experiments")
    @classmethod
    def _can_be_a_path(cls, path: str | list[str] | None) -> str | list[str] | None:
        if path is None:
            return None
        if isinstance(path, list):
            if not path or len(set(path)) < len(path):
                raise ValueError("paths of folders or files, at least one, and each once")
            return [str(cls._can_be_a_path(one)) for one in path]
        if not path.strip():
            raise ValueError("the path of a file or folder, or left out where it may be null")
        if not path.isprintable():
            raise ValueError("a path of printable characters")
        longest = max(len(os.fsencode(part)) for part in path.split("/"))
        if longest > _LONGEST_NAME or len(os.fsencode(path)) > _LONGEST_PATH:
            raise ValueError("a path of a length that file systems take")
        return path

    @field_validator("source", "store", "experiments")
    @classmethod
    def _holds_no_braces(cls, path: str | list[str]) -> str | list[str]:
        if any("{" in one or "}" in one for one in ([path] if isinstance(path, str) else path)):
            raise ValueError("a path without { and }, which stand for wildcards in a workflow")
        return path

    @field_validator("store")
    @classmethod
    def _is_no_place_of_others(cls, path: str) -> str:
        check_own_folder(path, "the store's", "data/demo/store")
        return path

    @model_validator(mode="after")
    def _source_and_store_are_apart(self) -> Self:
        if self.phantom is not None:  # the source is written, too
            try:
                check_own_folder(self.source, "the synthetic heads'", "data/demo/rsna")
            except ValueError as error:
                raise ValueError(f"source must be {error}, got {brief(self.source)}.") from None
        source, store = self.source_folder.resolve(), self.store_folder.resolve()
        if source.is_relative_to(store) or store.is_relative_to(source):
            raise ValueError(
                f"store must be a folder beside source, got {brief(self.store)} and "
                f"{brief(self.source)}: neither may lie in the other."
            )
        return self

    @model_validator(mode="after")
    def _external_data_are_apart(self) -> Self:
        check_external(self)
        return self

    @model_validator(mode="after")
    def _backbones_see_no_more_than_there_is(self) -> Self:
        if self.backbone_size is not None and self.backbone_size > self.image_size:
            raise ValueError(
                f"backbone_size must be at most image_size, {self.image_size}, got "
                f"{self.backbone_size}: the store holds no more pixels."
            )
        return self

    @property
    def source_folder(self) -> Path:
        """The folder or the zip of DICOM files."""
        return project_path(self.source)

    @property
    def labels_file(self) -> Path | None:
        """The label CSV, where the profile names one."""
        return project_path(self.labels) if self.labels else None

    @property
    def store_folder(self) -> Path:
        """The store of ingested slices."""
        return project_path(self.store)

    @property
    def prevalences(self) -> dict[str, list[float]]:
        """By label, `prevalence`: of any bleeding, and of what the report is about."""
        return dict.fromkeys((ANY, self.primary.label), self.prevalence)

    def view_of(self, input: str, network: Network) -> View:  # noqa: A002
        """What a network sees of the store's slices through an input, by its name.

        A backbone sees `backbone_size` pixels a side, or the fewest that it takes.

        Raises:
            ValueError: If the slices are smaller than what the network takes.
        """
        seen, spec = self.image_size, NETWORKS[network]
        if self.image_size < spec.smallest_side:
            raise ValueError(
                f"image_size must be at least {spec.smallest_side} for {network}, got "
                f"{self.image_size}."
            )
        if spec.is_backbone and self.backbone_size is not None:
            seen = min(max(self.backbone_size, spec.smallest_side), self.image_size)
        return View(input, network, self.image_size, seen)

    def backbone_of(self, input: str, network: Network) -> Backbone | None:  # noqa: A002
        """A pre-trained network behind an input; None if the network trains from scratch."""
        if not NETWORKS[network].is_backbone:
            return None
        return Backbone(self.view_of(input, network), self.weights, self.seed)

    @property
    def experiment_files(self) -> dict[str, Path]:
        """The parameter file of each expected run, by the run's name, in order.

        Raises:
            ValueError: If two files are of one name, or a file that is named is not there.
        """
        named = [self.experiments] if isinstance(self.experiments, str) else self.experiments
        files: dict[str, Path] = {}
        for path in map(project_path, named):
            is_file = path.suffix == ".yaml"
            if is_file and not path.is_file():
                raise ValueError(f"experiments: there is no file {shown(path)}.")
            if not is_file and not path.is_dir():
                raise ValueError(
                    f"experiments: there is no folder {shown(path)}; name one, or files that end "
                    "in .yaml."
                )
            for one in [path] if is_file else path.glob("*.yaml"):
                if one.stem in files:
                    if one.resolve() == files[one.stem].resolve():
                        raise ValueError(f"experiments: {shown(one)} is named twice.")
                    raise ValueError(
                        f"experiments: {shown(one)} and {shown(files[one.stem])} are of one name."
                    )
                files[one.stem] = one
        return dict(sorted(files.items()))

    @property
    def features_folder(self) -> Path:
        """The stored features, beside the store they were computed from."""
        return self.store_folder.parent / FEATURES_FOLDER

    @property
    def machine(self) -> Machine:
        """How networks compute."""
        return Machine(self.devices, self.precision, self.determinism)

    @property
    def sampling(self) -> dict[str, Any]:
        """What `data.samples.draw` needs to know of the profile."""
        return self.model_dump(include={"seed", "sampa_share", "sampb_share"})

    def external_store(self, name: str) -> Path:
        """The store of another hospital's data set."""
        return self.store_folder.parent / "external" / name / "store"

    def external_heads(self, name: str) -> Path:
        """The mark that says that another hospital's synthetic heads are made."""
        return self.external_store(name).with_name("heads.done")

    def external_data(self, name: str) -> ExternalDataSet:
        """A data set of another hospital, by its name.

        Raises:
            ValueError: If the profile names none such.
        """
        for data in self.external:
            if data.name == name:
                return data
        known = ", ".join(data.name for data in self.external) or "none"
        raise ValueError(f"external: {name!r} is no data set of {self.profile}. Known: {known}.")

    def elsewhere(self, name: str) -> Self:
        """The profile by which another hospital's data set is made and ingested.

        Args:
            name: The name of one of `external`.

        Raises:
            ValueError: If there is no such data set.
        """
        data = self.external_data(name)
        labels = data.labels_file
        return self.model_copy(
            update={
                **{"source": data.source, "labels": str(labels) if labels else None},
                **{"group_by": "patient", "series": None, "pseudonymise": data.pseudonymise},
                **{"phantom": data.phantom, "store": str(self.external_store(name))},
                **{"ingest_jobs": 1, "external": []},
            }
        )

    def runs_elsewhere(self, data: ExternalDataSet) -> list[str]:
        """The runs that are applied to a data set."""
        return data.runs or [self.cam_run]

    @property
    def report_folder(self) -> Path:
        """The folder of the generated report."""
        return project_path("reports") / self.profile
