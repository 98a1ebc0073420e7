"""Training: what optimizers, batches, shuffles, validation and callbacks do to a network and its history."""

import math

import networks
import numpy as np
import oracle
import pytest

from scratchnn import History, NeuralNetwork, optimizers

TOLERANCE = {np.float32: 2e-5, np.float64: 1e-12}


def agree(network, layers, dtype):
    for layer, (weights, biases, _) in zip(network.layers, layers, strict=True):
        np.testing.assert_allclose(layer.weights, weights, 0, TOLERANCE[dtype])
        np.testing.assert_allclose(layer.biases, biases, 0, TOLERANCE[dtype])


def linear(weight=0.0):
    """The smallest network there is: y = w x."""
    return NeuralNetwork([1, 1], activation="identity", biases=False, weight_init=[[[weight]]], seed=1)


ONE = (np.ones((1, 1)), np.ones((1, 1)))


# ---- steps ----


@pytest.mark.pairs
@pytest.mark.parametrize("loss", oracle.SPELLINGS)
@pytest.mark.parametrize("optimizer", oracle.OPTIMIZERS)
def test_ten_steps(optimizer, loss, isa, dtype):
    """Five epochs of two batches, of which the second is smaller."""
    network = networks.make([5, 17, 3], "tanh", loss, dtype)
    x, y = networks.data(network, 13)
    layers = oracle.train(
        networks.layers_of(network), x.astype(np.float64), networks.targets_of(network, y), loss, optimizer,
        epochs=5, batch_size=7, learning_rate=0.02,
    )  # fmt: skip
    history = network.train(x, y, epochs=5, batch_size=7, optimizer=optimizer, learning_rate=0.02)
    agree(network, layers, dtype)
    assert history.epochs == 5
    assert network.optimizer == optimizers.get(optimizer, 0.02)


@pytest.mark.parametrize("optimizer", oracle.OPTIMIZERS)
def test_default_hyperparameters(optimizer):
    network = NeuralNetwork([3, 4, 2], seed=1)
    x, y = networks.data(network, 6)
    layers = oracle.train(networks.layers_of(network), x, y, "mean_squared_error", optimizer, 3)
    network.train(x, y, epochs=3, batch_size="full", optimizer=optimizer)
    agree(network, layers, np.float64)


def test_other_hyperparameters():
    network = NeuralNetwork([3, 4, 2], seed=1)
    x, y = networks.data(network, 6)
    given = optimizers.AdamW(learning_rate=0.05, beta1=0.5, beta2=0.7, epsilon=1e-3, weight_decay=0.3)
    layers = oracle.train(
        networks.layers_of(network), x, y, "mean_squared_error", "adamw", 3, **given.hyperparameters()
    )
    network.train(x, y, epochs=3, batch_size="full", optimizer=given)
    agree(network, layers, np.float64)


@pytest.mark.parametrize("n_samples", [1, 2, 5, 23, 24, 25, 49])
@pytest.mark.parametrize("batch_size", [1, 2, 24, "full", 1000])
def test_batches(n_samples, batch_size, isa, dtype):
    network = networks.make([3, 9, 2], "sigmoid", "mean_squared_error", dtype)
    x, y = networks.data(network, n_samples)
    layers = oracle.train(
        networks.layers_of(network), x.astype(float), y.astype(float), network.loss, "sgd", 2,
        None if batch_size == "full" else batch_size, learning_rate=0.5,
    )  # fmt: skip
    network.train(x, y, epochs=2, batch_size=batch_size, learning_rate=0.5)
    agree(network, layers, dtype)


def test_shuffle_is_a_new_permutation_every_epoch(isa):
    """Stream 1 of the seed (eq. 60, 63); the second call goes on where the first ended."""
    network = NeuralNetwork([3, 4, 2], seed=6)
    x, y = networks.data(network, 11)
    draws = oracle.Generator(6, stream=1)
    orders = [draws.permutation(11) for _ in range(6)]
    assert len({tuple(order) for order in orders}) == 6
    layers = oracle.train(
        networks.layers_of(network), x, y, "mean_squared_error", "sgd", 6, 4, orders, learning_rate=0.5
    )
    network.train(x, y, epochs=2, batch_size=4, shuffle=True, learning_rate=0.5)
    network.train(x, y, epochs=4, batch_size=4, shuffle=True, learning_rate=0.5)
    agree(network, layers, np.float64)


