"""Training by L-BFGS: its minima, its course beside the oracle's and SciPy's, and all that `train` promises."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import tracemalloc

import networks
import numpy as np
import oracle
import pytest

from scratchnn import DivergenceError, NeuralNetwork, Regularization, load, optimizers
from scratchnn.core.lbfgs import minimize
from scratchnn.core.topology import padded

LOSSES = tuple(oracle.NETWORK_LOSSES)


def flat(layers):
    return np.concatenate([part.ravel() for layer in layers for part in layer[:2] if part is not None])


def shaped(vector, layers):
    """The layers with the parameters of a flat vector."""
    result, end = [], 0
    for *parts, name in layers:
        for i, part in enumerate(parts):
            if part is not None:
                end += part.size
                parts[i] = vector[end - part.size : end].reshape(part.shape)
        result.append((*parts, name))
    return result


def objective(network, x, y):
    """The oracle's loss and gradient as a function of a flat vector of float64, and where the network is."""
    layers, x, y = networks.layers_of(network), x.astype(float), networks.targets_of(network, y)

    def function(vector):
        value, gradients = oracle.backpropagate(shaped(vector, layers), x, y, network.loss.split("(")[0])
        return value, flat([(dw, db, None) for dw, db in gradients])

    return function, flat(layers)


def problem(loss="mean_squared_error", dtype=np.float64, n_samples=60, sizes=(5, 17, 3), activation="tanh"):
    network = networks.make(list(sizes), activation, loss, dtype)
    return network, *networks.data(network, n_samples)


# ---- where it goes ----


@pytest.mark.parametrize("loss", LOSSES)
def test_the_course_is_that_of_the_oracles_loss(loss, isa):
    network, x, y = problem(loss)
    function, start = objective(network, x, y)
    expected = minimize(function, start, max_iterations=10)
    history = network.train(x, y, optimizer="lbfgs", epochs=10)
    n = min(10, len(expected.values))
    assert n >= 5
    assert history.stopped in ("completed", "converged")
    np.testing.assert_allclose(history.loss[:n], expected.values[:n], rtol=1e-6)
    if history.epochs == expected.iterations:
        assert history.samples == expected.evaluations * len(x)


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != "mean_absolute_error"])  # whose kinks are a maze
@pytest.mark.parametrize("activation", ["sigmoid", "softplus"])
def test_scipy_gets_no_lower(loss, activation):
    """From the same start with the same rules: the same course, and an end as low."""
    optimize = pytest.importorskip("scipy.optimize")
    network, x, y = problem(loss, activation=activation)
    function, start = objective(network, x, y)
    curve = []
    with np.errstate(over="ignore"):
        theirs = optimize.minimize(
            function,
            start,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 300},
            callback=lambda intermediate_result: curve.append(intermediate_result.fun),
        )
    history = network.train(x, y, optimizer="lbfgs", epochs=300)
    np.testing.assert_allclose(history.loss[:8], curve[:8], rtol=1e-6)
    assert history.loss[-1] <= 1.05 * theirs.fun + 1e-4
    assert history.samples / len(x) <= 1.2 * theirs.nfev + 10


def test_linear_regression(isa, dtype):
    """The minimum that linear algebra knows."""
    network, x, y = problem(dtype=dtype, sizes=(5, 3), activation="identity")
    ones = np.ones((len(x), 1))
    solution, *_ = np.linalg.lstsq(np.hstack([x, ones]).astype(float), y.astype(float), rcond=None)
    history = network.train(x, y, optimizer=optimizers.LBFGS(function_tolerance=0))
    assert history.stopped == "converged"
    assert history.epochs < 40
    np.testing.assert_allclose(network.layers[0].weights, solution[:-1], atol=1e-4)
    np.testing.assert_allclose(network.layers[0].biases, solution[-1], atol=1e-4)


