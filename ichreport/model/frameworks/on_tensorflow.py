"""Devices, determinism, gradients and compiled steps on TensorFlow."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ichreport.model.fitting import averaging
from ichreport.model.fitting.clipping import clipped
from ichreport.params.training.optimizers import Steps

_PLAIN_STEPS = Steps()

# Before anything lies on a GPU, when it is too late: take memory as it is needed, not all of it.
for _gpu in tf.config.list_physical_devices("GPU"):
    with contextlib.suppress(RuntimeError):  # somebody else was first, and has chosen
        tf.config.experimental.set_memory_growth(_gpu, True)


def devices() -> list[tuple[str, bool]]:
    """The name of each device that would compute, and whether it is a GPU; none: the CPU."""
    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name") for gpu in gpus]
    return [(str(name), True) for name in names]


def device_of(tensor: Any) -> str:
    """Where a tensor lies: on a device with `gpu` or `cuda` in its name, or elsewhere."""
    return str(tensor.device)


def gradient(function: Callable[[Any], Any], inputs: NDArray[np.float32]) -> Any:
    """The gradient of the sum of a function's outputs with respect to its input."""
    tensor = tf.convert_to_tensor(inputs)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        total = tf.reduce_sum(function(tensor))
    return tape.gradient(total, tensor)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device has no memory left."""
    return isinstance(error, tf.errors.ResourceExhaustedError)


class Group:
    """Devices that share each batch: `tf.distribute.MirroredStrategy`, for more than one.

    Args:
        wanted: How many, or all that there are.
    """

    def __init__(self, wanted: int | Literal["all"]) -> None:
        available = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        self.names = [device.name for device in available][: None if wanted == "all" else wanted]
        self.strategy = tf.distribute.MirroredStrategy(self.names) if len(self) > 1 else None

    def __len__(self) -> int:
        return len(self.names)

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Where a model has to be built whose variables all of the devices hold."""
        scope: contextlib.AbstractContextManager[Any] = (
            self.strategy.scope() if self.strategy else contextlib.nullcontext()
        )
        return scope

    def batch_normalization(self, **options: Any) -> keras.layers.Layer:
        """A layer that norms by the whole of a batch, which replicas only see their share of."""
        kind = _SharedBatchNormalization if self.strategy else keras.layers.BatchNormalization
        return kind(**options)

    def to_device(self, batch: Any) -> Any:
        """Give every device an equal share of each array of a batch; what lies there stays.

        One CPU takes arrays as they are.
        """
        if self.strategy is None and "GPU" not in self.names[0]:
            return batch

        def to_device(array: Any) -> Any:
            if not isinstance(array, np.ndarray):
                return array
            shares = np.split(array, len(self))

            def share(number: int) -> Any:
                with tf.device(self.names[number]):
                    return tf.identity(shares[number])

            if self.strategy is None:
                return share(0)
            return self.strategy.experimental_distribute_values_from_function(
                lambda context: share(context.replica_id_in_sync_group)
            )

        return keras.tree.map_structure(to_device, batch)

    def local(self, value: Any) -> Any:
        """A variable of which each device has its own, and changes it within a step."""
        with self.scope():
            return tf.Variable(
                value,
                trainable=False,
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            )

    def added_up(self, share: Any) -> Any:
        """Within a step: the sum of what all devices have, of a tensor or of each of some."""
        if self.strategy is None:
            return share
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.SUM, share)

    def compiled(self, step: Callable[..., Any], *, jit: bool, total: bool) -> Callable[..., Any]:
        """A step as one graph, on every device; results are added up, or put end to end."""
        strategy = self.strategy
        if strategy is None:
            return tf.function(step, jit_compile=jit, autograph=False)  # type: ignore[no-any-return]

        def everywhere(*shares: Any) -> Any:
            parts = strategy.experimental_local_results(strategy.run(step, args=shares))
            return tf.add_n(parts) if total else tf.concat(parts, axis=0)

        return tf.function(everywhere, autograph=False)  # type: ignore[no-any-return]


