"""The six labels of the RSNA 2019 intracranial hemorrhage challenge."""

from typing import Final

SUBTYPES: Final = (
    "epidural",
    "intraparenchymal",
    "intraventricular",
    "subarachnoid",
    "subdural",
)
ANY: Final = "any"

LABELS: Final = (*SUBTYPES, ANY)
"""The order of every label axis in this package: the five subtypes, then `any`."""

SCORE_WEIGHTS: Final = (1, 1, 1, 1, 1, 2)
"""Weights of the challenge's log loss, in the order of `LABELS`: `any` counts twice."""
