"""From predictions to figures with uncertainty: scores, operating points, calibration, findings."""
