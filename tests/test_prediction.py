"""Predicting few rows and many: one result, whatever the layout, the thread, the copy and the number of rows."""

import contextlib
import os
import pickle
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import layouts
import networks
import numpy as np
import pandas as pd
import pytest

from scratchnn import NeuralNetwork

# Passes on the C stack and on the heap, in blocks of 24 rows and of 240, with the GIL and without.
NARROW, ONE_OUTPUT, WIDE = [8, 64, 64, 4], [8, 17, 1], [300, 260, 10]
NUMBERS_OF_ROWS = (1, 2, 23, 24, 25, 47, 49, 239, 240, 241, 500)


class Tagged(np.ndarray):
    pass


class Lazy:
    """Data that are computed when they are asked for, by the network itself."""

    def __init__(self, network, x):
        self.network, self.x = network, x

    def __array__(self, dtype=None, copy=None):
        self.network.predict(self.x)
        return self.x.copy()


UNUSUAL = {
    "a list": np.ndarray.tolist,
    "a tuple": tuple,
    "the other byte order": lambda x: x.astype(x.dtype.newbyteorder()),
    "from a pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "a subclass": lambda x: x.view(Tagged),
    "unmasked": np.ma.masked_array,
    "objects of pandas": lambda x: pd.Series(x) if x.ndim == 1 else pd.DataFrame(x),
    "long double": lambda x: x.astype(np.longdouble),
    # A window lies among NaN, which uint8 has none of.
    **{f.__name__: f for f in (*layouts.WRITABLE, layouts.read_only) if f is not layouts.window},
}


def same(given, expected):
    """Whether two results are one in kind and in every bit."""
    if type(expected) is float:
        return type(given) is float and given == expected
    shapes = given.shape == expected.shape and given.dtype == expected.dtype
    return type(given) is np.ndarray and shapes and given.tobytes() == expected.tobytes()


# ---- one result ----


@pytest.mark.parametrize("sizes", [NARROW, ONE_OUTPUT, WIDE], ids=str)
@pytest.mark.parametrize("loss", ["mean_squared_error", "poisson"])
def test_any_number_of_rows(sizes, loss, dtype, isa):
    network = networks.make(sizes, "tanh", loss, dtype)
    x, _ = networks.data(network, 500)
    whole = network.predict(x)
    for n in NUMBERS_OF_ROWS:
        assert same(network.predict(x[:n]), whole[:n])
        assert same(network.predict(x[-n:]), whole[-n:])
        one = network.predict(x[n - 1])
        assert same(one, float(whole[n - 1, 0]) if sizes[-1] == 1 else whole[n - 1])


@pytest.mark.pairs
@pytest.mark.parametrize("arrange", UNUSUAL.values(), ids=UNUSUAL)
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("sizes", [NARROW, ONE_OUTPUT, WIDE], ids=str)
def test_any_layout_of_one_row_and_of_some(arrange, kind, sizes, dtype):
    network = networks.make(sizes, "gelu", "mean_squared_error", dtype)
    x = np.random.default_rng(2).uniform(0, 200, (30, sizes[0])).astype(kind)
    whole = network.predict(x.astype(dtype))
    assert same(network.predict(arrange(x)), whole)
    assert same(network.predict(arrange(x[:1])), whole[:1])
    for i in (0, 7):
        assert same(network.predict(arrange(x[i])), float(whole[i, 0]) if sizes[-1] == 1 else whole[i])


@pytest.mark.parametrize("kind", ["?", "i1", "i8", "u2", "f2"])
def test_one_row_of_other_numbers(kind, dtype):
    network = networks.make(NARROW, "tanh", "mean_squared_error", dtype)
    x = np.array([0, 1, 1, 0, 1, 0, 0, 1], kind)
    assert same(network.predict(x), network.predict(x[None].astype(np.float64))[0])


def test_one_input():
    network = NeuralNetwork([1, 5, 1], seed=1)
    x = np.linspace(-1, 1, 9)
    whole = network.predict(x[:, None])
    assert same(network.predict(x), whole)
    assert same(network.predict(x[::3]), whole[::3])
    assert same(network.predict(x[4:5]), float(whole[4, 0]))
    assert same(network.predict(x[::3][:1]), float(whole[0, 0]))
    assert same(network.predict(np.float32([0.5])), network.predict([0.5]))


