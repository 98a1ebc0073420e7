"""Transfer learning: `network.with_head` keeps lower layers and draws a new head."""

import networks
import numpy as np
import pytest
from test_bad_input import refused

from scratchnn import NeuralNetwork, losses

SIZES = (5, 17, 9, 3)


def make(dtype=np.float64, **arguments):
    network = networks.make(SIZES, "tanh", "huber(0.5)", dtype, **arguments)
    network.train(*networks.data(network, 20), epochs=2, optimizer="adam")
    network.metadata = {"classes": ["a", "b", "c"]}
    return network


def same(layer, other):
    ours, theirs = (
        (a.weights.tobytes(), a.biases is not None and a.biases.tobytes(), a.activation) for a in (layer, other)
    )
    return ours == theirs


@pytest.mark.parametrize(
    ("keep", "sizes"), [(1, (5, 17, 2)), (2, (5, 17, 9, 2)), (None, (5, 17, 9, 2)), (3, (5, 17, 9, 3, 2))]
)
@pytest.mark.parametrize("biases", [True, False])
def test_lower_layers_are_kept_and_a_head_is_new(keep, sizes, biases, dtype):
    network = make(dtype, biases=biases, **({} if biases else {"bias_init": None}))
    before = networks.bits(network), repr(network.get_state()[0])
    other = network.with_head(2, keep=keep, seed=4)
    assert type(other) is NeuralNetwork
    assert other.layer_sizes == sizes
    assert (other.dtype, other.seed, other.loss) == (network.dtype, 4, "huber(0.5)")
    n_kept = len(sizes) - 2
    for ours, theirs in zip(other.layers[:n_kept], network.layers, strict=False):
        assert same(ours, theirs)
        assert not np.shares_memory(ours.weights, theirs.weights)
    assert (other.layers[-1].biases is None) == (not biases)
    assert [layer.trainable for layer in other.layers] == [True] * (n_kept + 1)
    assert (other.optimizer, other.history.epochs, other.metadata) == (None, 0, {})
    assert other.get_state()[0]["steps"] == other.get_state()[0]["random_counter"] == 0
    other.train(*networks.data(other, 20), epochs=1)
    assert (networks.bits(network), repr(network.get_state()[0])) == before


def test_the_head_s_numbers_are_the_seed_s():
    network = make()
    heads = [network.with_head([7, 2], seed=seed).layers[2:] for seed in (1, 1, 2)]
    assert all(same(a, b) for a, b in zip(heads[0], heads[1], strict=True))
    assert not any(same(a, b) for a, b in zip(heads[0], heads[2], strict=True))
    alone = NeuralNetwork([9, 7, 2], activation="tanh", seed=1)  # drawn as any network's
    assert all(same(a, b) for a, b in zip(heads[0], alone.layers, strict=True))
    assert network.with_head(2).seed != network.with_head(2).seed


def test_a_head_of_several_layers():
    other = make().with_head((8, 4), keep=1, seed=1)
    assert other.layer_sizes == (5, 17, 8, 4)
    assert [layer.activation for layer in other.layers] == ["tanh", "tanh", "identity"]
    other = make().with_head(np.array([8, 4]), activation="elu(0.5)", output_activation="softplus", seed=1)
    assert [layer.activation for layer in other.layers] == ["tanh", "tanh", "elu(0.5)", "softplus"]
    other = make().with_head([8, 4], activation=["relu", "exp"], seed=1)
    assert [layer.activation for layer in other.layers] == ["tanh", "tanh", "relu", "exp"]


