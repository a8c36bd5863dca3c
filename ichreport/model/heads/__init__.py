"""What is trained on a backbone's features: Dense layers, or a recurrence over the series."""
