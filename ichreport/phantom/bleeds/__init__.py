"""Blood in the head: one module for each of the five subtypes, and what they have in common."""
