"""Noise on the inputs: normal numbers as the equations say and as chance would have them, and training with them."""

import math
from statistics import NormalDist

import layouts
import networks
import numpy as np
import oracle_training
import pytest

from scratchnn import NeuralNetwork, check_gradients
from scratchnn.core.noise import Noise

TOLERANCE = {np.float32: 3e-5, np.float64: 1e-12}


def normals(m, n, dtype=np.float32, seed=3, step=0, first=0):
    return Noise(seed, step, [], 0, 1.0).input_noise(m, n, dtype, first)


def make(dtype=np.float64, sizes=(5, 17, 3), **arguments):
    return NeuralNetwork(list(sizes), dtype=dtype, **{"activation": "tanh", "input_noise": 0.3, "seed": 7, **arguments})


# ---- the numbers ----


@pytest.mark.parametrize(("m", "n"), [(1, 1), (2, 3), (3, 7), (4, 17), (5, 64), (2, 600)])
def test_they_follow_the_equations(m, n, isa, dtype):
    expected = oracle_training.Noise(3).normals(5, m, n)
    found = normals(m, n, dtype, step=5)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, 8 * np.finfo(dtype).eps, 8 * np.finfo(dtype).eps)
    scaled = Noise(3, 5, [], 0, 0.25).input_noise(m, n, dtype)
    np.testing.assert_allclose(scaled, found / 4, np.finfo(dtype).eps)


def test_a_number_depends_on_its_place_alone(isa, dtype):
    whole = normals(30, 300, dtype)
    for first in range(25):
        for m in (1, 2, 5, 30 - first):
            assert normals(m, 300, dtype, first=first).tobytes() == whole[first : first + m].tobytes()


def test_instruction_sets_agree_on_every_bit(dtype, same_bits_everywhere):
    same_bits_everywhere(lambda: [normals(100, 77, dtype)])


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
def test_distribution(seed, isa):
    """Kolmogorov and Smirnov's distance, moments, and the tails."""
    n = 200_000
    x = np.sort(normals(400, 500, np.float64, seed=seed).ravel())
    cdf = np.vectorize(NormalDist().cdf)(x)
    steps = np.arange(n + 1) / n
    assert max(np.max(steps[1:] - cdf), np.max(cdf - steps[:-1])) < 2 / math.sqrt(n)
    for power, expected in ((1, 0), (2, 1), (3, 0), (4, 3)):
        assert abs(np.mean(x**power) - expected) < 5 * np.std(x**power) / math.sqrt(n)
    assert np.mean(np.abs(x) > 3) == pytest.approx(math.erfc(3 / math.sqrt(2)), rel=0.2)
    assert 4 < x[-1] < 6.7
    assert -6.7 < x[0] < -4


def test_they_are_independent():
    """Correlations of some 160,000 pairs, and of their squares, are within 5 standard errors of 0."""
    x = normals(400, 400)
    others = [normals(400, 400, step=1), normals(400, 400, seed=4)]
    pairs = [(x, other) for other in others]
    for shift in range(1, 5):
        pairs += [(x[:-shift], x[shift:]), (x[:, :-shift], x[:, shift:])]
    for first, second in pairs:
        for of in (np.asarray, np.square, np.abs):
            assert abs(np.corrcoef(of(first).ravel(), of(second).ravel())[0, 1]) < 5 / math.sqrt(first.size)


# ---- training ----


@pytest.mark.parametrize("input_dropout", [0.0, 0.2])
@pytest.mark.parametrize("batch_size", [1, 7])
def test_ten_steps(batch_size, input_dropout, isa, dtype):
    network = make(dtype, input_dropout=input_dropout, dropout=0.2)
    x, y = networks.data(network, 13)
    kept = x.copy()
    noise = oracle_training.Noise(7, (0.2,), input_dropout, 0.3)
    layers = oracle_training.train(
        oracle_training.layers_of(network), x.astype(float), y.astype(float), network.loss, "momentum", 5, batch_size,
        noise, learning_rate=0.002,
    )  # fmt: skip
    network.train(x, y, epochs=5, batch_size=batch_size, optimizer="momentum", learning_rate=0.002)
    oracle_training.assert_close(network, layers, TOLERANCE[dtype])
    assert x.tobytes() == kept.tobytes()


