"""Dropout: masks drawn as the equations say and as chance would have them; training against the oracle."""

import copy
import math
import pickle

import networks
import numpy as np
import oracle_training
import pytest

from scratchnn import DivergenceError, NeuralNetwork, check_gradients, optimizers
from scratchnn.core.noise import Noise

TOLERANCE = {np.float32: 3e-5, np.float64: 1e-12}
RATES = (0.5, 0.2, 0.9, 2.0**-16, 1 - 2.0**-16)


def make(dtype=np.float64, sizes=(5, 17, 33, 3), **arguments):
    arguments = {"activation": "tanh", "dropout": [0.5, 0.2], "input_dropout": 0.1, "seed": 7, **arguments}
    return NeuralNetwork(list(sizes), dtype=dtype, **arguments)


# ---- masks ----


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(("m", "n"), [(1, 1), (3, 7), (4, 17), (5, 64), (9, 3), (2, 600)])
def test_masks_follow_the_equations(rate, m, n, isa, dtype):
    noise = Noise(11, 5, [0.0, rate], rate)
    expected = oracle_training.Noise(11)
    for layer, stream in ((-1, 1), (1, 4)):
        mask = noise.mask(layer, m, n, dtype)
        assert mask.dtype == dtype
        np.testing.assert_allclose(mask, expected.mask(5, stream, rate, m, n), np.finfo(dtype).eps)
    assert (noise.mask(0, m, n, dtype) == 1).all()


def test_a_row_s_mask_depends_on_its_place_alone(isa):
    noise = Noise(1, 0, [0.5])
    whole = noise.mask(0, 30, 300, "float32")
    for first in range(25):
        for m in (1, 2, 5, 30 - first):
            assert noise.mask(0, m, 300, "float32", first).tobytes() == whole[first : first + m].tobytes()


@pytest.mark.parametrize("rate", [0.5, 0.1, 0.9])
def test_as_many_are_dropped_as_the_rate_says(rate):
    """Over all, and over each row and column: within 5 standard deviations of a binomial."""
    kept = np.mean([Noise(3, step, [rate]).mask(0, 200, 300, "float32") > 0 for step in range(50)], axis=0)
    for part, n in ((kept.mean(axis=0), 50 * 200), (kept.mean(axis=1), 50 * 300), (kept.mean(), 3_000_000)):
        assert np.abs(part - (1 - rate)).max() < 5 * math.sqrt(rate * (1 - rate) / n)


def of_other_draws():
    """A mask, and others that have nothing to do with it."""
    noise = Noise(3, 9, [0.5, 0.5], 0.5)
    mask = noise.mask(0, 400, 400, "float32") > 0
    yield "step", mask, Noise(3, 10, [0.5]).mask(0, 400, 400, "float32") > 0
    yield "seed", mask, Noise(4, 9, [0.5]).mask(0, 400, 400, "float32") > 0
    yield "layer", mask, noise.mask(1, 400, 400, "float32") > 0
    yield "inputs", mask, noise.mask(-1, 400, 400, "float32") > 0
    for shift in range(1, 6):
        yield f"{shift} rows", mask[:-shift], mask[shift:]
        yield f"{shift} columns", mask[:, :-shift], mask[:, shift:]


def test_masks_are_independent():
    """The correlation of some 160,000 pairs is within 5 standard errors of 0."""
    for name, first, second in of_other_draws():
        assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 5 / math.sqrt(first.size), name


@pytest.mark.parametrize("axis", [0, 1])
def test_sums_of_neighbours_are_binomial(axis):
    """Chi squared with 16 degrees of freedom of how many of 16 neighbours are kept: above 60 once in 10^6."""
    kept = np.concatenate([Noise(5, step, [0.5]).mask(0, 320, 320, "float32") > 0 for step in range(20)], axis)
    sums = np.moveaxis(kept, axis, 1).reshape(-1, 16).sum(axis=1)
    expected = len(sums) * np.array([math.comb(16, k) for k in range(17)]) / 2**16
    counts = np.bincount(sums, minlength=17)
    assert np.sum((counts - expected) ** 2 / expected) < 60


# ---- training ----


@pytest.mark.parametrize("activation", ["tanh", "gelu", "softplus"])
@pytest.mark.parametrize(("optimizer", "batch_size"), [("sgd", 7), ("adam", 7), ("momentum", 1), ("adam", 13)])
def test_ten_steps(activation, optimizer, batch_size, isa, dtype):
    network = make(dtype, activation=activation)
    x, y = networks.data(network, 13)
    settings = {"learning_rate": 0.002, **({"epsilon": 1e-3} if optimizer == "adam" else {})}
    noise = oracle_training.Noise(7, (0.5, 0.2), 0.1)
    layers = oracle_training.train(
        oracle_training.layers_of(network), x.astype(float), y.astype(float), network.loss, optimizer, 5, batch_size,
        noise, **settings,
    )  # fmt: skip
    network.train(x, y, epochs=5, batch_size=batch_size, optimizer=type(optimizers.get(optimizer))(**settings))
    oracle_training.assert_close(network, layers, TOLERANCE[dtype])


