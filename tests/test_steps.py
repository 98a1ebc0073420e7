"""Every path of the training step over ten steps: held against the oracle, and bit for bit against its parts.

The shapes stand on both sides of every limit of csrc: a tiny network, and one whose layers are single vectors; tiles,
and tails that are no whole vector; transposed blocks of 128 rows; products of more than 1024 terms; weights in groups
of 96 rows; rows shared out among threads 8 at a time.
"""

import threading
from functools import cache
from itertools import cycle, product
from typing import NamedTuple

import layouts
import networks
import numpy as np
import oracle
import parts
import pytest
from test_updates import OTHER_SETTINGS

from scratchnn import losses, optimizers

EPOCHS = 5  # of two batches, of which the second is smaller, unless they are single rows
STEPS = 2 * EPOCHS

THREADS = (1, 2, 3, 7)

TINY = (  # widths up to 8; 9 shapes, so that they and the 16 activations meet anew
    ((1, 3), 1),
    ((2, 3, 1), 1),
    ((3, 8, 7, 2), 1),
    ((8, 7, 4, 3), 1),
    ((7, 8, 1), 7),
    ((5, 3), 7),
    ((3, 8, 6), 77),
    ((4, 8, 5, 3, 1), 5),
    ((4, 6, 8, 2), 1),
)
SMALL = (  # as tiny, but for a width
    ((9, 8, 3), 1),
    ((8, 9, 2), 5),
    ((3, 10, 15, 2), 1),
    ((15, 16, 1), 7),
    ((3, 16, 10), 77),
    ((10, 16, 15, 3, 1), 5),
)
SHALLOW = (  # few terms, or few rows
    ((37, 17, 30, 10), 7),
    ((65, 30, 15), 77),
    ((10, 100, 3), 129),
    ((100, 37, 16), 1),
    ((30, 129, 65, 3), 1),
    ((17, 515, 2), 7),
    ((95, 65, 3), 49),
)
DEEP = (  # many of both
    ((127, 260, 15), 128),
    ((128, 260, 30), 129),
    ((129, 260, 65, 10), 48),
    ((100, 515, 17), 77),
    ((257, 260, 3), 49),
    ((96, 515, 1), 200),
    ((260, 515, 37), 300),
    ((193, 129, 260, 3), 257),
    ((1030, 37, 3), 50),
    ((17, 20, 3), 1030),
    ((130, 260, 37), 400),  # in two groups of rows
)

# Where slopes jump, rounding may choose the side: only small networks, with few sums near the kink.
SMOOTH = tuple(name for name in oracle.ACTIVATIONS if name not in oracle.KINKS)


