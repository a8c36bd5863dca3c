"""What the notebook of new studies is asked."""

from typing import Literal

from pydantic import Field

from ichreport.params.yaml import Parameters

Rule = Literal["recall-85", "sensitivity-95", "specificity-90", "youden"]
"""The rules of `evaluation.operating.thresholds.RULES`, by name."""


class NewStudies(Parameters):
    """Which run is applied to what, and how its findings are told."""

    run: str = Field(
        default="reports/demo/runs/15-fullid-sigmoid-cnn7-bce",
        min_length=1,
        description="folder of a run, or a pack of it",
    )
    source: str = Field(
        default="data/demo/rsna/stage_2_train",
        min_length=1,
        description="a folder or a zip of one study, or a tree of studies",
    )
    rule: Rule = Field(default="recall-85", description="the rule whose thresholds call labels")
    prevalence: float = Field(
        default=0.02,
        gt=0,
        lt=1,
        description="share of studies with a label that probabilities are told for",
    )
