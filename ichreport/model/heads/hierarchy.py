"""Labels in two steps: is there bleeding, and if so, of which subtype?"""

from typing import Any

import keras
from keras import layers, ops

from ichreport.labels import ANY, LABELS

_ANY = LABELS.index(ANY)


@keras.saving.register_keras_serializable("ichreport")
class Product(layers.Layer):  # type: ignore[misc]
    """Logits of p(any) p(subtype | any), of those of its two factors.

    With a and s for the factors' logits, the product's is -ln(exp(-a) + exp(-s) + exp(-a - s)), so
    that no subtype is more likely than any bleeding.
    """

    supports_masking = True

    def call(self, logits: Any) -> Any:
        """Logits (..., labels) of any, and of each subtype given any; the same shape."""
        of_any = logits[..., _ANY : _ANY + 1]
        both = ops.stack(
            [ops.broadcast_to(-of_any, ops.shape(logits)), -logits, -of_any - logits], axis=0
        )
        is_any = ops.cast(ops.arange(len(LABELS)) == _ANY, logits.dtype)
        return is_any * logits - (1 - is_any) * ops.logsumexp(both, axis=0)


def before_product(model: keras.Model) -> keras.Model:
    """A model of a `Product`, up to the logits of its factors; it shares the weights."""
    inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    if model.layers[-1] in inner:  # a fine-tuned one, whose last layer is its head
        head = before_product(model.layers[-1])
        return keras.Model(model.input, head(model.get_layer("pooling").output))
    return keras.Model(model.input, model.get_layer("logits").output)
