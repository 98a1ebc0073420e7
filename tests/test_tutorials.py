"""The two tutorials that the package began with: their programs give their numbers.

The articles' algorithms are written out here in plain NumPy, from their own code.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import scratchnn
from scratchnn import NeuralNetwork, Neuron, mse_loss, sigmoid, sigmoid_derivative

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
Y = np.array([0, 1, 1, 0])


def parameters(network):
    return np.concatenate([a.ravel() for layer in network.layers for a in (layer.weights, layer.biases)])


def agree(network, expected, tolerance):
    flat = np.concatenate([a.ravel() for a in expected])
    np.testing.assert_allclose(parameters(network), flat, rtol=0, atol=tolerance)


def logistic(x):
    return 1 / (1 + np.exp(-x))


def first_article(w1, b1, w2, b2, *, learn_rate, epochs):
    """One sample at a time, in order: L = (y - out)², so dL/dout = -2 (y - out)."""
    w1, b1, w2, b2 = (a.copy() for a in (w1, b1, w2, b2))
    for _ in range(epochs):
        for x, y_true in zip(X, Y, strict=True):
            h = logistic(x @ w1 + b1)
            o = logistic(h @ w2 + b2)
            d_sum_o = -2 * (y_true - o) * o * (1 - o)
            d_sum_h = w2 @ d_sum_o * h * (1 - h)
            w1 -= learn_rate * np.outer(x, d_sum_h)
            b1 -= learn_rate * d_sum_h
            w2 -= learn_rate * np.outer(h, d_sum_o)
            b2 -= learn_rate * d_sum_o
    return w1, b1, w2, b2


def second_article(w1, b1, w2, b2, *, learning_rate, epochs):
    """All samples at once, the gradient (y - out) σ' summed over them."""
    w1, b1, w2, b2 = (a.copy() for a in (w1, b1, w2, b2))
    y = Y[:, None]
    for _ in range(epochs):
        hidden_output = logistic(np.dot(X, w1) + b1)
        output = logistic(np.dot(hidden_output, w2) + b2)
        error = y - output
        d_output = error * (output * (1 - output))
        error_hidden = d_output.dot(w2.T)
        d_hidden = error_hidden * (hidden_output * (1 - hidden_output))
        w2 += hidden_output.T.dot(d_output) * learning_rate
        w1 += X.T.dot(d_hidden) * learning_rate
        b2 += np.sum(d_output, axis=0) * learning_rate
        b1 += np.sum(d_hidden, axis=0) * learning_rate
    return w1, b1, w2, b2


def start(network):
    return [a.copy() for layer in network.layers for a in (layer.weights, layer.biases)]


# ---- training ----


@pytest.mark.parametrize("seed", range(4))
def test_train_is_the_first_article(seed, isa):
    network = NeuralNetwork(seed=seed)
    before = start(network)
    network.train(X, Y)
    agree(network, first_article(*before, learn_rate=0.1, epochs=1000), 1e-12)
    assert network.history.epochs == 1000


