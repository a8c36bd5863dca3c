"""What pre-trained networks need: scaling, first convolutions for any channels, weights."""
