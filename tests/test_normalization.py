"""Normalisation of hidden layers: its operations and whole trainings against the oracle and against differences."""

import copy
import pickle

import networks
import numpy as np
import oracle_training
import pytest

from scratchnn import DivergenceError, NeuralNetwork, Regularization, check_gradients, optimizers

TOLERANCE = {np.float32: 1e-4, np.float64: 1e-11}
KINDS = ("batch", "layer")


def make(kind="layer", dtype=np.float64, sizes=(5, 17, 33, 3), **arguments):
    """A network whose gains, shifts, biases and running statistics are not those that it begins with."""
    arguments = {"activation": "tanh", "bias_init": "normal", "seed": 7, **arguments}
    network = NeuralNetwork(list(sizes), normalization=kind, dtype=dtype, **arguments)
    rng = np.random.default_rng(5)
    for layer in network.layers:
        if layer.gain is not None:
            layer.gain = rng.uniform(0.5, 1.5, layer.n_outputs)
            layer.shift = rng.uniform(-0.5, 0.5, layer.n_outputs)
        if layer.running_mean is not None:
            layer.running_mean = rng.uniform(-0.5, 0.5, layer.n_outputs)
            layer.running_variance = rng.uniform(0.5, 1.5, layer.n_outputs)
    return network


def oracle_of(network):
    return oracle_training.layers_of(network)


def assert_gradients(found, expected, dtype):
    """Equal to rounding, where the largest element of each array sets the scale."""
    for ours, theirs in zip(found, expected, strict=True):
        assert len(ours) == (4 if "gain" in theirs else 2)
        for name, gradient in zip(("weights", "biases", "gain", "shift"), ours, strict=False):
            if gradient is None:
                assert name == "biases"
                assert name not in theirs
            else:
                scale = max(1, np.abs(theirs[name]).max())
                np.testing.assert_allclose(gradient, theirs[name], 0, scale * TOLERANCE[dtype], err_msg=name)


every_kind = pytest.mark.parametrize("kind", KINDS)


# ---- a step ----


@every_kind
@pytest.mark.parametrize("loss", ["mean_squared_error", "cross_entropy", "poisson"])
@pytest.mark.parametrize("activation", ["tanh", "gelu", "relu", "identity", "softplus"])
def test_the_loss_of_a_step_and_its_gradients(kind, activation, loss, isa, dtype):
    network = make(kind, dtype, loss=loss, activation=activation)
    x, y = networks.data(network, 30)
    before = networks.bits(network)
    for training in (True, False):
        value, gradients = oracle_training.gradients(
            oracle_of(network), x.astype(float), networks.targets_of(network, y), loss, training=training
        )
        assert network.evaluate(x, y, training=training) == pytest.approx(value, rel=TOLERANCE[dtype])
        assert_gradients(network.gradients(x, y, training=training), gradients, dtype)
    assert networks.bits(network) == before
    expected = oracle_training.predict(oracle_of(network), x.astype(float))
    np.testing.assert_allclose(network.predict(x), expected, TOLERANCE[dtype], TOLERANCE[dtype])


@pytest.mark.pairs
@every_kind
@pytest.mark.parametrize("width", [1, 2, 7, 8, 15, 16, 17, 31, 33, 64, 65, 100, 130, 260])
@pytest.mark.parametrize("n_samples", [2, 3, 8, 37])
def test_widths(kind, width, n_samples, isa, dtype):
    network = make(kind, dtype, sizes=(3, width, 2))
    x, y = networks.data(network, n_samples)
    value, gradients = oracle_training.gradients(oracle_of(network), x.astype(float), y.astype(float), network.loss)
    assert network.evaluate(x, y, training=True) == pytest.approx(value, rel=TOLERANCE[dtype])
    assert_gradients(network.gradients(x, y, training=True), gradients, dtype)


