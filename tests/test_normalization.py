"""Normalisation of hidden layers: its operations and whole trainings against the oracle and against differences."""

import copy
import pickle

import networks
import numpy as np
import oracle_training
import pytest

from scratchnn import DivergenceError, NeuralNetwork, Regularization, check_gradients, optimizers

TOLERANCE = {np.float32: 1e-4, np.float64: 1e-11}
KINDS = ("layer",)


def make(kind="layer", dtype=np.float64, sizes=(5, 17, 33, 3), **arguments):
    """A network whose gains, shifts and biases are not those that it begins with."""
    arguments = {"activation": "tanh", "bias_init": "normal", "seed": 7, **arguments}
    network = NeuralNetwork(list(sizes), normalization=kind, dtype=dtype, **arguments)
    rng = np.random.default_rng(5)
    for layer in network.layers:
        if layer.gain is not None:
            layer.gain = rng.uniform(0.5, 1.5, layer.n_outputs)
            layer.shift = rng.uniform(-0.5, 0.5, layer.n_outputs)
    return network


def oracle_of(network):
    return oracle_training.layers_of(network)


every_kind = pytest.mark.parametrize("kind", KINDS)


# ---- a step ----


@every_kind
@pytest.mark.parametrize("loss", ["mean_squared_error", "cross_entropy", "poisson"])
@pytest.mark.parametrize("activation", ["tanh", "gelu", "relu", "identity", "softplus"])
def test_the_loss_of_a_step_and_its_gradients(kind, activation, loss, isa, dtype):
    network = make(kind, dtype, loss=loss, activation=activation)
    x, y = networks.data(network, 30)
    value, gradients = oracle_training.gradients(
        oracle_of(network), x.astype(float), networks.targets_of(network, y), loss
    )
    assert network.evaluate(x, y, training=True) == pytest.approx(value, rel=TOLERANCE[dtype])
    for ours, expected in zip(network.gradients(x, y, training=True), gradients, strict=True):
        assert len(ours) == len(expected)
        for name, gradient in zip(oracle_training.ARRAYS, ours, strict=False):
            scale = max(1, np.abs(expected[name]).max())
            np.testing.assert_allclose(gradient, expected[name], 0, scale * TOLERANCE[dtype], err_msg=name)


@every_kind
@pytest.mark.parametrize("width", [1, 2, 7, 8, 15, 16, 17, 31, 33, 64, 65, 100, 130, 260])
@pytest.mark.parametrize("n_samples", [2, 3, 8, 37])
def test_widths(kind, width, n_samples, isa, dtype):
    network = make(kind, dtype, sizes=(3, width, 2))
    x, y = networks.data(network, n_samples)
    value, gradients = oracle_training.gradients(oracle_of(network), x.astype(float), y.astype(float), network.loss)
    assert network.evaluate(x, y, training=True) == pytest.approx(value, rel=TOLERANCE[dtype])
    for ours, expected in zip(network.gradients(x, y, training=True), gradients, strict=True):
        for name, gradient in zip(oracle_training.ARRAYS, ours, strict=False):
            scale = max(1, np.abs(expected[name]).max())
            np.testing.assert_allclose(gradient, expected[name], 0, scale * TOLERANCE[dtype], err_msg=name)


@every_kind
@pytest.mark.parametrize("activation", ["tanh", "gelu", "sigmoid", "elu", "relu", "exp"])
@pytest.mark.parametrize("loss", ["mean_squared_error", "cross_entropy"])
def test_check_gradients(kind, activation, loss, isa):
    network = networks.make([4, 9, 7, 2], activation, loss, np.float64, normalization=kind)
    x, y = networks.data(network, 9)
    check = check_gradients(network, x, y)
    assert check, str(check)
    assert {"layers[0].gain", "layers[1].shift"} <= set(check.errors)
    network.train(x, y, epochs=3, batch_size=4, learning_rate=0.01)
    for training in (True, False):
        check = check_gradients(network, x, y, training=training)
        assert check, str(check)