def test_weighted_ridge_regression(dtype):
    """With weights and a penalty, that of the normal equations."""
    network, x, y = problem(dtype=dtype, sizes=(5, 2), activation="identity")
    weight = np.random.default_rng(1).integers(0, 4, len(x)).astype(dtype)
    l2 = 0.3
    design = np.hstack([x, np.ones((len(x), 1))]).astype(float)
    scale = 2 / (weight.sum() * 2)  # the slope of a square, and the mean over samples and two outputs
    matrix = scale * design.T @ (weight[:, None] * design) + l2 * np.diag([1, 1, 1, 1, 1, 0])
    solution = np.linalg.solve(matrix, scale * design.T @ (weight[:, None] * y))
    history = network.train(
        x, y, optimizer="lbfgs", sample_weight=weight, regularization=Regularization(l2=l2), epochs=100
    )
    assert history.stopped == "converged"
    np.testing.assert_allclose(network.layers[0].weights, solution[:-1], atol=1e-4)
    np.testing.assert_allclose(network.layers[0].biases, solution[-1], atol=1e-4)
    expected = network.evaluate(x, y, sample_weight=weight, regularization=Regularization(l2=l2))
    assert history.loss[-1] == pytest.approx(expected, rel=1e-6)


def test_frozen_layers_stay(dtype):
    network, x, y = problem(dtype=dtype, sizes=(5, 7, 6, 3))
    network.layers[1].trainable = False
    before = [layer.weights.copy() for layer in network.layers]
    network.train(x, y, optimizer="lbfgs", epochs=20)
    changed = [not np.array_equal(layer.weights, old) for layer, old in zip(network.layers, before, strict=True)]
    assert changed == [True, False, True]


@pytest.mark.parametrize("loss", LOSSES)
def test_the_curve_falls_and_ends_at_the_loss_of_the_network(loss, isa, dtype):
    network, x, y = problem(loss, dtype)
    start = network.evaluate(x, y)
    history = network.train(x, y, optimizer="lbfgs", epochs=30)
    assert np.all(np.diff([start, *history.loss]) <= 1e-7)
    assert history.loss[-1] == pytest.approx(network.evaluate(x, y), rel=1e-6)
    assert history.loss[-1] < 0.9 * start


def test_the_course_does_not_depend_on_its_end(dtype):
    """Some iterations are the first of more, and the callback sees the network that each has left."""
    network, x, y = problem(dtype=dtype)
    whole, seen = network.copy(), []
    whole.train(x, y, optimizer="lbfgs", epochs=12)
    watched = network.copy()
    watched.train(x, y, optimizer="lbfgs", epochs=12, callback=lambda network, *_: seen.append(networks.bits(network)))
    assert watched.history.loss == whole.history.loss
    assert networks.bits(watched) == networks.bits(whole) == seen[-1]
    for n in (1, 5, 11):
        part = network.copy()
        part.train(x, y, optimizer="lbfgs", epochs=n)
        assert part.history.loss == whole.history.loss[:n]
        assert networks.bits(part) == seen[n - 1]


@pytest.mark.parametrize("n_threads", [2, 3])
@pytest.mark.parametrize("arguments", [{}, {"regularization": Regularization(l2=0.01)}], ids=["plain", "penalised"])
def test_threads_change_no_bit(n_threads, arguments, dtype, threads_used):
    network, x, y = problem("cross_entropy", dtype, n_samples=203, sizes=(20, 67, 5))
    other = network.copy()
    network.train(x, y, optimizer="lbfgs", epochs=40, n_threads=1, **arguments)
    other.train(x, y, optimizer="lbfgs", epochs=40, n_threads=n_threads, **arguments)
    assert threads_used == [1, n_threads]
    assert other.history.loss == network.history.loss
    assert networks.bits(other) == networks.bits(network)


def test_instruction_sets_agree(dtype, same_bits_everywhere):
    def compute():
        network, x, y = problem("cross_entropy", dtype)
        history = network.train(x, y, optimizer="lbfgs", epochs=15)
        return np.array(history.loss), *networks.arrays(network)

    same_bits_everywhere(compute)


