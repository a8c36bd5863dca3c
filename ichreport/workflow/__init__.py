"""How the report's jobs run: one after the other, side by side, on one machine or on a cluster."""