@every_kind
def test_check_gradients_with_dropout_noise_and_penalties(kind):
    network = make(kind, dropout=0.3, input_dropout=0.1, input_noise=0.2)
    x, y = networks.data(network, 12)
    for biases in (True, False):
        check = check_gradients(network, x, y, regularization=Regularization(l1=0.01, l2=0.02, biases=biases))
        assert check, str(check)


def test_layers_of_all_kinds_in_one_network():
    kinds = [*KINDS, None, *KINDS]
    network = make(kinds, sizes=(4, *(5 + i for i in range(len(kinds))), 2))
    assert [layer.normalization for layer in network.layers] == [*kinds, None]
    x, y = networks.data(network, 9)
    check = check_gradients(network, x, y)
    assert check, str(check)
    found = network.gradients(x, y, training=True)
    assert [len(of_layer) for of_layer in found] == [2 if kind is None else 4 for kind in [*kinds, None]]


# ---- layer normalisation ----


def test_a_row_s_outputs_depend_on_that_row_alone(isa, dtype):
    network = make("layer", dtype)
    x, _ = networks.data(network, 505)
    whole = network.predict(x)
    for rows in (slice(0, 1), slice(3, 5), slice(100, 123), slice(250, 505), slice(None, None, -1)):
        assert network.predict(x[rows]).tobytes() == whole[rows].tobytes()
    for i in (*range(10), 239, 240, 504):
        assert network.predict(x[i]).tobytes() == whole[i].tobytes()
    y = np.zeros((505, 3))
    assert network.evaluate(x, y) == pytest.approx(network.evaluate(x, y, training=True), rel=1e-12)


def test_it_undoes_the_scale_of_a_row(dtype):
    """Without biases, a row of inputs times ten gives nearly the same normalised sums."""
    network = make("layer", dtype, sizes=(5, 64, 1), biases=False)
    x, _ = networks.data(network, 20)
    np.testing.assert_allclose(network.predict(10 * x), network.predict(x), atol=1e-3)


def test_rows_of_equal_sums_stay_finite(isa, dtype):
    network = NeuralNetwork([3, 8, 2], normalization="layer", weight_init="zeros", dtype=dtype, seed=1)
    x, y = networks.data(network, 5)
    assert np.isfinite(network.predict(x)).all()
    network.train(x, y, epochs=2, batch_size=5)
    assert np.isfinite(network.predict(x)).all()


# ---- training ----


@every_kind
@pytest.mark.parametrize(("optimizer", "batch_size"), [("sgd", 7), ("adam", 7), ("momentum", 13), ("adamw", 3)])
def test_ten_steps(kind, optimizer, batch_size, isa, dtype):
    network = make(kind, dtype)
    x, y = networks.data(network, 14)
    settings = {"learning_rate": 0.01, **({"epsilon": 1e-2} if optimizer.startswith("adam") else {})}
    layers = oracle_training.train(
        oracle_of(network), x.astype(float), y.astype(float), network.loss, optimizer, 5, batch_size, **settings
    )
    network.train(x, y, epochs=5, batch_size=batch_size, optimizer=type(optimizers.get(optimizer))(**settings))
    oracle_training.assert_close(network, layers, TOLERANCE[dtype])


@every_kind
def test_ten_steps_with_dropout_and_noise(kind, isa, dtype):
    network = make(kind, dtype, dropout=[0.2, 0.5], input_dropout=0.1, input_noise=0.3)
    x, y = networks.data(network, 14)
    layers = oracle_training.train(
        oracle_of(network), x.astype(float), y.astype(float), network.loss, "sgd", 5, 7,
        oracle_training.Noise(7, (0.2, 0.5), 0.1, 0.3), learning_rate=0.01,
    )  # fmt: skip
    network.train(x, y, epochs=5, batch_size=7, learning_rate=0.01)
    oracle_training.assert_close(network, layers, TOLERANCE[dtype])


