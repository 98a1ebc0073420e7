"""The search for a learning rate."""

import networks
import numpy as np
import pytest

from scratchnn import LearningRateSearch, NeuralNetwork, find_learning_rate, optimizers

RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 5))
Y = np.tanh(X @ RNG.standard_normal((5, 2)))


def network(**arguments):
    return NeuralNetwork([5, 12, 2], **{"activation": "tanh", "seed": 1} | arguments)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_rates_and_losses_are_those_of_single_steps(optimizer, dtype):
    """Of a copy, one step for each rate; the loss is that of the batch before its step."""
    searched = network(dtype=dtype)
    search = find_learning_rate(
        searched, X, Y, lowest=1e-4, highest=1e-2, steps=30, batch_size=16, shuffle=False, optimizer=optimizer
    )
    np.testing.assert_allclose(search.rates, 1e-4 * 100 ** (np.arange(30) / 29))
    by_hand, losses = network(dtype=dtype), []
    for i, rate in enumerate(search.rates):
        first = i % 13 * 16
        losses.append(by_hand.evaluate(X[first : first + 16], Y[first : first + 16]))
        by_hand.train(X, Y, batch_size=16, epochs=1, max_steps=1, optimizer=optimizer, learning_rate=rate)
    np.testing.assert_allclose(search.losses, losses, rtol=1e-5 if dtype is np.float32 else 1e-13)
    np.testing.assert_allclose(search.smoothed[5], search.losses[4:7].mean())


def test_the_network_stays_as_it_is():
    trained = network()
    trained.train(X, Y, epochs=2, batch_size=32, shuffle=True, optimizer="adam", max_steps=9)
    before = repr(trained.get_state()[0]), networks.bits(trained)
    find_learning_rate(trained, X, Y, optimizer="adam", highest=100)
    assert (repr(trained.get_state()[0]), networks.bits(trained)) == before


def test_the_suggestion_trains_well():
    """Far better than a tenth of it, and than a rate at which the loss no longer falls."""

    def loss_with(rate):
        trained = network()
        return trained.train(X, Y, epochs=10, batch_size=20, shuffle=True, learning_rate=rate).loss[-1]

    search = find_learning_rate(network(), X, Y, batch_size=20)
    for other in (search.suggestion / 10, search.rates[-1]):
        assert loss_with(search.suggestion) < loss_with(other) / 2


def test_it_ends_where_the_loss_explodes():
    linear = NeuralNetwork([5, 2], activation="identity", seed=1)
    search = find_learning_rate(linear, X, Y, lowest=1e-3, highest=1e6, steps=200, batch_size="full")
    assert len(search.rates) == len(search.losses) == len(search.smoothed) < 150
    assert search.losses[-1] > 4 * search.losses.min()
    assert search.suggestion < search.rates[search.losses.argmin()] * 1.5


def test_a_divergence_ends_it_as_well():
    """The loss leaves the finite numbers in one step, before its average could tell."""
    linear = NeuralNetwork([5, 2], activation="identity", seed=1)
    search = find_learning_rate(linear, X, Y, lowest=0.1, highest=1e200, steps=10, batch_size="full")
    assert 1 <= len(search.losses) < 10
    assert np.isfinite(search.losses).all()


def test_averages_are_over_neighbouring_steps():
    search = find_learning_rate(network(), X, Y, steps=200, highest=1e-2, batch_size=8)
    np.testing.assert_allclose(search.smoothed[50], search.losses[40:61].mean())
    np.testing.assert_allclose(search.smoothed[2], search.losses[:13].mean())
    np.testing.assert_allclose(search.smoothed[-1], search.losses[-11:].mean())


def test_the_suggestion_is_where_a_line_through_the_losses_falls_the_fastest():
    search = find_learning_rate(network(), X, Y, batch_size=8)
    lowest = int(search.smoothed.argmin())
    slopes = []
    for i in range(10, lowest + 1):
        around = slice(i - 10, min(i + 10, lowest) + 1)
        slopes.append(np.polyfit(np.log(search.rates[around]), search.losses[around], 1)[0])
    assert search.suggestion == search.rates[10 + np.argmin(slopes)]


def test_a_loss_that_cannot_fall():
    perfect = NeuralNetwork([1, 1], activation="identity", weight_init=[[[1.0]]], seed=1)
    x = np.linspace(-1, 1, 50)[:, None]
    search = find_learning_rate(perfect, x, x, batch_size="full", steps=10)
    assert search.suggestion is None
    assert str(search) == "the loss fell with none of the learning rates from 1e-06 to 10"


def test_words():
    found = LearningRateSearch(np.array([0.1, 1]), np.array([3.0, 2]), np.array([3.0, 2]), 0.25)
    assert str(found) == "the loss fell the fastest with a learning rate of 0.25, of learning rates from 0.1 to 1"


def test_more_arguments_of_train():
    weights = np.zeros(200)
    weights[:7] = 1
    settings = {"shuffle": False, "batch_size": "full", "steps": 10, "highest": 1e-3}
    some = find_learning_rate(network(), X, Y, sample_weight=weights, **settings)
    those = find_learning_rate(network(), X[:7], Y[:7], **settings)
    np.testing.assert_allclose(some.losses, those.losses)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lowest": 0}, "lowest is 0; expected a finite number > 0"),
        ({"lowest": 1, "highest": 1}, "highest is 1; expected a finite number > 1"),
        ({"steps": 9}, "steps is 9; expected an integer >= 10"),
        ({"optimizer": "adma"}, "unknown optimizer 'adma'"),
        ({"epochs": 3}, "epochs"),
        ({"sample_weights": 3}, "sample_weights"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"optimizer": optimizers.Adam(epsilon=1e-320)}, "epsilon is 1e-320"),
    ],
)
def test_arguments(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        find_learning_rate(network(), X, Y, **arguments)
