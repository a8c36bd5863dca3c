"""How a network is trained: batches, losses, step sizes, and the loop over epochs."""
