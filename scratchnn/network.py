"""The neural network: its construction, its parts, and what it computes."""

from __future__ import annotations

import copy
import math
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from . import diagnosis, initializers, losses, optimizers, schedules, sensitivity, sparse, threads, training
from .architecture import (
    check_outputs,
    check_scaling,
    one_for_each_layer,
    parse_activations,
    parse_dropout,
    parse_layer_sizes,
    parse_normalization,
)
from .bounds import Bounds
from .core import activations
from .core.arrays import number_within, plain_array
from .core.data import Source
from .core.losses import links
from .core.names import name_and_parameter
from .core.noise import Noise
from .core.penalties import Penalties
from .core.predictor import Predictor
from .core.random import Generator
from .core.step import Step
from .core.team import Team
from .core.topology import Topology
from .data import Data, HeldOut
from .diagnosis import Finding
from .errors import DivergenceError
from .exchange.methods import Exchange
from .history import History
from .holdout import split
from .layers import Dense
from .losses import Function, Loss
from .neuron import Neuron
from .optimizers import Optimizer
from .regularization import Regularization
from .scaling import Scaling, known
from .schedules import Schedule
from .validation import (
    as_inputs,
    as_labels_or_targets,
    as_sample_weight,
    assign,
    dropout_rate,
    integer,
    number,
    real_dtype,
    validation_parts,
)

if TYPE_CHECKING:
    from .callbacks.base import Callback
    from .callbacks.base import Function as EpochFunction
    from .metrics import Scorer

__all__ = ["NeuralNetwork", "load"]

Array = npt.NDArray[Any]
Scalings = tuple[Scaling | None, Scaling | None]  # of inputs and targets

# What is kept of an epoch in the midst of which training has stopped: its batches, the samples done, the sums of their
# losses and penalties.
UNFINISHED = ("n_samples", "batch_size", "shuffle", "samples", "loss", "penalty")


