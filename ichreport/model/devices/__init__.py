"""The devices of a machine: whether a GPU computes, what it uses, and what its memory holds."""