@pytest.mark.parametrize("optimizer", oracle.OPTIMIZERS)
@pytest.mark.parametrize("watched", [False, True])
def test_ten_epochs_and_ten_more_are_twenty(optimizer, watched, dtype):
    once, twice = (networks.make([3, 7, 2], "tanh", "huber", dtype) for _ in range(2))
    x, y = networks.data(once, 20)
    settings = {"batch_size": 6, "shuffle": True, "optimizer": optimizer}
    if watched:
        settings["validation_data"] = (x[:5], y[:5])
    once.train(x, y, epochs=20, **settings)
    twice.train(x, y, epochs=10, **settings)
    twice.train(x, y, epochs=10, **settings)
    assert networks.bits(twice) == networks.bits(once)
    assert twice.history.loss == once.history.loss
    assert twice.history.validation_loss == once.history.validation_loss
    assert twice.history.samples == once.history.samples == 400


def test_another_kind_of_optimizer_starts_afresh():
    network = NeuralNetwork([3, 4, 2], seed=1)
    x, y = networks.data(network, 8)
    network.train(x, y, epochs=3, optimizer="adam")
    network.train(x, y, epochs=3, optimizer="adam", learning_rate=0.1)
    assert network.get_state()[0]["steps"] == 48
    assert network.optimizer == optimizers.Adam(0.1)
    fresh = NeuralNetwork([3, 4, 2], weight_init=[layer.weights for layer in network.layers],
                          bias_init=[layer.biases for layer in network.layers], seed=1)  # fmt: skip
    for other in (network, fresh):
        other.train(x, y, epochs=3, optimizer="nadam")
    assert networks.bits(network) == networks.bits(fresh)
    assert network.get_state()[0]["steps"] == 24


def test_no_epochs_change_nothing():
    network = NeuralNetwork([3, 4, 2], seed=1)
    before = networks.bits(network)
    history = network.train(*networks.data(network, 8), epochs=0)
    assert networks.bits(network) == before
    assert (history.epochs, history.samples, history.stopped) == (0, 0, "completed")


# ---- history ----


@pytest.mark.parametrize("loss", oracle.SPELLINGS)
def test_the_loss_of_an_epoch_is_that_of_its_batches_as_they_were_seen(loss, isa, dtype):
    network = networks.make([3, 9, 2], "tanh", loss, dtype)
    x, y = networks.data(network, 20)
    stepped = network.copy()
    batches = [slice(i, i + 8) for i in range(0, 20, 8)]
    network.train(x, y, epochs=1, batch_size=8, learning_rate=0.1)
    total = 0.0
    for batch in batches:
        of_batch = stepped.evaluate(x[batch], y[batch])
        total += of_batch if loss == "half_sum_squared_error" else of_batch * len(x[batch]) / 20
        stepped.train(x[batch], y[batch], epochs=1, batch_size="full", learning_rate=0.1)
    assert network.history.loss == [pytest.approx(total, rel=1e-6 if dtype is np.float32 else 1e-14)]
    assert [a.tobytes() for a in networks.arrays(network)] == [a.tobytes() for a in networks.arrays(stepped)]


def test_history_runs_over_all_calls():
    network = NeuralNetwork([3, 4, 2], seed=1)
    assert network.history == History()
    x, y = networks.data(network, 8)
    history = network.train(x, y, epochs=3)
    assert history is network.history
    assert (history.epochs, history.samples, history.stopped) == (3, 24, "completed")
    assert history.validation_loss == []
    seconds = history.seconds
    assert 0 < seconds < 10
    network.train(x[:5], y[:5], epochs=2, validation_data=(x[5:], y[5:]))
    assert (history.epochs, history.samples) == (5, 34)
    assert history.seconds > seconds
    assert [math.isnan(loss) for loss in history.validation_loss] == [True, True, True, False, False]
    assert history.validation_loss[-1] == network.evaluate(x[5:], y[5:])
    assert all(type(loss) is float for loss in history.loss + history.validation_loss)
    assert history.best_epoch == 4 + int(np.argmin(history.validation_loss[3:]))


# ---- validation, patience, callbacks ----

