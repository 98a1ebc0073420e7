"""What `diagnose` finds: each mistake where it was made, and nothing where none was."""

import networks
import numpy as np
import pytest

from scratchnn import DivergenceError, Finding, NeuralNetwork, TrainingWarning, diagnosis


def kinds(network, X, y, **arguments):
    found = network.diagnose(X, y, **arguments)
    assert all(isinstance(finding, Finding) and ": " in finding.message for finding in found)
    return [finding.kind for finding in found]


@pytest.fixture
def data(rng):
    X = rng.standard_normal((300, 4))
    return X, np.tanh(X @ [1, -1, 0.5, 0] + 0.3)


def trained(X, y, epochs=300, **arguments):
    arguments = {"activation": "tanh", "output_activation": "identity", "seed": 1, **arguments}
    network = NeuralNetwork([X.shape[1], 12, 1], **arguments)
    network.train(X, y, epochs=epochs, batch_size=32, optimizer="adam", learning_rate=0.01)
    return network


def test_nothing_is_found_where_nothing_is_wrong(data):
    network = trained(*data, epochs=3)
    assert kinds(network, *data) == []
    assert "underfitting" not in kinds(trained(*data), *data)


def test_large_inputs_and_their_columns(data):
    X, y = data
    X[:, [1, 3]] *= 1e3
    network = NeuralNetwork([4, 5, 1], activation="relu", seed=1)
    (finding,) = (f for f in network.diagnose(X, y) if f.kind == "large inputs")
    assert "in columns 1, 3:" in finding.message


def test_different_spreads_and_constants(data):
    X, y = data
    X[:, 0] *= 1e-5
    X[:, 2] = 7
    network = NeuralNetwork([4, 5, 1], activation="relu", seed=1)
    found = {finding.kind: finding.message for finding in network.diagnose(X, y)}
    assert "(column 0)" in found["different spreads"]
    assert found["constant inputs"] == "1 columns are constant and tell nothing: 2"


def test_dead_and_saturated_neurons(data):
    X, y = data
    network = NeuralNetwork([4, 10, 6, 1], activation=["relu", "tanh", "identity"], seed=1)
    network.layers[0].biases[:6] = -100
    network.layers[1].biases[:] = 50
    found = {finding.kind: finding.message for finding in network.diagnose(X, y)}
    assert found["dead neurons"].startswith("6 of 10 neurons of layers[0] (relu)")
    assert found["saturated neurons"].startswith("6 of 6 neurons of layers[1] (tanh)")


def test_vanishing_and_exploding_gradients(data):
    X, y = data
    deep = NeuralNetwork([4, *[8] * 12, 1], activation="sigmoid", output_activation="identity", seed=1)
    assert "vanishing gradients" in kinds(deep, X, y)
    steep = NeuralNetwork([4, 8, 8, 1], activation="identity", seed=1)
    steep.layers[1].weights *= 1e5
    steep.layers[2].weights[:] = 1e4
    steep.layers[0].weights *= 1e-8
    assert "exploding gradients" in kinds(steep, X, y)


def test_gradients_of_frozen_layers_are_no_mistake(data):
    X, y = data
    network = NeuralNetwork([4, 8, 8, 1], activation="tanh", seed=1)
    before = kinds(network, X, y)
    network.layers[0].trainable = False
    assert "vanishing gradients" not in before
    assert kinds(network, X, y) == before


def test_targets_out_of_reach(data):
    X, y = data
    network = NeuralNetwork([4, 5, 1], seed=1)  # ends in a sigmoid
    (finding,) = (f for f in network.diagnose(X, y * 10) if f.kind == "targets out of reach")
    assert "the output activation sigmoid gives 0 to 1" in finding.message
    assert "targets out of reach" not in kinds(network, X, (y + 1) / 2)
    links = networks.make([4, 5, 1], "tanh", "poisson", np.float64)
    assert "targets out of reach" not in kinds(links, X, np.abs(y) * 100)


