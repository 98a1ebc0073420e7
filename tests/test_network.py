"""What a network is made of, how it is made, and how it is copied."""

import copy
import pickle

import networks
import numpy as np
import oracle
import pytest

from scratchnn import History, NeuralNetwork, initializers, losses, optimizers
from scratchnn.core import activations


def names(network):
    return [layer.activation for layer in network.layers]


# ---- defaults ----


def test_defaults():
    network = NeuralNetwork([3, 4, 2], seed=5)
    assert names(network) == ["sigmoid", "sigmoid"]
    assert network.loss == "mean_squared_error"
    assert network.dtype == np.float64
    assert network.layer_sizes == (3, 4, 2)
    assert (network.n_inputs, network.n_outputs, network.n_parameters) == (3, 2, 26)
    assert network.seed == 5
    assert network.optimizer is None
    assert network.history == History()
    assert network.metadata == {}
    assert [layer.weights.shape for layer in network.layers] == [(3, 4), (4, 2)]
    assert [layer.biases.tolist() for layer in network.layers] == [[0] * 4, [0] * 2]
    assert repr(network) == (
        "NeuralNetwork([3, 4, 2], activation=['sigmoid', 'sigmoid'], loss='mean_squared_error', "
        "dtype='float64', seed=5)"
    )
    assert repr(network.layers[0]) == "Dense(3, 4, activation='sigmoid')"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"activation": "relu"}, ["relu", "relu", "identity"]),
        ({"activation": "sigmoid"}, ["sigmoid", "sigmoid", "sigmoid"]),
        ({"activation": "tanh", "output_activation": "softplus"}, ["tanh", "tanh", "softplus"]),
        ({"activation": ["relu", "tanh", "exp"]}, ["relu", "tanh", "exp"]),
        ({"activation": "relu", "output_activation": "elu"}, ["relu", "relu", "elu(1.0)"]),
        ({"activation": "leaky_relu(0.2)"}, ["leaky_relu(0.2)", "leaky_relu(0.2)", "identity"]),
        ({"activation": activations.get("silu")}, ["silu", "silu", "identity"]),
        ({"loss": "cross_entropy", "activation": "gelu"}, ["gelu", "gelu", "softmax"]),
        ({"loss": "cross_entropy", "activation": ["relu", "tanh", "softmax"]}, ["relu", "tanh", "softmax"]),
        ({"loss": "bce", "activation": "relu"}, ["relu", "relu", "sigmoid"]),
        ({"loss": "poisson", "activation": "relu", "output_activation": "exp"}, ["relu", "relu", "exp"]),
        ({"loss": "mae", "activation": "hard_tanh"}, ["hard_tanh", "hard_tanh", "identity"]),
    ],
)
def test_activations(arguments, expected):
    assert names(NeuralNetwork([2, 5, 4, 3], seed=1, **arguments)) == expected


def test_a_known_output_activation_with_a_wrong_parameter_is_not_called_unknown():
    with pytest.raises(ValueError, match="leaky_relu") as error:
        NeuralNetwork([2, 1], output_activation="leaky_relu(-1)", seed=1)
    assert "unknown" not in str(error.value)


@pytest.mark.parametrize("sizes", [(2, 3), [np.int64(2), 3], np.array([2, 3]), range(2, 4)])
def test_layer_sizes_are_any_sequence_of_integers(sizes):
    assert NeuralNetwork(sizes, seed=1).layer_sizes == (2, 3)


def test_seeds():
    assert networks.bits(NeuralNetwork([5, 4], seed=3)) == networks.bits(NeuralNetwork([5, 4], seed=3))
    assert networks.bits(NeuralNetwork([5, 4], seed=3)) != networks.bits(NeuralNetwork([5, 4], seed=4))
    drawn, other = NeuralNetwork([5, 4]), NeuralNetwork([5, 4])
    assert drawn.seed != other.seed
    assert networks.bits(drawn) == networks.bits(NeuralNetwork([5, 4], seed=drawn.seed))
    NeuralNetwork([1, 1], seed=2**64 - 1)


