"""The page of one run: its tables, curves and pictures."""