@every_kind
@pytest.mark.parametrize("activation", ["tanh", "gelu", "sigmoid", "elu", "relu", "exp"])
@pytest.mark.parametrize("loss", ["mean_squared_error", "cross_entropy"])
def test_check_gradients(kind, activation, loss, isa):
    network = networks.make([4, 9, 7, 2], activation, loss, np.float64, normalization=kind)
    x, y = networks.data(network, 9)
    check = check_gradients(network, x, y)
    assert check, str(check)
    assert {"layers[0].gain", "layers[1].shift"} <= set(check.errors)
    network.train(x, y, epochs=3, batch_size=5, learning_rate=0.01)
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


def assert_predictions_depend_on_the_row_alone(network, x):
    whole = network.predict(x)
    for rows in (slice(0, 1), slice(3, 5), slice(100, 123), slice(250, 505), slice(None, None, -1)):
        assert network.predict(x[rows]).tobytes() == whole[rows].tobytes()
    for i in (*range(10), 239, 240, 504):
        assert network.predict(x[i]).tobytes() == whole[i].tobytes()


# ---- layer normalisation ----


def test_a_row_s_outputs_depend_on_that_row_alone(isa, dtype):
    network = make("layer", dtype)
    x, _ = networks.data(network, 505)
    assert_predictions_depend_on_the_row_alone(network, x)
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


# ---- batch normalisation ----


def trained_with_running_statistics():
    network = make("batch")
    x, y = networks.data(network, 20)
    network.train(x, y, epochs=3, batch_size=5, optimizer="adam")
    return network, x, y


def test_a_batch_is_normalised():
    """With gain 1 and shift 0 what the activation gets has mean 0 and variance 1 over the batch, in training alone."""
    network = NeuralNetwork([5, 4, 2], activation="identity", normalization="batch", seed=1)
    x, _ = networks.data(network, 50)
    network.layers[0].weights *= 7
    z = x @ network.layers[0].weights
    normal = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 1e-5)
    expected = normal @ network.layers[1].weights + network.layers[1].biases
    y = np.zeros((50, 2))
    assert network.evaluate(x, y, training=True) == pytest.approx(np.mean(expected**2), rel=1e-12)
    assert network.evaluate(x, y) != pytest.approx(np.mean(expected**2), rel=0.1)


def test_running_statistics_are_those_of_the_batches():
    """After many steps at a rate of nearly 0 they are the mean over the batches; one step moves them a tenth."""
    network = NeuralNetwork([5, 4, 2], activation="tanh", normalization="batch", seed=1)
    x, y = networks.data(network, 40)
    z = x @ network.layers[0].weights
    network.train(x, y, epochs=1, batch_size="full", learning_rate=1e-12)
    np.testing.assert_allclose(network.layers[0].running_mean, 0.1 * z.mean(axis=0), atol=1e-10)
    np.testing.assert_allclose(network.layers[0].running_variance, 0.9 + 0.1 * z.var(axis=0), atol=1e-10)
    network.train(x, y, epochs=400, batch_size="full", learning_rate=1e-12)
    np.testing.assert_allclose(network.layers[0].running_mean, z.mean(axis=0), atol=1e-8)
    np.testing.assert_allclose(network.layers[0].running_variance, z.var(axis=0), atol=1e-8)
    assert network.evaluate(x, y) == pytest.approx(network.evaluate(x, y, training=True), rel=1e-6)


def test_predictions_depend_on_the_row_alone(isa, dtype):
    network = make("batch", dtype)
    assert_predictions_depend_on_the_row_alone(network, networks.data(network, 505)[0])


