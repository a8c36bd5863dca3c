"""The scanner: what turns a head into slices, with all that a measurement adds."""
