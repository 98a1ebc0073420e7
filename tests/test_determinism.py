"""One seed, one result, in every bit: whatever the process, the threads, the instruction set, the batch."""

import hashlib
import subprocess
import sys
import threading
import time

import layouts
import networks
import numpy as np
import pytest

from scratchnn import NeuralNetwork, threads

# Rows of a batch and inputs of a layer are shared out 8 at a time: some shapes have work for seven
# threads, some for one.
SHAPES = [
    ([5, 3], 4, 4),
    ([3, 17, 2], 5, 2),
    ([30, 64, 33, 10], 70, 50),
    ([170, 33, 4], 24, 24),
    ([7, 100, 169, 1], 200, 170),
]


def trained(sizes, n_samples, batch_size, *, dtype="float64", loss="mean_squared_error", **arguments):
    network = networks.make(sizes, "tanh", loss, dtype)
    x, y = networks.data(network, n_samples)
    settings = {"epochs": 3, "optimizer": "adam", "learning_rate": 0.01, "shuffle": True, **arguments}
    network.train(x, y, batch_size=batch_size, **settings)
    return network


def result(*arguments, **keywords):
    network = trained(*arguments, **keywords)
    return networks.bits(network), network.history.loss


def fingerprint():
    digest = hashlib.sha256()
    for loss in ("mean_squared_error", "cross_entropy"):
        for array in trained([9, 33, 4], 50, 16, loss=loss).get_state()[1].values():
            digest.update(array.tobytes())
    return digest.hexdigest()


def test_the_same_seed_gives_the_same_bits_here_and_in_a_fresh_process(tmp_path):
    script = f"import sys; sys.path[:0] = {sys.path!r}\nimport test_determinism as t; print(t.fingerprint())"
    fresh = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert fingerprint() == fingerprint() == fresh.stdout.strip()


def test_another_seed_gives_others():
    assert result([5, 7, 3], 20, 5) != result([5, 7, 3], 20, 5, learning_rate=0.02)
    networks_of_seeds = [NeuralNetwork([5, 7, 3], weight_init="zeros", seed=seed) for seed in (1, 2)]
    x, y = networks.data(networks_of_seeds[0], 20)
    for network in networks_of_seeds:  # the same start: only the shuffles differ
        network.train(x, y, epochs=2, batch_size=3, shuffle=True)
    assert networks.bits(networks_of_seeds[0]) != networks.bits(networks_of_seeds[1])


@pytest.mark.parametrize(("sizes", "n_samples", "batch_size"), SHAPES, ids=str)
def test_any_number_of_threads(sizes, n_samples, batch_size, isa, dtype, threads_used):
    alone = result(sizes, n_samples, batch_size, dtype=dtype, n_threads=1)
    for n_threads in (2, 3, 7):
        assert result(sizes, n_samples, batch_size, dtype=dtype, n_threads=n_threads) == alone
    assert threads_used == [1, 2, 3, 7]
    assert result(sizes, n_samples, batch_size, dtype=dtype) == alone


@pytest.mark.parametrize("n_threads", [2, 3, 7])
def test_threads_that_wait_between_epochs(n_threads, dtype, threads_used):
    """For validation data and for a callback, during which they fall asleep or do not."""

    def train(n_threads):
        network = networks.make([30, 64, 33, 10], "tanh", "cross_entropy", dtype)
        x, y = networks.data(network, 70)
        network.train(
            x, y, epochs=20, batch_size=50, shuffle=True, optimizer="adam", validation_data=(x[:40], y[:40]),
            callback=lambda network, epoch, history: time.sleep(epoch % 4 * 5e-5), n_threads=n_threads,
        )  # fmt: skip
        return networks.bits(network), network.history.loss, network.history.validation_loss

    before = threading.enumerate()
    assert train(n_threads) == train(1)
    assert threads_used == [n_threads, 1]
    assert threading.enumerate() == before


