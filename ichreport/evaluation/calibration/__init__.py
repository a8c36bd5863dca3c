"""Whether probabilities mean what they say, what mends them, and what acting on them is worth."""