@every_kind
@pytest.mark.parametrize(("n_samples", "batch_size"), [(4, 4), (70, 50), (200, 170), (600, 600)])
def test_any_number_of_threads(kind, n_samples, batch_size, isa, dtype, threads_used):
    def result(n_threads):
        network = make(kind, dtype, sizes=(30, 64, 33, 10), loss="cross_entropy", dropout=0.2)
        network.train(
            *networks.data(network, n_samples), epochs=3, batch_size=batch_size, shuffle=True, optimizer="adam",
            n_threads=n_threads,
        )  # fmt: skip
        return networks.bits(network), network.history.loss

    alone = result(1)
    for n_threads in (2, 3, 7):
        assert result(n_threads) == alone
    assert threads_used == [1, 2, 3, 7]


@every_kind
def test_instruction_sets_agree(kind, dtype, same_bits_everywhere):
    def compute():
        network = make(kind, dtype, sizes=(30, 65, 33, 10), loss="cross_entropy")
        x, y = networks.data(network, 70)
        network.train(x, y, epochs=3, batch_size=50, optimizer="adam")
        return *network.get_state()[1].values(), network.predict(x)

    same_bits_everywhere(compute)


THROUGH = {
    "at once": lambda network, path: network,
    "a copy": lambda network, path: copy.copy(network),
    "pickle": lambda network, path: pickle.loads(pickle.dumps(network)),
    "a file": lambda network, path: network.save(path) or NeuralNetwork.load(path),
}


@every_kind
@pytest.mark.parametrize("through", THROUGH.values(), ids=THROUGH)
def test_ten_epochs_and_ten_more_are_twenty(kind, through, dtype, tmp_path):
    once, twice = make(kind, dtype), make(kind, dtype)
    x, y = networks.data(once, 20)
    settings = {"batch_size": 6, "shuffle": True, "optimizer": "adam"}
    once.train(x, y, epochs=20, **settings)
    twice.train(x, y, epochs=10, **settings)
    twice = through(twice, tmp_path / "network.snn")
    twice.train(x, y, epochs=10, **settings)
    assert networks.bits(twice) == networks.bits(once)
    assert twice.history.loss == once.history.loss
    assert twice.predict(x).tobytes() == once.predict(x).tobytes()
    assert twice.layers[0].normalization == once.layers[0].normalization


@every_kind
def test_divergence_leaves_the_last_finite_epoch(kind):
    network, alone = (make(kind, dropout=0.2) for _ in range(2))
    x, y = networks.data(network, 16)
    settings = {"batch_size": 8, "learning_rate": 3}
    with pytest.raises(DivergenceError):
        network.train(x, y, epochs=10_000, **settings)
    epochs = network.history.epochs
    assert epochs > 20
    alone.train(x, y, epochs=epochs, **settings)
    assert networks.bits(alone) == networks.bits(network)


@every_kind
@pytest.mark.parametrize("biases", [True, False])
def test_penalties_are_for_gain_and_shift_where_they_are_for_biases(kind, biases):
    """One step of SGD from the gradient with penalties; weight decay before it."""
    network = make(kind)
    x, y = networks.data(network, 12)
    regularization = Regularization(l1=0.01, l2=0.02, weight_decay=0.3, biases=biases)
    before = {name: [getattr(layer, name).copy() for layer in network.layers[:2]] for name in ("gain", "shift")}
    plain = network.gradients(x, y, training=True)
    penalized = network.gradients(x, y, training=True, regularization=regularization)
    network.train(x, y, epochs=1, batch_size="full", learning_rate=0.1, regularization=regularization)
    for place, name in ((2, "gain"), (3, "shift")):
        for i in range(2):
            w = before[name][i]
            more = (0.01 * np.sign(w) + 0.02 * w) * biases
            np.testing.assert_allclose(penalized[i][place], plain[i][place] + more, rtol=1e-12, atol=1e-14)
            expected = w * (1 - 0.03 * biases) - 0.1 * penalized[i][place]
            np.testing.assert_allclose(getattr(network.layers[i], name), expected, rtol=1e-12)