@pytest.mark.parametrize("data_dtype", [np.float32, np.float64, np.uint8])
def test_data_of_any_type(data_dtype, dtype):
    """Copied or where they are, and of any stride."""
    x = np.random.default_rng(0).integers(0, 9, (50, 5)).astype(data_dtype)
    y = np.arange(50) % 3
    network, other = (NeuralNetwork([5, 8, 3], loss="cross_entropy", dtype=dtype, seed=1) for _ in range(2))
    network.train(x.astype(dtype), y, optimizer="lbfgs", epochs=10)
    other.train(np.repeat(x, 2, axis=1)[:, ::2], np.eye(3)[y], optimizer="lbfgs", epochs=10)
    assert networks.bits(other) == networks.bits(network)
    assert other.history.loss == network.history.loss


# ---- how it ends ----


def test_converged():
    network, x, y = problem(sizes=(5, 3), activation="identity")
    history = network.train(x, y, optimizer="lbfgs", epochs=1000)
    assert history.stopped == "converged"
    slopes = [np.abs(part).max() for pair in network.gradients(x, y) for part in pair]
    decrease = history.loss[-2] - history.loss[-1]
    assert max(slopes) <= 1e-5 or decrease <= 2.3e-9
    epochs = history.epochs
    again = network.train(x, y, optimizer=optimizers.LBFGS(gradient_tolerance=1.0))
    assert (again.stopped, again.epochs) == ("converged", epochs)


@pytest.mark.parametrize("watched", [False, True])
def test_max_evaluations(watched):
    network, x, y = problem()
    optimizer = optimizers.LBFGS(max_evaluations=20)
    history = network.train(x, y, optimizer=optimizer, validation_data=(x, y) if watched else None)
    assert history.stopped == "max_evaluations"
    assert 20 < history.samples / len(x) <= 20 + 21
    assert len(history.validation_loss) == (history.epochs if watched else 0)


def test_no_step_lowers_the_loss():
    """At a kink, whose slope counts as 0, the gradient is that of the other sample; every step raises the loss."""
    network = NeuralNetwork([1, 1], activation="identity", loss="mean_absolute_error", biases=False, seed=1)
    network.layers[0].weights = [[0.0]]
    history = network.train([[3.0], [1.0]], [0.0, 1e-300], optimizer="lbfgs")
    assert (history.stopped, history.epochs, history.samples) == ("line_search", 0, 2 * 21)
    assert network.layers[0].weights[0, 0] == 0


def test_no_epochs():
    network, x, y = problem()
    before = networks.bits(network)
    history = network.train(x, y, optimizer="lbfgs", epochs=0)
    assert (history.epochs, history.samples, history.stopped) == (0, 0, "completed")
    assert networks.bits(network) == before


def test_patience_gives_back_the_best():
    network, x, y = problem(n_samples=20, sizes=(5, 30, 3))
    history = network.train(x, y, optimizer="lbfgs", epochs=500, validation_data=(x[:7] + 0.3, y[:7] - 0.3), patience=4)
    assert history.stopped == "patience"
    assert history.epochs == history.best_epoch + 4
    assert network.evaluate(x[:7] + 0.3, y[:7] - 0.3) == min(history.validation_loss)


def test_a_callback_stops_it():
    network, x, y = problem()
    history = network.train(x, y, optimizer="lbfgs", callback=lambda network, epoch, history: epoch == 4)
    assert (history.stopped, history.epochs) == ("callback", 4)


def test_a_callback_that_writes_to_the_network_begins_a_new_course(dtype):
    network, x, y = problem(dtype=dtype)
    fresh = network.copy()

    def back_to_the_start(network, epoch, history):
        if epoch == 5:
            for layer, start in zip(network.layers, fresh.layers, strict=True):
                layer.weights, layer.biases = start.weights, start.biases

    network.train(x, y, optimizer="lbfgs", epochs=11, callback=back_to_the_start)
    short = fresh.copy()
    short.train(x, y, optimizer="lbfgs", epochs=6)
    assert networks.bits(network) != networks.bits(short)  # whose first step has a length of its own
    assert network.history.loss[5] < fresh.evaluate(x, y)