class _SharedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Batch normalization by the mean and variance over all replicas.

    Keras' own, `synchronized`, subtracts the squared mean from the mean square. Where images vary
    little about a large mean, as raw HU do, float32 loses the difference: losses of the first two
    epochs were off by 1e-3 of one device's. This one passes twice, and is off by 1e-7.
    """

    def _moments(self, inputs: Any, mask: Any) -> Any:
        context = tf.distribute.get_replica_context()
        if context is None:
            return super()._moments(inputs, mask)
        axes = self._reduction_axes
        count = tf.cast(tf.size(inputs) / inputs.shape[self.axis], tf.float32)

        def mean(values: Any) -> Any:
            sums = tf.reduce_sum(values, axis=axes), count
            total, items = (context.all_reduce(tf.distribute.ReduceOp.SUM, one) for one in sums)
            return total / items

        center = mean(inputs)
        return center, mean(tf.square(inputs - center))


def _can_be_compiled(model: keras.Model) -> bool:
    """Whether XLA takes all layers: on a GPU, recurrent ones call cuDNN, which it cannot."""
    return all(getattr(layer, "supports_jit", True) for layer in model._flatten_layers())


class Program:
    """A model compiled for batches of one shape.

    Args:
        model: Built within `group.scope()`.
        group: The devices to compute on.
        jit: Whether to compile with XLA, where all layers can; several devices go without, as what
            has to be strict does: XLA has no deterministic gradient of max pooling on a GPU.
        strict: Whether every step has to give the same bits each time; then all later operations
            of the process have to, or raise where they cannot.
        loss: From truth and logits to the loss of each item; not needed by `forward`.
        optimizer: What changes the weights; needed by `train` alone.
        steps: Whether slopes are clipped or gathered. Where weights are averaged, the average is
            what `evaluate`, `forward` and `weights` are of.
    """

    def __init__(
        self,
        model: keras.Model,
        group: Group,
        *,
        jit: bool,
        strict: bool,
        loss: Callable[[Any, Any], Any] | None = None,
        optimizer: keras.optimizers.Optimizer | None = None,
        steps: Steps = _PLAIN_STEPS,
    ) -> None:
        if strict:
            tf.config.experimental.enable_op_determinism()
        jit = jit and not strict and _can_be_compiled(model)
        self._model, self._group, self._loss, self._steps = model, group, loss, steps
        self._optimizer: Any = optimizer
        self._average = self._first_average()
        self._gathered = self._nothing_gathered()
        if optimizer is not None:
            with group.scope():
                optimizer.build(model.trainable_variables)
        self._train = group.compiled(self._train_step, jit=jit, total=True)
        self._gather = group.compiled(self._gather_step, jit=jit, total=True)
        self._evaluate = group.compiled(self._evaluate_step, jit=jit, total=True)
        self._forward = group.compiled(self._forward_step, jit=jit, total=False)

    def to_device(self, batch: Any) -> Any:
        """Put arrays where steps take them from; ahead of its step, a copy costs no time of it."""
        return self._group.to_device(batch)

    def train(self, inputs: Any, truth: Any, weights: Any) -> Any:
        """Take one step down the mean loss of a batch; gives its weighted sum.

        Where others were gathered before it, down the mean loss of all of them.
        """
        return self._train(*self.to_device((inputs, truth, weights)))

    def gather(self, inputs: Any, truth: Any, weights: Any) -> Any:
        """Keep a batch's slopes for the next step; gives its weighted sum of losses."""
        return self._gather(*self.to_device((inputs, truth, weights)))

    def evaluate(self, inputs: Any, truth: Any, weights: Any) -> Any:
        """The weighted sum of a batch's losses."""
        return self._evaluate(*self.to_device((inputs, truth, weights)))

    def forward(self, inputs: Any) -> Any:
        """The model's outputs."""
        return self._forward(self.to_device(inputs))

    def cut_steps(self, factor: float) -> None:
        """Multiply the optimizer's step size."""
        if self._optimizer is None:
            raise TypeError("A program without an optimizer takes no steps.")
        rate = self._optimizer.learning_rate
        rate.assign(tf.convert_to_tensor(rate.value) * factor)

    def weights(self) -> list[NDArray[Any]]:
        """Copies of the model's weights."""
        averages = self._average
        weights = self._model.weights
        return [np.array(averages.get(id(weight), weight)) for weight in weights]

    def state(self) -> list[NDArray[Any]]:
        """Copies of all that steps change, random generators of layers included."""
        return [np.array(keras.ops.convert_to_numpy(variable)) for variable in self._variables()]

    def restore(self, state: Sequence[NDArray[Any]]) -> None:
        """Take over what `state` gave, here or in another process."""
        for variable, value in zip(self._variables(), state, strict=True):
            variable.assign(value)

    def finish(self, weights: Sequence[NDArray[Any]]) -> None:
        """Give the model these weights for good."""
        self._model.set_weights(weights)

    def _variables(self) -> list[Any]:
        optimizer = self._optimizer
        adapted = optimizer.variables if optimizer else []
        return [*self._model.variables, *adapted, *self._average.values()]

    def _first_average(self) -> dict[int, Any]:
        """The weights as they are, by their variables, as far as they are averaged."""
        if not self._steps.ema:
            return {}
        averaged = filter(averaging.is_averaged, self._model.weights)
        return {id(one): self._group.local(one.numpy()) for one in averaged}

    def _nothing_gathered(self) -> tuple[Any, ...]:
        """Slopes of 0 and, as the last, no items; nothing where steps are of one batch."""
        if self._steps.accumulate == 1:
            return ()
        shapes = [variable.shape for variable in self._model.trainable_variables]
        return tuple(self._group.local(tf.zeros(shape)) for shape in [*shapes, ()])

    def _train_step(self, inputs: Any, truth: Any, weights: Any) -> Any:
        slopes, items, total = self._slopes(inputs, truth, weights)
        if self._gathered:
            slopes = self._mean_slopes(slopes, items)
        optimizer, clip_norm = self._optimizer, self._steps.clip_norm
        if clip_norm is not None or isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            # Keras looks for overflows on one device alone, before the inner optimizer adds up
            # what all have, and so it clips: let each have the whole, as a share of the sum.
            slopes = self._group.added_up(slopes)
            if clip_norm is not None:
                slopes = clipped(slopes, clip_norm * optimizer.scale_loss(1.0))
            slopes = [slope / len(self._group) for slope in slopes]
        optimizer.apply(slopes, self._model.trainable_variables)
        self._move_average()
        return total

    def _gather_step(self, inputs: Any, truth: Any, weights: Any) -> Any:
        slopes, items, total = self._slopes(inputs, truth, weights)
        for gathered, slope in zip(self._gathered, [*slopes, 1.0], strict=True):
            gathered.assign_add(slope * items)
        return total

    def _mean_slopes(self, slopes: Sequence[Any], items: Any) -> list[Any]:
        """Slopes of the mean over what was gathered and this batch; then nothing is gathered."""
        *before, items_before = (tf.convert_to_tensor(gathered) for gathered in self._gathered)
        for gathered in self._gathered:
            gathered.assign(tf.zeros_like(gathered))
        all_items = items_before + items
        pairs = zip(before, slopes, strict=True)
        return [(gathered + slope * items) / all_items for gathered, slope in pairs]

    def _move_average(self) -> None:
        """Let the average of the weights follow a step, on each device for itself."""
        if not self._average:
            return
        share = averaging.share_of_new(self._steps.ema, self._optimizer.iterations)
        for weight in self._model.weights:
            if id(weight) in self._average:
                average = self._average[id(weight)]
                value = tf.convert_to_tensor(weight.value)
                average.assign(averaging.moved(tf.convert_to_tensor(average), value, share))

    def _judged(self, inputs: Any) -> Any:
        """Logits of what is evaluated: of the weights, or of their average."""
        if not self._average:
            return self._model(inputs, training=False)
        values = (
            [tf.convert_to_tensor(self._average.get(id(one), one.value)) for one in some]
            for some in (self._model.trainable_variables, self._model.non_trainable_variables)
        )
        return self._model.stateless_call(*values, inputs, training=False)[0]

    def _slopes(self, inputs: Any, truth: Any, weights: Any) -> tuple[list[Any], Any, Any]:
        """A device's share of the slopes of the mean loss, the items of all, and its loss."""
        if self._loss is None or self._optimizer is None:
            raise TypeError("A program that trains needs a loss and an optimizer.")
        items = self._group.added_up(tf.reduce_sum(weights))
        with tf.GradientTape() as tape:
            logits = self._model(inputs, training=True)
            total = tf.reduce_sum(self._loss(truth, logits) * weights)
            objective = self._optimizer.scale_loss(total / items)
        return tape.gradient(objective, self._model.trainable_variables), items, total

    def _evaluate_step(self, inputs: Any, truth: Any, weights: Any) -> Any:
        if self._loss is None:
            raise TypeError("A program that evaluates needs a loss.")
        return tf.reduce_sum(self._loss(truth, self._judged(inputs)) * weights)

    def _forward_step(self, inputs: Any) -> Any:
        return self._judged(inputs)