# Training pulls w from 0 to 1, halving the rest each time; the validation data want w = 0.8, which
# epoch 2 is nearest to.
HALVING = {"learning_rate": 0.25, "batch_size": "full"}
WISH = (np.ones((1, 1)), np.full((1, 1), 0.8))
COURSE = [0.5, 0.75, 0.875, 0.9375, 0.96875, 0.984375]


def weight_of(network):
    return network.layers[0].weights[0, 0]


def test_validation_watches_and_nothing_else():
    network, alone = linear(), linear()
    history = network.train(*ONE, epochs=6, validation_data=list(WISH), **HALVING)
    alone.train(*ONE, epochs=6, **HALVING)
    assert history.validation_loss == pytest.approx([(w - 0.8) ** 2 for w in COURSE])
    assert networks.bits(network) == networks.bits(alone)
    assert history.loss == alone.history.loss
    assert (weight_of(network), history.best_epoch, history.stopped) == (COURSE[-1], 2, "completed")


@pytest.mark.parametrize(
    ("patience", "epochs", "stopped", "last"),
    [(1, 100, "patience", 3), (3, 100, "patience", 5), (4, 6, "patience", 6), (5, 6, "completed", 6)],
)
@pytest.mark.parametrize("restore_best", [True, False])
def test_patience(patience, epochs, stopped, last, restore_best):
    network = linear()
    history = network.train(
        *ONE, epochs=epochs, patience=patience, restore_best=restore_best, validation_data=WISH, **HALVING
    )
    assert (history.epochs, history.stopped, history.best_epoch) == (last, stopped, 2)
    assert len(history.validation_loss) == last
    assert weight_of(network) == (COURSE[1] if restore_best else COURSE[last - 1])


def test_an_equal_loss_is_no_improvement():
    network = linear(1.0)
    history = network.train(*ONE, epochs=100, patience=3, validation_data=ONE, **HALVING)
    assert (history.epochs, history.best_epoch, history.stopped) == (4, 1, "patience")


def test_callbacks_see_every_epoch_as_it_ends():
    network, seen = linear(), []

    def callback(given, epoch, history):
        assert given is network
        assert history is network.history
        assert history.epochs == len(history.loss) == len(history.validation_loss) == epoch
        assert history.samples == epoch
        assert network.get_state()[0]["steps"] == epoch
        seen.append((epoch, weight_of(network)))
        return "anything but True"

    for _ in range(2):
        network.train(*ONE, epochs=3, validation_data=WISH, callback=callback, **HALVING)
    assert seen == list(enumerate(COURSE, 1))


def test_a_callback_stops_training():
    network = linear()
    history = network.train(*ONE, epochs=100, callback=lambda network, epoch, history: epoch == 3, **HALVING)
    assert (history.epochs, history.stopped, weight_of(network)) == (3, "callback", COURSE[2])


def test_a_callback_that_stops_still_gets_the_best():
    network = linear()
    history = network.train(
        *ONE, epochs=100, patience=50, validation_data=WISH, callback=lambda *seen: seen[1] == 4, **HALVING
    )
    assert (history.epochs, history.stopped, weight_of(network)) == (4, "callback", COURSE[1])


def test_a_callback_changes_nothing_by_being_there(dtype):
    watched, alone = (networks.make([3, 7, 2], "tanh", "mean_squared_error", dtype) for _ in range(2))
    x, y = networks.data(alone, 20)
    settings = {"epochs": 5, "batch_size": 6, "shuffle": True, "optimizer": "momentum"}
    watched.train(x, y, callback=lambda *_: None, **settings)
    alone.train(x, y, **settings)
    assert networks.bits(watched) == networks.bits(alone)
    assert watched.history.loss == alone.history.loss


def test_a_callback_may_change_the_network():
    network = linear()

    def callback(network, epoch, history):
        network.layers[0].weights[0, 0] = 0

    assert network.train(*ONE, epochs=3, callback=callback, **HALVING).loss == [1, 1, 1]


@pytest.mark.parametrize(("answer", "epochs"), [(np.True_, 1), (True, 1), (np.False_, 3), (1, 3), (None, 3)])
def test_only_a_true_answer_stops(answer, epochs):
    network = NeuralNetwork([2, 1], seed=1)
    history = network.train([[0, 1]], [1], epochs=3, callback=lambda *arguments: answer)
    assert history.epochs == epochs
