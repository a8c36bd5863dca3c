"""An experiment: one row of the results, within a profile."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import model_validator

from ichreport.params.endpoint import Endpoint
from ichreport.params.external import ExternalDataSet
from ichreport.params.inputs import (
    InputSpec,
    combined,
)
from ichreport.params.networks import (
    HEADS,
    NETWORKS,
    HeadSpec,
    NetworkSpec,
)
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.params.row_parameters import RowParameters
from ichreport.params.rows import compatibility
from ichreport.params.rows.combinations import Combination
from ichreport.params.samples import SAMPLES, SplitBy
from ichreport.params.training import augmentations
from ichreport.params.training.learning_curve import LearningCurve
from ichreport.params.training.optimizers import Steps
from ichreport.params.training.sequences import SequenceRecipe
from ichreport.params.training.training_plan import (
    Backbone,
    Fitting,
    HeadPart,
    TrainedNetwork,
    TrainingPlan,
    View,
)

SEED_MARK: Final = "--seed-"
"""Between a row's name and the training seed that it runs once more with."""

_OF_FITTING: Final = (
    *("loss", "positive_weight", "rarity_power", "epochs", "patience", "batch_size"),
    *("trainable_layers", "mixup", "cutmix", "slices_per_study", "head_epochs"),
)
"""Parameters that are part of a `Fitting` as they are."""


