"""Frozen layers: they keep every bit, they cost what the forward pass does, and the others do not notice."""

import pickle
import time
from copy import copy, deepcopy
from functools import cache

import networks
import numpy as np
import oracle
import pytest
from test_bad_input import refused
from test_regularization import SETTINGS
from test_updates import OTHER_SETTINGS

from scratchnn import NeuralNetwork, Regularization, check_gradients, optimizers

EPOCHS = 4

# A network that would be tiny, one row at a time, few and many rows; and which of its layers are frozen.
CASES = (
    ((3, 8, 7, 2), 5, (0,)),
    ((3, 8, 7, 2), 1, (0, 1)),
    ((9, 17, 12, 2), 1, (1,)),
    ((37, 30, 12, 3), 3, (2,)),
    ((65, 30, 40, 15), 77, (0, 2)),
    ((65, 30, 40, 15), 77, (1, 2)),
    ((96, 200, 15), 60, (0,)),
)
every_case = pytest.mark.parametrize("case", CASES, ids=str)


def settings_for(optimizer):
    return {**OTHER_SETTINGS[optimizer], "learning_rate": 0.05}


def freeze(network, frozen):
    for i in frozen:
        network.layers[i].trainable = False
    return network


def make(case, dtype, frozen=None):
    """The same numbers in both dtypes."""
    sizes, _, indices = case
    network = networks.make(sizes, "tanh", "mean_squared_error", np.float32).copy(dtype)
    return freeze(network, indices if frozen is None else frozen)


def data_for(case, dtype):
    x, y = networks.data(make(case, np.float32), 2 * case[1] + case[1] // 2)
    return x.astype(dtype), y.astype(dtype)


def train(network, case, optimizer="momentum", **arguments):
    settings = {"epochs": EPOCHS, "batch_size": case[1], "n_threads": 1, **arguments}
    given = type(optimizers.get(optimizer))(**settings_for(optimizer))
    network.train(*data_for(case, network.dtype), optimizer=given, **settings)
    return network


def parts(network, layers):
    """The bytes of some layers, with the optimizer's states for them."""
    arrays = network.get_state()[1]
    return {name: a.tobytes() for name, a in arrays.items() if int(name.split(".")[1]) in layers}


@cache
def reference(case, optimizer, name):
    losses = []
    x, y = data_for(case, np.float64)
    layers = oracle.train(
        networks.layers_of(make(case, np.float64)), x, y, "mean_squared_error", optimizer, EPOCHS, case[1],
        frozen=case[2], regularization=regularization_of(case, name), losses=losses, **settings_for(optimizer),
    )  # fmt: skip
    return layers, losses


def regularization_of(case, name):
    if name is None:
        return {}
    n = len(case[0]) - 1
    return {key: value[:n] if isinstance(value, tuple) else value for key, value in SETTINGS[name].items()}


@pytest.mark.pairs
@every_case
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("name", [None, "both, biases too", "all"])
def test_steps(case, optimizer, name, isa, dtype):
    layers, losses = reference(case, optimizer, name)
    network, eps = make(case, dtype), np.finfo(dtype).eps
    before = networks.layers_of(network, dtype)
    train(network, case, optimizer, regularization=Regularization(**regularization_of(case, name)))
    for i, (layer, after, start) in enumerate(zip(network.layers, layers, before, strict=True)):
        for ours, theirs, first in zip((layer.weights, layer.biases), after[:2], start[:2], strict=True):
            if i in case[2]:
                assert ours.tobytes() == first.tobytes()
            else:
                assert np.all(np.abs(ours - theirs) <= 120 * eps * np.maximum(1, np.abs(theirs)))
                assert np.max(np.abs(theirs - first)) > 1e-3
    assert network.history.loss == pytest.approx(losses, rel=float(100 * eps))


@every_case
@pytest.mark.parametrize("optimizer", oracle.OPTIMIZERS)
def test_the_others_learn_as_if_every_update_of_a_frozen_layer_were_undone(case, optimizer, dtype):
    """Bit for bit, their optimizer's states too."""
    frozen, rest = case[2], set(range(3)) - set(case[2])
    network, undone = make(case, dtype), make(case, dtype, ())
    before = parts(network, frozen)
    kept = [(layer.weights.copy(), layer.biases.copy()) for layer in undone.layers]

    def undo(given, epoch, history):
        for i in frozen:
            undone.layers[i].weights, undone.layers[i].biases = kept[i]

    train(network, case, optimizer, batch_size="full")
    train(undone, case, optimizer, batch_size="full", callback=undo)
    assert parts(network, rest) == parts(undone, rest)
    assert network.history.loss == undone.history.loss
    after = parts(network, frozen)
    assert {name: after[name] for name in before} == before
    states = [
        a for name, a in network.get_state()[1].items() if int(name.split(".")[1]) in frozen and name.count(".") == 3
    ]
    assert len(states) == 2 * len(frozen) * len(oracle.STATES[optimizer])
    assert not any(state.any() for state in states), "no gradient has come near them"


@every_case
@pytest.mark.parametrize("name", [None, "all"])
def test_any_number_of_threads(case, name, isa, dtype, threads_as_asked):
    def trained(n_threads):
        regularization = Regularization(**regularization_of(case, name))
        network = train(make(case, dtype), case, "adam", n_threads=n_threads, regularization=regularization)
        return networks.bits(network), network.history.loss

    assert trained(1) == trained(2) == trained(3) == trained(7)


@every_case
def test_instruction_sets_agree(case, dtype, same_bits_everywhere):
    def compute():
        network = train(make(case, dtype), case, "adam")
        return *network.get_state()[1].values(), np.array(network.history.loss)

    same_bits_everywhere(compute)


def seconds_of(frozen):
    """CPU time, which other programs do not change, at its shortest."""
    network = NeuralNetwork([256] * 6, activation="relu", dtype="float32", seed=1)
    freeze(network, frozen)
    x, y = networks.data(network, 240)
    times = []
    for _ in range(7):
        start = time.thread_time()
        network.train(x, y, epochs=4, batch_size=120, learning_rate=1e-9, n_threads=1)
        times.append(time.thread_time() - start)
    return min(times)


def test_nothing_below_the_lowest_layer_that_learns_is_computed_backwards():
    """Of three products for each layer one is left, and two where the layer at the bottom learns."""
    everything, top, bottom = seconds_of(()), seconds_of((0, 1, 2, 3)), seconds_of((1, 2, 3, 4))
    assert top < 0.55 * everything
    assert bottom < 0.85 * everything
    assert top < 0.85 * bottom


# ---- gradients ----


@pytest.mark.parametrize("frozen", [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)])
def test_gradients(frozen, isa, dtype):
    network = make(CASES[4], dtype, ())
    x, y = data_for(CASES[4], dtype)
    settings = {"regularization": Regularization(l1=0.01, l2=0.1, biases=True)}
    expected = network.gradients(x, y, **settings)
    freeze(network, frozen)
    for i, (ours, whole) in enumerate(zip(network.gradients(x, y, **settings), expected, strict=True)):
        for a, b in zip(ours, whole, strict=True):
            assert a.tobytes() == (np.zeros_like(b) if i in frozen else b).tobytes()


