"""What a set of synthetic heads says of itself, and of what in them looks like blood."""