def test_rows_that_share_memory(dtype):
    network = networks.make(NARROW, "tanh", "mean_squared_error", dtype)
    row = np.linspace(-1, 1, 8, dtype=dtype)
    expected = network.predict(row)
    assert same(network.predict(np.broadcast_to(row, (100, 8))), np.tile(expected, (100, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(np.linspace(-1, 1, 300, dtype=dtype), 8)
    assert same(network.predict(windows), network.predict(windows.copy()))


def test_results_are_the_callers(dtype):
    network = networks.make(NARROW, "tanh", "mean_squared_error", dtype)
    x, _ = networks.data(network, 30)
    for rows in (x[0], x[:1], x):
        first = network.predict(rows)
        expected = first.copy()
        assert first.flags.writeable
        first[...] = 7
        second = network.predict(rows)
        assert same(second, expected)
        assert not np.shares_memory(first, second)
        assert (first == 7).all()


def test_parameters_are_read_when_they_are_needed(dtype):
    network = networks.make(NARROW, "tanh", "mean_squared_error", dtype)
    x, y = networks.data(network, 30)
    before = network.predict(x[0])
    network.layers[0].weights[...] *= 2
    after = network.predict(x[0])
    assert not same(after, before)
    assert same(network.predict(x)[0], after)
    network.train(x, y, epochs=1)
    assert same(network.predict(x)[0], network.predict(x[0]))
    assert not same(network.predict(x[0]), after)


def test_a_subclass_that_computes_otherwise_predicts_otherwise():
    class Doubled(NeuralNetwork):
        def feedforward(self, x):
            return 2 * super().feedforward(x)

    doubled, plain = (cls([3, 2], seed=1) for cls in (Doubled, NeuralNetwork))
    assert same(doubled.predict([1, 2, 3]), 2 * plain.predict([1, 2, 3]))


# ---- refusals ----

ROW = np.linspace(-1, 1, 8)


def with_value(value, dtype=np.float64):
    row = ROW.astype(dtype)
    row[5] = value
    return row


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (ROW[:7], ValueError, r"^x has shape \(7,\); the network has 8 inputs and expects \(n_samples, 8\)$"),
        (np.ones(16)[::2][:5], ValueError, r"^x has shape \(5,\); .*\(n_samples, 8\)$"),
        (ROW[:0], ValueError, r"^x has shape \(0,\); .*\(n_samples, 8\)$"),
        (np.array(1.0), ValueError, r"^x has shape \(\); .*\(n_samples, 8\)$"),
        (np.float32(1), ValueError, r"^x has shape \(\); .*\(n_samples, 8\)$"),
        (ROW[:, None], ValueError, r"^x has shape \(8, 1\); .*\(n_samples, 8\)$"),
        (ROW[None, None], ValueError, r"^x has shape \(1, 1, 8\); .*\(n_samples, 8\)$"),
        (np.ones((0, 8)), ValueError, r"^x is empty: shape \(0, 8\); expected at least one sample$"),
        (with_value(np.nan), ValueError, r"^x\[0, 5\] is nan; expected finite numbers$"),
        (with_value(-np.inf, np.float32), ValueError, r"^x\[0, 5\] is -inf; expected finite numbers$"),
        (with_value(np.nan)[::-1], ValueError, r"^x\[0, 2\] is nan; expected finite numbers$"),
        (with_value(np.nan).tolist(), ValueError, r"^x\[0, 5\] is nan; expected finite numbers$"),
        (np.stack([ROW, with_value(np.inf)]), ValueError, r"^x\[1, 5\] is inf; expected finite numbers$"),
        (with_value(1j, complex), TypeError, "^x has dtype complex128; expected numbers"),
        (ROW.astype(str), TypeError, "^x has dtype <U32; expected numbers"),
        (ROW.astype(object), TypeError, "^x has dtype object; expected numbers"),
        (ROW.view("M8[s]"), TypeError, r"^x has dtype datetime64\[s\]; expected numbers"),
        (np.zeros(8, [("a", float)]), TypeError, "^x has dtype .*; expected numbers"),
        (np.ma.masked_array(ROW, ROW > 0), ValueError, "^x is a masked array with masked values"),
        (None, TypeError, "^x has dtype object; expected numbers"),
    ],
)
def test_refusals(x, error, message, dtype):
    network = networks.make(NARROW, "tanh", "mean_squared_error", dtype)
    for method in (network.predict, network.feedforward):
        with pytest.raises(error, match=message):
            method(x)
    assert np.isfinite(network.predict(ROW)).all()


def test_one_row_beyond_float32():
    network = networks.make(NARROW, "tanh", "mean_squared_error", "float32")
    with pytest.raises(ValueError, match=r"^x\[0, 5\] is 1e\+300, beyond the largest float32; use dtype='float64'"):
        network.predict(with_value(1e300))
    assert np.isfinite(network.copy(dtype="float64").predict(with_value(1e300))).all()


@pytest.mark.parametrize("place", [0, 23, 24, 239, 240, 499])
@pytest.mark.parametrize("arrange", [np.copy, layouts.fortran], ids=["in place", "gathered"])
@pytest.mark.parametrize("sizes", [NARROW, WIDE], ids=str)
def test_a_value_that_is_not_finite_is_found_in_any_block(place, arrange, sizes, dtype):
    network = networks.make(sizes, "relu", "mean_squared_error", dtype)
    x, _ = networks.data(network, 500)
    x[place, 3] = np.nan
    with pytest.raises(ValueError, match=rf"^x\[{place}, 3\] is nan; expected finite numbers$"):
        network.predict(arrange(x))


# ---- threads, processes, copies ----


@pytest.mark.parametrize("sizes", [NARROW, ONE_OUTPUT, WIDE], ids=str)
def test_one_network_in_eight_threads(sizes, dtype):
    network = networks.make(sizes, "tanh", "mean_squared_error", dtype)
    x, _ = networks.data(network, 300)
    whole = network.predict(x)
    start = threading.Barrier(8)

    def predict(seed):
        start.wait()
        for i in np.random.default_rng(seed).integers(250, size=200):
            if sizes[-1] > 1:
                assert same(network.predict(x[i]), whole[i])
            assert same(network.predict(x[i : i + 1]), whole[i : i + 1])
            assert same(network.predict(x[i : i + i % 50 + 1]), whole[i : i + i % 50 + 1])
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(predict, range(8)))


