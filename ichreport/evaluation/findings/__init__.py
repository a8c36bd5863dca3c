"""The poster's findings: what decides them, what is measured for that, and the verdicts."""