class Case(NamedTuple):
    sizes: tuple
    batch_size: int
    activation: str
    loss: str
    optimizer: str
    n_threads: int

    def __str__(self):
        return "-".join(map(str, (*self.sizes, "batch", self.batch_size, *self[2:])))

    @property
    def settings(self):
        """The optimizer's, with a rate that keeps ten steps from magnifying what rounding does."""
        settings = dict(OTHER_SETTINGS[self.optimizer])
        of_sum = self.batch_size * self.sizes[-1]
        steep = {"half_sum_squared_error": of_sum, "poisson": 30, "poisson_deviance": 30, "gaussian": 20}.get(
            self.loss, 1
        )
        steep *= 20 if self.activation == "exp" else 1
        if "epsilon" in settings:  # a step has the rate's size, and so has each term of a sum
            settings["learning_rate"] /= max(self.sizes) ** 0.5
            settings["epsilon"] *= steep
        else:
            settings["learning_rate"] /= steep * (len(self.sizes) - 1)
        return settings

    @property
    def has_labels(self):
        return losses.get(self.loss).takes_labels

    def network(self, dtype):
        """The same numbers in both dtypes; every third network has no biases."""
        arguments = {"biases": self.sizes[0] % 3 > 0}
        network = networks.make(self.sizes, self.activation, self.loss, np.float32, **arguments)
        if dtype == np.float32:
            return network
        layers = networks.layers_of(network, dtype)
        arguments["weight_init"] = [weights for weights, _, _ in layers]
        if arguments["biases"]:
            arguments["bias_init"] = [biases for _, biases, _ in layers]
        return networks.make(self.sizes, self.activation, self.loss, dtype, **arguments)

    def data(self, dtype):
        """Inputs, and targets, of which labels are rows with a one."""
        network = self.network(np.float32)
        x, y = networks.data(network, self.batch_size + self.batch_size // 2 + 1)
        return x.astype(dtype), networks.targets_of(network, y).astype(dtype)


def cases():
    """Every shape, while the names go round."""
    turns = (cycle(oracle.SPELLINGS), cycle(oracle.OPTIMIZERS), cycle(THREADS))
    near = zip(TINY + SMALL + SHALLOW, cycle(oracle.ACTIVATIONS), strict=False)
    names = (*near, *zip(DEEP, cycle(SMOOTH), strict=False))
    for (shape, activation), *others in zip(names, *turns, strict=False):
        yield Case(*shape, activation, *others)


def tiny_cases():
    """Every pair of loss and optimizer, while shapes and activations go round."""
    turns = (cycle(TINY), cycle(oracle.ACTIVATIONS), cycle(THREADS))
    pairs = product(oracle.SPELLINGS, oracle.OPTIMIZERS)
    for pair, shape, activation, n_threads in zip(pairs, *turns, strict=False):
        yield Case(*shape, activation, *pair, n_threads)


CASES = tuple(cases())
TINY_CASES = tuple(tiny_cases())
every_case = pytest.mark.parametrize("case", CASES + TINY_CASES, ids=str)


@cache
def reference(case):
    """The oracle's layers after all steps, and before."""
    layers = networks.layers_of(case.network(np.float64))
    x, y = case.data(np.float64)
    return layers, oracle.train(layers, x, y, case.loss, case.optimizer, EPOCHS, case.batch_size, **case.settings)


def trained(case, dtype, x=None, y=None, **arguments):
    """The network after all steps, on data of its own dtype that lie as a batch should unless others are given."""
    network = case.network(dtype)
    if x is None:
        x, y = case.data(dtype)
    optimizer = type(optimizers.get(case.optimizer))(**case.settings)
    arguments = {"epochs": EPOCHS, "n_threads": case.n_threads, **arguments}
    network.train(x, y, batch_size=case.batch_size, optimizer=optimizer, **arguments)
    return network


def assert_bits_of_the_parts(case, dtype):
    """In one thread, which may take a path of its own, and in more."""
    x, y = case.data(dtype)
    expected = parts.train(case.network(dtype), x, y, case.optimizer, EPOCHS, case.batch_size, **case.settings)
    for n_threads in {1, case.n_threads}:
        network = trained(case, dtype, n_threads=n_threads)
        for ours, theirs in zip(networks.arrays(network), expected, strict=True):
            assert ours.tobytes() == theirs.tobytes()


@pytest.mark.pairs
@every_case
def test_ten_steps(case, isa, dtype):
    """A weight is rounded twice a step; the gradient's rounding counts no more once the rate multiplies it."""
    before, after = reference(case)
    network = trained(case, dtype, n_threads=1)
    for layer, first, last in zip(network.layers, before, after, strict=True):
        moved = []  # the biases may be back where they were: steps of one size and of either sign
        for ours, theirs, start in zip((layer.weights, layer.biases), last[:2], first[:2], strict=True):
            if theirs is not None:
                tolerance = 2 * STEPS * np.finfo(dtype).eps * np.maximum(1, np.abs(theirs))
                moved.append(np.max(np.abs(theirs - start) / tolerance))
                assert np.all(np.abs(ours - theirs) <= tolerance)
        assert max(moved) > 50, "too small a step to see an error in it"


@pytest.mark.pairs
@every_case
def test_the_bits_are_those_of_the_parts(case, isa, dtype, threads_as_asked):
    assert_bits_of_the_parts(case, dtype)


@pytest.mark.parametrize("shape", [TINY[3], TINY[6], SMALL[5], DEEP[3]], ids=str)
@pytest.mark.parametrize("activation", ["leaky_relu(0.2)", "elu(0.3)"])
def test_parameters_of_activations_and_losses_reach_every_path(shape, activation, isa, dtype, threads_as_asked):
    case, usual = Case(*shape, activation, "huber(0.3)", "adam", 2), activation.split("(")[0]
    for other in (case._replace(activation=usual), case._replace(loss="huber")):
        assert networks.bits(trained(other, dtype)) != networks.bits(trained(case, dtype)), (
            "a parameter that is ignored"
        )
    assert_bits_of_the_parts(case, dtype)


def test_every_activation_loss_optimizer_and_number_of_threads_has_its_turn():
    for names, column in (
        (oracle.ACTIVATIONS, 2),
        (oracle.SPELLINGS, 3),
        (oracle.OPTIMIZERS, 4),
        ((1, 2, 3, 7), 5),
    ):
        assert {case[column] for case in CASES} == set(names)


def test_as_many_threads_as_asked_are_started(monkeypatch, threads_as_asked):
    started, start = [], threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda thread: (started.append(thread), start(thread)))
    for case in CASES[:4]:
        started.clear()
        trained(case, np.float32)
        assert len(started) == case.n_threads - 1