@pytest.mark.parametrize("rule", ["standard", "minmax", (3.0, 0.25)])
def test_inputs_are_scaled_as_the_kept_layers_have_learned_them(rule, tmp_path):
    """The head that was there before, on the kept layers, gives what the network gave."""
    network = NeuralNetwork([5, 9, 3], activation="tanh", scale_inputs=rule, seed=1)
    x, y = networks.data(network, 20)
    x = 100 * x + 50
    network.train(x, y, epochs=2)
    last = network.layers[-1]
    other = network.with_head(3, weight_init=[last.weights], bias_init=[last.biases])
    np.testing.assert_array_equal(other.predict(x), network.predict(x))
    other.train(x + 1000, y, epochs=1)  # which measures nothing anew
    for ours, theirs in zip(other.input_scaling, network.input_scaling, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    other.save(tmp_path / "other.snn")
    np.testing.assert_array_equal(NeuralNetwork.load(tmp_path / "other.snn").predict(x), other.predict(x))


def test_another_loss():
    network = make()
    assert network.with_head(4, loss="cross_entropy", seed=1).layers[-1].activation == "softmax"
    classifier = NeuralNetwork([5, 7, 3], activation="relu", loss="cross_entropy", seed=1)
    assert classifier.with_head(4, seed=1).layers[-1].activation == "softmax"
    assert classifier.with_head(1, loss=losses.Huber(0.3), seed=1).loss == "huber(0.3)"
    assert classifier.with_head(1, loss="mse", seed=1).layers[-1].activation == "identity"
    sigmoid = NeuralNetwork([5, 7, 3], seed=1)
    assert sigmoid.with_head(1, seed=1).layers[-1].activation == "sigmoid", "as the constructor has it"


def test_a_loss_of_the_caller_s_own_is_kept():
    class Mine(losses.MeanSquaredError):
        name = "mine"

    network = NeuralNetwork([3, 4, 2], loss=Mine(), seed=1)
    assert network.with_head(1, seed=1)._loss is network._loss
    del losses.Loss.registry["mine"]


def test_the_head_s_starting_values():
    weights, biases = np.arange(18.0).reshape(9, 2), np.array([3.0, 4.0])
    other = make().with_head(2, weight_init=[weights], bias_init=[biases], seed=1)
    assert np.array_equal(other.layers[-1].weights, weights)
    assert np.array_equal(other.layers[-1].biases, biases)
    other = make().with_head([4, 2], weight_init="zeros", bias_init=["normal", "zeros"], seed=1)
    assert not any(layer.weights.any() for layer in other.layers[2:])
    assert [layer.biases.any() for layer in other.layers[2:]] == [True, False]


def test_freezing():
    network = make()
    network.layers[1].trainable = False
    assert [layer.trainable for layer in network.with_head([4, 2]).layers] == [True, False, True, True]
    assert [layer.trainable for layer in network.with_head([4, 2], freeze=True).layers] == [False, False, True, True]
    assert [layer.trainable for layer in network.with_head([4, 2], keep=1).layers] == [True, True, True]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("batch_size", [1, 3, 24])
def test_a_head_on_frozen_layers_learns_as_a_network_on_their_outputs(
    optimizer, batch_size, isa, dtype, threads_as_asked
):
    """Bit for bit, and nothing else moves."""
    body = make(dtype)
    features = NeuralNetwork(
        SIZES[:3], activation="tanh", output_activation="tanh", dtype=dtype, seed=1,
        weight_init=[layer.weights for layer in body.layers[:2]],
        bias_init=[layer.biases for layer in body.layers[:2]],
    )  # fmt: skip
    whole = body.with_head(4, freeze=True, loss="cross_entropy", seed=3)
    head = NeuralNetwork(
        [9, 4], activation="tanh", loss="cross_entropy", dtype=dtype, seed=3, weight_init=[whole.layers[-1].weights]
    )
    x, labels = networks.data(whole, 60)
    settings = {"epochs": 4, "batch_size": batch_size, "optimizer": optimizer, "shuffle": True}
    whole.train(x, labels, n_threads=3, **settings)
    head.train(features.predict(x), labels, **settings)
    assert same(whole.layers[-1], head.layers[0])
    assert whole.history.loss == head.history.loss
    assert all(same(ours, theirs) for ours, theirs in zip(whole.layers[:2], body.layers, strict=False))


def test_it_is_saved_and_goes_on(tmp_path):
    once = make().with_head(2, freeze=True, seed=1)
    twice = once.copy()
    x, y = networks.data(once, 20)
    once.train(x, y, epochs=6, optimizer="adam", shuffle=True)
    twice.train(x, y, epochs=3, optimizer="adam", shuffle=True)
    twice.save(tmp_path / "model.snn")
    resumed = NeuralNetwork.load(tmp_path / "model.snn")
    resumed.train(x, y, epochs=3, optimizer="adam", shuffle=True)
    assert networks.bits(resumed) == networks.bits(once)


def test_a_subclass_stays_one():
    class Named(NeuralNetwork):
        def __init__(self, name, sizes):
            super().__init__(sizes, seed=1)
            self.names = [name]

    network = Named("first", [3, 4, 2])
    other = network.with_head(1, seed=1)
    assert type(other) is Named
    assert other.names == ["first"]
    assert other.names is not network.names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"head": 0}, "head is 0; expected an integer >= 1"),
        ({"head": 1.5}, "head is 1.5; expected an integer >= 1"),
        ({"head": True}, "head is True; expected"),
        ({"head": None}, "head is None; expected"),
        ({"head": "5"}, "head is '5'; expected"),
        ({"head": []}, r"head is empty; expected the number of outputs, or widths such as \[16, 5\]"),
        ({"head": [4, -1]}, r"head\[1\] is -1; expected an integer >= 1"),
        ({"head": [4, "5"]}, r"head\[1\] is '5'; expected"),
        ({"head": 10**30}, "more memory than any machine"),
        ({"keep": 0}, "keep is 0; expected an integer >= 1 and <= 3"),
        ({"keep": 4}, "keep is 4; expected an integer >= 1 and <= 3"),
        ({"keep": -1}, "keep is -1; expected"),
        ({"keep": "all"}, "keep is 'all'; expected"),
        ({"keep": True}, "keep is True; expected"),
        ({"freeze": 1}, "freeze is 1; expected True or False"),
        ({"freeze": None}, "freeze is None; expected True or False"),
        ({"activation": "sigmod"}, "Did you mean 'sigmoid'"),
        ({"activation": ["relu", "tanh"]}, "activation names 2 activations; expected one for each of 1 layers"),
        ({"output_activation": "softmax"}, "needs the loss 'cross_entropy'"),
        ({"loss": "mean_square"}, "Did you mean 'mean_squared_error'"),
        ({"weight_init": "he"}, "unknown initializer 'he'"),
        ({"weight_init": ["zeros"] * 3}, "weight_init is list; expected a name, or a list of 1"),
        ({"weight_init": [np.ones((2, 9))]}, r"layers\[2\].weights: values have shape \(2, 9\); expected \(9, 2\)"),
        ({"bias_init": [np.ones(3)]}, r"layers\[2\].biases: values have shape \(3,\); expected \(2,\)"),
        ({"seed": -1}, "seed is -1; expected"),
    ],
)
def test_wrong_arguments(arguments, message):
    network = make()
    with refused(network, message, (ValueError, TypeError)):
        network.with_head(**{"head": 2} | arguments)


def test_layers_that_cannot_be_kept():
    classifier = NeuralNetwork([5, 7, 3], activation="relu", loss="cross_entropy", seed=1)
    with refused(classifier, r"keep is 2, but layers\[1\] is a softmax, which only an output can be"):
        classifier.with_head(2, keep=2)
    one = NeuralNetwork([5, 3], seed=1)
    with refused(one, "the network has one layer, so none below its head; keep=1 keeps it"):
        one.with_head(2)
    assert one.with_head(2, keep=1).layer_sizes == (5, 3, 2)
    classifier.layers[0].weights[0, 0] = np.nan
    with pytest.raises(ValueError, match=r"layers\[0\].weights: values hold NaN"):
        classifier.with_head(2)
