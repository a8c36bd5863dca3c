"""TensorFlow, JAX and torch, each behind the same names: the only modules that import them.

`ichreport.model.backend` picks the one that Keras runs on.
"""