class NeuralNetwork(Exchange):
    """A network of dense layers, trained by backpropagation.

    Parameters
    ----------
    layer_sizes : sequence of int, optional
        Inputs, hidden layers, outputs, such as ``[2, 3, 1]``. Left out, it is the first article's network:
        2-2-1, sigmoid, all weights and biases drawn from N(0, 1).
    activation : str, Activation or sequence of them
        One for all hidden layers, or a sequence with one for every layer, the output's included.
        ``scratchnn.core.activations.names()`` lists them; some take a parameter, ``"leaky_relu(0.2)"``.
    output_activation : str or Activation, optional
        By default what the loss or `bounds` need (softmax, sigmoid, exp, quantiles, gaussian, softplus), else sigmoid
        where `activation` is sigmoid, as in the articles, and targets are not scaled, else identity.
    loss : str, Loss or callable
        ``mean_squared_error`` (``mse``), ``half_sum_squared_error``, ``mean_absolute_error`` (``mae``), ``huber``,
        ``quantile``, ``gaussian``, ``poisson``, ``binary_cross_entropy`` (``bce``), ``cross_entropy``, ``binary_focal``
        or ``focal``; some take parameters, ``"quantile(0.1, 0.5, 0.9)"`` (:mod:`scratchnn.losses`). ``quantile`` has an
        output for each level of each target, ``gaussian`` two for each target. A function
        ``(y_true, y_pred) -> (losses of the rows, gradient)`` is slow (:class:`scratchnn.losses.CustomLoss`).
    biases : bool
        Whether layers have biases.
    normalization : {"batch", "layer"} or sequence of them and None, optional
        What the sums of hidden layers go through before the activation, one for all or one for each (docs/math.md,
        "Normalisation"). Layers with "batch" have no biases: their shift is what biases would be.
    weight_init, bias_init : str or sequence of str and arrays, optional
        A name (``normal``, ``zeros``, ``glorot_uniform``, ``glorot_normal``, ``he_uniform``, ``he_normal``,
        ``lecun_uniform``, ``lecun_normal``), or a list with a name or an array for each layer. By default weights are
        He's for the ReLU family, LeCun's for SELU and Glorot's for the rest; biases are zeros.
    dropout : float or sequence of float
        The rate at which training drops the outputs of hidden layers, one for all or one for each; predictions drop
        none (docs/math.md, "Dropout"). Kept in steps of 1/65536.
    input_dropout : float
        The same for inputs.
    input_noise : float
        The standard deviation of the noise that training adds to inputs, once they are scaled
        (docs/math.md, "Input noise").
    scale_inputs : {"standard", "minmax"} or (shift, scale), optional
        The layers get ``(x - shift) * scale`` for an input x (docs/math.md, "Scaling"). Numbers, or vectors with one
        for each input; or a rule, which is measured on the data of the first call of ``train``, whatever the samples
        weigh, and stays: ``standard`` takes mean and deviation of each input to 0 and 1, ``minmax`` its least and
        greatest value. Inputs without spread get the scale 1. Before that call all are taken as they are.
    scale_targets : {"standard", "minmax"} or (shift, scale), optional
        The same for targets. Losses are those of scaled targets, predictions are in the units of the data. It is for
        losses of numbers: not for cross-entropies, focal losses and Poisson's.
    bounds : (low, high), optional
        Predictions lie between the two, of which one may be None; targets may reach them. It is for losses of numbers
        that have no output activation of their own. With both bounds the output activation is sigmoid, and losses are
        those of ``(y - low) / (high - low)``; with one it is softplus, and losses are in the units of y.
    dtype : {"float64", "float32"}
        float32 is about twice as fast.
    seed : int, optional
        The same seed gives the same network and the same training, bit for bit, whatever the threads.
        Left out, one is drawn and kept as ``network.seed``.

    Attributes
    ----------
    layer_sizes : tuple of int
    layers : tuple of Dense
        With ``weights`` (n_inputs, n_outputs) and ``biases`` (n_outputs,), which are views; ``trainable = False``
        freezes one.
    neurons : tuple of lists of Neuron
        ``neurons[layer][i]``; ``h1, h2, …`` name the hidden neurons, counted through the layers, and
        ``o1, o2, …`` the output neurons.
    loss : str
    input_scaling, target_scaling : (shift, scale) or None
        Vectors of float64; None where nothing is scaled, or has not been measured yet.
    bounds : (float, float) or None
    dtype : numpy.dtype
    seed : int
    input_dropout, input_noise : float
        They can be changed between two calls of ``train``, as ``layers[i].dropout`` can.
    history : History
    optimizer : Optimizer or None
        The one of the last training, whose state is kept.
    learning_rate : float or None
        The optimizer's, which a schedule multiplies. A callback may set it; the next step takes the new one.
    schedule : Schedule or None
        The one of the last training.
    metadata : dict
        Anything of JSON's kind; it is saved with the network.

    Examples
    --------
    >>> network = NeuralNetwork([2, 3, 1], seed=1)
    >>> history = network.train([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], epochs=2000, learning_rate=2)
    >>> network.feedforward([1, 0]) > 0.9
    True
    """

    _predictor: Predictor
    _input_scaling: Scaling | None
    _target_scaling: Scaling | None

    def __init__(
        self,
        layer_sizes: Sequence[int] | None = None,
        *,
        activation: Any = "sigmoid",
        output_activation: Any = None,
        loss: str | Loss | Function = "mean_squared_error",
        biases: bool = True,
        normalization: str | Sequence[str | None] | None = None,
        weight_init: Any = None,
        bias_init: Any = None,
        dropout: float | Sequence[float] = 0.0,
        input_dropout: float = 0.0,
        input_noise: float = 0.0,
        scale_inputs: Any = None,
        scale_targets: Any = None,
        bounds: Any = None,
        dtype: npt.DTypeLike = "float64",
        seed: int | None = None,
    ) -> None:
        if layer_sizes is None:
            layer_sizes = (2, 2, 1)
            weight_init = "normal" if weight_init is None else weight_init
            bias_init = "normal" if bias_init is None else bias_init
        sizes = parse_layer_sizes(layer_sizes)
        chosen_loss = losses.get(loss)
        check_outputs(sizes[-1], chosen_loss)
        kinds = parse_normalization(normalization, len(sizes) - 2)
        rates = parse_dropout(dropout, len(sizes) - 2)
        noise_of_inputs = dropout_rate("input_dropout", input_dropout), number("input_noise", input_noise, least=0)
        chosen_dtype = real_dtype(dtype)
        limits = Bounds.parse(bounds, chosen_dtype)
        of_inputs = Scaling.parse("scale_inputs", scale_inputs, sizes[0])
        of_targets = Scaling.parse("scale_targets", scale_targets, sizes[-1] // chosen_loss.outputs_per_target)
        check_scaling(of_targets, limits, chosen_loss)
        names = parse_activations(
            activation, output_activation, len(sizes) - 1, chosen_loss, limits, of_targets is not None
        )
        seed = int.from_bytes(os.urandom(8)) if seed is None else integer("seed", seed, 0, (1 << 64) - 1)
        self._build(sizes, names, chosen_loss, bool(biases), kinds, chosen_dtype, seed, of_inputs, of_targets, limits)
        self._set_noise(rates, *noise_of_inputs)
        self._initialize(weight_init, "zeros" if bias_init is None else bias_init)

    def _build(
        self,
        layer_sizes: tuple[int, ...],
        activation_names: Sequence[str],
        loss: Loss,
        biases: bool,
        normalization: Sequence[str],
        dtype: np.dtype[Any],
        seed: int,
        of_inputs: Scaling | None,
        of_targets: Scaling | None,
        bounds: Bounds | None,
    ) -> None:
        """Set everything but the parameters' values, which are zeros."""
        others = set(self.__dict__)
        functions = [None if name in links() else activations.get(name) for name in activation_names]
        self._layer_sizes = layer_sizes
        self._dtype = dtype
        self._seed = seed
        self._optimizer: Optimizer | None = None
        self.history = History()
        self.metadata: dict[str, Any] = {}
        self._loss = loss
        self._biases = biases
        self._topology = Topology(
            layer_sizes, functions, biases, dtype, loss.link, loss.outputs_per_target, normalization
        )
        self._parameters: Array = self._topology.zeros()
        self._bounds = bounds
        self._set_scaling(of_inputs, of_targets if bounds is None else bounds.scaling(self.n_targets))
        self._states: list[Array] = []
        self._steps = 0
        self._random_counter = 0
        self._noise_counter = 0
        self._input_dropout = self._input_noise = 0.0
        self._schedule: Schedule | None = None
        self._schedule_start = 0, 0  # step and epoch
        self._unfinished: tuple[int, int, bool, int, float, float] | None = None
        self._training: dict[int, threading.Lock] = {}
        self._layers = tuple(
            self._dense(views, name, function, kind, i == len(functions) - 1)
            for i, (views, name, function, kind) in enumerate(
                zip(self._views(), activation_names, functions, normalization, strict=True)
            )
        )
        self._built = frozenset(self.__dict__) - others | {"_built"}

    def _views(self) -> list[dict[str, Array]]:
        """Return, for every layer, {name: view} of its parameters, running means and variances among them."""
        vector = self._parameters
        pairs = zip(self._topology.views(vector), self._topology.statistics(vector), strict=True)
        return [views | statistics for views, statistics in pairs]

    @staticmethod
    def _dense(views: dict[str, Array], name: str, function: Any, normalization: str, is_output: bool) -> Dense:
        of_neurons = activations.get("identity") if function is None or normalization else function
        return Dense(views, name, of_neurons, normalization or None, is_output)

    def _set_noise(self, rates: Sequence[float], input_dropout: float, input_noise: float) -> None:
        for layer, rate in zip(self.layers, rates, strict=False):
            layer.dropout = rate
        self.input_dropout, self.input_noise = input_dropout, input_noise

    def _set_scaling(self, of_inputs: Scaling | None, of_targets: Scaling | None) -> None:
        """Set how inputs and targets are scaled, and what predicts with that."""
        inputs = None if of_inputs is None else of_inputs.known
        targets = None if of_targets is None else of_targets.known
        outputs = None
        if targets is not None:
            limits = (-math.inf, math.inf) if self._bounds is None else self._bounds.limits
            outputs = (*self._loss.of_outputs(*targets), *limits)
        predictor = Predictor(self._topology, self._parameters, threads.choose, inputs, outputs)
        changed = {"_input_scaling": of_inputs, "_target_scaling": of_targets, "_predictor": predictor}
        self.__dict__.update(changed)  # all or nothing, whether Ctrl-C comes or memory ends

    def _initialize(self, weight_init: Any, bias_init: Any) -> None:
        generator = Generator(self.seed)
        n = len(self.layers)
        weight_inits = one_for_each_layer("weight_init", weight_init, n)
        bias_inits = one_for_each_layer("bias_init", bias_init, n)
        for i, layer in enumerate(self.layers):
            function_name, _ = name_and_parameter(layer.activation)
            initializer = initializers.recommended(function_name) if weight_inits[i] is None else weight_inits[i]
            fans = layer.weights.shape
            weights = initializers.draw(initializer, fans, fans, generator)
            assign(f"layers[{i}].weights", layer.weights, weights)
            if layer.biases is not None:
                biases = initializers.draw(bias_inits[i], layer.biases.shape, fans, generator)
                assign(f"layers[{i}].biases", layer.biases, biases)
            for view in (layer.gain, layer.running_variance):
                if view is not None:
                    view[...] = 1

    # ---- parts ----

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        return self._layer_sizes

    @property
    def layers(self) -> tuple[Dense, ...]:
        return self._layers

    @property
    def loss(self) -> str:
        return str(self._loss)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._dtype

    @property
    def seed(self) -> int:
        return self._seed

    @property
    def input_scaling(self) -> tuple[Array, Array] | None:
        return None if self._input_scaling is None else self._input_scaling.known

    @property
    def target_scaling(self) -> tuple[Array, Array] | None:
        return None if self._target_scaling is None else self._target_scaling.known

    @property
    def bounds(self) -> tuple[float, float] | None:
        return None if self._bounds is None else (self._bounds.low, self._bounds.high)

    @property
    def optimizer(self) -> Optimizer | None:
        return self._optimizer

    @property
    def input_dropout(self) -> float:
        return self._input_dropout

    @input_dropout.setter
    def input_dropout(self, rate: Any) -> None:
        self._input_dropout = dropout_rate("input_dropout", rate)

    @property
    def input_noise(self) -> float:
        return self._input_noise

    @input_noise.setter
    def input_noise(self, standard_deviation: Any) -> None:
        self._input_noise = number("input_noise", standard_deviation, least=0)

    @property
    def learning_rate(self) -> float | None:
        return getattr(self._optimizer, "learning_rate", None)

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        if self._optimizer is None:
            raise ValueError(f"learning_rate is {rate!r}, but the network has no optimizer before its first training")
        if not hasattr(self._optimizer, "learning_rate"):
            raise ValueError(f"learning_rate is {rate!r}, but {self._optimizer.name} has none")
        self._optimizer = self._optimizer.replace(learning_rate=rate)

    @property
    def schedule(self) -> Schedule | None:
        return self._schedule

    @property
    def n_inputs(self) -> int:
        return self.layer_sizes[0]

    @property
    def n_outputs(self) -> int:
        return self.layer_sizes[-1]

    @property
    def n_targets(self) -> int:
        """The columns of y: outputs, or fewer where the loss takes several for a target."""
        return self.n_outputs // self._loss.outputs_per_target

    @property
    def n_parameters(self) -> int:
        """The number of weights, biases, gains and shifts."""
        return sum(view.size for views in self._topology.views(self._parameters) for view in views.values())

    @property
    def neurons(self) -> tuple[list[Any], ...]:
        return tuple(layer.neurons for layer in self.layers)

    def _article_neuron(self, name: str) -> Neuron | None:
        """Return the neuron that the article calls h1, h2, … or o1, o2, …; None for other names."""
        match = re.fullmatch(r"([ho])([1-9]\d*)", name)
        layers = self.__dict__.get("_layers")
        if match is None or layers is None:
            return None
        index = number = int(match[2]) - 1
        group = layers[:-1] if match[1] == "h" else layers[-1:]
        for layer in group:
            if index < layer.n_outputs:
                neuron: Neuron = layer.neurons[index]
                return neuron
            index -= layer.n_outputs
        kind = "hidden" if match[1] == "h" else "output"
        raise AttributeError(f"no neuron {name}: the network has {number - index} {kind} neuron(s)")

    def __getattr__(self, name: str) -> Any:
        neuron = self._article_neuron(name)
        if neuron is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return neuron

    def __setattr__(self, name: str, value: Any) -> None:
        neuron = self._article_neuron(name)
        if neuron is None:
            super().__setattr__(name, value)
        elif isinstance(value, Neuron):
            neuron.weights, neuron.bias = value.weights, value.bias
        else:
            given = type(value).__name__
            raise TypeError(f"{name} is a neuron of the network; {given} was assigned, expected a Neuron")

    def __repr__(self) -> str:
        names = [layer.activation for layer in self.layers]
        of_inputs, of_targets = self._asked_scalings()
        options = {
            **self._of_hidden_layers(),
            "input_dropout": self.input_dropout or None,
            "input_noise": self.input_noise or None,
            "scale_inputs": of_inputs,
            "scale_targets": of_targets,
            "bounds": self._bounds,
        }
        given = "".join(f"{name}={value!r}, " for name, value in options.items() if value is not None)
        return (
            f"{type(self).__name__}({list(self.layer_sizes)}, activation={names}, loss={self.loss!r}, {given}"
            f"dtype={self.dtype.name!r}, seed={self.seed})"
        )

    def _of_hidden_layers(self) -> dict[str, list[Any] | None]:
        """Return each hidden layer's normalisation and dropout, None where none has any."""
        values = {name: [getattr(layer, name) for layer in self.layers[:-1]] for name in ("normalization", "dropout")}
        return {name: of_layers if any(of_layers) else None for name, of_layers in values.items()}

    # ---- computing ----

    def feedforward(self, x: Any) -> Any:
        """Compute the network's output (docs/math.md, "Forward pass"); safe in many threads at once (docs/threads.md).

        Parameters
        ----------
        x : (n_inputs,) or (n_samples, n_inputs) array-like
            float32, float64 and uint8 arrays of any stride are read where they are.

        Returns
        -------
        float, (n_outputs,) or (n_samples, n_outputs) array
            For one sample: a float where there is one output, else a vector. For several: a matrix. Losses
            with a link give probabilities, rates, quantiles, or means and standard deviations, not logits.

        Raises
        ------
        TypeError
            If x is not numbers.
        ValueError
            If its shape does not fit, or a value is not finite.
        """
        a = self._predictor.predict(x)
        return self._feedforward_converted(x) if a is None else a

    def _feedforward_converted(self, x: Any) -> Any:
        """Compute the network's output for what the predictor does not take as it is, or raise what is wrong."""
        if sparse.is_sparse(x):
            return self._predictor.predict_checked(self._inputs("x", x))
        array = plain_array("x", x)
        a = self._predictor.predict(array)
        if a is not None:
            return a
        one = array.shape == (self.n_inputs,)
        source = self._inputs("x", array[None, :] if one else array)
        a = self._predictor.predict_checked(source)
        if one:
            return a[0, 0].item() if self.n_outputs == 1 else a[0]
        return a

    def predict(self, X: Any) -> Any:
        """Compute the network's output: :meth:`feedforward` under the practitioner's name."""
        return self.feedforward(X)

    def predict_interval(self, X: Any, coverage: float = 0.9) -> tuple[Any, Any]:
        """Compute intervals in which the targets lie with probability `coverage`, as far as the network knows.

        With the loss ``quantile`` they go from level ``(1 - coverage) / 2`` to level ``(1 + coverage) / 2``, which must
        be among its own; with ``gaussian`` they are ``mean ± z deviation``, where z is the normal distribution's
        quantile of ``(1 + coverage) / 2`` (docs/math.md, eq. 86).

        Parameters
        ----------
        X : (n_inputs,) or (n_samples, n_inputs) array-like
            As for :meth:`predict`.
        coverage : float
            Between 0 and 1.

        Returns
        -------
        lower, upper : floats, (n_targets,) or (n_samples, n_targets) arrays
            For one sample: floats where there is one target, else vectors. For several: matrices.

        Raises
        ------
        TypeError
            If X is not numbers.
        ValueError
            If X does not fit, coverage is no number between 0 and 1, or the loss gives no such interval; the message
            names the levels that there are.

        Examples
        --------
        >>> x = np.linspace(-1, 1, 200)[:, None]
        >>> y = x[:, 0] + np.tile([-0.2, -0.1, 0.0, 0.1, 0.2], 40)
        >>> network = NeuralNetwork([1, 8, 3], activation="tanh", loss="quantile(0.1, 0.5, 0.9)", seed=1)
        >>> history = network.train(x, y, epochs=200, batch_size=20, optimizer="adam", learning_rate=0.01)
        >>> lower, upper = network.predict_interval(x, coverage=0.8)
        >>> bool(0.75 < np.mean((lower[:, 0] <= y) & (y <= upper[:, 0])) < 0.85)
        True
        """
        coverage = number_within("coverage", coverage, 0.0, False, 1.0)
        outputs = np.asarray(self.predict(X), self.dtype)
        lower, upper = self._loss.interval(outputs.reshape(-1, self.n_outputs), coverage)
        if outputs.ndim == 2:
            return lower, upper
        return (lower[0, 0].item(), upper[0, 0].item()) if self.n_targets == 1 else (lower[0], upper[0])

    def jacobian(self, X: Any) -> Array:
        """Compute the derivative of every output for every input (docs/math.md, "Sensitivity").

        Parameters
        ----------
        X : (n_samples, n_inputs) array-like

        Returns
        -------
        (n_samples, n_outputs, n_inputs) array
            Of the outputs that :meth:`predict` gives: probabilities, rates, quantiles, not logits. At the corner of a
            ReLU it is the slope that training uses, 0.

        Raises
        ------
        TypeError, ValueError
            As :meth:`predict`.
        """
        return sensitivity.jacobian(self, X)

    def input_gradient(self, X: Any, output: int | None = None) -> Array:
        """Compute the derivative of one output for every input: a row of :meth:`jacobian` without the others.

        Parameters
        ----------
        X : (n_samples, n_inputs) array-like
        output : int, optional
            Which output; needed where there are several.

        Returns
        -------
        (n_samples, n_inputs) array
        """
        return sensitivity.input_gradient(self, X, output)

    def evaluate(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        regularization: Regularization | None = None,
        training: bool = False,
    ) -> float:
        """Compute the loss over (X, y), penalties included (docs/math.md, eq. 24 and 106).

        Parameters
        ----------
        X, y, sample_weight, regularization
            As for :meth:`train`.
        training : bool
            Whether the loss is that of the next step of training, were all of (X, y) its batch: with the activations
            dropped that it would drop, its noise on the inputs, and layers normalised by the batch. Else it is that of
            what the network predicts.

        Returns
        -------
        float
        """
        data, penalties = self._data(X, y, sample_weight), self._penalties(regularization)
        return self._training_loss(data, penalties) if training else self._evaluate(data, penalties=penalties)

    def gradients(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        regularization: Regularization | None = None,
        training: bool = False,
    ) -> list[tuple[Array | None, ...]]:
        """Compute the gradient of :meth:`evaluate`, by backpropagation (docs/math.md, "Backpropagation").

        It is 0 for layers that are not trainable, and as it is before anything clips it.

        Parameters
        ----------
        X, y, sample_weight, regularization, training
            As for :meth:`evaluate`.

        Returns
        -------
        list of (dW, db), a pair for each layer in the shapes of its weights and biases
            (dW, db, dgain, dshift) for a layer that is normalised. Without biases db is None.
        """
        data = self._data(X, y, sample_weight)
        if training:
            self._check_batches(data.n_samples, data.n_samples)
        step = self._step(data, data.n_samples, penalties=self._penalties(regularization), training=training)
        result = []
        for views in self._topology.views(step.gradients()):
            found = {name: view.copy() for name, view in views.items()}
            names = ("weights", "biases", *(("gain", "shift") if "gain" in found else ()))
            result.append(tuple(found.get(name) for name in names))
        return result

    def diagnose(self, X: Any, y: Any, *, sample_weight: Any = None) -> list[Finding]:
        """Look for the usual mistakes, in the data, the neurons, the gradients and the curves of training.

        Parameters
        ----------
        X, y, sample_weight
            What the network is trained on, as for :meth:`train`. A thousand rows of it are looked at, scaled as they
            are for training.

        Returns
        -------
        list of Finding
            Each with its ``kind``, such as "large inputs", "dead neurons" or "overfitting", and a ``message`` that says
            what was seen and what usually helps. Empty if nothing is conspicuous.

        Examples
        --------
        >>> network = NeuralNetwork([1, 4, 1], seed=1)
        >>> for kind, message in network.diagnose([[1000.0], [2000.0]], [0, 1]):
        ...     print(kind)
        large inputs
        saturated neurons
        vanishing gradients
        """
        samples = self._data(X, y, sample_weight, "", (self._input_scaling, self._target_scaling))
        samples.scale(*self._measured(samples))
        return diagnosis.diagnose(self, samples)

    def _step(
        self,
        data: Data,
        batch_size: int,
        *,
        in_order: bool = True,
        penalties: Penalties | None = None,
        training: bool = True,
    ) -> Step:
        loss = self._loss.for_kernel()
        frozen = [not layer.trainable for layer in self.layers]
        return Step(
            self._topology,
            self._parameters,
            loss,
            data.inputs,
            data.targets,
            batch_size,
            in_order,
            data.sample_weight,
            penalties,
            frozen if any(frozen) else None,
            self._noise() if training else None,
            training,
        )

    def _check_trainable(self) -> None:
        if not any(layer.trainable for layer in self.layers):
            raise ValueError("no layer is trainable; expected one with layers[i].trainable = True")

    def _check_batches(self, n_samples: int, batch_size: int) -> None:
        """Refuse a batch of a single sample where layers are normalised by batches."""
        last = n_samples % batch_size or batch_size
        if min(batch_size, last) == 1 and any(la.normalization == "batch" and la.trainable for la in self.layers):
            raise ValueError(
                f"{n_samples} sample(s) in batches of {batch_size} leave one alone; normalization='batch' expects at "
                "least 2 in each batch"
            )

    def _noise(self) -> Noise | None:
        """Return what training draws in its steps, None for nothing."""
        rates = [layer.dropout for layer in self.layers]
        if not any(rates) and not self.input_dropout and not self.input_noise:
            return None
        return Noise(self.seed, self._noise_counter, rates, self.input_dropout, self.input_noise)

    def _penalties(self, regularization: Regularization | None) -> Penalties | None:
        if regularization is None:
            return None
        if not isinstance(regularization, Regularization):
            raise TypeError(f"regularization is {type(regularization).__name__}; expected a scratchnn.Regularization")
        return regularization.penalties(self._topology)

    def _inputs(self, name: str, values: Any) -> Source:
        """Return inputs as a Source, scaled as far as that has been measured."""
        return as_inputs(name, values, self.n_inputs, self.dtype, known(self._input_scaling))

    def _data(
        self, X: Any, y: Any, sample_weight: Any = None, prefix: str = "", scalings: Scalings | None = None
    ) -> Data:
        """Return samples, scaled by `scalings`, by default the network's as far as they have been measured."""
        of_inputs, of_targets = scalings or (known(self._input_scaling), known(self._target_scaling))
        inputs = as_inputs(f"{prefix}X", X, self.n_inputs, self.dtype, of_inputs)
        n_samples = inputs.n_rows
        targets = as_labels_or_targets(
            f"{prefix}y", y, n_samples, self.n_targets, self._loss, self.dtype, of_targets, self._bounds
        )
        if sample_weight is None:
            return Data(inputs, targets)
        weights = as_sample_weight(f"{prefix}sample_weight", sample_weight, n_samples, self.dtype)
        return Data(inputs, targets, weights)

    def _measured(self, data: Data) -> Scalings:
        """Return the scalings, measured on samples where that has not been done before."""
        of_inputs, of_targets = self._input_scaling, self._target_scaling
        return (
            None if of_inputs is None else of_inputs.measured("X", data.inputs),
            None if of_targets is None else of_targets.measured("y", data.targets),
        )

    def _evaluate(self, data: Data, team: Team | None = None, penalties: Penalties | None = None) -> float:
        loss = self._loss.for_kernel()
        value = self._predictor.evaluate(data.inputs, data.targets, loss, team, data.sample_weight)
        return value + self._penalty(data, penalties)

    def _training_loss(self, data: Data, penalties: Penalties | None = None) -> float:
        """Compute the loss as the next step of training would find it."""
        self._check_batches(data.n_samples, data.n_samples)
        return self._step(data, data.n_samples).evaluate() + self._penalty(data, penalties)

    def _penalty(self, data: Data, penalties: Penalties | None) -> float:
        trained = [i for i, layer in enumerate(self.layers) if layer.trainable]
        return 0.0 if penalties is None else penalties.value(self._parameters, data.weight, trained)

    # ---- training ----

    def train(
        self,
        data: Any,
        all_y_trues: Any,
        *,
        epochs: int = 1000,
        learning_rate: float | None = None,
        batch_size: int | str | None = None,
        shuffle: bool | Callable[[int], Any] = False,
        optimizer: str | Optimizer = "sgd",
        sample_weight: Any = None,
        regularization: Regularization | None = None,
        schedule: str | Schedule | None = None,
        validation_data: tuple[Any, ...] | None = None,
        validation_fraction: float | None = None,
        scorer: str | Scorer | None = None,
        patience: int | None = None,
        min_delta: float = 0.0,
        restore_best: bool = True,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        callback: Callback | EpochFunction | Sequence[Callback | EpochFunction] | None = None,
        verbose: bool = False,
        diagnose: bool = False,
        n_threads: int | None = None,
    ) -> History:
        """Train on data; by default as the first article does: SGD, one sample at a time, in order.

        Called again with an optimizer of the same kind, it goes on exactly: 10 epochs and 10 more are 20, bit
        for bit, and so is what follows a file, a checkpoint or Ctrl-C, in the midst of an epoch too. Another kind of
        optimizer starts afresh. docs/training.md is a guide.

        Parameters
        ----------
        data : (n_samples, n_inputs) array-like
            float32, float64 and uint8 arrays of any stride, memory-mapped ones among them, are read batch by
            batch where they are; other numbers are converted once.
        all_y_trues : (n_samples, n_targets) or (n_samples,) array-like
            Targets; for ``cross_entropy`` and ``focal`` also integer class labels from 0.
        epochs : int
            How often to go through the data; the iterations of ``lbfgs``, at most. An epoch that an earlier call has
            left unfinished is finished first, where there are as many samples, in the same batches, and counts as one.
        learning_rate : float, optional
            By default the optimizer's own: 0.1 for ``sgd``.
        batch_size : int or "full", optional
            Samples between two updates: by default 1, for ``lbfgs`` all.
        shuffle : bool or callable
            Whether each epoch takes the samples in a new random order, which the seed determines; or a function of
            the epoch's number, counted from 1 over all calls, that returns the order: as many indices as there are
            samples, of which some may come twice and others not at all.
        optimizer : str or Optimizer
            ``sgd, momentum, nesterov, rmsprop, adagrad, adam, adamhat, adamw, nadam``; or ``lbfgs``, which takes all
            samples at once, ends by itself where it has converged, and begins anew with every call.
        sample_weight : (n_samples,) array-like, optional
            Numbers >= 0, by which samples count in the loss of their batch: a mean over samples is ``sum w_i l_i /
            sum w_i``. A batch whose samples all have weight 0 has the loss 0; the optimizer takes its step still.
        regularization : Regularization, optional
            Penalties, weight decay, and limits to gradients and weights. Penalties count in the recorded loss.
        schedule : str or Schedule, optional
            What becomes of the learning rate from step to step, ``"cosine(50)"`` for example; scratchnn.schedules has
            them. One equal to that of the call before goes on, another starts at its beginning.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Evaluated after every epoch, without penalties.
        validation_fraction : float, optional
            Instead, hold this share of the rows out of training, chosen by the seed; of every class in proportion. Both
            parts are copied.
        scorer : str or callable, optional
            Scores the validation data after every epoch, as ``scorer(network, X, y)``, more being better: a function,
            or one of ``scratchnn.metrics.SCORERS``, ``"accuracy"`` or ``"r2"`` for example.
        patience : int, optional
            Stop once so many epochs, one after another, were no better than the best before, by the score, without a
            scorer by the validation loss, without validation data by the training loss.
        min_delta : float
            With `patience`, an epoch is better only if it is so by more than this.
        restore_best : bool
            With `patience`, end with the parameters of the best epoch rather than of the last. The optimizer's
            state stays that of the last.
        max_steps : int, optional
            Stop after so many steps, in the midst of an epoch if need be; the next call goes on there.
        max_seconds : float, optional
            Stop once the call has taken this long, in the midst of an epoch if need be.
        callback : Callback, callable or sequence of them, optional
            A ``scratchnn.callbacks.Callback``, or a function that is called as ``callback(network, epoch, history)``
            after every epoch; training stops if one returns True (or NumPy's True).
        verbose : bool
            Whether to show progress: ``scratchnn.callbacks.ProgressBar`` as one more callback.
        diagnose : bool
            Whether to end with what :meth:`diagnose` finds in the data trained on, each a ``TrainingWarning``; where
            training diverges too.
        n_threads : int, optional
            At most so many, fewer where there is too little work for them or one turns out to be faster; by default
            SCRATCHNN_NUM_THREADS, or the number of CPUs. The result is the same for any number.

        Returns
        -------
        History
            Also kept as ``network.history``.

        Raises
        ------
        TypeError, ValueError
            If an argument does not fit, or what `shuffle` returns for the first epoch; nothing has changed then. What
            it returns later leaves the network as after the epoch before.
        RuntimeError
            If the network is being trained already, by another thread or by the call whose callback this is
            (docs/threads.md).
        DivergenceError
            If the loss or a parameter is no longer finite; the network is as after the last finite epoch. With
            ``lbfgs`` only at the start.
        KeyboardInterrupt
            After a whole batch, or with ``lbfgs`` after the last whole iteration; network and history are in order,
            and training can go on.
        """
        asked = self._input_scaling, self._target_scaling
        samples, held_out = self._data(data, all_y_trues, sample_weight, "", asked), None
        if validation_data is not None and validation_fraction is not None:
            raise ValueError("validation_data and validation_fraction are both given; expected one of them")
        if validation_fraction is not None:
            samples, held_out = split(samples, data, all_y_trues, validation_fraction, self.seed, self._loss)
        callbacks = list(callback) if isinstance(callback, (list, tuple)) else [] if callback is None else [callback]
        if verbose:
            from .callbacks import ProgressBar

            callbacks.append(ProgressBar())
        with self._exclusively():  # what is measured, and where an earlier call has ended, stays as it is
            scalings = self._measured(samples)
            samples.scale(*scalings)
            if held_out is not None:
                held_out.data.scale(*scalings)
            if validation_data is not None:
                held_out = self._validation(validation_data, scalings)
            plan = training.Plan(
                self,
                samples,
                epochs=epochs,
                batch_size=batch_size,
                shuffle=shuffle,
                optimizer=optimizers.get(optimizer, learning_rate),
                penalties=self._penalties(regularization),
                schedule=None if schedule is None else schedules.get(schedule),
                held_out=held_out,
                scorer=scorer,
                patience=patience,
                min_delta=min_delta,
                restore_best=restore_best,
                max_steps=max_steps,
                max_seconds=max_seconds,
                callbacks=callbacks,
                n_threads=n_threads,
            )
            if scalings != (self._input_scaling, self._target_scaling):
                self._set_scaling(*scalings)
            try:
                plan.run()
            except DivergenceError:
                if diagnose:
                    diagnosis.warn(diagnosis.diagnose(self, samples), 2)
                raise
        if diagnose:
            diagnosis.warn(diagnosis.diagnose(self, samples), 2)
        return self.history

    def _validation(self, validation_data: Any, scalings: Scalings) -> HeldOut:
        X, y, weights = validation_parts(validation_data)
        return HeldOut(self._data(X, y, weights, "validation ", scalings), X, y)

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        # A lock for each process: that of another one, which a fork has copied, nobody here would release.
        lock = self._training.setdefault(os.getpid(), threading.Lock())
        if not lock.acquire(blocking=False):
            raise RuntimeError("this network is being trained already; train a copy (network.copy()) instead")
        try:
            yield
        finally:
            lock.release()

    # ---- copies, files and what is built on this network ----

    def get_state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return (state, arrays): all there is of the network, as plain data and unpadded arrays."""
        optimizer = self.optimizer
        of_inputs, of_targets = self._asked_scalings()
        state = {
            "layer_sizes": list(self.layer_sizes),
            "activations": [layer.activation for layer in self.layers],
            "loss": self._loss if self._loss.in_python else self.loss,
            "biases": self._biases,
            "frozen": [i for i, layer in enumerate(self.layers) if not layer.trainable],
            **self._of_hidden_layers(),
            "input_dropout": self.input_dropout,
            "input_noise": self.input_noise,
            "scale_inputs": of_inputs.rule if of_inputs else None,
            "scale_targets": of_targets.rule if of_targets else None,
            "bounds": self._bounds.to_list() if self._bounds else None,
            "dtype": self.dtype.name,
            "seed": self.seed,
            "random_counter": self._random_counter,
            "noise_counter": self._noise_counter,
            "steps": self._steps,
            "history": {
                "loss": list(self.history.loss),
                "validation_loss": list(self.history.validation_loss),
                "seconds": self.history.seconds,
                "samples": self.history.samples,
                "stopped": self.history.stopped,
                "validation_score": list(self.history.validation_score),
                "learning_rate": list(self.history.learning_rate),
            },
            "optimizer": None if optimizer is None else {"name": optimizer.name, **optimizer.hyperparameters()},
            "schedule": None if self.schedule is None else self._schedule_state(self.schedule),
            "unfinished_epoch": None
            if self._unfinished is None
            else dict(zip(UNFINISHED, self._unfinished, strict=True)),
            "metadata": copy.deepcopy(self.metadata),
        }
        arrays = {name: np.ascontiguousarray(view) for name, view in self._named_views()}
        for kind, scaling in (("inputs", of_inputs), ("targets", of_targets)):
            if scaling is not None:
                arrays |= scaling.arrays(kind)
        return state, arrays

    def _asked_scalings(self) -> Scalings:
        """Return the scalings that were asked for; that of bounds follows from them."""
        return self._input_scaling, None if self._bounds is not None else self._target_scaling

    def _schedule_state(self, schedule: Schedule) -> dict[str, Any]:
        step, epoch = self._schedule_start
        return {"rule": schedule.to_dict(), "from_step": step, "from_epoch": epoch}

    def _named_views(self) -> Iterator[tuple[str, Array]]:
        names = ["", *(f".{name}" for name in (self.optimizer.states if self.optimizer else ()))]
        for suffix, vector in zip(names, [self._parameters, *self._states], strict=True):
            for i, views in enumerate(self._topology.views(vector) if suffix else self._views()):
                for name, view in views.items():
                    yield f"layers.{i}.{name}{suffix}", view

    @classmethod
    def from_state(cls, state: dict[str, Any], arrays: dict[str, Array]) -> Self:
        """Return the network that :meth:`get_state` described."""
        network = cls.__new__(cls)
        network._build(
            tuple(state["layer_sizes"]),
            state["activations"],
            losses.get(state["loss"]),
            state["biases"],
            parse_normalization(state["normalization"], len(state["layer_sizes"]) - 2),
            np.dtype(state["dtype"]),
            state["seed"],
            Scaling.from_state("inputs", state["scale_inputs"], arrays),
            Scaling.from_state("targets", state["scale_targets"], arrays),
            Bounds.parse(state["bounds"], np.dtype(state["dtype"])),
        )
        if state["optimizer"] is not None:
            hyper = dict(state["optimizer"])
            network._optimizer = optimizers.get(hyper.pop("name"), **hyper)
            network._states = [network._topology.zeros() for _ in network._optimizer.states]
        for i in state.get("frozen") or ():
            network.layers[i].trainable = False
        network._steps = state["steps"]
        network._random_counter = state["random_counter"]
        if state.get("schedule") is not None:  # an older state has neither
            network._schedule = Schedule.from_dict(state["schedule"]["rule"])
            network._schedule_start = state["schedule"]["from_step"], state["schedule"]["from_epoch"]
        if state.get("unfinished_epoch") is not None:
            network._unfinished = tuple(state["unfinished_epoch"][key] for key in UNFINISHED)
        network._noise_counter = state["noise_counter"] or 0
        network._set_noise(state["dropout"] or (), state["input_dropout"] or 0.0, state["input_noise"] or 0.0)
        network.history = History(**copy.deepcopy(state["history"]))
        network.metadata = copy.deepcopy(state["metadata"])
        for name, view in network._named_views():
            array = arrays[name]
            if array.dtype == view.dtype and array.shape == view.shape:
                view[...] = array
            else:
                assign(name, view, array)
        return network

    def _state_for(self, optimizer: Optimizer) -> tuple[list[Array], int]:
        """Return (state vectors, steps): what there is where the optimizer's kind stays the same, else a start."""
        if self.optimizer is not None and self.optimizer.name == optimizer.name:
            return self._states, self._steps
        return [self._topology.zeros() for _ in optimizer.states], 0

    def copy(self, dtype: npt.DTypeLike | None = None) -> Self:
        """Return an independent copy, optimizer state and history included, of another dtype if one is given.

        ValueError if a parameter is not finite in that dtype.
        """
        state, arrays = self.get_state()
        if dtype is not None:
            state["dtype"] = real_dtype(dtype).name
        network = type(self).from_state(state, arrays)
        network.__dict__.update(copy.deepcopy(self._own_attributes()))
        return network

    def with_head(
        self,
        head: int | Sequence[int],
        *,
        keep: int | None = None,
        freeze: bool = False,
        activation: Any = None,
        output_activation: Any = None,
        loss: str | Loss | None = None,
        weight_init: Any = None,
        bias_init: Any = None,
        seed: int | None = None,
    ) -> Self:
        """Return a new network of this one's lower layers and a new head, for another task (transfer learning).

        The layers that are kept bring copies of their weights and biases, their activations and normalisation, their
        dropout, and whether they are trainable; inputs are scaled as they have learned them. The head's parameters are
        drawn anew. History, optimizer and metadata are empty: they tell of the task before.

        Parameters
        ----------
        head : int or sequence of int
            The number of outputs, or the widths of several new layers, the outputs' last.
        keep : int, optional
            How many layers to keep, counted from the inputs; by default all but the last.
        freeze : bool
            Whether the kept layers are frozen: training then changes the head alone, and costs little more than it.
        activation, output_activation
            Of the head's layers, as for the constructor; by default its hidden layers have the activation of the
            layer below them.
        loss : str or Loss, optional
            By default that of this network.
        weight_init, bias_init : str or sequence of str and arrays, optional
            Of the head's layers, as for the constructor.
        seed : int, optional
            Of the head's parameters and of training, as for the constructor.

        Returns
        -------
        NeuralNetwork
            Of the same class and dtype, with biases where this one has them.

        Raises
        ------
        TypeError, ValueError
            If an argument does not fit.

        Examples
        --------
        >>> digits = NeuralNetwork([64, 32, 10], activation="relu", loss="cross_entropy", seed=1)
        >>> letters = digits.with_head(26, freeze=True, seed=2)
        >>> letters.layers
        (Dense(64, 32, activation='relu', trainable=False), Dense(32, 26, activation='softmax'))
        """
        from .transfer import with_head  # which needs this module

        return with_head(
            self,
            head,
            keep=keep,
            freeze=freeze,
            activation=activation,
            output_activation=output_activation,
            loss=loss,
            weight_init=weight_init,
            bias_init=bias_init,
            seed=seed,
        )

    def _own_attributes(self) -> dict[str, Any]:
        """Return what a subclass or a caller has set beside the network's state."""
        return {name: value for name, value in self.__dict__.items() if name not in self._built}

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_state, self.get_state(), self._own_attributes() or None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network, with what it needs to go on training, to a file (docs/model_file.md).

        The file is replaced as a whole or not at all: an error or a kill in between leaves the old one.
        """
        from .serialization import save  # what only files need is not imported before there is one

        save(self, path)

    def to_c(self, name: str = "network", *, weights: str = "float32", test_rows: Any = None) -> str:
        """Return one file of C99 that computes what :meth:`predict` does of a row (docs/export.md).

        Weights are constants; nothing is allocated, nothing is kept between calls, and nothing is needed but libm. The
        file is C++ as well. Its first comment says what it takes and gives, how it is compiled and what it costs.
        Dropout and noise are training's, and not in it.

        Parameters
        ----------
        name : str
            What all identifiers of the file begin with: ``name_predict(inputs, outputs)``.
        weights : {"float32", "float64", "int8"}
            float32 and float64 are also what is computed in. With int8 each neuron has a scale, whose steps its weights
            are (docs/math.md, eq. 128), and all else is float32.
        test_rows : (n_rows, n_inputs) array-like, optional
            Rows for a self-test, a ``main`` in the file, which compares with what :meth:`predict` gives for them. int8
            needs them: the file states how far it is from the network, measured on these rows.

        Returns
        -------
        str

        Raises
        ------
        TypeError
            If `name` is no text, or test_rows are not numbers.
        ValueError
            If no identifier may begin with `name`, the weights are of another kind, or int8 is without rows; if
            test_rows do not fit, or the network gives no finite numbers for them; or if a parameter is not finite, as
            it is or in float32.

        Examples
        --------
        >>> network = NeuralNetwork([2, 3, 1], seed=1)
        >>> code = network.to_c("xor", test_rows=[[0, 0], [0, 1], [1, 0], [1, 1]])
        >>> "void xor_predict(const float *inputs, float *outputs);" in code
        True
        """
        from .export import to_c

        return to_c(self, name, weights, test_rows)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Return the network that :meth:`save` wrote, as :func:`scratchnn.load` does."""
        from .serialization import load

        return load(path, cls)


def load(path: str | os.PathLike[str]) -> NeuralNetwork:
    """Return the network in a file that ``network.save(path)`` wrote (docs/model_file.md).

    Raises
    ------
    ModelFileError
        If the file is no model, is damaged, or is newer than this version.
    OSError
        If it cannot be read.
    """
    return NeuralNetwork.load(path)