@pytest.mark.parametrize("normalization", ["batch", ["batch", "layer"]])
def test_a_weight_of_two_is_two_samples_and_a_weight_of_zero_is_none(normalization, isa, dtype):
    weighted, repeated = (make(normalization, dtype) for _ in range(2))
    x, y = networks.data(weighted, 12)
    counts = np.array([2, 0, 1, 1, 3, 0, 1, 2, 1, 0, 1, 4])
    many = np.repeat(np.arange(12), counts)
    for ours, theirs in zip(
        weighted.gradients(x, y, sample_weight=counts, training=True),
        repeated.gradients(x[many], y[many], training=True),
        strict=True,
    ):
        for a, b in zip(ours, theirs, strict=True):
            if a is not None:
                np.testing.assert_allclose(a, b, 0, TOLERANCE[dtype])
    settings = {"epochs": 5, "batch_size": "full", "learning_rate": 0.05}
    weighted.train(x, y, sample_weight=counts, **settings)
    repeated.train(x[many], y[many], **settings)
    oracle_training.assert_close(weighted, oracle_of(repeated), TOLERANCE[dtype])


def test_ten_steps_with_weights(isa, dtype):
    network = make("batch", dtype)
    x, y = networks.data(network, 14)
    weight = np.random.default_rng(3).uniform(0, 2, 14).astype(dtype)
    layers = oracle_training.train(
        oracle_of(network), x.astype(float), y.astype(float), network.loss, "sgd", 5, 7,
        sample_weight=weight.astype(float), learning_rate=0.01,
    )  # fmt: skip
    network.train(x, y, epochs=5, batch_size=7, learning_rate=0.01, sample_weight=weight)
    oracle_training.assert_close(network, layers, TOLERANCE[dtype])


def test_check_gradients_with_weights():
    network = make("batch")
    x, y = networks.data(network, 9)
    check = check_gradients(network, x, y, sample_weight=[1, 2, 0, 0.5, 1, 1, 3, 0.1, 1])
    assert check, str(check)


def test_a_batch_without_weight_changes_nothing():
    network = make("batch")
    x, y = networks.data(network, 8)
    before = network.layers[0].running_mean.copy()
    network.train(x[:4], y[:4], epochs=1, batch_size="full", learning_rate=0.1)
    after = networks.bits(network)
    assert not np.array_equal(before, network.layers[0].running_mean)
    only = network.copy()
    network.train(x, y, epochs=1, batch_size=4, learning_rate=0.1, sample_weight=[0, 0, 0, 0, 1, 1, 1, 1])
    only.train(x[4:], y[4:], epochs=1, batch_size=4, learning_rate=0.1)
    assert networks.bits(network) == networks.bits(only) != after


@pytest.mark.parametrize("weighted", [False, True])
def test_any_number_of_threads_shares_a_batch(weighted, isa, dtype, threads_used):
    """Layers narrower and wider than there are threads to share their columns."""

    def result(n_threads):
        network = make("batch", dtype, sizes=(30, 130, 5, 33, 10), loss="cross_entropy", dropout=0.1)
        x, y = networks.data(network, 100)
        weight = np.linspace(0, 2, 100) if weighted else None
        network.train(
            x, y, epochs=3, batch_size=30, optimizer="adam", n_threads=n_threads, sample_weight=weight, shuffle=True
        )
        return networks.bits(network), network.history.loss

    assert len({repr(result(n_threads)) for n_threads in (1, 2, 3, 7)}) == 1
    assert threads_used == [1, 2, 3, 7]


def test_a_frozen_layer_is_normalised_with_its_running_statistics(isa, dtype):
    network = make("batch", dtype)
    x, y = networks.data(network, 14)
    network.layers[1].trainable = False
    layers = oracle_training.train(
        oracle_of(network), x.astype(float), y.astype(float), network.loss, "sgd", 5, 7, learning_rate=0.01
    )
    check = check_gradients(network, x, y)
    assert check, str(check)
    network.train(x, y, epochs=5, batch_size=7, learning_rate=0.01)
    oracle_training.assert_close(network, layers, TOLERANCE[dtype])


