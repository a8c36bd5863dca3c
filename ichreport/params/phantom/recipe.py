"""What synthetic heads are made by; apart from profiles, whose new parameters make none anew."""

from typing import Any, Final, Literal

from pydantic import Field, field_validator

from ichreport.params.phantom import scanners as known_scanners
from ichreport.params.yaml import LARGEST_SEED, Parameters

DESCRIPTION_FILE: Final = "phantom.json"
"""In the folder of synthetic heads, what was made: the recipe, each patient and each study."""


class PhantomRecipe(Parameters):
    """How a set of synthetic head CTs is made."""

    patients: int = Field(default=160, ge=1, le=1_000_000, description="synthetic patients to make")
    seed: int = Field(
        default=3179, ge=0, le=LARGEST_SEED, description="seed of everything random in them"
    )
    matrix: int = Field(default=256, ge=64, le=1024, description="rows and columns of a slice")
    slices: int = Field(default=10, ge=8, le=80, description="slices of a typical series")
    anatomy: Literal["adult", "varied"] = Field(
        default="varied",
        description="adult: sound adult heads; varied: of all ages, shapes and histories",
    )
    scanners: str | list[str] = Field(
        default=known_scanners.VARIED,
        description="one, varied, or names of scanners and hospitals that they are taken on",
    )
    prevalence: Literal["enriched", "rsna"] = Field(
        default="enriched",
        description="share of bleeds: enriched for small sets, or the challenge's",
    )
    faults: bool = Field(default=True, description="plant a few of the challenge's file faults")

    @field_validator("scanners", mode="before")
    @classmethod
    def _are_known(cls, scanners: Any) -> Any:
        known_scanners.named(scanners)
        return scanners