@pytest.mark.parametrize("loss", ["cross_entropy", "poisson", "binary_cross_entropy", "mean_squared_error"])
@pytest.mark.parametrize("dropout", [[0.0, 0.3], [0.3, 0.0]])
def test_the_loss_of_a_step_and_its_gradients(loss, dropout, isa, dtype):
    network = make(dtype, loss=loss, dropout=dropout, input_dropout=0.0)
    x, y = networks.data(network, 30)
    masks = oracle_training.Noise(7, dropout).masks(0, 30, network.layer_sizes)
    value, gradients = oracle_training.gradients(
        oracle_training.layers_of(network), x.astype(float), networks.targets_of(network, y), loss, masks
    )
    assert network.evaluate(x, y, training=True) == pytest.approx(value, rel=TOLERANCE[dtype])
    assert network.evaluate(x, y) != pytest.approx(value, rel=1e-3)
    for (dw, db), expected in zip(network.gradients(x, y, training=True), gradients, strict=True):
        np.testing.assert_allclose(dw, expected["weights"], 0, TOLERANCE[dtype])
        np.testing.assert_allclose(db, expected["biases"], 0, TOLERANCE[dtype])


@pytest.mark.parametrize("activation", ["tanh", "gelu", "sigmoid", "elu"])
@pytest.mark.parametrize("loss", ["mean_squared_error", "cross_entropy"])
def test_check_gradients(activation, loss, isa):
    network = networks.make([4, 9, 7, 2], activation, loss, np.float64, dropout=0.4, input_dropout=0.2)
    x, y = networks.data(network, 9)
    for training in (True, False):
        check = check_gradients(network, x, y, training=training)
        assert check, str(check)
    network.train(x, y, epochs=3, batch_size=4)
    assert check_gradients(network, x, y)
    trained, plain = (
        np.concatenate([g.ravel() for pair in network.gradients(x, y, training=way) for g in pair])
        for way in (True, False)
    )
    assert not np.allclose(trained, plain, rtol=0.01)


def test_predictions_drop_nothing(isa, dtype):
    network, plain = make(dtype), make(dtype, dropout=0, input_dropout=0)
    x, y = networks.data(network, 20)
    assert network.predict(x).tobytes() == plain.predict(x).tobytes()
    assert network.evaluate(x, y) == plain.evaluate(x, y)
    assert [g.tobytes() for g in network.gradients(x, y)[0]] == [g.tobytes() for g in plain.gradients(x, y)[0]]


def test_a_rate_of_zero_changes_no_bit(isa, dtype):
    network, plain = (
        make(dtype, dropout=[0, 0], input_dropout=0),
        NeuralNetwork([5, 17, 33, 3], activation="tanh", seed=7, dtype=dtype),
    )
    for each in (network, plain):
        each.train(*networks.data(network, 30), epochs=2, batch_size=8)
    assert networks.bits(network) == networks.bits(plain)


def test_a_mean_over_many_masks_is_the_expectation():
    """Of a linear network, whose outputs are linear in each mask: within 5 standard errors."""
    network = make(activation="identity", sizes=(5, 40, 40, 1))
    x, y = networks.data(network, 1)
    outputs = []
    for step in range(4000):
        network._noise_counter = step
        # with y = 0 the loss is the square of the output, whose sign is known from the gradient of the last bias
        outputs.append(network.gradients(x, 0 * y, training=True)[-1][1][0] / 2)
    error = np.std(outputs) / math.sqrt(len(outputs))
    assert abs(np.mean(outputs) - network.predict(x)[0, 0]) < 5 * error
    assert error > 1e-3


# ---- the same bits ----


@pytest.mark.parametrize(("n_samples", "batch_size"), [(4, 4), (70, 50), (200, 170), (600, 600)])
def test_any_number_of_threads(n_samples, batch_size, isa, dtype, threads_used):
    def new():
        return make(dtype, sizes=(30, 64, 33, 10), loss="cross_entropy")

    networks.assert_threads_change_no_bit(new, n_samples, batch_size)
    assert threads_used == [1, 2, 3, 7]


def test_instruction_sets_agree(dtype, same_bits_everywhere):
    def compute():
        network = make(dtype, sizes=(30, 64, 33, 10))
        network.train(*networks.data(network, 70), epochs=3, batch_size=50, optimizer="adam")
        return network.get_state()[1].values()

    same_bits_everywhere(compute)


def through_a_file(network, path):
    network.save(path)
    return NeuralNetwork.load(path)


THROUGH = {
    "at once": lambda network, path: network,
    "a copy": lambda network, path: copy.copy(network),
    "pickle": lambda network, path: pickle.loads(pickle.dumps(network)),
    "a file": through_a_file,
}