# ---- where the data lie ----

GATHERED = (  # what is not where a batch should be
    *(f for f in layouts.WRITABLE if f not in (np.copy, layouts.window, layouts.memory_mapped)),
    layouts.broadcast_columns,
)
IN_PLACE = (layouts.window, layouts.memory_mapped, layouts.broadcast_rows, layouts.read_only)
PLACES = (*CASES[1::7], TINY_CASES[7], TINY_CASES[30])  # of every kind


def whole(array, dtype=None):
    """The same numbers where a batch should have them."""
    return np.ascontiguousarray(array, dtype)


def assert_same(case, dtype, x, y, other_x, other_y, **arguments):
    """The same bits from the same numbers that lie elsewhere."""
    ours, theirs = (trained(case, dtype, *data, **arguments) for data in ((x, y), (other_x, other_y)))
    assert networks.bits(ours) == networks.bits(theirs)
    assert ours.history.loss == theirs.history.loss


@pytest.mark.pairs
@pytest.mark.parametrize("case", PLACES, ids=str)
@pytest.mark.parametrize("arrange", IN_PLACE + GATHERED, ids=lambda f: f.__name__)
def test_where_the_data_lie_changes_no_bit(case, arrange, isa, dtype, threads_as_asked):
    x, y = case.data(dtype)
    arranged = arrange(x), y if case.has_labels else arrange(y)  # rows of probabilities stay some
    assert_same(case, dtype, *map(whole, arranged), *arranged)


@pytest.mark.parametrize("case", PLACES, ids=str)
def test_other_types_are_converted_row_by_row(case, isa, dtype, threads_as_asked):
    other = np.float64 if dtype == np.float32 else np.float32
    x, y = case.data(np.float32)
    assert_same(case, dtype, x.astype(dtype), y.astype(dtype), x.astype(other), y.astype(other))
    pixels, counts = (np.abs(3 * x)).astype(np.uint8), (np.abs(y) > 0.5).astype(np.uint8)
    if case.has_labels:
        counts = y.astype(np.uint8)
    assert_same(case, dtype, pixels.astype(dtype), counts.astype(dtype), pixels, counts)


@pytest.mark.parametrize("case", [c for c in CASES if c.has_labels], ids=str)
def test_labels_are_rows_with_a_one(case, isa, dtype, threads_as_asked):
    x, y = case.data(dtype)
    assert_same(case, dtype, x, y, x, y.argmax(axis=1))


@pytest.mark.parametrize("case", PLACES, ids=str)
def test_a_shuffled_epoch_is_one_over_rows_in_that_order(case, isa, dtype, threads_as_asked):
    x, y = case.data(dtype)
    order = oracle.Generator(1, stream=1).permutation(len(x))  # of the seed of all networks here
    shuffled, ordered = (
        trained(case, dtype, *data, epochs=1, shuffle=shuffle)
        for data, shuffle in (((x, y), True), ((x[order], y[order]), False))
    )
    assert networks.bits(shuffled) == networks.bits(ordered)


# ---- zeros ----


@pytest.mark.parametrize("optimizer", oracle.OPTIMIZERS)
def test_weights_of_dead_inputs_stay_as_they_are(optimizer, isa, dtype):
    """An input that is 0 in every row, as most border pixels of images are: its gradient is exactly 0."""
    network = networks.make([37, 17, 3], "tanh", "mean_squared_error", dtype)
    x, y = networks.data(network, 29)
    dead = np.arange(37) % 5 < 2
    x[:, dead] = 0
    before = network.layers[0].weights.copy()
    settings = {**OTHER_SETTINGS[optimizer], **({"weight_decay": 0.0} if optimizer == "adamw" else {})}
    network.train(x, y, epochs=5, batch_size=20, optimizer=type(optimizers.get(optimizer))(**settings))
    same = network.layers[0].weights == before
    assert same[dead].all()
    assert not same[~dead].any()
