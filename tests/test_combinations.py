"""Dropout, noise, normalisation and what else shapes a training, in random combinations: every promise at once."""

import networks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnn import NeuralNetwork, Regularization, check_gradients

kinds = st.sampled_from([None, "batch", "layer"])
rates = st.sampled_from([0.0, 0.0, 0.25, 0.5])


@st.composite
def cases(draw):
    """(arguments of a network, its frozen layers, arguments of its training, how many samples)."""
    n_hidden = draw(st.integers(1, 3))
    sizes = [draw(st.sampled_from([1, 2, 3, 5, 9])) for _ in range(n_hidden + 2)]
    loss = draw(st.sampled_from(["mean_squared_error", "huber(0.5)", "cross_entropy", "poisson", "gaussian"]))
    network = {
        "layer_sizes": networks.sizes_for(loss, sizes),
        "loss": loss,
        "activation": draw(st.sampled_from(["tanh", "sigmoid", "gelu", "softplus", "identity"])),
        "biases": draw(st.booleans()),
        "normalization": [draw(kinds) for _ in range(n_hidden)],
        "dropout": [draw(rates) for _ in range(n_hidden)],
        "input_dropout": draw(rates),
        "input_noise": draw(st.sampled_from([0.0, 0.3])),
        "seed": draw(st.integers(0, 2**64 - 1)),
    }
    frozen = draw(st.sets(st.integers(0, n_hidden), max_size=n_hidden))
    train = {
        "batch_size": draw(st.sampled_from([4, 5, 12, "full"])),
        "shuffle": draw(st.booleans()),
        "optimizer": draw(st.sampled_from(["sgd", "nesterov", "adam", "adamw"])),
        "learning_rate": 1e-3,
        "regularization": draw(
            st.sampled_from(
                [None, Regularization(l1=0.01, l2=0.1, biases=True), Regularization(clip_norm=0.5, max_norm=2)]
            )
        ),
    }
    return network, frozen, train, draw(st.booleans())


def made(network, frozen, dtype="float64"):
    made = NeuralNetwork(**network, dtype=dtype)
    for i in frozen:
        made.layers[i].trainable = False
    return made


def data_of(network, weighted):
    x, y = networks.data(network, 24)
    weight = np.random.default_rng(1).uniform(0.1, 2, 24) if weighted else None
    return (x, y), {"sample_weight": weight}


@settings(max_examples=60)
@given(case=cases())
def test_gradients(case):
    network, frozen, train, weighted = case
    network = made(network, frozen)
    data, weights = data_of(network, weighted)
    network.train(*data, epochs=2, **weights, **train)
    regularization = train["regularization"]
    for training in (True, False):
        check = check_gradients(
            network, data[0][:9], data[1][:9], training=training, regularization=regularization,
            sample_weight=None if weights["sample_weight"] is None else weights["sample_weight"][:9],
        )  # fmt: skip
        assert check, str(check)


@settings(max_examples=60)
@given(case=cases())
def test_one_training_whatever_threads_calls_and_files(case, isa, dtype, threads_as_asked, tmp_path_factory):
    network, frozen, train, weighted = case
    once, shared, cut = (made(network, frozen, dtype) for _ in range(3))
    data, weights = data_of(once, weighted)
    train = {**weights, **train}
    once.train(*data, epochs=4, **train)
    shared.train(*data, epochs=4, n_threads=3, **train)
    assert networks.bits(shared) == networks.bits(once)
    cut.train(*data, epochs=1, n_threads=2, **train)
    cut.train(*data, epochs=9, max_steps=1, **train)
    path = tmp_path_factory.getbasetemp() / "network.snn"
    cut.save(path)
    cut = NeuralNetwork.load(path)
    cut.train(*data, epochs=3 if train["batch_size"] != "full" else 2, **train)
    assert networks.bits(cut) == networks.bits(once)
    assert cut.history.loss == pytest.approx(once.history.loss, rel=0, abs=0)
    assert cut.predict(data[0]).tobytes() == once.predict(data[0]).tobytes()
