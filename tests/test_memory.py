"""How much memory a training takes: a formula of the network and the batch, and nothing of the data's size."""

import sysconfig
import tracemalloc

import numpy as np
import oracle
import pytest
from networks import NeuralNetwork

from scratchnn.core.topology import padded

SIZES = [120, 260, 37, 3]
BATCH = 30

# What is no array: the objects of a call, its history, and the 64 bytes to which arrays are aligned.
OBJECTS = 16 << 10
OF_A_THREAD = 20 << 10 if sysconfig.get_config_var("Py_GIL_DISABLED") else 0  # the interpreter's, far less than a batch
OF_AN_EPOCH = 64  # its loss, as a number of Python's in the history and of C's while the call runs
OF_A_SAMPLE = 8  # its place in the random order


def expected(optimizer, dtype, batch_size, gathered):
    """Bytes that a training adds to a network, whose parameters are there before it.

    parameters · (states + 1 + states): the optimizer's state, and the snapshot of parameters and state to return
    to. batch · (rows of inputs and targets, where they are gathered, and for each layer a row of sums, of outputs
    where its slope is from sums, and of gradients), 8 more for the row's loss. A gradient of each layer's biases.
    Every row is padded to 64 bytes.
    """
    itemsize = np.dtype(dtype).itemsize
    rows = [padded(n, itemsize) * itemsize for n in SIZES]
    outputs = rows[1:]
    parameters = sum((n + 1) * row for n, row in zip(SIZES, outputs, strict=False))
    n_states = len(oracle.STATES[optimizer])
    batch = 2 * sum(outputs) + 8 + (rows[0] + rows[-1] if gathered else 0)
    return parameters * (1 + 2 * n_states) + batch_size * batch + sum(outputs)


def peak(*arguments, **settings):
    """The most that a training has allocated at a time, beyond what it began with.

    The first time, what is measured is also what fills caches: the interpreter's, and those of who measures coverage.
    """
    return min(peak_of_one(*arguments, **settings) for _ in range(3))


def peak_of_one(n_samples, dtype, optimizer="sgd", epochs=2, data_dtype=None, **arguments):
    network = NeuralNetwork(SIZES, activation="tanh", dtype=dtype, seed=1)
    x, y = (np.zeros((n_samples, n), data_dtype or dtype) for n in (SIZES[0], SIZES[-1]))
    tracemalloc.start()
    try:
        network.train(x, y, epochs=epochs, batch_size=BATCH, optimizer=optimizer, **arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("optimizer", oracle.OPTIMIZERS)
def test_parameters_states_snapshot_and_one_batch(optimizer, dtype):
    assert abs(peak(90, dtype, optimizer) - expected(optimizer, dtype, BATCH, gathered=False)) < OBJECTS


def test_data_of_another_type_take_one_batch_more(dtype):
    other = np.float64 if dtype == np.float32 else np.uint8
    measured = peak(90, dtype, "adam", data_dtype=other)
    assert abs(measured - expected("adam", dtype, BATCH, gathered=True)) < OBJECTS


@pytest.mark.parametrize("data_dtype", [np.float32, np.float64, np.uint8])
def test_more_samples_take_no_more(data_dtype, dtype):
    few, many = (peak(n, dtype, data_dtype=data_dtype) for n in (2_000, 20_000))
    assert abs(many - few) < 1024


def test_a_random_order_takes_8_bytes_a_sample(dtype):
    few, many = (peak(n, dtype, shuffle=True) for n in (2_000, 20_000))
    assert abs(many - few - OF_A_SAMPLE * 18_000) < 1024


@pytest.mark.parametrize("arguments", [{}, {"shuffle": True}, {"callback": lambda *_: None}], ids=str)
def test_an_epoch_leaves_its_loss_and_nothing_else(arguments, dtype):
    # Not from a few: what an interpreter takes once for a loop that has become hot, 140 KB in 3.14, is no epoch's.
    few, many = (peak(BATCH, dtype, epochs=epochs, **arguments) for epochs in (1_000, 2_000))
    assert many - few < OF_AN_EPOCH * 1_000


def test_threads_share_one_batch(dtype, threads_as_asked):
    alone, together = (peak(90, dtype, "adam", n_threads=n) for n in (1, 3))
    assert together - alone < OBJECTS + 2 * OF_A_THREAD