def test_every_call_begins_anew(dtype):
    """With a step down the gradient; nothing of the call before is left."""
    network, x, y = problem(dtype=dtype)
    network.train(x, y, optimizer="lbfgs", epochs=6)
    fresh = NeuralNetwork.from_state(*network.get_state())
    other = networks.make([5, 17, 3], "tanh", "mean_squared_error", dtype)
    for layer, source in zip(other.layers, network.layers, strict=True):
        layer.weights, layer.biases = source.weights, source.biases
    before = [a.astype(float) for a in networks.arrays(network)]
    down = [-part.astype(float) for pair in network.gradients(x, y) for part in pair]
    for each in (network, fresh, other):
        each.train(x, y, optimizer="lbfgs", epochs=1)
        assert networks.bits(each) == networks.bits(network)
    change = np.concatenate([(a - b).ravel() for a, b in zip(networks.arrays(network), before, strict=True)])
    down = np.concatenate([a.ravel() for a in down])
    cosine = change @ down / (np.linalg.norm(change) * np.linalg.norm(down))
    assert cosine > 1 - 1e-5
    assert network.get_state()[0]["steps"] == 7
    assert other.get_state()[0]["steps"] == 1


# ---- numbers that are none ----


@pytest.mark.parametrize("watched", [False, True])
def test_a_loss_that_is_not_finite_at_the_start(watched):
    network, x, y = problem()
    before = networks.bits(network)
    validation = (x, y) if watched else None
    with pytest.raises(DivergenceError, match=r"in epoch 1: the loss or its gradient .* from before\. Scale inputs"):
        network.train(x, y * 1e200, optimizer="lbfgs", validation_data=validation)
    assert networks.bits(network) == before
    assert (network.history.stopped, network.history.epochs) == ("diverged", 0)


def test_a_callback_that_writes_nan(dtype):
    """The network keeps the parameters of the last iteration."""
    network, x, y = problem(dtype=dtype)
    whole = network.copy()
    whole.train(x, y, optimizer="lbfgs", epochs=3)

    def spoil(network, epoch, history):
        if epoch == 3:
            network.layers[0].weights[0, 0] = np.nan

    with pytest.raises(DivergenceError, match=r"in epoch 4: .* of epoch 3"):
        network.train(x, y, optimizer="lbfgs", callback=spoil)
    assert networks.bits(network) == networks.bits(whole)
    assert network.history.loss == whole.history.loss


@pytest.mark.parametrize("loss", ["poisson", "mean_squared_error"])
@pytest.mark.parametrize("activation", ["relu", "exp"])
def test_trials_that_overflow_leave_no_trace(activation, loss, dtype, isa):
    """Inputs as large as 1e5: the first step, of length 1, is far too long. The course is that of the oracle's loss."""
    network = networks.make([3, 5, 2], activation, loss, dtype)
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (40, 3)).astype(dtype)
    x[:, 0] *= 1e5
    for layer in network.layers:
        layer.weights = np.abs(layer.weights) * 0.3
        layer.biases[...] = 0.1
    network.layers[0].weights[0] *= 1e-6
    y = rng.poisson(20, (40, 2)).astype(dtype)
    function, start = objective(network, x, y)
    finite = []

    def recorded(vector):
        with np.errstate(all="ignore"):
            value, gradient = function(vector)
        finite.append(bool(np.isfinite(value) and np.isfinite(gradient).all()))
        return value, gradient

    expected = minimize(recorded, start, max_iterations=8)
    assert all(finite) == ((activation, loss) == ("relu", "mean_squared_error"))
    history = network.train(x, y, optimizer="lbfgs", epochs=8)
    assert history.loss[-1] == pytest.approx(expected.value, rel=1e-3)
    if dtype is np.float64:  # in float32 other trials overflow
        np.testing.assert_allclose(history.loss, expected.values, rtol=1e-6)


