"""Calibration: reliability, recalibration, and the net benefit of acting on a probability."""
