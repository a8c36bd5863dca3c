"""Data sets of other hospitals, which finished runs are applied to."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from ichreport.params.folders import check_apart, check_own_folder
from ichreport.params.mistakes import NAME_PATTERN, brief
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.params.yaml import LARGEST_SEED, Parameters, project_path

if TYPE_CHECKING:
    from ichreport.params.profile import Profile

READERS_FILE: Final = "readers.csv"
"""In the folder of synthetic heads, what simulated readers say of each study."""

Kind = Literal["cq500", "ct-ich"]
"""Public data sets whose layout is known."""


class SimulatedReaders(Parameters):
    """Readers of synthetic heads, who err independently of each other."""

    count: int = Field(default=3, ge=1, le=9, description="readers of each study")
    sensitivity: float = Field(
        default=0.92, gt=0.5, le=1, description="chance that a reader sees a kind that is there"
    )
    specificity: float = Field(
        default=0.98, gt=0.5, le=1, description="chance that a reader sees none that is not"
    )
    seed: int = Field(default=1, ge=0, le=LARGEST_SEED, description="seed of their errors")


class ExternalDataSet(Parameters):
    """A data set of another hospital, and the runs that are applied to it."""

    name: str = Field(pattern=NAME_PATTERN, description="what it is called on pages and in folders")
    source: str = Field(description="its folder or zip")
    kind: Kind | None = Field(
        default=None, description="cq500 or ct-ich; null: the challenge's layout, or DICOM series"
    )
    labels: str | None = Field(
        default=None, description="label CSV of slices or of studies; null: the data set's own"
    )
    citation: str = Field(default="", description="whom to cite for it")
    licence: str = Field(default="", description="what its licence allows")
    phantom: PhantomRecipe | None = Field(
        default=None, description="recipe of its synthetic heads; null for real data"
    )
    readers: SimulatedReaders | None = Field(
        default=None, description="simulated readers, who label the synthetic studies"
    )
    runs: list[str] = Field(
        default=[], max_length=1000, description="runs to apply; none: the profile's cam_run"
    )

    @field_validator("source", "labels")
    @classmethod
    def _can_be_a_path(cls, path: str | None) -> str | None:
        if path is not None and (not path.strip() or not path.isprintable()):
            raise ValueError("the path of a file or folder")
        if path is not None and ("{" in path or "}" in path):
            raise ValueError("a path without { and }, which stand for wildcards in a workflow")
        return path

    @field_validator("runs")
    @classmethod
    def _each_run_once(cls, runs: list[str]) -> list[str]:
        if len(set(runs)) < len(runs):
            raise ValueError("names of runs, each once")
        return runs

    @model_validator(mode="after")
    def _readers_read_synthetic_heads(self) -> Self:
        if self.readers is not None and (self.phantom is None or self.labels is not None):
            raise ValueError("with a phantom and without labels where it has readers")
        if self.kind is not None and self.phantom is not None:
            raise ValueError("without a phantom where it has a kind, which is of real data")
        return self

    @classmethod
    def from_record(cls, recorded: Mapping[str, Any]) -> Self:
        """What a record says, which is not validated anew."""
        phantom, readers = recorded.get("phantom"), recorded.get("readers")
        models = {
            "phantom": PhantomRecipe.model_construct(**phantom) if phantom else None,
            "readers": SimulatedReaders.model_construct(**readers) if readers else None,
        }
        return cls.model_construct(**{**recorded, **models})

    @property
    def pseudonymise(self) -> bool | None:
        """Whether to hash identifiers; those of the public data sets are nobody's names."""
        return None if self.kind is None else False

    @property
    def labels_file(self) -> Path | None:
        """Its label CSV, where it is not the source's own."""
        if self.readers is not None:
            return project_path(self.source) / READERS_FILE
        return project_path(self.labels) if self.labels else None


def check_external(profile: "Profile") -> None:
    """Refuse data sets of other hospitals that are not apart from a profile's own and each other.

    Raises:
        ValueError: If two are of one name, one is made of the same patients, or a folder lies in
            another that is written, or in the profile's own source.
    """
    names = [data.name for data in profile.external]
    if len({name.lower() for name in names}) < len(names):  # each is a folder's
        raise ValueError(
            f"external must be of names that differ not in case alone, got {brief(names)}."
        )
    own = ("source", profile.source_folder)
    written, read = [("store", profile.store_folder)], [own]
    for data in profile.external:
        store = (f"the store of {data.name}", profile.external_store(data.name))
        source = (f"the source of {data.name}", project_path(data.source))
        _check_synthetic(data, profile.phantom)
        check_apart([store], [*written, *read, source])
        check_apart([source], [*written, *(read if data.phantom else [own])])
        written += [store, *([source] if data.phantom else [])]
        read.append(source)


def _check_synthetic(data: ExternalDataSet, own: PhantomRecipe | None) -> None:
    if data.phantom is None:
        return
    if own is not None and data.phantom.seed == own.seed:
        raise ValueError(
            f"external {data.name}: phantom.seed must be another than the profile's, {own.seed}: "
            "the same seed makes the same patients."
        )
    try:
        check_own_folder(data.source, "the synthetic heads'", "data/elsewhere/rsna")
    except ValueError as error:
        raise ValueError(
            f"external {data.name}: source must be {error}, got {brief(data.source)}."
        ) from None
