"""Networks, their training and their activation maps; the only package that imports Keras."""

import os

from ichreport.importing import without_garbage_collection

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # the start-up chatter of TensorFlow's libraries

with without_garbage_collection():
    import keras as keras