def test_classes_with_the_loss_of_numbers(data):
    X, _ = data
    labels = np.arange(300) % 3
    number = NeuralNetwork([4, 5, 1], activation="relu", seed=1)
    assert "targets are classes" in kinds(number, X, labels)
    assert "targets are classes" not in kinds(number, X, labels + 0.5)
    one_hot = NeuralNetwork([4, 5, 3], activation="relu", seed=1)
    assert "targets are classes" in kinds(one_hot, X, np.eye(3)[labels])
    assert "targets are classes" not in kinds(NeuralNetwork([4, 5, 3], loss="cross_entropy", seed=1), X, labels)


def test_curves(data):
    X, y = data
    network = trained(X, y, epochs=5)
    for loss, validation, kind in (
        (np.linspace(1, 0.01, 50), np.r_[np.linspace(1, 0.2, 20), np.linspace(0.2, 0.6, 30)], "overfitting"),
        (np.full(50, np.var(y)), [], "underfitting"),
        (np.geomspace(0.1, 1e-3, 50), [], "unfinished"),
        (np.tile([0.01, 0.1], 25), [], "unstable"),
    ):
        network.history.loss, network.history.validation_loss = loss.tolist(), list(validation)
        assert kind in kinds(network, X, y), kind
    network.history.loss, network.history.validation_loss = [0.01] * 50, [0.02] * 50
    assert kinds(network, X, y) == []
    network.history.loss = [5.0] * (diagnosis.SHORT - 1)
    assert kinds(network, X, y) == [], "too short to tell"


@pytest.mark.parametrize("loss", ["cross_entropy", "cross_entropy(0.1)", "binary_cross_entropy", "mean_squared_error"])
def test_the_best_constant(loss):
    """No other constant has a smaller loss."""
    network = networks.make([3, 4], "identity", loss, np.float64)
    _, y = networks.data(network, 40)
    y = networks.targets_of(network, y)
    best = diagnosis._loss_of_a_constant(network, y)
    network.layers[0].weights[:] = 0
    rng = np.random.default_rng(0)
    for _ in range(100):
        network.layers[0].biases[:] = rng.standard_normal(4)
        assert network.evaluate(np.zeros((40, 3)), y) >= best - 1e-3 * ("(" in loss)


def test_losses_without_a_simple_constant_and_sparse_rows(data):
    X, y = data
    network = trained(X, y, epochs=diagnosis.SHORT, loss="huber")
    assert "underfitting" not in kinds(network, X, y)
    sparse = pytest.importorskip("scipy.sparse")
    assert kinds(network, sparse.csr_matrix(X), y) == kinds(network, X, y)


def test_training_that_warns(data):
    X, y = data
    network = NeuralNetwork([4, 5, 1], activation="relu", seed=1)
    with pytest.warns(TrainingWarning) as record:
        network.train(1e3 * X, y, epochs=2, learning_rate=1e-9, diagnose=True)
    said = {str(warning.message) for warning in record}
    assert said == {f"{kind}: {message}" for kind, message in network.diagnose(1e3 * X, y)}
    assert {warning.filename for warning in record} == {__file__}
    with pytest.warns(TrainingWarning, match="large inputs"), pytest.raises(DivergenceError):
        network.train(1e3 * X, y, epochs=20, learning_rate=1e3, diagnose=True)


def test_training_says_nothing_unasked_and_where_nothing_is_wrong(data, recwarn):
    X, y = data
    NeuralNetwork([4, 5, 1], activation="relu", seed=1).train(1e3 * X, y, epochs=2, learning_rate=1e-9)
    network = NeuralNetwork([4, 5, 1], activation="tanh", output_activation="identity", seed=1)
    network.train(X, y, epochs=3, diagnose=True)
    assert not list(recwarn)


def test_weights_and_bad_input(data):
    X, y = data
    network = trained(X, y, epochs=3)
    assert kinds(network, X, y, sample_weight=np.ones(300)) == []
    with pytest.raises(ValueError, match="X has shape"):
        network.diagnose(X[:, :2], y)