def test_a_prediction_within_a_prediction():
    network = networks.make(NARROW, "tanh", "mean_squared_error", "float64")
    x, _ = networks.data(network, 30)
    assert same(network.predict(Lazy(network, x)), network.predict(x))
    assert same(network.predict(Lazy(network, x[0])), network.predict(x[0]))


def test_a_small_stack_of_a_thread_is_enough():
    network = networks.make(NARROW, "tanh", "mean_squared_error", "float32")
    x, _ = networks.data(network, 200)
    expected, results = network.predict(x), []
    before = threading.stack_size()
    try:
        with contextlib.suppress(ValueError):  # some systems ask for more
            threading.stack_size(64 * 1024)
        thread = threading.Thread(target=lambda: results.extend([network.predict(x), network.predict(x[0])]))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert same(results[0], expected)
    assert same(results[1], expected[0])


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer")
def test_a_long_prediction_can_be_interrupted():
    def stop(number, frame):
        raise InterruptedError("by the timer")

    network = networks.make(WIDE, "tanh", "mean_squared_error", "float32")
    row = np.linspace(-1, 1, 300, dtype=np.float32)
    before = signal.signal(signal.SIGALRM, stop)
    try:
        start = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(InterruptedError, match="by the timer"):
            network.predict(np.broadcast_to(row, (5_000_000, 300)))  # which takes some ten seconds
        assert time.perf_counter() - start < 2
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert np.isfinite(network.predict(row)).all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_predicts():
    network = networks.make(NARROW, "tanh", "mean_squared_error", "float32")
    x, _ = networks.data(network, 300)
    whole = network.predict(x)
    stop = threading.Event()

    def predict():
        while not stop.is_set():
            network.predict(x)

    thread = threading.Thread(target=predict)
    thread.start()
    try:
        for _ in range(5):
            child = os.fork()
            if child == 0:
                os._exit(7 if same(network.predict(x), whole) and same(network.predict(x[3]), whole[3]) else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("duplicate", [NeuralNetwork.copy, lambda n: pickle.loads(pickle.dumps(n))])
def test_copies_predict_with_their_own_parameters(duplicate, dtype):
    network = networks.make(NARROW, "tanh", "mean_squared_error", dtype)
    x, _ = networks.data(network, 30)
    other = duplicate(network)
    expected = network.predict(x[0])
    assert same(other.predict(x[0]), expected)
    other.layers[0].weights[...] = 0
    assert not same(other.predict(x[0]), expected)
    assert same(network.predict(x[0]), expected)
    del network
    assert same(duplicate(other).predict(x), other.predict(x))
