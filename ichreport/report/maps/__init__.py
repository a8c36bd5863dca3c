"""The page of activation maps."""