@pytest.mark.parametrize("arrange", layouts.WRITABLE, ids=lambda f: f.__name__)
def test_the_caller_s_data_stay_as_they_are(arrange):
    network, other = make(), make()
    x, y = networks.data(network, 20)
    arranged = arrange(x)
    network.train(arranged, y, epochs=3, batch_size=8)
    np.testing.assert_array_equal(arranged, x)
    arranged.flags.writeable = False
    other.train(arranged, y, epochs=3, batch_size=8)
    assert networks.bits(network) == networks.bits(other)


def test_check_gradients_and_the_loss_of_a_step(isa):
    network = make(loss="cross_entropy")
    x, y = networks.data(network, 9)
    check = check_gradients(network, x, y)
    assert check, str(check)
    disturbed = oracle_training.Noise(7, (), 0, 0.3).disturb(0, x)
    assert network.evaluate(x, y, training=True) == pytest.approx(network.evaluate(disturbed, y), rel=1e-12)
    assert network.evaluate(x, y) == make(loss="cross_entropy", input_noise=0).evaluate(x, y)


def test_noise_on_the_inputs_of_a_linear_model_is_a_penalty_on_its_weights():
    """E (w·(x + σ g) - y)² = (w·x - y)² + σ² |w|² (Bishop 1995): within 5 standard errors over 4000 steps."""
    network = make(sizes=(5, 1), activation="identity")
    x, y = networks.data(network, 1)
    losses = []
    for step in range(4000):
        network._noise_counter = step
        losses.append(network.evaluate(x, y, training=True))
    expected = network.evaluate(x, y) + 0.3**2 * np.sum(network.layers[0].weights ** 2)
    assert abs(np.mean(losses) - expected) < 5 * np.std(losses) / math.sqrt(4000)


def test_noise_is_added_to_inputs_once_they_are_scaled():
    """So its size is told in the units that the layers get."""
    network = make(scale_inputs="standard")
    plain = make()
    x, y = networks.data(network, 20)
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    for each, inputs in ((network, x), (plain, scaled)):
        each.train(inputs, y, epochs=3, batch_size=8)
    for ours, theirs in zip(networks.arrays(network), networks.arrays(plain), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_any_number_of_threads(isa, dtype, threads_as_asked):
    def result(n_threads):
        network = make(dtype, sizes=(30, 64, 33, 10), loss="cross_entropy", dropout=[0.2, 0], input_dropout=0.1)
        x, y = networks.data(network, 200)
        network.train(x, y, epochs=3, batch_size=150, shuffle=True, optimizer="adam", n_threads=n_threads)
        return networks.bits(network), network.history.loss

    assert len({repr(result(n_threads)) for n_threads in (1, 2, 3, 7)}) == 1


def test_ten_epochs_and_ten_more_are_twenty(dtype, tmp_path):
    once, twice = make(dtype), make(dtype)
    x, y = networks.data(once, 20)
    settings = {"batch_size": 6, "shuffle": True, "optimizer": "adam"}
    once.train(x, y, epochs=20, **settings)
    twice.train(x, y, epochs=10, **settings)
    twice.save(tmp_path / "network.snn")
    twice = NeuralNetwork.load(tmp_path / "network.snn")
    assert twice.input_noise == 0.3
    twice.train(x, y, epochs=10, **settings)
    assert networks.bits(twice) == networks.bits(once)


# ---- the argument ----


def test_noise_belongs_to_the_network():
    network = make(input_noise=2)
    assert network.input_noise == network.copy().input_noise == 2.0
    assert "input_noise=2.0, " in repr(network)
    network.input_noise = 0
    assert "input_noise" not in repr(network)


@pytest.mark.parametrize("value", [-1, math.inf, math.nan, "1", None, True])
def test_noise_that_is_refused(value):
    with pytest.raises(ValueError, match=f"input_noise is {value!r}; expected a finite number >= 0"):
        make(input_noise=value)
    network = make()
    with pytest.raises(ValueError, match="input_noise is"):
        network.input_noise = value
    assert network.input_noise == 0.3
