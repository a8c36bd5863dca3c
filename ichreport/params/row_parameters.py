"""What the file of a row may say, parameter by parameter."""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, StringConstraints

from ichreport.params.inputs import MOST_NEIGHBOURS, Input, Windows, WindowShape
from ichreport.params.mistakes import NAME_PATTERN
from ichreport.params.networks import (
    Head,
    Hierarchy,
    LabelNames,
    LabelWeights,
    Loss,
    Network,
    PositiveWeight,
    TrainableLayers,
)
from ichreport.params.profile import Profile
from ichreport.params.samples import FoldName, Sample, SplitBy
from ichreport.params.training.optimizers import Optimizer, Schedule
from ichreport.params.training.sequences import SequenceRecipe
from ichreport.params.training.training_plan import TestTimeView
from ichreport.params.yaml import LARGEST_SEED, Float32, listed

SCRATCH: Final = "scratch"
"""The run that a notebook with the parameters of its own cell makes; each one replaces the last."""

RunName = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""What a run may be called."""


def _text(text: str) -> str:
    if text and not text.strip():
        raise ValueError("words, or left out")
    return text


Text = Annotated[str, AfterValidator(_text)]
"""What a page says as it is written; empty if there is nothing to say."""


class RowParameters(Profile):
    """What a row sets for itself, beside what its profile sets for all."""

    name: str = Field(
        default=SCRATCH,
        pattern=NAME_PATTERN,
        description="name of the run, reports/<profile>/runs/<name>",
    )
    question: Text = Field(default="", description="what this experiment asks")
    hindsight: Text = Field(
        default="", description="what of it was chosen after a look at test patients, and of whom"
    )
    poster_row: int | None = Field(
        default=None, ge=1, le=14, description="row of the poster's table that this reproduces"
    )
    baseline: str | None = Field(
        default=None,
        pattern=NAME_PATTERN,
        description="run that this one is compared with; null: none",
    )
    ensemble_of: list[RunName] = Field(
        default=[], description="runs whose mean logits this row predicts, training nothing"
    )
    blend_of: list[RunName] = Field(
        default=[], description="two runs whose logits are weighted by label on validation"
    )
    sample: Sample = Field(default="sampa", description=listed(Sample))
    input: Input = Field(default="raw", description=listed(Input))
    windows: Windows = Field(
        default=None, description="brain, bone, … or {center, width}; null: as input"
    )
    neighbours: int | None = Field(
        default=None,
        ge=0,
        le=MOST_NEIGHBOURS,
        description="slices on each side that are seen too; null: as input",
    )
    window_shape: WindowShape | None = Field(
        default=None, description="linear or sigmoid; null: as input, else linear"
    )
    network: Network = Field(
        default="densenet121",
        description="cnn7, cnn7fast, or a backbone: densenet121, … (docs/networks.md)",
    )
    head: Head = Field(default="dense", description=listed(Head))
    dense_layers: int = Field(
        default=2, ge=1, le=8, description="Dense layers of the head, the logits included"
    )
    sequence: SequenceRecipe | None = Field(
        default=None, description="what head: sequence is, such as cell: gru; null: as by default"
    )
    features_from: str | None = Field(
        default=None,
        pattern=NAME_PATTERN,
        description="run whose trained network gives the features; null: none",
    )
    trainable_layers: TrainableLayers = Field(
        default=0, description="the backbone's last layers that train: 0, 1, … or all"
    )
    fine_tuning_rate: Float32 = Field(
        default=1e-4, description="largest step size where layers of a backbone train"
    )
    head_epochs: int = Field(
        default=0,
        ge=0,
        le=1_000,
        description="epochs in which the head trains alone, before the backbone does too",
    )
    augment: list[Any] | None = Field(
        default=None,
        description="how slices vary in training; null: [flip] where layers train",
    )
    mixup: float = Field(
        default=0, ge=0, le=100, description="alpha of mixup, means of two slices; 0: none"
    )
    cutmix: float = Field(
        default=0,
        ge=0,
        le=100,
        description="alpha of CutMix, slices with a patch of another; 0: none",
    )
    slices_per_study: int | None = Field(
        default=None,
        ge=1,
        le=65_536,
        description="most slices that a study gives an epoch; null: all",
    )
    loss: Loss = Field(default="bce", description=listed(Loss))
    positive_weight: PositiveWeight = Field(
        default=None, description="weight of positives in weighted-bce; null: rarity"
    )
    rarity_power: float = Field(
        default=1, gt=0, le=2, description="power of negatives per positive, where these weigh"
    )
    label_weights: LabelWeights = Field(
        default={}, description="weights of labels in the loss, such as any: 2; 1 if not named"
    )
    focal_labels: LabelNames = Field(
        default=[], description="labels whose loss is focal, such as epidural; the others' is loss"
    )
    hierarchy: Hierarchy | None = Field(
        default=None,
        description="subtypes given any: together or conditional; null: side by side",
    )
    optimizer: Optimizer = Field(default="adam", description=listed(Optimizer))
    weight_decay: float = Field(
        default=0, ge=0, lt=1, description="share of each weight that AdamW takes, times the step"
    )
    schedule: Schedule = Field(
        default="plateau",
        description="plateau; or all epochs, with steps that fall: cosine (to 0) or steps",
    )
    warm_up: float = Field(
        default=0, ge=0, description="first epochs in which steps grow, of a cosine or of steps"
    )
    step_epochs: list[int] = Field(
        default=[], max_length=100, description="epochs after which steps become a tenth"
    )
    clip_norm: Float32 | None = Field(
        default=None, description="largest norm of all slopes together; null: any"
    )
    accumulate: int = Field(
        default=1, ge=1, le=65_536, description="batches whose mean slope a step takes"
    )
    ema: float = Field(
        default=0,
        ge=0,
        lt=1,
        description="what a step leaves of the weights' moving average, such as 0.999; 0: none",
    )
    test_time: list[TestTimeView] = Field(
        default=[], max_length=1, description="views averaged at prediction: [flip] or [reverse]"
    )
    split_by: SplitBy | None = Field(
        default=None, description="slice or group; null: sampa by slice, the others by group"
    )
    fold: FoldName | None = Field(
        default=None,
        description="fold that is validation, such as 0/5; null: a tenth of the groups",
    )
    training_seed: int | None = Field(
        default=None,
        ge=0,
        le=LARGEST_SEED,
        description="seed of training alone; null: the seed of everything",
    )
