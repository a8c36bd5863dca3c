"""How often a positive of a label counts in `weighted-bce`."""

import math
from dataclasses import dataclass

from ichreport.params.training.open_choices import MAX_POSITIVE_WEIGHT


@dataclass(frozen=True)
class Weighting:
    """A rule that weighs the positives of a label.

    Attributes:
        constant: The weight of all labels; None weighs by rarity.
        power: Of negatives per positive, which is the weight by rarity, at most
            `MAX_POSITIVE_WEIGHT`.
    """

    constant: float | None = None
    power: float = 1.0

    def weight(self, positives: int, slices: int) -> float:
        """The weight of a label; 1 without a positive, since nothing is there to be weighted.

        Args:
            positives: Training slices with the label.
            slices: All of them.
        """
        if not positives:
            return 1.0
        if self.constant is not None:
            return self.constant
        return min(math.pow(ratio(positives, slices), self.power), MAX_POSITIVE_WEIGHT)

    def is_capped(self, positives: int, slices: int) -> bool:
        """Whether rarity would weigh a label more."""
        by_rarity = self.constant is None and positives > 0
        return by_rarity and math.pow(ratio(positives, slices), self.power) > MAX_POSITIVE_WEIGHT


def ratio(positives: int, slices: int) -> float:
    """Negatives per positive of a label; NaN without a positive.

    Args:
        positives: Slices with the label.
        slices: All of them.
    """
    return (slices - positives) / positives if positives else math.nan