def test_lbfgs_ends_with_the_statistics_of_all_data(threads_used):
    def result(n_threads):
        network = make("batch", loss="cross_entropy")
        x, y = networks.data(network, 60)
        network.train(x, y, epochs=25, optimizer="lbfgs", n_threads=n_threads)
        return network, x, y

    network, x, y = result(1)
    z = x @ network.layers[0].weights
    np.testing.assert_allclose(network.layers[0].running_mean, z.mean(axis=0), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(network.layers[0].running_variance, z.var(axis=0), rtol=1e-10)
    assert network.history.loss[-1] == pytest.approx(network.evaluate(x, y), rel=1e-10)
    assert network.history.loss[-1] < 0.5 * network.history.loss[0]
    for n_threads in (2, 3):
        assert networks.bits(result(n_threads)[0]) == networks.bits(network)
    assert threads_used == [1, 2, 3]


def test_the_best_epoch_has_its_own_running_statistics():
    network = make("batch")
    x, y = networks.data(network, 40)
    seen = []
    network.train(
        x[:30], y[:30], epochs=60, batch_size=10, learning_rate=0.3, validation_data=(x[30:], y[30:]), patience=5,
        callback=lambda network, epoch, history: seen.append(networks.bits(network)) and False,
    )  # fmt: skip
    best = network.history.best_epoch
    assert best < network.history.epochs
    assert networks.bits(network) == seen[best - 1]


def test_an_error_in_a_loss_of_python_s_ends_the_step():
    def loss(y_true, y_pred):
        raise KeyError("no loss")

    network = NeuralNetwork([3, 4, 1], normalization="batch", loss=loss, seed=1)
    with pytest.raises(KeyError, match="no loss"):
        network.train(np.eye(3), np.ones(3), epochs=1, batch_size="full")


@pytest.mark.parametrize(
    "use",
    [
        lambda network, x, y: network.train(x, y),
        lambda network, x, y: network.train(x, y, batch_size=19),
        lambda network, x, y: network.train(x[:1], y[:1], batch_size="full"),
        lambda network, x, y: network.evaluate(x[:1], y[:1], training=True),
        lambda network, x, y: network.gradients(x[:1], y[:1], training=True),
        lambda network, x, y: check_gradients(network, x[:1], y[:1]),
    ],
)
def test_a_batch_of_one_sample_is_refused(use):
    network, x, y = trained_with_running_statistics()
    before = networks.bits(network)
    with pytest.raises(
        ValueError, match=r"sample\(s\) in batches of \d+ leave one alone; normalization='batch' expects"
    ):
        use(network, x, y)
    assert networks.bits(network) == before


def test_one_sample_where_no_batch_is_normalised():
    network, x, y = trained_with_running_statistics()
    assert network.evaluate(x[:1], y[:1]) == pytest.approx(np.mean((network.predict(x[0]) - y[0]) ** 2))
    assert check_gradients(network, x[:1], y[:1], training=False)
    for layer in network.layers[:2]:
        layer.trainable = False
    network.train(x, y, epochs=1)


def test_what_a_layer_with_batches_shows():
    network = NeuralNetwork([3, 4, 2], normalization="batch", seed=1)
    layer = network.layers[0]
    assert layer.biases is None
    assert (layer.running_mean.tolist(), layer.running_variance.tolist()) == ([0] * 4, [1] * 4)
    assert network.n_parameters == 3 * 4 + 8 + 4 * 2 + 2
    names = [name for name in network.get_state()[1] if name.startswith("layers.0")]
    assert names == [f"layers.0.{name}" for name in ("weights", "gain", "shift", "running_mean", "running_variance")]
    with pytest.raises(ValueError, match=r"running_variance: values reach down to -2\.0; expected numbers >= 0"):
        layer.running_variance = [1, -2, 3, 4]
    with pytest.raises(AttributeError, match="this layer is not normalised by batches"):
        network.layers[1].running_mean = [0, 0]
    with pytest.raises(AttributeError, match="this layer has no biases"):
        layer.biases = np.zeros(4)
    assert layer.running_variance.tolist() == [1] * 4
    network.train(np.eye(3), np.eye(3)[:, :2], epochs=1, batch_size="full", optimizer="adam")
    names = [name for name in network.get_state()[1] if name.startswith("layers.0") and name.endswith(".m")]
    assert names == [f"layers.0.{name}.m" for name in ("weights", "gain", "shift")]


# ---- training ----


@every_kind
@pytest.mark.parametrize(("optimizer", "batch_size"), [("sgd", 7), ("adam", 7), ("momentum", 11), ("adamw", 3)])
@pytest.mark.parametrize("sizes", [(5, 17, 33, 3), (3, 8, 2), (8, 1, 5, 1)], ids=str)
def test_ten_steps(kind, optimizer, batch_size, sizes, isa, dtype):
    """Of wide networks and of tiny ones."""
    network = make(kind, dtype, sizes)
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
    def new():
        return make(kind, dtype, sizes=(30, 64, 33, 10), loss="cross_entropy", dropout=0.2)

    networks.assert_threads_change_no_bit(new, n_samples, batch_size)
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


@every_kind
def test_transfer_learning_takes_normalised_layers_along(kind):
    network = make(kind, dropout=[0.25, 0.0])
    x, y = networks.data(network, 20)
    network.train(x, y, epochs=2, batch_size=10)
    other = network.with_head(4, freeze=True, seed=3)
    for ours, theirs in zip(other.layers[:2], network.layers[:2], strict=True):
        assert (ours.normalization, ours.dropout) == (theirs.normalization, theirs.dropout)
        for name in oracle_training.ARRAYS:
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    head = other.layers[2]
    hidden = oracle_training.predict(oracle_of(network)[:2], x)
    np.testing.assert_allclose(other.predict(x), hidden @ head.weights + head.biases, rtol=1e-10)
    before = networks.bits(other)
    other.train(x, np.zeros((20, 4)), epochs=1, batch_size=10)
    after = networks.bits(other)
    assert all(before[name] == after[name] for name in before if not name.startswith("layers.2"))
    wider = network.with_head([7, 4], seed=3)
    assert [layer.normalization for layer in wider.layers] == [kind, kind, None, None]


def test_a_diagnosis_looks_at_what_the_activation_takes():
    """Sums of thousands saturate tanh, and what they are normalised to does not."""
    x, y = 1000 * np.random.default_rng(1).standard_normal((50, 3)), np.linspace(0, 1, 50)

    def kinds(**arguments):
        network = NeuralNetwork([3, 20, 1], activation="tanh", seed=1, **arguments)
        return {finding.kind for finding in network.diagnose(x, y)}

    assert "saturated neurons" in kinds()
    for kind in KINDS:
        assert "saturated neurons" not in kinds(normalization=kind)
    assert NeuralNetwork([3, 20, 1], normalization="batch", dropout=0.2, seed=1).diagnose(x[:1], y[:1]) is not None


# ---- the argument, and what a layer shows ----


def test_what_a_layer_shows():
    network = NeuralNetwork([3, 4, 5, 2], normalization=["layer", None], seed=1)
    first, second, _ = network.layers
    assert (first.gain.tolist(), first.shift.tolist()) == ([1] * 4, [0] * 4)
    assert second.gain is second.shift is None
    assert network.n_parameters == 3 * 4 + 4 + 8 + 4 * 5 + 5 + 5 * 2 + 2
    assert first.running_mean is first.running_variance is None
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
        ({"kind": "batches"}, ValueError, "unknown normalization 'batches'. Did you mean 'batch'"),
        ({"kind": "layers"}, ValueError, "unknown normalization 'layers'. Did you mean 'layer'"),
        (
            {"kind": 1},
            ValueError,
            "normalization is 1; expected 'batch', 'layer' or None, or a list with one for each of 2",
        ),
        ({"kind": ["layer"]}, ValueError, r"normalization is \['layer'\]; expected .* one for each of 2 hidden"),
        ({"kind": ["layer", 2]}, TypeError, "normalization has 2; expected 'batch', 'layer' or None"),
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
