"""Networks, their training and their activation maps; the only package that imports Keras."""

import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # the start-up chatter of TensorFlow's libraries

# A framework is some million objects that live as long as the process. Looking through them for
# garbage, again and again while they are made and once more at the end, takes half of the time
# that a process takes which only imports this package: 5.8 s of which 2.6 s are saved.
gc.disable()
import keras as keras  # noqa: E402

gc.freeze()
gc.enable()
