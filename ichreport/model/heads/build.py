"""The head of a row, whichever it is."""

import keras

from ichreport.model.heads.dense import dense_head
from ichreport.model.heads.recurrent import recurrent_head
from ichreport.model.heads.sequence import sequence_head
from ichreport.params.machine import Machine
from ichreport.params.training.training_plan import HeadPart


def build_head(head: HeadPart, features: int, machine: Machine) -> keras.Model:
    """The head of a row, from so many features: dense, recurrent by a recipe, or a BiLSTM."""
    if not head.spec.reads_series:
        return dense_head(head, features, machine)
    kind = recurrent_head if head.spec.has_recipe else sequence_head
    return kind(head, features, machine)
