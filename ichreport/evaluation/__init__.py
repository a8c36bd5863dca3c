"""From predictions to figures with uncertainty: scores, thresholds, calibration, findings."""
