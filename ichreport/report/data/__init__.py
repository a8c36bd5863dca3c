"""The page of the data: its tables and figures."""