@pytest.mark.parametrize(
    ("given", "name", "parameters"),
    [
        ("mse", "mean_squared_error", (0,)),
        ("mae", "mean_absolute_error", (0,)),
        ("bce", "binary_cross_entropy", (0,)),
        ("half_sum_squared_error", "half_sum_squared_error", (0,)),
        ("huber", "huber(1.0)", (1,)),
        (" huber ( 0.25 ) ", "huber(0.25)", (0.25,)),
        (losses.Huber(2), "huber(2.0)", (2,)),
        (losses.Poisson(), "poisson", (0,)),
        ("cross_entropy", "cross_entropy", (0,)),
        ("cross_entropy(0)", "cross_entropy", (0,)),
        ("cross_entropy(0.1)", "cross_entropy(0.1)", (0.1,)),
        ("bce(0.1)", "binary_cross_entropy(0.1)", (0.1,)),
        ("focal", "focal(2.0)", (2,)),
        ("focal(0)", "focal(0.0)", (0,)),
        (losses.BinaryFocal(gamma=1.5), "binary_focal(1.5)", (1.5,)),
        ("quantile", "quantile(0.5)", (1, 0.5)),
        ("quantile( 0.05,0.5 , .95 )", "quantile(0.05, 0.5, 0.95)", (3, 0.05, 0.5, 0.95)),
        (losses.Quantile(0.25), "quantile(0.25)", (1, 0.25)),
        (losses.Quantile(np.array([0.1, 0.9])), "quantile(0.1, 0.9)", (2, 0.1, 0.9)),
        ("gaussian", "gaussian", (0,)),
        (losses.GaussianNLL(), "gaussian", (0,)),
    ],
)
def test_losses_by_name(given, name, parameters):
    loss = losses.get(given)
    assert (str(loss), loss.for_kernel()[-1]) == (name, parameters)
    sizes = [2, loss.outputs_per_target]
    assert NeuralNetwork(sizes, loss=given, output_activation=loss.link or None, seed=1).loss == name
    assert type(loss) is losses.Loss.registry[loss.name]
    for again in (eval(repr(loss), vars(losses)), losses.get(str(loss))):
        assert (str(again), again.for_kernel()) == (name, loss.for_kernel())


def test_every_loss_and_optimizer_has_an_oracle_and_the_reverse():
    assert {loss.name for loss in losses.Loss.registry.values()} == set(oracle.NETWORK_LOSSES)
    assert set(optimizers.Optimizer.registry) == {*oracle.OPTIMIZERS, "lbfgs"}


def test_optimizers_by_name():
    assert optimizers.get("adam") == optimizers.Adam()
    assert optimizers.get("AdamW", 0.1, beta1=0.5) == optimizers.AdamW(learning_rate=0.1, beta1=0.5)
    assert optimizers.get(optimizers.Nesterov(momentum=0.5), 3) == optimizers.Nesterov(3, 0.5)
    for name, cls in optimizers.Optimizer.registry.items():
        assert optimizers.get(name).name == name
        assert cls().states == {**oracle.STATES, "lbfgs": ()}[name]
        assert optimizers.get(name, **cls().hyperparameters()) == cls()


# ---- initial values ----

VARIANCES = {
    "zeros": lambda n_in, n_out: 0,
    "normal": lambda n_in, n_out: 1,
    "glorot": lambda n_in, n_out: 2 / (n_in + n_out),
    "he": lambda n_in, n_out: 2 / n_in,
    "lecun": lambda n_in, n_out: 1 / n_in,
}


@pytest.mark.parametrize("name", initializers.NAMES)
def test_initializers_have_the_variance_of_their_paper(name):
    n_in, n_out = 120, 80
    weights = NeuralNetwork([n_in, n_out], weight_init=name, seed=1).layers[0].weights
    variance = VARIANCES[name.split("_")[0]](n_in, n_out)
    assert weights.mean() == pytest.approx(0, abs=4 * np.sqrt(variance / weights.size))
    assert weights.var() == pytest.approx(variance, rel=0.06)
    bound = np.sqrt(3 * variance)
    if name.endswith("uniform"):
        assert 0.99 * bound < np.abs(weights).max() <= bound
    elif name != "zeros":
        assert np.abs(weights).max() > 1.5 * bound


def test_initial_values_follow_the_equations():
    """Stream 0 of the seed, layer after layer, weights row by row before biases (eq. 52, 55, 61, 64)."""
    inits = {"weight_init": ["glorot_uniform", "he_normal"], "bias_init": "normal"}
    network = NeuralNetwork([3, 4, 2], **inits, seed=9)
    draws = oracle.Generator(9)
    expected = [
        np.sqrt(6 / 7) * (2 * draws.uniform(12) - 1),
        draws.normal(4),
        np.sqrt(2 / 4) * draws.normal(8),
        draws.normal(2),
    ]
    for ours, theirs in zip(networks.arrays(network), expected, strict=True):
        np.testing.assert_allclose(ours.ravel(), theirs, 1e-14)
    np.testing.assert_array_equal(network.layers[0].weights.ravel(), expected[0])


