"""Activation maps, and the networks that have learned less to compare them with."""
