"""Whole networks forwards and backwards: against the oracle, and against finite differences."""

import networks
import numpy as np
import oracle
import pytest

from scratchnn import NeuralNetwork, check_gradients
from scratchnn.core import activations

TOLERANCE = {np.float32: 2e-5, np.float64: 1e-12}

every_loss = pytest.mark.parametrize("loss", oracle.SPELLINGS)
every_activation = pytest.mark.parametrize("activation", activations.names())
depths = pytest.mark.parametrize("sizes", networks.DEPTHS, ids=str)


def close(ours, theirs, dtype):
    """Equal to rounding, where the largest element sets the scale."""
    theirs = np.asarray(theirs)
    np.testing.assert_allclose(ours, theirs, 0, TOLERANCE[dtype] * max(1, np.abs(theirs).max()))


# ---- against the oracle ----


@pytest.mark.pairs
@every_loss
@every_activation
def test_forward_evaluate_and_gradients(activation, loss, isa, dtype):
    network = networks.make([3, 17, 9, 2], activation, loss, dtype)
    x, y = networks.data(network, 25)
    layers, targets = networks.layers_of(network), networks.targets_of(network, y)
    value, gradients = oracle.backpropagate(layers, x.astype(np.float64), targets, loss)
    out = network.predict(x)
    assert out.dtype == dtype
    close(out, oracle.predict(layers, x.astype(np.float64), network.n_outputs // network.n_targets), dtype)
    assert network.evaluate(x, y) == pytest.approx(value, rel=TOLERANCE[dtype])
    for ours, theirs in zip(network.gradients(x, y), gradients, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert a.dtype == dtype
            close(a, b, dtype)


@depths
@pytest.mark.parametrize("n_samples", [1, 7, 24, 250])
def test_depths_and_batches(sizes, n_samples, isa, dtype):
    network = networks.make(sizes, "tanh", "mean_squared_error", dtype)
    x, y = networks.data(network, n_samples)
    layers = networks.layers_of(network)
    value, gradients = oracle.backpropagate(layers, x.astype(np.float64), y.astype(np.float64), network.loss)
    close(network.predict(x), oracle.predict(layers, x.astype(np.float64)), dtype)
    assert network.evaluate(x, y) == pytest.approx(value, rel=TOLERANCE[dtype])
    for ours, theirs in zip(network.gradients(x, y), gradients, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            close(a, b, dtype)


def test_labels_are_one_hot_rows():
    network = NeuralNetwork([3, 5, 4], activation="relu", loss="cross_entropy", seed=1)
    x, labels = networks.data(network, 20)
    rows = np.eye(4)[labels]
    for integers in (labels, labels.astype(np.uint8), labels.tolist()):
        assert network.evaluate(x, integers) == network.evaluate(x, rows)
        for ours, theirs in zip(network.gradients(x, integers), network.gradients(x, rows), strict=True):
            for a, b in zip(ours, theirs, strict=True):
                np.testing.assert_array_equal(a, b)


def test_gradients_are_the_caller_s_own():
    network = NeuralNetwork([2, 3, 1], seed=1)
    x, y = networks.data(network, 5)
    before = networks.bits(network)
    first = network.gradients(x, y)
    kept = first[0][0].copy()
    network.gradients(2 * x, y)
    np.testing.assert_array_equal(first[0][0], kept)
    assert networks.bits(network) == before


# ---- against finite differences ----


@pytest.mark.pairs
@every_loss
@every_activation
def test_check_gradients(activation, loss, isa, dtype):
    network = networks.make([3, 9, 5, 2], activation, loss, dtype)
    x, y = networks.data(network, 6)
    check = check_gradients(network, x, y)
    assert check, str(check)


@depths
@every_loss
def test_check_gradients_at_every_depth(sizes, loss, dtype):
    network = networks.make(sizes, "gelu", loss, dtype)
    check = check_gradients(network, *networks.data(network, 4))
    assert check, str(check)
    shapes = {name: error.shape for name, error in check.errors.items()}
    assert shapes == {
        f"layers[{i}].{part}": getattr(layer, part).shape
        for i, layer in enumerate(network.layers)
        for part in ("weights", "biases")
    }


def test_check_gradients_without_biases_and_with_parameters():
    for activation, loss in (("leaky_relu(0.3)", "huber(0.2)"), ("elu(0.5)", "huber(3.0)")):
        network = NeuralNetwork([3, 5, 2], activation=activation, loss=loss, biases=False, seed=1)
        check = check_gradients(network, *networks.data(network, 4))
        assert check, str(check)
        assert list(check.errors) == ["layers[0].weights", "layers[1].weights"]


@pytest.mark.parametrize(
    ("layer", "part", "index", "place"),
    [
        (1, 0, (2, 0), "layers[1].weights[2, 0]"),
        (0, 0, (0, 4), "layers[0].weights[0, 4]"),
        (0, 1, (3,), "layers[0].biases[3]"),
        (1, 1, (1,), "layers[1].biases[1]"),
    ],
)
def test_check_gradients_names_the_place_of_a_fault(layer, part, index, place, monkeypatch):
    network = NeuralNetwork([3, 5, 2], activation="tanh", seed=1)
    x, y = networks.data(network, 8)
    right = NeuralNetwork.gradients

    def wrong(self, x, y, **arguments):
        gradients = right(self, x, y, **arguments)
        gradients[layer][part][index] *= 1.001
        return gradients

    monkeypatch.setattr(NeuralNetwork, "gradients", wrong)
    before = networks.bits(network)
    check = check_gradients(network, x, y)
    assert not check
    assert check.worst == place
    assert check.max_relative_error == pytest.approx(0.001 / 1.001, rel=1e-3)
    assert check.backpropagation == pytest.approx(1.001 * check.difference, rel=1e-5)
    assert f"PART: worst is {place}" in str(check)
    assert check_gradients(network, x, y, tolerance=0.01)
    assert networks.bits(network) == before


def test_a_step_across_a_corner_is_no_fault():
    """A sum 3e-6 from the corner of relu: the first step crosses it, a smaller one does not."""
    network = NeuralNetwork([1, 1, 1], activation="relu", seed=1)
    network.h1.weights[0], network.h1.bias, network.o1.weights[0] = 1, 3e-6, 2
    check = check_gradients(network, [[0.0], [1.0]], [1.0, 0.5])
    assert check, str(check)
    assert not check_gradients(network, [[0.0], [1.0]], [1.0, 0.5], epsilon=1e-3, tolerance=1e-9)


def test_a_gradient_of_zero_agrees():
    network = NeuralNetwork([2, 3, 1], activation="relu", weight_init="zeros", seed=1)
    check = check_gradients(network, [[1.0, 2.0]], [0.0])
    assert check, str(check)
    assert check.max_relative_error == 0


def test_rounding_in_the_loss_of_a_trained_network_is_no_fault():
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    network = NeuralNetwork([2, 8, 1], activation="tanh", loss="binary_cross_entropy", seed=1)
    network.train(x, y, epochs=2000, batch_size="full", optimizer="adam", learning_rate=0.1)
    assert network.evaluate(x, y) < 1e-4
    assert check_gradients(network, x, y)


def test_the_error_of_a_right_gradient_is_told():
    network = NeuralNetwork([2, 3, 1], seed=1)
    check = check_gradients(network, [[0, 1], [1, 1]], [1, 0])
    assert 0 < check.max_relative_error < 1e-6
    assert check.backpropagation == pytest.approx(check.difference, rel=1e-6)


def test_check_gradients_of_a_loss_that_overflows_names_a_parameter():
    network = NeuralNetwork([2, 3, 1], activation="exp", seed=1)
    for layer in network.layers:
        layer.weights = np.full(layer.weights.shape, 1000)
    check = check_gradients(network, np.ones((2, 2)), np.ones(2))
    assert not check
    assert check.max_relative_error == np.inf
    assert check.worst == "layers[0].weights[0, 0]"
    assert "not finite" in str(check)