# ---- what is refused ----


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 7}, "batch_size is 7, of 60 samples; lbfgs takes all at once"),
        ({"batch_size": 1}, "batch_size is 1, of 60 samples"),
        ({"batch_size": 0}, "batch_size is 0; expected an integer >= 1"),
        ({"shuffle": True}, "shuffle is given, but lbfgs takes all samples at once"),
        ({"shuffle": lambda epoch: range(60)}, "shuffle is given"),
        ({"learning_rate": 0.1}, "learning_rate is 0.1, but lbfgs has none"),
        *[
            ({"regularization": Regularization(**{name: 0.5})}, "no part of the loss that lbfgs minimises")
            for name in ("weight_decay", "max_norm", "clip_value", "clip_norm")
        ],
    ],
)
def test_arguments_that_do_not_fit(arguments, message):
    network, x, y = problem()
    before = networks.bits(network)
    with pytest.raises(ValueError, match=message):
        network.train(x, y, optimizer="lbfgs", **arguments)
    assert networks.bits(network) == before
    assert network.history.epochs == 0


def test_all_samples_may_be_asked_for():
    network, x, y = problem()
    other, third = network.copy(), network.copy()
    network.train(x, y, optimizer="lbfgs", epochs=3)
    other.train(x, y, optimizer="lbfgs", epochs=3, batch_size="full")
    third.train(x, y, optimizer="lbfgs", epochs=3, batch_size=10**30, shuffle=False)
    assert networks.bits(network) == networks.bits(other) == networks.bits(third)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"memory": 0}, "memory is 0; expected an integer >= 1 and <= 10000"),
        ({"memory": 2**60}, "memory is 1152921504606846976; expected"),
        ({"max_evaluations": 0}, "max_evaluations is 0; expected an integer >= 1"),
        ({"gradient_tolerance": -1e-9}, "gradient_tolerance is -1e-09; expected a finite number >= 0"),
        ({"function_tolerance": np.nan}, "function_tolerance is nan; expected a finite number >= 0"),
        ({"function_tolerance": "0"}, "function_tolerance is '0'; expected a finite number >= 0"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        optimizers.LBFGS(**settings)


@pytest.mark.parametrize("value", [2.0, "3", None, True])
def test_a_memory_that_is_no_integer(value):
    with pytest.raises(TypeError, match=r"memory is .*; expected an integer"):
        optimizers.LBFGS(memory=value)


# ---- files, copies, memory ----


def test_through_a_file_and_on(dtype, tmp_path):
    network, x, y = problem(dtype=dtype)
    network.train(x, y, optimizer=optimizers.LBFGS(memory=3, gradient_tolerance=1e-4), epochs=6)
    network.save(tmp_path / "n.snn")
    others = [load(tmp_path / "n.snn"), pickle.loads(pickle.dumps(network)), network.copy()]
    for other in others:
        assert other.get_state()[0] == network.get_state()[0]
        assert networks.bits(other) == networks.bits(network)
        assert other.optimizer == optimizers.LBFGS(memory=3, gradient_tolerance=1e-4)
        assert other.history == network.history
    network.train(x, y, optimizer="lbfgs", epochs=4)
    for other in others:
        other.train(x, y, optimizer="lbfgs", epochs=4)
        assert networks.bits(other) == networks.bits(network)
    network.train(x, y, optimizer="adam", batch_size=10, epochs=2)
    assert network.get_state()[0]["steps"] == 12


@pytest.mark.parametrize("stopped", ["converged", "max_evaluations", "line_search"])
def test_the_end_is_saved(stopped, tmp_path):
    network, x, y = problem()
    network.train(x, y, optimizer="lbfgs", epochs=2)
    network.history.stopped = stopped
    network.save(tmp_path / "n.snn")
    assert load(tmp_path / "n.snn").history.stopped == stopped


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("memory", 2.5, "'memory' of the optimizer must be an integer, not 2.5"),
        ("memory", 2**53, "memory is 9007199254740992; expected"),
        ("gradient_tolerance", "0", "'gradient_tolerance' of the optimizer must be a number"),
        ("learning_rate", 0.1, "learning_rate"),
    ],
)
def test_files_of_what_no_optimizer_is(key, value, message, tmp_path):
    network, x, y = problem()
    network.train(x, y, optimizer="lbfgs", epochs=1)
    network.optimizer.__dict__[key] = value
    with pytest.raises(ValueError, match=message):
        network.save(tmp_path / "n.snn")


