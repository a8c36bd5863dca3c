"""How a network is trained, as parameters say it."""
