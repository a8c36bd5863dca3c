"""How bright blood is."""

import numpy as np


def acute_hu(rng: np.random.Generator, *, subtle: bool) -> float:
    """Intensity of acute blood: 50 to 80 HU with the haematocrit (New and Aronow 1976)."""
    return float(rng.uniform(53, 60) if subtle else np.clip(rng.normal(66, 5), 56, 80))