@every_kind
def test_the_norm_of_the_gradient_counts_gain_and_shift(kind):
    network = make(kind)
    x, y = networks.data(network, 12)
    found = [g for of_layer in network.gradients(x, y, training=True) for g in of_layer if g is not None]
    norm = np.sqrt(sum(np.sum(g**2) for g in found))
    before = network.layers[1].gain.copy()
    expected = before - 0.1 * network.gradients(x, y, training=True)[1][2] / 2
    network.train(
        x, y, epochs=1, batch_size="full", learning_rate=0.1, regularization=Regularization(clip_norm=norm / 2)
    )
    np.testing.assert_allclose(network.layers[1].gain, expected, rtol=1e-12)


@every_kind
def test_a_frozen_layer_stays_as_it_is(kind):
    network = make(kind)
    x, y = networks.data(network, 12)
    network.layers[0].trainable = False
    x0, before = x.copy(), networks.bits(network)
    network.train(x, y, epochs=3, batch_size=6)
    after = networks.bits(network)
    assert {name for name in before if before[name] == after[name]} == {n for n in before if n.startswith("layers.0")}
    assert x0.tobytes() == x.tobytes()


@every_kind
def test_the_jacobian(kind):
    network = make(kind)
    x, y = networks.data(network, 12)
    network.train(x, y, epochs=2, batch_size=6)
    jacobian, h = network.jacobian(x), 1e-6
    for k in range(5):
        step = h * np.eye(5)[k]
        measured = (network.predict(x + step) - network.predict(x - step)) / (2 * h)
        np.testing.assert_allclose(jacobian[:, :, k], measured, atol=1e-7)


# ---- the argument, and what a layer shows ----


def test_what_a_layer_shows():
    network = NeuralNetwork([3, 4, 5, 2], normalization=["layer", None], seed=1)
    first, second, _ = network.layers
    assert (first.gain.tolist(), first.shift.tolist()) == ([1] * 4, [0] * 4)
    assert second.gain is second.shift is None
    assert network.n_parameters == 3 * 4 + 4 + 8 + 4 * 5 + 5 + 5 * 2 + 2
    assert repr(first) == "Dense(3, 4, activation='sigmoid', normalization='layer')"
    assert "normalization=['layer', None], " in repr(network)
    first.gain = [1, 2, 3, 4]
    assert network.get_state()[1]["layers.0.gain"].tolist() == [1, 2, 3, 4]
    with pytest.raises(ValueError, match=r"gain: values have shape \(3,\); expected \(4,\)"):
        first.gain = [1, 2, 3]
    with pytest.raises(AttributeError, match="this layer is not normalised"):
        second.shift = np.zeros(5)
    x = np.ones(3)
    sums = [neuron.feedforward(x) for neuron in first.neurons]
    np.testing.assert_allclose(sums, x @ first.weights + first.biases)


@every_kind
def test_without_biases(kind):
    network = make(kind, biases=False)
    assert [layer.biases for layer in network.layers] == [None] * 3
    x, y = networks.data(network, 9)
    check = check_gradients(network, x, y)
    assert check, str(check)
    assert network.copy().layers[0].biases is None


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"kind": "layers"}, ValueError, "unknown normalization 'layers'. Did you mean 'layer'"),
        ({"kind": 1}, ValueError, "normalization is 1; expected 'layer'.* or None, or a list with one for each of 2"),
        ({"kind": ["layer"]}, ValueError, r"normalization is \['layer'\]; expected .* one for each of 2 hidden"),
        ({"kind": ["layer", 2]}, TypeError, "normalization has 2; expected 'layer'"),
        ({"kind": "layer", "sizes": (3, 2)}, ValueError, "normalization is 'layer', but the network has no hidden"),
    ],
)
def test_what_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        make(**arguments)


def test_parameters_that_are_not_finite_are_refused():
    network = make()
    network.layers[0].gain[2] = np.nan
    with pytest.raises(ValueError, match=r"layers\[0\].gain hold NaN or infinity"):
        network.train(*networks.data(network, 4), epochs=1)
