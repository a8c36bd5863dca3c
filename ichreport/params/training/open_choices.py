"""What the poster leaves open of its networks and losses, and what we chose: numbers, each once."""

from typing import Final

CNN7_FILTERS: Final = (8, 16, 32, 64, 64, 128, 128)
"""Output channels of the small network's seven blocks."""
CNN7_KERNEL: Final = 3
"""Pixels a side of its convolutions."""
CNN7_INITIALISATION: Final = "he_normal"
"""How their weights start, by Keras' name (He et al. 2015)."""
CNN7_MOMENTUM: Final = 0.9
"""What a step leaves of the moving averages of its batch normalizations."""
HEAD_UNITS: Final = 256
"""Units of every Dense layer of a head but the last."""
DROPOUT: Final = 0.3
"""Share of units that drop out between Dense layers in training."""
LSTM_UNITS: Final = 64
"""Units of the LSTM in each direction."""
ATTENTION_HEADS: Final = 4
"""Heads of the self-attention behind it."""
ATTENTION_KEY: Final = 2 * LSTM_UNITS // ATTENTION_HEADS
"""Size of the keys of each of these heads: together that of the LSTM's states."""
FOCAL_GAMMA: Final = 2.0
FOCAL_ALPHA: Final = 0.25
"""Focusing and balance of the focal loss: the values that Lin et al. 2017 settle on."""
MAX_POSITIVE_WEIGHT: Final = 100.0
"""A positive counts at most this often where its label's rarity weighs it."""