@pytest.mark.parametrize("through", THROUGH.values(), ids=THROUGH)
def test_ten_epochs_and_ten_more_are_twenty(through, dtype, tmp_path):
    once, twice = make(dtype), make(dtype)
    x, y = networks.data(once, 20)
    settings = {"batch_size": 6, "shuffle": True, "optimizer": "adam"}
    once.train(x, y, epochs=20, **settings)
    twice.train(x, y, epochs=10, **settings)
    twice = through(twice, tmp_path / "network.snn")
    twice.train(x, y, epochs=10, **settings)
    assert networks.bits(twice) == networks.bits(once)
    assert twice.history.loss == once.history.loss


def test_masks_go_on_where_another_optimizer_starts_afresh():
    network = make(input_dropout=0.0)
    x, y = networks.data(network, 20)
    network.train(x, y, epochs=2, batch_size=6, optimizer="adam")
    layers = oracle_training.train(
        oracle_training.layers_of(network), x, y, network.loss, "sgd", 1, 6,
        oracle_training.Noise(7, (0.5, 0.2)), first_step=8, learning_rate=0.1,
    )  # fmt: skip
    network.train(x, y, epochs=1, batch_size=6, optimizer="sgd")
    oracle_training.assert_close(network, layers, TOLERANCE[np.float64])
    network.layers[0].dropout = network.layers[1].dropout = 0
    network.train(x, y, epochs=1, batch_size=6)
    assert network.get_state()[0]["noise_counter"] == 12  # steps that have drawn


def test_a_replay_after_divergence_draws_the_same():
    """The loss grows until it overflows; what is kept is what as many epochs alone give, bit for bit."""
    network, alone = (NeuralNetwork([1, 1], activation="identity", input_dropout=0.5, seed=2) for _ in range(2))
    x, y = np.ones((8, 1)), np.ones((8, 1))
    settings = {"batch_size": 4, "learning_rate": 1.0}
    with pytest.raises(DivergenceError):
        network.train(x, y, epochs=10_000, **settings)
    epochs = network.history.epochs
    assert epochs > 100
    alone.train(x, y, epochs=epochs, **settings)
    assert networks.bits(alone) == networks.bits(network)
    assert alone.get_state()[0]["noise_counter"] == network.get_state()[0]["noise_counter"] == 2 * epochs


# ---- the arguments ----


def test_rates_belong_to_the_network():
    network = make(dropout=0.25, input_dropout=0.125)
    assert [layer.dropout for layer in network.layers] == [0.25, 0.25, 0.0]
    assert network.input_dropout == 0.125
    assert "dropout=[0.25, 0.25], input_dropout=0.125, " in repr(network)
    network.layers[1].dropout = 0
    assert [layer.dropout for layer in network.copy().layers] == [0.25, 0.0, 0.0]
    assert "dropout" not in repr(make(dropout=0, input_dropout=0))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"dropout": 1}, ValueError, "dropout is 1; expected a finite number >= 0 and < 1"),
        ({"dropout": -0.1}, ValueError, "dropout is -0.1; expected a finite number >= 0 and < 1"),
        ({"dropout": float("nan")}, ValueError, "dropout is nan; expected a finite number >= 0 and < 1"),
        ({"dropout": 1e-6}, ValueError, r"dropout is 1e-06; expected 0, or a rate from 2\*\*-16 to 1 - 2\*\*-16"),
        ({"dropout": 1 - 1e-6}, ValueError, "expected 0, or a rate from"),
        ({"dropout": "half"}, ValueError, "dropout is 'half'; expected a finite number >= 0 and < 1"),
        ({"dropout": True}, ValueError, "dropout is True; expected a finite number"),
        ({"dropout": None}, ValueError, "dropout is None; expected a finite number"),
        ({"dropout": [0.5]}, ValueError, r"dropout has 1 rates; expected one for each of 2 hidden layer\(s\)"),
        ({"dropout": [0.5, 0.5, 0.5]}, ValueError, "dropout has 3 rates"),
        ({"dropout": [0.5, 2]}, ValueError, r"dropout\[1\] is 2; expected a finite number >= 0 and < 1"),
        ({"input_dropout": 1.5}, ValueError, "input_dropout is 1.5; expected a finite number >= 0 and < 1"),
        ({"input_dropout": [0.5]}, ValueError, r"input_dropout is \[0.5\]; expected a finite number"),
        ({"sizes": (3, 2), "dropout": 0.5}, ValueError, "dropout is 0.5, but the network has no hidden layer"),
    ],
)
def test_rates_that_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        make(**arguments)


def test_rates_that_are_refused_later():
    network = make()
    with pytest.raises(ValueError, match=r"dropout is 0\.5, but this is the output layer; expected 0"):
        network.layers[2].dropout = 0.5
    with pytest.raises(ValueError, match="dropout is 3; expected a finite number"):
        network.layers[0].dropout = 3
    with pytest.raises(ValueError, match="input_dropout is 'no'"):
        network.input_dropout = "no"
    assert ([layer.dropout for layer in network.layers], network.input_dropout) == ([0.5, 0.2, 0.0], 0.1)
