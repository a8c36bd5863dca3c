"""What slices share: splits of one sample, or another hospital and the training data."""