@pytest.mark.parametrize("arrange", [np.copy, layouts.fortran], ids=["in place", "gathered"])
@pytest.mark.parametrize("loss", ["cross_entropy", "mean_squared_error"])
def test_predicting_and_evaluating_in_any_number_of_threads(loss, arrange, dtype, threads_used, monkeypatch):
    network = networks.make([170, 250, 100, 5], "tanh", loss, dtype)
    x, y = networks.data(network, 1111)
    x = arrange(x)
    taken = []
    choose = threads.choose

    def recorded(n_threads, work):
        taken.append(choose(n_threads, work))
        return taken[-1]

    monkeypatch.setattr(threads, "choose", recorded)
    network = network.copy()
    results = set()
    before = threading.enumerate()
    for n_threads in (1, 2, 3, 7):
        monkeypatch.setenv("SCRATCHNN_NUM_THREADS", str(n_threads))
        losses = network.evaluate(x, y), network.evaluate(x, y, sample_weight=np.arange(len(x)) % 3)
        results.add((network.predict(x).tobytes(), network.predict(x.tolist()).tobytes(), *losses))
    assert taken == [n for n in (1, 2, 3, 7) for _ in range(4)]
    assert len(results) == 1
    assert threading.enumerate() == before


@pytest.mark.parametrize("loss", ["cross_entropy", "poisson", "huber"])
@pytest.mark.parametrize("optimizer", ["sgd", "nesterov", "rmsprop"])
def test_any_number_of_threads_for_other_losses_and_optimizers(loss, optimizer, threads_used):
    alone, shared = (result([30, 50, 5], 70, 60, loss=loss, optimizer=optimizer, n_threads=n) for n in (1, 3))
    assert shared == alone
    assert threads_used == [1, 3]


@pytest.mark.parametrize("loss", ["mean_squared_error", "binary_cross_entropy", "cross_entropy", "poisson"])
@pytest.mark.parametrize(("sizes", "n_samples", "batch_size"), SHAPES[1:4], ids=str)
def test_instruction_sets_agree(sizes, n_samples, batch_size, loss, dtype, same_bits_everywhere):
    def compute():
        network = trained(sizes, n_samples, batch_size, loss=loss, dtype=dtype)
        x, _ = networks.data(network, 30, seed=2)
        return *network.get_state()[1].values(), network.predict(x), np.array(network.history.loss)

    same_bits_everywhere(compute)


@pytest.mark.parametrize("activation", ["relu", "gelu", "sigmoid", "softplus"])
@pytest.mark.parametrize("loss", ["mean_squared_error", "cross_entropy"])
def test_predicting_a_subset_is_predicting_the_whole(activation, loss, isa, dtype):
    """One row at a time, any rows in any order, and slices: a row's result never depends on its company."""
    network = networks.make([7, 33, 17, 5], activation, loss, dtype)
    x, _ = networks.data(network, 505)
    whole = network.predict(x)
    picks = np.random.default_rng(3).integers(len(x), size=301)
    subsets = [slice(i, i + n) for i, n in ((0, 1), (3, 2), (100, 23), (239, 3), (250, 255), (1, 504))]
    for rows in (*subsets, picks, slice(None, None, -1), slice(None, None, 7)):
        assert network.predict(x[rows]).tobytes() == whole[rows].tobytes()
    for i in (*range(30), 239, 240, 241, 504):
        assert network.predict(x[i]).tobytes() == whole[i].tobytes()
        assert network.predict(x[i : i + 1]).tobytes() == whole[i].tobytes()


def test_the_neurons_compute_what_the_network_computes(isa, dtype):
    network = networks.make([7, 33, 4], "tanh", "mean_squared_error", dtype)
    x, _ = networks.data(network, 20)
    hidden = np.stack([neuron.feedforward(x) for neuron in network.neurons[0]], axis=1)
    out = np.stack([neuron.feedforward(hidden) for neuron in network.neurons[1]], axis=1)
    assert out.tobytes() == network.predict(x).tobytes()
