"""What synthetic heads are asked for: a recipe, and the scanners that there are."""
