"""The arrays of a store: files of slices in HU, and how they are read."""
