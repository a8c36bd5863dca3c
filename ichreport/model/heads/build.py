"""The head of a row, whichever it is."""

import keras

from ichreport.model.heads.dense import dense_head
from ichreport.model.heads.sequence import sequence_head
from ichreport.params.machine import Machine
from ichreport.params.training_plan import HeadPart


def build_head(head: HeadPart, features: int, machine: Machine) -> keras.Model:
    """The head of a row, from so many features: see `dense_head` and `sequence_head`."""
    kind = sequence_head if head.spec.reads_series else dense_head
    return kind(head, features, machine)
