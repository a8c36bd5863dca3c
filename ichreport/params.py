"""Validated parameters: what a profile, an experiment and each notebook may be told.

An experiment's file says what a row *is*, and a profile says where it runs.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, PlainValidator, field_validator, model_validator

from ichreport.parameter_files import Parameters, project_path, read_yaml

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


class PhantomRecipe(Parameters):
    """How a set of synthetic head CTs is made."""

    patients: int = Field(default=160, ge=1, description="synthetic patients to make")
    seed: int = Field(default=3179, ge=0, description="seed of everything random in them")
    matrix: int = Field(default=256, ge=64, le=1024, description="rows and columns of a slice")
    slices: int = Field(default=10, ge=8, le=80, description="slices of a typical series")
    prevalence: Literal["enriched", "rsna"] = Field(
        default="enriched",
        description="share of bleeds: enriched for small sets, or the challenge's",
    )
    faults: bool = Field(default=True, description="plant a few of the challenge's file faults")


Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
"""Arithmetic of the networks: mixed ones multiply in 16 bits and keep weights in 32."""

Determinism = Literal["none", "seeded", "strict"]
"""How alike two trainings of one row are.

none: each draws its own initial weights, order and dropout. seeded: these follow the seed; on a GPU
the order of additions does not, so that probabilities agree closely, not exactly. strict: on the
same machine, software and devices the weights agree bit for bit, at the price of slower kernels.
Samples, splits and random backbones follow the seed at every level.
"""


def _devices(value: Any) -> int | Literal["all"]:
    if value == "all" or (type(value) is int and value >= 1):
        return value  # type: ignore[no-any-return]
    raise ValueError("all or a whole number from 1")


Devices = Annotated[int | Literal["all"], PlainValidator(_devices)]
"""On how many devices of one machine a network computes: each takes its share of every batch.

Losses are those of one device, up to rounding, which long steps amplify as training goes on; but on
TensorFlow each draws dropout for itself.
"""


def _trainable_layers(value: Any) -> int | Literal["all"]:
    if value == "all" or (type(value) is int and value >= 0):
        return value  # type: ignore[no-any-return]
    raise ValueError("all or a whole number from 0")


TrainableLayers = Annotated[int | Literal["all"], PlainValidator(_trainable_layers)]
"""How many of a backbone's last layers train with its head: of its convolutions.

Batch normalization stays as it is, whatever trains: its statistics are of far more images.
"""


class Profile(Parameters):
    """Where and how large a report runs: the data, the sizes, the training budget."""

    profile: str = Field(
        default="demo", pattern=NAME_PATTERN, description="name of the report, reports/<profile>"
    )
    source: str = Field(
        default="data/demo/rsna", description="the challenge's folder, or a tree of DICOM series"
    )
    labels: str | None = Field(
        default=None,
        description="label CSV of one's own; null for the challenge's",
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
        default=0.01, ge=0, le=1, description="share of unreadable files that stops the ingest"
    )
    ingest_jobs: int = Field(
        default=1, ge=1, le=1000, description="jobs that share the ingest; more on a cluster"
    )
    sampa_share: float = Field(
        default=0.3, gt=0, le=1, description="share of all slices in SampA (poster: 100K of 753K)"
    )
    sampb_share: float = Field(default=0.5, gt=0, le=1, description="share of all series in SampB")
    seed: int = Field(default=1, ge=0, description="seed of samples, splits and training")
    seeds: list[int] = Field(
        default=[], description="further seeds of training: each row runs once more with each"
    )
    weights: str | None = Field(
        default=None, description="backbone weights: imagenet, a .weights.h5 file, or null"
    )
    epochs: int = Field(default=12, ge=1, description="most passes over the training slices")
    patience: int = Field(default=3, ge=1, description="epochs without gain before stopping")
    batch_size: int = Field(default=32, ge=1, description="slices a training step")
    learning_rate: float = Field(default=2e-3, gt=0, description="Adam's step size at the start")
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
    experiments: str = Field(
        default="params/experiments", description="folder with a file for each expected run"
    )
    cam_run: str = Field(
        default="15-fullid-sigmoid-cnn7-bce",
        pattern=NAME_PATTERN,
        description="run whose activation maps are shown",
    )
    cam_per_group: int = Field(
        default=4, ge=1, le=24, description="slices shown for each label and outcome"
    )

    @model_validator(mode="after")
    def _seeds_differ(self) -> Self:
        if len({*self.seeds, self.seed}) <= len(self.seeds) or min(self.seeds, default=0) < 0:
            raise ValueError(
                f"seeds must be numbers of at least 0, each once and other than seed {self.seed}, "
                f"got {self.seeds}: a run that repeats another says nothing of luck."
            )
        return self

    @field_validator("source", "store", "experiments")
    @classmethod
    def _holds_no_braces(cls, path: str) -> str:
        if "{" in path or "}" in path:
            raise ValueError("a path without { and }, which stand for wildcards in a workflow")
        return path

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
        """The folder in the challenge's layout."""
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
    def experiment_files(self) -> dict[str, Path]:
        """The parameter file of each expected run, by the run's name, in order."""
        folder = project_path(self.experiments)
        return {path.stem: path for path in sorted(folder.glob("*.yaml"))}

    @property
    def features_folder(self) -> Path:
        """The stored features, beside the store they were computed from."""
        return self.store_folder.parent / "features"

    @property
    def sampling(self) -> dict[str, Any]:
        """What `data.samples.draw` needs to know of the profile."""
        return self.model_dump(include={"seed", "sampa_share", "sampb_share"})

    @property
    def report_folder(self) -> Path:
        """The folder of the generated report."""
        return project_path("reports") / self.profile


