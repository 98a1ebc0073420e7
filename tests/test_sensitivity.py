"""Derivatives of outputs for inputs, held against differences of predictions."""

import networks
import numpy as np
import oracle
import pytest

from scratchnn import NeuralNetwork, losses, sensitivity


def differences(network, x, h=1e-6):
    """The Jacobian by central differences."""
    result = np.empty((len(x), network.n_outputs, network.n_inputs))
    for i in range(network.n_inputs):
        step = np.zeros(network.n_inputs)
        step[i] = h
        up, down = (np.reshape(network.predict(x + s), (len(x), -1)) for s in (step, -step))
        result[:, :, i] = (up - down) / (2 * h)
    return result


def assert_right(network, n_samples=7):
    x, _ = networks.data(network, n_samples)
    jacobian = network.jacobian(x)
    assert jacobian.shape == (n_samples, network.n_outputs, network.n_inputs)
    np.testing.assert_allclose(jacobian, differences(network, x), rtol=1e-5, atol=1e-7)
    for output in range(network.n_outputs):
        np.testing.assert_allclose(network.input_gradient(x, output), jacobian[:, output], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("loss", [*oracle.SPELLINGS, "quantile(0.1, 0.2, 0.9)"])
def test_every_loss(loss, isa):
    columns = losses.get(loss).outputs_per_target
    assert_right(networks.make([5, 7, 2 * columns], "tanh", loss, np.float64))


@pytest.mark.parametrize("activation", oracle.ACTIVATIONS)
def test_every_activation(activation, isa):
    assert_right(networks.make([4, 9, 3, 2], activation, "mean_squared_error", np.float64))


def test_a_gaussian_beyond_its_limits_has_a_constant_deviation():
    network = networks.make([3, 4], "identity", "gaussian", np.float64)
    network.layers[0].biases = [0, 100, 0, -100]
    assert_right(network)
    assert not network.jacobian(np.ones((1, 3)))[0, 1::2].any()


def test_float32_and_blocks_of_rows(monkeypatch, dtype):
    network = networks.make([3, 5, 4], "tanh", "cross_entropy", dtype)
    x, _ = networks.data(network, 50)
    whole = network.jacobian(x)
    assert whole.dtype == dtype
    monkeypatch.setattr(sensitivity, "_BLOCK", 7 * 5 * 4)
    np.testing.assert_array_equal(network.jacobian(x), whole)


def test_probabilities_change_by_nothing_together():
    network = networks.make([3, 5, 4], "relu", "cross_entropy", np.float64)
    x, _ = networks.data(network, 20)
    np.testing.assert_allclose(network.jacobian(x).sum(axis=1), 0, atol=1e-12)


def test_which_output():
    network = networks.make([3, 2], "tanh", "mean_squared_error", np.float64)
    x, _ = networks.data(network, 2)
    with pytest.raises(ValueError, match=r"2 outputs; expected output=0 ... 1, or jacobian\(X\)"):
        network.input_gradient(x)
    with pytest.raises(ValueError, match="output is 2; expected an integer >= 0 and <= 1"):
        network.input_gradient(x, 2)
    with pytest.raises(ValueError, match=r"X has shape \(2, 2\)"):
        network.jacobian(x[:, :2])
    single = NeuralNetwork([3, 1], seed=0)
    np.testing.assert_array_equal(single.input_gradient(x), single.jacobian(x)[:, 0])


def test_sparse_inputs():
    sparse = pytest.importorskip("scipy.sparse")
    network = networks.make([3, 4, 2], "tanh", "mean_squared_error", np.float64)
    x = np.eye(3)
    np.testing.assert_array_equal(network.jacobian(sparse.csc_matrix(x)), network.jacobian(x))