@pytest.mark.parametrize(
    ("activation", "initializer"),
    [
        ("relu", "he_normal"),
        ("leaky_relu(0.1)", "he_normal"),
        ("gelu", "he_normal"),
        ("selu", "lecun_normal"),
        ("tanh", "glorot_uniform"),
        ("sigmoid", "glorot_uniform"),
        ("identity", "glorot_uniform"),
    ],
)
def test_the_default_initializer_suits_the_activation(activation, initializer):
    network = NeuralNetwork([3, 5, 2], activation=[activation, "tanh"], seed=1)
    named = NeuralNetwork([3, 5, 2], weight_init=[initializer, "glorot_uniform"], seed=1)
    for ours, theirs in zip(networks.arrays(network), networks.arrays(named), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_initial_arrays_are_copied(dtype):
    weights, biases = [np.arange(6).reshape(2, 3), np.ones((3, 1))], [[1, 2, 3], "zeros"]
    network = NeuralNetwork([2, 3, 1], weight_init=weights, bias_init=biases, dtype=dtype, seed=1)
    weights[0][:] = 9
    assert network.layers[0].weights.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert network.layers[0].biases.tolist() == [1, 2, 3]
    assert network.layers[1].biases.tolist() == [0]
    assert network.layers[0].weights.dtype == dtype


def test_float32_starts_from_the_same_numbers():
    for half, full in zip(
        networks.arrays(NeuralNetwork([5, 7, 2], dtype="float32", seed=1)),
        networks.arrays(NeuralNetwork([5, 7, 2], seed=1)),
        strict=True,
    ):
        np.testing.assert_array_equal(half, full.astype(np.float32))


def test_without_biases(dtype, isa):
    network = NeuralNetwork([3, 17, 2], activation="tanh", biases=False, dtype=dtype, seed=1)
    assert [layer.biases for layer in network.layers] == [None, None]
    assert network.n_parameters == 3 * 17 + 17 * 2
    x, y = networks.data(network, 10)
    layers = oracle.train(networks.layers_of(network), x, y, network.loss, "sgd", 3, learning_rate=0.1)
    assert [db for _, db in network.gradients(x, y)] == [None, None]
    network.train(x, y, epochs=3, batch_size="full")
    assert [layer.biases for layer in network.layers] == [None, None]
    for layer, (weights, _, _) in zip(network.layers, layers, strict=True):
        np.testing.assert_allclose(layer.weights, weights, 0, 1e-6 if dtype is np.float32 else 1e-13)


# ---- views ----


def test_assigning_parameters_copies_into_the_network():
    network = NeuralNetwork([2, 3, 1], seed=1)
    view, given = network.layers[0].weights, np.arange(6.0).reshape(2, 3)
    network.layers[0].weights = given
    network.layers[0].biases = [7, 8, 9]
    given[:] = 0
    assert view is network.layers[0].weights
    assert view.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert network.layers[0].biases.tolist() == [7, 8, 9]
    network.layers[0].weights *= 2
    assert view.tolist() == [[0, 2, 4], [6, 8, 10]]


def test_padding_stays_zero(isa, dtype):
    """Rows are padded to whole vectors; what lies there must never reach a result."""
    network = NeuralNetwork([3, 5, 17, 2], activation=["exp", "softplus", "identity"], dtype=dtype, seed=1)
    x, y = networks.data(network, 30)
    network.train(0.1 * x, y, epochs=5, batch_size=7, optimizer="adamw")
    padding = network._parameters.copy()
    for a in (a for views in network._topology.views(padding) for a in views.values()):
        a[:] = 0
    assert not padding.any()


# ---- copies ----


def trained():
    network = NeuralNetwork([3, 5, 2], activation="tanh", seed=1)
    x, y = networks.data(network, 20)
    network.train(x, y, epochs=3, batch_size=6, shuffle=True, optimizer="nadam", validation_data=(x, y))
    network.metadata = {"classes": ["a", "b"]}
    return network, x, y


PICKLES = [lambda n, p=p: pickle.loads(pickle.dumps(n, p)) for p in range(pickle.HIGHEST_PROTOCOL + 1)]


@pytest.mark.parametrize("duplicate", [NeuralNetwork.copy, copy.copy, copy.deepcopy, *PICKLES])
def test_copies_are_equal_and_independent(duplicate):
    network, x, y = trained()
    other = duplicate(network)
    assert type(other) is NeuralNetwork
    assert repr(other) == repr(network)
    before = network.get_state()[0]
    assert other.get_state()[0] == before
    assert networks.bits(other) == networks.bits(network)
    settings = {"epochs": 4, "batch_size": 6, "shuffle": True, "optimizer": "nadam"}
    other.metadata["classes"].append("c")
    other.train(x, y, **settings)
    assert network.get_state()[0] == before
    assert networks.bits(other) != networks.bits(network)
    network.train(x, y, **settings)
    assert networks.bits(other) == networks.bits(network)
    assert other.history.loss == network.history.loss


def test_a_copy_of_another_dtype():
    network, x, _ = trained()
    half = network.copy(dtype="float32")
    assert half.dtype == np.float32
    assert half.optimizer == network.optimizer
    for name, array in half.get_state()[1].items():
        np.testing.assert_array_equal(array, network.get_state()[1][name].astype(np.float32))
    np.testing.assert_allclose(half.predict(x), network.predict(x), 0, 1e-6)
    assert network.copy(dtype=np.float64).predict(x).tobytes() == network.predict(x).tobytes()


def test_a_subclass_is_copied_as_itself():
    class Named(NeuralNetwork):
        pass

    assert type(Named([2, 1], seed=1).copy()) is Named


def test_history_says_where_it_was_best():
    assert History().best_epoch is None
    assert repr(History()) == "History(epochs=0, stopped='')"
    history = History(loss=[4, 3, 2, 1], validation_loss=[np.nan, 5, 2, 3], stopped="completed")
    assert (history.epochs, history.best_epoch) == (4, 3)
    assert repr(history) == "History(epochs=4, loss=1, validation_loss=3, stopped='completed')"