def test_the_article_s_own_loop_runs_on_the_views():
    path = Path(__file__).parent.parent / "examples" / "article_loop.py"
    spec = importlib.util.spec_from_file_location("article_loop", path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    by_hand, built_in = example.ArticleNetwork(seed=7), NeuralNetwork(seed=7)
    untrained = parameters(by_hand)
    np.testing.assert_array_equal(untrained, parameters(built_in))
    by_hand.train(X, Y)
    built_in.train(X, Y)
    assert np.abs(parameters(by_hand) - untrained).max() > 0.1
    agree(by_hand, start(built_in), 1e-12)
    np.testing.assert_allclose(by_hand.feedforward(X), built_in.feedforward(X), 0, 1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_full_batch_is_the_second_article(seed, isa):
    network = NeuralNetwork([2, 3, 1], weight_init="normal", loss="half_sum_squared_error", seed=seed)
    before = start(network)
    assert not before[1].any()
    assert not before[3].any()
    network.train(X, Y[:, None], learning_rate=0.1, epochs=10_000, batch_size="full")
    agree(network, second_article(*before, learning_rate=0.1, epochs=10_000), 1e-10)


def test_both_conventions_of_the_loss():
    network = NeuralNetwork([2, 3, 2], seed=1)
    targets = np.column_stack([Y, 1 - Y])
    errors = network.predict(X) - targets

    def with_loss(name):
        other = NeuralNetwork([2, 3, 2], loss=name, seed=1)
        return other.evaluate(X, targets), other.gradients(X, targets)

    mean, mean_gradients = with_loss("mean_squared_error")
    half, half_gradients = with_loss("half_sum_squared_error")
    assert mean == pytest.approx(np.mean(errors**2), rel=1e-14)
    assert mean == pytest.approx(mse_loss(targets, network.predict(X)), rel=1e-14)
    assert half == pytest.approx(np.sum(errors**2) / 2, rel=1e-14)
    for (dw, db), (half_dw, half_db) in zip(mean_gradients, half_gradients, strict=True):
        np.testing.assert_allclose(half_dw, dw * targets.size / 2, 1e-12)
        np.testing.assert_allclose(half_db, db * targets.size / 2, 1e-12)
    assert with_loss("mse")[0] == mean


# ---- the neuron ----


def test_the_article_s_neuron(isa):
    neuron = Neuron(np.array([0, 1]), 4)
    assert neuron.feedforward(np.array([2, 3])) == 0.9990889488055994
    assert Neuron([0, 1], 4).feedforward([2, 3]) == 0.9990889488055994
    assert type(neuron.feedforward([2, 3])) is float
    assert repr(neuron) == "Neuron([0.0, 1.0], 4.0, activation='sigmoid')"


def test_a_neuron_keeps_its_dtype_and_its_own_weights(dtype):
    given = np.array([0.5, -1], dtype)
    neuron = Neuron(given, 2, "relu")
    given[:] = 9
    assert neuron.weights.tolist() == [0.5, -1]
    assert neuron.weights.dtype == dtype
    out = neuron.feedforward([[2, 1], [0, 3]])
    assert out.tolist() == [2, 0]
    assert out.dtype == dtype
    neuron.weights, neuron.bias = [1, 1], 1
    assert neuron.feedforward([2, 1]) == 4


# ---- the network ----


def test_the_network_of_the_article():
    network = NeuralNetwork(seed=3)
    assert network.layer_sizes == (2, 2, 1)
    assert network.n_parameters == 9
    assert [layer.activation for layer in network.layers] == ["sigmoid", "sigmoid"]
    assert all(parameters(network))  # weights and biases all drawn
    h = [neuron.feedforward([2, 3]) for neuron in (network.h1, network.h2)]
    assert network.o1.feedforward(h) == pytest.approx(network.feedforward(np.array([2, 3])), rel=1e-15)
    drawn = [parameters(NeuralNetwork(seed=seed)) for seed in range(500)]
    assert np.mean(drawn) == pytest.approx(0, abs=0.06)
    assert np.var(drawn) == pytest.approx(1, abs=0.08)


def test_neurons_are_views_both_ways():
    network = NeuralNetwork(seed=1)
    before = network.feedforward([2, 3])
    network.h1.weights[0] += 1
    network.o1.bias -= 2
    assert network.layers[0].weights[0, 0] == network.h1.weights[0]
    assert network.layers[1].biases[0] == network.o1.bias
    assert network.feedforward([2, 3]) != before
    network.layers[0].weights[1, 1] = 5
    network.layers[0].biases = [1, 2]
    assert network.h2.weights[1] == 5
    assert (network.h1.bias, network.h2.bias) == (1, 2)
    network.h2.weights = [7, 8]
    assert network.layers[0].weights[:, 1].tolist() == [7, 8]
    h1 = network.h1
    network.train(X, Y, epochs=2)
    assert h1 is network.h1
    assert h1.weights.tolist() == network.layers[0].weights[:, 0].tolist()


def test_neurons_are_counted_through_the_layers():
    network = NeuralNetwork([2, 3, 4, 2], activation=["relu", "tanh", "sigmoid"], seed=1)
    assert [len(layer) for layer in network.neurons] == [3, 4, 2]
    names = ["h1", "h2", "h3", "h4", "h5", "h6", "h7", "o1", "o2"]
    assert [getattr(network, name) for name in names] == [n for layer in network.neurons for n in layer]
    assert network.h4 is network.neurons[1][0]
    assert str(network.h4.activation) == "tanh"
    x = [0.3, -0.7]
    for layer in network.neurons:
        x = [neuron.feedforward(x) for neuron in layer]
    np.testing.assert_allclose(network.feedforward([0.3, -0.7]), x, 1e-14)
    for name, message in {
        "h8": "7 hidden neuron",
        "o3": "2 output neuron",
        "h0": "no attribute 'h0'",
        "h01": "no attribute",
        "hidden": "no attribute 'hidden'",
    }.items():
        with pytest.raises(AttributeError, match=message):
            getattr(network, name)
    assert NeuralNetwork([2, 1], seed=1).o1.weights.shape == (2,)
    with pytest.raises(AttributeError, match="0 hidden"):
        _ = NeuralNetwork([2, 1], seed=1).h1


def test_a_neuron_of_a_network_without_biases():
    network = NeuralNetwork([2, 3, 1], biases=False, seed=1)
    assert network.h2.bias == 0
    assert network.layers[0].biases is None
    with pytest.raises(AttributeError, match="no biases"):
        network.h2.bias = 1
    with pytest.raises(AttributeError, match="no biases"):
        network.layers[0].biases = [1, 2, 3]
    assert network.h2.feedforward([0, 0]) == 0.5


@pytest.mark.parametrize("method", ["feedforward", "predict"])
@pytest.mark.parametrize(
    ("sizes", "x", "shape"),
    [
        ([2, 3, 1], [1, 2], None),
        ([2, 3, 1], [[1, 2]], (1, 1)),
        ([2, 3, 1], [[1, 2], [3, 4], [5, 6]], (3, 1)),
        ([2, 3, 4], [1, 2], (4,)),
        ([2, 3, 4], [[1, 2]], (1, 4)),
        ([2, 3, 4], np.zeros((5, 2)), (5, 4)),
        ([1, 3, 1], [1], None),
        ([1, 3, 1], [1, 2, 3], (3, 1)),
        ([1, 3, 2], [1], (2,)),
    ],
)
def test_what_feedforward_returns(method, sizes, x, shape, dtype):
    out = getattr(NeuralNetwork(sizes, seed=1, dtype=dtype), method)(x)
    if shape is None:
        assert type(out) is float
    else:
        assert (out.shape, out.dtype) == (shape, dtype)


# ---- functions ----


def test_mse_loss():
    assert mse_loss(np.array([1, 0, 0, 1]), np.array([0, 0, 0, 0])) == 0.5
    assert mse_loss([[1, 2], [3, 4]], [[1, 2], [3, 0]]) == 4
    assert type(mse_loss([1], [0])) is float


def test_functions_and_their_derivatives_of_the_output():
    z = np.array([-2.0, -0.5, 0.0, 0.5, 2.0])
    np.testing.assert_allclose(sigmoid(z), logistic(z), 1e-15)
    np.testing.assert_array_equal(sigmoid_derivative(z), z * (1 - z))
    np.testing.assert_allclose(scratchnn.tanh(z), np.tanh(z), 1e-15)
    np.testing.assert_array_equal(scratchnn.tanh_derivative(z), 1 - z**2)
    np.testing.assert_array_equal(scratchnn.relu(z), [0, 0, 0, 0.5, 2])
    np.testing.assert_array_equal(scratchnn.relu_derivative(z), [0, 0, 0, 1, 1])
    np.testing.assert_allclose(scratchnn.softmax([z, 2 * z]).sum(axis=1), 1, 1e-15)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu"])
def test_derivatives_are_the_slopes(name, dtype):
    function, derivative = getattr(scratchnn, name), getattr(scratchnn, f"{name}_derivative")
    z = np.linspace(-3, 3, 13, dtype=dtype)
    slope = derivative(function(z))
    assert slope.dtype == dtype
    np.testing.assert_allclose(slope, function.slope(z), 0, 4 * np.finfo(dtype).eps)
    for scalar in (function(0.25), derivative(0.25), derivative(1)):  # a Python number gives one
        assert np.ndim(scalar) == 0
        assert isinstance(scalar, float)