def test_it_needs_two_vectors_for_each_step_that_it_remembers(dtype):
    """And six more: gradients and points, now and tried, the direction, and a place for the next step."""
    sizes, n_samples = [120, 260, 3], 30
    itemsize = np.dtype(dtype).itemsize
    rows = [padded(n, itemsize) * itemsize for n in sizes]
    parameters = sum((n + 1) * row for n, row in zip(sizes, rows[1:], strict=False))
    network = NeuralNetwork(sizes, activation="tanh", dtype=dtype, seed=1)
    x, y = np.zeros((n_samples, 120), dtype), np.zeros((n_samples, 3), dtype)
    network.train(x, y, optimizer="lbfgs", epochs=1)
    for memory in (1, 7):
        optimizer = optimizers.LBFGS(memory=memory)
        tracemalloc.start()
        network.train(x, y, optimizer=optimizer, epochs=5)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        batch = n_samples * (2 * sum(rows[1:]) + 8) + sum(rows[1:])
        assert abs(peak - batch - (6 + 2 * memory) * parameters) < 16 << 10


# ---- Ctrl-C ----

INTERRUPTED = """
import os, signal, sys, threading, time
import numpy as np
from scratchnn import NeuralNetwork, optimizers, threads

threads.THREAD_WORK = threads.START_WORK = 1e-3
n_samples, n_threads, watched = map(int, sys.argv[1:])
rng = np.random.default_rng(0)
X = rng.standard_normal((n_samples, 20))
Y = rng.standard_normal((n_samples, 3))
optimizer = optimizers.LBFGS(max_evaluations=10**9, gradient_tolerance=0, function_tolerance=0)
settings = dict(optimizer=optimizer, n_threads=n_threads)

def network():
    return NeuralNetwork([20, 30, 30, 3], activation="tanh", seed=1)

def interrupt(after, begun):
    begun.wait()
    time.sleep(after)
    os.kill(os.getpid(), signal.SIGINT)

network().train(X, Y, epochs=1, **settings)
for delay in rng.uniform(0.02, 0.25, 5):
    net, begun = network(), threading.Event()
    sender = threading.Thread(target=interrupt, args=(delay, begun))
    sender.start()
    try:
        begun.set()
        net.train(X, Y, epochs=10**6, validation_data=(X, Y) if watched else None, **settings)
        raise SystemExit(f"training was not interrupted: {net.history}")
    except KeyboardInterrupt:
        pass
    sender.join()
    history = net.history
    assert history.stopped == "interrupted", history.stopped
    assert np.isfinite(history.loss).all()
    assert net.get_state()[0]["steps"] == history.epochs
    whole = network()
    whole.train(X, Y, epochs=history.epochs, **settings)
    assert whole.history.loss == history.loss
    for a, b in zip(net.layers, whole.layers):
        assert (a.weights == b.weights).all() and (a.biases == b.biases).all()
    net.train(X, Y, epochs=1, optimizer="adam")
print("done")
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX only")
@pytest.mark.parametrize(("n_samples", "n_threads", "watched"), [(1000, 1, 0), (5000, 2, 0), (1000, 2, 1)])
def test_ctrl_c_at_any_moment(n_samples, n_threads, watched):
    """The network keeps the last whole iteration, history and all."""
    arguments = map(str, (n_samples, n_threads, watched))
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", INTERRUPTED, *arguments], capture_output=True, text=True, timeout=120
    )
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


@pytest.mark.skipif(os.name == "nt", reason="POSIX only")
def test_a_signal_whose_handler_returns_changes_nothing():
    network, x, y = problem(n_samples=2000)
    quiet, seen = network.copy(), []
    quiet.train(x, y, optimizer="lbfgs", epochs=300)
    previous = signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        network.train(x, y, optimizer="lbfgs", epochs=300)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert seen
    assert network.history.loss == quiet.history.loss
    assert network.history.stopped == quiet.history.stopped


def test_threads_end(threads_used):
    before = threading.enumerate()
    network, x, y = problem(n_samples=200)
    network.train(x, y, optimizer="lbfgs", epochs=5, n_threads=3)
    assert threading.enumerate() == before
    assert threads_used == [3]
