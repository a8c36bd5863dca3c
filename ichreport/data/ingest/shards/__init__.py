"""Shards while they are made: which files go into which, and what becomes of each file."""
