"""Parameters: profiles, experiments, the choices they have, and the files that say them."""
