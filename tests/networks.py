"""Networks, data for them, and what of them can be compared: shared by the tests of whole networks."""

import numpy as np

from scratchnn import NeuralNetwork, losses

# Hidden widths beside and at vector widths and tile heights; never two alike in one network.
DEPTHS = ([5, 3], [3, 17, 2], [7, 15, 33, 4], [2, 9, 16, 5, 3])


def data(network, n_samples, seed=0):
    """Inputs, and targets that the network's loss accepts."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n_samples, network.n_inputs)).astype(network.dtype)
    shape = (n_samples, network.n_targets)
    match network.loss.split("(")[0]:
        case "cross_entropy" | "focal":
            return x, rng.integers(network.n_outputs, size=n_samples)
        case "binary_cross_entropy" | "summed_binary_cross_entropy" | "binary_focal":
            return x, rng.integers(2, size=shape).astype(network.dtype)
        case "poisson" | "poisson_deviance":
            return x, rng.poisson(2, shape).astype(network.dtype)
    return x, rng.standard_normal(shape).astype(network.dtype)


def targets_of(network, y):
    """Targets as the oracle takes them: float64, labels one-hot."""
    return y.astype(np.float64) if y.ndim == 2 else np.eye(network.n_outputs)[y]


def layers_of(network, dtype=np.float64):
    """Copies of the network's layers, (weights, biases or None, activation), as the oracle takes them."""
    return [
        (
            layer.weights.astype(dtype),
            None if layer.biases is None else layer.biases.astype(dtype),
            layer.activation,
        )
        for layer in network.layers
    ]


def arrays(network):
    """All parameters of all layers, weights before biases."""
    return [a for layer in network.layers for a in (layer.weights, layer.biases) if a is not None]


def bits(network):
    """The bytes of parameters and optimizer state."""
    return {name: array.tobytes() for name, array in network.get_state()[1].items()}


def assert_threads_change_no_bit(new, n_samples, batch_size):
    """Train a new network with 1, 2, 3 and 7 threads: parameters, state and losses are the same."""

    def result(n_threads):
        network = new()
        x, y = data(network, n_samples)
        settings = {"batch_size": batch_size, "shuffle": True, "optimizer": "adam", "n_threads": n_threads}
        network.train(x, y, epochs=3, **settings)
        return bits(network), network.history.loss

    alone = result(1)
    for n_threads in (2, 3, 7):
        assert result(n_threads) == alone


def sizes_for(loss, sizes):
    """The sizes, with two outputs where softmax would leave one nothing to choose, and whole targets."""
    loss = losses.get(loss)
    if loss.takes_labels:
        return [*sizes[:-1], max(sizes[-1], 2)]
    return [*sizes[:-1], -(-sizes[-1] // loss.outputs_per_target) * loss.outputs_per_target]


def make(sizes, activation, loss, dtype, **arguments):
    """A network whose biases are not zeros; `activation` is the output's too, unless the loss has its own.

    Where exp would be taken of exp, every other layer is tanh.
    """
    sizes = sizes_for(loss, sizes)
    names = [activation] * (len(sizes) - 1)
    if activation == "exp":
        names[1::2] = ["tanh"] * len(names[1::2])
    link = losses.get(loss).link
    if link:
        names[-1] = link
    return NeuralNetwork(
        sizes, activation=names, loss=loss, dtype=dtype, **{"bias_init": "normal", "seed": 1, **arguments}
    )
