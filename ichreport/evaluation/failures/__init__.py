"""What a run misses and where it raises false alarms, by what may have caused it."""