Sample = Literal["sampa", "sampb", "fullid"]
Input = Literal["raw", "linear", "sigmoid", "adjacent"]
Network = Literal["cnn7", "densenet121", "efficientnetb7", "inceptionresnetv2"]
Head = Literal["dense", "bilstm", "bilstm-attention"]
Loss = Literal["bce", "weighted-bce", "focal"]
SplitBy = Literal["slice", "group"]
SPLIT_BY: Final[Mapping[Sample, SplitBy]] = {"sampa": "slice", "sampb": "group", "fullid": "group"}
"""What stays together in each sample's splits: nothing, as the poster did, or a linked group."""
SMALLEST_SIDE: Final[Mapping[Network, int]] = {
    "cnn7": 32,
    "densenet121": 32,
    "efficientnetb7": 32,
    "inceptionresnetv2": 75,
}
"""Pixels a side of the smallest image that each network takes."""
SEED_MARK: Final = "--seed-"
"""Between a row's name and the training seed that it runs once more with."""


class Experiment(Profile):
    """One row of the results: what is trained on what, within a profile."""

    name: str = Field(
        default="05-sampa-raw-densenet-bce",
        pattern=NAME_PATTERN,
        description="name of the run, reports/<profile>/runs/<name>",
    )
    question: str = Field(default="", description="what this experiment asks")
    poster_row: int | None = Field(
        default=None, ge=1, le=14, description="row of the poster's table that this reproduces"
    )
    sample: Sample = Field(default="sampa", description="sampa, sampb or fullid")
    input: Input = Field(default="raw", description="raw, linear, sigmoid or adjacent")
    network: Network = Field(
        default="densenet121", description="cnn7, densenet121, efficientnetb7 or inceptionresnetv2"
    )
    head: Head = Field(default="dense", description="dense, bilstm or bilstm-attention")
    dense_layers: int = Field(
        default=2, ge=1, le=8, description="Dense layers of the head, the logits included"
    )
    trainable_layers: TrainableLayers = Field(
        default=0, description="the backbone's last layers that train: 0, 1, … or all"
    )
    fine_tuning_rate: float = Field(
        default=1e-4, gt=0, description="Adam's step size where layers of a backbone train"
    )
    loss: Loss = Field(default="bce", description="bce, weighted-bce or focal")
    split_by: SplitBy | None = Field(
        default=None, description="slice or group; null: sampa by slice, the others by group"
    )
    training_seed: int | None = Field(
        default=None, ge=0, description="seed of training alone; null: the seed of everything"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.network == "cnn7" and self.head != "dense":
            raise ValueError(
                f"head {self.head} reads the features of a backbone, and network cnn7 has none; "
                "choose head: dense, or a backbone."
            )
        if self.trainable_layers and self.network == "cnn7":
            raise ValueError(
                "trainable_layers is for backbones, and network cnn7 always trains whole; "
                "leave trainable_layers out."
            )
        if self.trainable_layers and self.head != "dense":
            raise ValueError(
                f"head {self.head} reads stored features, which trainable_layers would change; "
                "choose head: dense, or trainable_layers: 0."
            )
        if self.head != "dense" and self.splits_by == "slice":
            raise ValueError(
                f"head {self.head} reads whole series, and sample {self.sample} is split by slice; "
                "choose head: dense, split_by: group, or sample: sampb or fullid."
            )
        if self.image_size < SMALLEST_SIDE[self.network]:
            raise ValueError(
                f"image_size must be at least {SMALLEST_SIDE[self.network]} for {self.network}, "
                f"got {self.image_size}."
            )
        return self

    @property
    def splits_by(self) -> SplitBy:
        """What stays together in this run's splits."""
        return self.split_by or SPLIT_BY[self.sample]

    @property
    def seed_of_training(self) -> int:
        """What first weights, order and dropout are drawn from, unless determinism is none."""
        return self.seed if self.training_seed is None else self.training_seed

    @property
    def row(self) -> str:
        """The name of the row that this run is of, whatever seed it trains with."""
        return self.name.partition(SEED_MARK)[0]

    @property
    def sampling(self) -> dict[str, Any]:
        """What `data.samples.draw` needs to know of the profile and the experiment."""
        return super().sampling | {"split_by": self.split_by}

    @property
    def pixels_seen(self) -> int:
        """Pixels a side that the network sees: the store's, or for a backbone `backbone_size`.

        A backbone that takes nothing that small sees the fewest that it takes.
        """
        if self.network == "cnn7" or self.backbone_size is None:
            return self.image_size
        return min(max(self.backbone_size, SMALLEST_SIDE[self.network]), self.image_size)

    @property
    def needs_features(self) -> bool:
        """Whether a frozen backbone's stored features come before this run.

        Where some of its layers train, the head is standardised by the features at the start.
        """
        return self.network != "cnn7"

    @property
    def trains_on_slices(self) -> bool:
        """Whether convolutions train, so that each epoch reads the slices themselves."""
        return self.network == "cnn7" or self.trainable_layers != 0

    @property
    def step_size(self) -> tuple[str, float]:
        """The parameter that says how large Adam's steps are, and its value."""
        name = "fine_tuning_rate" if self.trainable_layers else "learning_rate"
        return name, getattr(self, name)

    @property
    def features_marker(self) -> Path:
        """The file that says that these features are computed for all samples of the profile."""
        return self.features_folder / f"{self.input}-{self.network}.done"

    @property
    def run_folder(self) -> Path:
        """The folder of this run's record."""
        return self.report_folder / "runs" / self.name


def read_experiments(profile: Profile) -> dict[str, Experiment]:
    """Read the experiments that a profile's report is expected to have, by name, in order.

    Each row of the table comes once, and once more with each of the profile's further seeds. What
    the profile sets wins over what an experiment's file sets, as with papermill's `-f … -f …`.

    Raises:
        ValueError: If a file does not validate, or names its run other than itself.
    """
    experiments, mistakes = read_each_experiment(profile)
    if mistakes:
        raise ValueError("\n".join(mistakes.values()))
    return experiments


def read_each_experiment(profile: Profile) -> tuple[dict[str, Experiment], dict[str, str]]:
    """As `read_experiments`, with what is wrong with a file beside those that are right.

    Returns:
        The experiments by name, and of each file with a mistake, by its stem, what is wrong.
    """
    experiments: dict[str, Experiment] = {}
    mistakes: dict[str, str] = {}
    for stem, path in profile.experiment_files.items():
        try:
            experiments |= _rows_of(profile, path)
        except ValueError as mistake:
            mistakes[stem] = str(mistake)
    return experiments, mistakes


def _rows_of(profile: Profile, path: Path) -> dict[str, Experiment]:
    """The runs of one experiment's file."""
    values = read_yaml(path) | profile.model_dump(exclude_unset=True)
    experiment = Experiment.parse(values, where=str(path))
    if experiment.name != path.stem:
        raise ValueError(f"{path}: name must be {path.stem!r}, got {experiment.name!r}.")
    rows = {experiment.name: experiment}
    for seed in profile.seeds:
        name = f"{experiment.name}{SEED_MARK}{seed}"
        again = values | {"name": name, "training_seed": seed}
        rows[name] = Experiment.parse(again, where=str(path))
    return rows
