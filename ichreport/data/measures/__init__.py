"""What is measured of the slices of a store: their bleeds, and the classes that they fall into."""