class Experiment(RowParameters):
    """One row of the results: what is trained on what, within a profile."""

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        problem = compatibility.problem(self)
        if problem:
            raise ValueError(problem)
        self.view_of(self.input_spec.name, self.network)  # refuses slices that are too small
        return self

    @property
    def steps(self) -> Steps:
        """How it takes its steps."""
        values = {field.name: getattr(self, field.name) for field in fields(Steps)}
        return Steps(**values | {"step_epochs": tuple(self.step_epochs)})

    @property
    def unequal_weights(self) -> dict[str, float]:
        """Labels that weigh otherwise than 1 in the loss, each with its weight."""
        return {label: weight for label, weight in self.label_weights.items() if weight != 1}

    @property
    def declared(self) -> dict[str, Any]:
        """What is declared before it is trained: the primary endpoint."""
        return {"primary": self.primary.model_dump()}

    @property
    def splits_by(self) -> SplitBy:
        """What stays together in this run's splits."""
        return self.split_by or SAMPLES[self.sample].split_by

    @property
    def usual_augmentations(self) -> augmentations.Augmentations:
        """How slices vary where the experiment leaves that open."""
        return augmentations.FLIP_ALONE if self.trains_on_slices else ()

    @property
    def augmentations(self) -> augmentations.Augmentations:
        """How its slices vary in training.

        Raises:
            ValueError: If `augment` cannot be read.
        """
        if self.augment is not None:
            return augmentations.parse(self.augment)
        return self.usual_augmentations

    @property
    def augment_in_words(self) -> list[Any] | None:
        """How its slices vary, item by item; as it was recorded where that cannot be read."""
        try:
            return [str(augmentation) for augmentation in self.augmentations]
        except (KeyError, ValueError):
            return self.augment

    @property
    def seed_of_training(self) -> int:
        """What first weights, order and dropout are drawn from, unless determinism is none."""
        return self.seed if self.training_seed is None else self.training_seed

    @classmethod
    def from_record(cls, parameters: Mapping[str, Any]) -> Self:
        """What was run, by the parameters of its record.

        They are not validated anew: what is not there, because the record is older than a
        parameter, is as by default, and what this version would refuse is as it was recorded.
        """
        phantom = parameters.get("phantom")
        recipe = PhantomRecipe.model_construct(**phantom) if phantom else None
        sequence = parameters.get("sequence")
        read = SequenceRecipe.model_construct(**sequence) if sequence else None
        primary = Endpoint.model_construct(**parameters.get("primary", {}))
        external = [ExternalDataSet.from_record(each) for each in parameters.get("external", [])]
        of_curve = parameters.get("learning_curve")
        curve = LearningCurve.model_construct(**of_curve) if of_curve else None
        models: dict[str, Any] = {"phantom": recipe, "sequence": read, "primary": primary}
        models |= {"external": external, "learning_curve": curve}
        return cls.model_construct(**{**parameters, **models})

    @property
    def members(self) -> list[str]:
        """The runs whose predictions it combines; none if it trains."""
        return [*self.ensemble_of, *self.blend_of]

    @property
    def combination(self) -> Combination | None:
        """How it combines its members; None if it trains."""
        if self.ensemble_of:
            return "ensemble"
        return "blend" if self.blend_of else None

    @property
    def notebook(self) -> str:
        """The notebook that runs it, of those in `notebooks`."""
        return "2-combination.ipynb" if self.members else "2-experiment.ipynb"

    @property
    def row(self) -> str:
        """The name of the row that this run is of, whatever seed it trains with."""
        return self.name.partition(SEED_MARK)[0]

    @property
    def sampling(self) -> dict[str, Any]:
        """What `data.samples.draw` needs to know of the profile and the experiment."""
        return super().sampling | {"split_by": self.split_by, "fold": self.fold}

    @property
    def input_spec(self) -> InputSpec:
        """What the network sees of a slice: its short form and what is said beside it."""
        return combined(self.input, self.windows, self.window_shape, self.neighbours)

    @property
    def network_spec(self) -> NetworkSpec:
        """What the network is."""
        return NETWORKS[self.network]

    @property
    def head_spec(self) -> HeadSpec:
        """What its head is."""
        return HEADS[self.head]

    @property
    def needs_features(self) -> bool:
        """Whether a frozen backbone's stored features come before this run.

        Where some of its layers train, the head is standardised by the features at the start.
        """
        reads_none = bool(self.members) or self.features_from is not None
        return self.network_spec.is_backbone and not reads_none

    @property
    def has_frozen_layers(self) -> bool:
        """Whether layers of a network stay as they were before this run's training."""
        reads_a_run = self.features_from is not None
        return reads_a_run or (self.needs_features and self.trainable_layers != "all")

    @property
    def trains_on_slices(self) -> bool:
        """Whether convolutions train, so that each epoch reads the slices themselves."""
        if self.members or self.features_from is not None:
            return False
        return not self.network_spec.is_backbone or self.trainable_layers != 0

    @property
    def runs_with_seeds(self) -> bool:
        """Whether the profile's further seeds are for this row too.

        A row on a frozen network's stored features trains in seconds, whatever the data's size.
        """
        return self.seeds_of == "all" or self.trains_on_stored_features

    @property
    def trains_on_stored_features(self) -> bool:
        """Whether it trains a head alone, on a frozen network's stored features."""
        return self.needs_features and not self.trains_on_slices

    @property
    def learning_shares(self) -> list[float]:
        """The shares of its training patients that it trains again on; none unless it is asked."""
        curve = self.learning_curve
        return [] if curve is None or curve.run != self.name else curve.shares

    @property
    def recipe_of_head(self) -> SequenceRecipe | None:
        """What `head: sequence` is; None for the other heads."""
        return (self.sequence or SequenceRecipe()) if HEADS[self.head].has_recipe else None

    @property
    def view(self) -> View:
        """What its network sees of the store's slices."""
        return self.view_of(self.input_spec.name, self.network)

    @property
    def backbone(self) -> Backbone | None:
        """Its pre-trained network as it came; None without one."""
        if self.members or self.features_from is not None:
            return None
        return self.backbone_of(self.input_spec.name, self.network)

    @property
    def step_size_name(self) -> Literal["learning_rate", "fine_tuning_rate"]:
        """The parameter that says how large the largest steps are."""
        return "fine_tuning_rate" if self.trainable_layers else "learning_rate"

    @property
    def fitting(self) -> Fitting:
        """How it is trained."""
        return Fitting(
            step_size=getattr(self, self.step_size_name),
            step_size_name=self.step_size_name,
            head_rate=self.learning_rate if self.head_epochs else 0.0,
            shuffle_block=self.shuffle_block if self.trains_on_slices else 1,
            seed=self.seed_of_training,
            augment=self.augmentations,
            label_weights=tuple(sorted(self.unequal_weights.items())),
            focal_labels=tuple(sorted(self.focal_labels)),
            **{name: getattr(self, name) for name in _OF_FITTING},
            **{field.name: getattr(self.steps, field.name) for field in fields(Steps)},
        )

    @property
    def plan(self) -> TrainingPlan:
        """All that its training depends on, but for its slices and the code.

        Raises:
            ValueError: If it combines other runs, or reads the features of one, which `plan_on`
                takes.
        """
        if self.members:
            raise ValueError(
                f"{self.name} combines {', '.join(self.members)} and has no network of its own; "
                "name one of them."
            )
        if self.features_from is not None:
            raise ValueError(
                f"{self.name} reads the features of {self.features_from}, so that its plan depends "
                "on that run; ichreport.runs.network_of_run.plan_of finds it. Maps are of that "
                "run's network: for them, name it."
            )
        return self.plan_on(None)

    def plan_on(self, trained: TrainedNetwork | None) -> TrainingPlan:
        """As `plan`, on the features of another run's network."""
        head = HeadPart(self.head, self.dense_layers, self.recipe_of_head, self.hierarchy)
        parts = (self.view, self.backbone, head, self.fitting, self.machine)
        return TrainingPlan(self.name, *parts, trained, tuple(self.test_time))

    @property
    def features_marker(self) -> Path:
        """The file that says that these features are computed for all samples of the profile."""
        return self.features_folder / f"{self.view.input}-{self.network}.done"

    @property
    def run_folder(self) -> Path:
        """The folder of this run's record."""
        return self.report_folder / "runs" / self.name
