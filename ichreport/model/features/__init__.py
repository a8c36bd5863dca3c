"""What a network that does not train makes of slices: computed once, stored, and shared."""
