"""Networks, their training and their activation maps; the only package that imports Keras."""
