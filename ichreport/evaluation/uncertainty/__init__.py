"""Uncertainty over linked patient groups: resamples, intervals, closed forms, spread over seeds."""
