"""What is known of runs and studies in the formats of other programs."""
