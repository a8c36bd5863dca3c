"""Rows of a report: their files, what goes together in one, and what they are to each other."""
