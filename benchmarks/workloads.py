"""The rows of the benchmark: what is trained or predicted, on which numbers, from which start.

Data and starting parameters are float64 and the same in every process; each rival takes them in the row's dtype.
"""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Workload:
    """One row.

    Attributes
    ----------
    kind : {"train", "predict"}
        A training step is one batch. A prediction is one call with `batch_size` rows.
    loss : str
        As in ``scratchnn.NeuralNetwork``; ``cross_entropy`` has class labels from 0 as targets.
    n_samples : int
        Rows of the data, a multiple of `batch_size`.
    check_epochs : int
        After how many epochs from the start the losses of all rivals are compared.
    """

    name: str
    sizes: tuple[int, ...]
    activation: str
    output_activation: str
    loss: str
    optimizer: str
    learning_rate: float
    batch_size: int
    n_samples: int
    check_epochs: int
    dtype: str = "float32"
    kind: str = "train"

    @property
    def steps_per_epoch(self):
        return self.n_samples // self.batch_size

    @property
    def activations(self):
        """One for each layer, the output's included."""
        return (self.activation,) * (len(self.sizes) - 2) + (self.output_activation,)

    @property
    def multiply_adds(self):
        """Those of one step's matrix products: forward, weight gradients, and input gradients above the first layer."""
        products = [n * m for n, m in zip(self.sizes[:-1], self.sizes[1:], strict=True)]
        forward = sum(products)
        return self.batch_size * (forward if self.kind == "predict" else 3 * forward - products[0])

    @property
    def description(self):
        network = f"{'-'.join(map(str, self.sizes))} {self.activation}"
        if self.kind == "predict":
            return f"{network}, predict {self.batch_size:,} row{'s' if self.batch_size > 1 else ''}"
        loss = {"mean_squared_error": "MSE", "half_sum_squared_error": "half squared error"}.get(self.loss, self.loss)
        optimizer = "Adam" if self.optimizer == "adam" else f"SGD {self.learning_rate:g}"
        return f"{network}, {loss.replace('_', '-')}, {optimizer}, batch {self.batch_size:,}"


def _sigmoid(name, sizes, loss, learning_rate, batch_size, n_samples, check_epochs, dtype):
    return Workload(
        name, sizes, "sigmoid", "sigmoid", loss, "sgd", learning_rate, batch_size, n_samples, check_epochs, dtype
    )


def _regression(name, sizes, activation, batch_size, n_samples, check_epochs):
    return Workload(
        name, sizes, activation, "identity", "mean_squared_error", "adam", 1e-3, batch_size, n_samples, check_epochs
    )


def _classes(name, sizes, batch_size, n_samples, check_epochs):
    return Workload(name, sizes, "relu", "softmax", "cross_entropy", "adam", 1e-3, batch_size, n_samples, check_epochs)


def _prediction(name, sizes, activation, output_activation, loss, rows):
    return Workload(name, sizes, activation, output_activation, loss, "sgd", 0.1, rows, rows, 1, kind="predict")


WORKLOADS = (
    _sigmoid("W1", (2, 2, 1), "mean_squared_error", 0.1, 1, 4, 50, "float64"),
    _sigmoid("W2", (2, 3, 1), "half_sum_squared_error", 0.1, 4, 4, 200, "float64"),
    _regression("W3", (1, 16, 16, 1), "tanh", 32, 1024, 4),
    _regression("W4", (8, 64, 64, 4), "tanh", 64, 2048, 4),
    _classes("W5", (64, 100, 10), 200, 1800, 10),
    _sigmoid("W6", (784, 30, 10), "mean_squared_error", 3.0, 10, 2000, 1, "float32"),
    _classes("W7", (784, 128, 10), 32, 2048, 2),
    _classes("W8", (784, 512, 512, 10), 128, 2048, 1),
    _classes("W9", (784, 2048, 2048, 10), 256, 1024, 1),
    _regression("W10", (8, 256, 256, 256, 1), "relu", 1024, 4096, 8),
    _regression("SC", (4, 32, 16, 4), "tanh", 10_000, 10_000, 50),
    _prediction("I1a", (8, 64, 64, 4), "tanh", "identity", "mean_squared_error", 1),
    _prediction("I1b", (784, 128, 10), "relu", "softmax", "cross_entropy", 1),
    _prediction("I2", (784, 512, 512, 10), "relu", "softmax", "cross_entropy", 10_000),
)

BY_NAME = {workload.name: workload for workload in WORKLOADS}


def data(workload):
    """Return (X, y) in the row's dtype, C-contiguous: targets between 0 and 1, or int64 class labels.

    The targets follow from the inputs through one random layer, so that there is something to learn. No input is
    0: what a library gains by skipping zeros does not show.
    """
    generator = np.random.default_rng(1)
    n_inputs, n_outputs = workload.sizes[0], workload.sizes[-1]
    X = generator.uniform(-1, 1, (workload.n_samples, n_inputs))
    z = X @ generator.normal(0, math.sqrt(3 / n_inputs), (n_inputs, n_outputs))
    y = z.argmax(axis=1) if workload.loss == "cross_entropy" else ((1 + np.tanh(z)) / 2).astype(workload.dtype)
    return X.astype(workload.dtype), y


def start(workload):
    """Return the starting parameters, float64: a list of (weights (n_inputs, n_outputs), biases)."""
    generator = np.random.default_rng(2)
    return [
        (generator.normal(0, math.sqrt(2 / (n + m)), (n, m)), generator.normal(0, 0.1, m))
        for n, m in zip(workload.sizes[:-1], workload.sizes[1:], strict=True)
    ]


FUNCTIONS = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "softmax": lambda z: (
        np.exp(z - z.max(axis=1, keepdims=True)) / np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True)
    ),
}


def outputs(workload, parameters, X):
    """Return the network's output in float64."""
    a = X.astype(np.float64)
    for (weights, biases), activation in zip(parameters, workload.activations, strict=True):
        a = FUNCTIONS[activation](a @ np.asarray(weights, np.float64) + np.asarray(biases, np.float64))
    return a


def final_loss(workload, parameters, X, y):
    """Return the loss over (X, y) in float64, computed in the same way whoever trained the parameters."""
    a = outputs(workload, parameters, X)
    if workload.loss == "cross_entropy":
        return float(-np.log(a[np.arange(len(y)), y]).mean())
    squares = (a - y) ** 2
    return float(squares.mean() if workload.loss == "mean_squared_error" else squares.sum() / 2)