@pytest.mark.parametrize("frozen", [(0,), (1,), (2,), (0, 2)])
def test_check_gradients_is_about_the_others(frozen, dtype):
    network = freeze(networks.make((3, 9, 5, 2), "gelu", "huber", dtype), frozen)
    check = check_gradients(network, *networks.data(network, 5), regularization=Regularization(l1=0.1, l2=0.3))
    assert check, str(check)
    assert {name.split(".")[0] for name in check.errors} == {f"layers[{i}]" for i in range(3) if i not in frozen}


def test_penalties_of_frozen_layers_do_not_count():
    network = networks.make((3, 9, 2), "tanh", "huber", np.float64)
    x, y = networks.data(network, 5)
    regularization = Regularization(l2=2)
    network.layers[0].trainable = False
    penalty = network.evaluate(x, y, regularization=regularization) - network.evaluate(x, y)
    assert penalty == pytest.approx(np.sum(network.layers[1].weights ** 2))


# ---- the switch ----


def test_a_layer_that_was_frozen_learns_again_from_where_it_was(dtype):
    case = CASES[4]
    network = train(make(case, dtype, ()), case, "adam")
    before = parts(network, (1,))
    network.layers[1].trainable = False
    train(network, case, "adam")
    assert parts(network, (1,)) == before
    network.layers[1].trainable = True
    train(network, case, "adam")
    assert not set(parts(network, (1,)).values()) & set(before.values())
    assert network.get_state()[0]["steps"] == 3 * 3 * EPOCHS


def test_a_training_goes_by_what_was_frozen_when_it_began():
    network = make(CASES[4], np.float64, ())
    other = train(network.copy(), CASES[4])
    train(network, CASES[4], callback=lambda network, *_: freeze(network, (0, 1, 2)) and None)
    assert networks.bits(network) == networks.bits(other)
    assert not any(layer.trainable for layer in network.layers)


@pytest.mark.parametrize("duplicate", [NeuralNetwork.copy, copy, deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
def test_copies_are_frozen_alike(duplicate):
    network = freeze(NeuralNetwork([2, 3, 4, 1], seed=1), (0, 2))
    other = duplicate(network)
    assert [layer.trainable for layer in other.layers] == [False, True, False]
    other.layers[0].trainable = True
    assert not network.layers[0].trainable
    assert [layer.trainable for layer in network.copy("float32").layers] == [False, True, False]


def test_a_frozen_layer_says_so():
    network = freeze(NeuralNetwork([2, 3, 1], seed=1), (0,))
    assert repr(network.layers[0]) == "Dense(2, 3, activation='sigmoid', trainable=False)"
    assert repr(network.layers[1]) == "Dense(3, 1, activation='sigmoid')"


@pytest.mark.parametrize("value", [1, 0, None, "no", [True]])
def test_the_switch_is_true_or_false(value):
    layer = NeuralNetwork([2, 1], seed=1).layers[0]
    with pytest.raises(TypeError, match=r"trainable is .*; expected True or False"):
        layer.trainable = value
    assert layer.trainable is True
    layer.trainable = np.False_
    assert layer.trainable is False


def test_nothing_that_is_trainable():
    network = freeze(NeuralNetwork([3, 4, 2], seed=1), (0, 1))
    x, y = networks.data(network, 5)
    for use in (network.train, lambda x, y: check_gradients(network, x, y)):
        with refused(network, r"no layer is trainable; expected one with layers\[i\].trainable = True"):
            use(x, y)
    assert network.evaluate(x, y) > 0
