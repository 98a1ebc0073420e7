"""Ctrl-C, signals, threads and forks: training stops where it may, and nothing is corrupted or hangs."""

import os
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from scratchnn import DivergenceError, NeuralNetwork

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX only")

RNG = np.random.default_rng(0)
X = RNG.standard_normal((400, 6))
Y = np.column_stack([X.sum(axis=1), X[:, 0] - X[:, 1]])


def bits(network):
    return {name: array.tobytes() for name, array in network.get_state()[1].items()}


def run(script, *arguments, tmp_path, timeout=60):
    """Run a script of its own process, and return what it printed; a hang is a failure."""
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(script), encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-W", "ignore", path, *arguments], capture_output=True, text=True, timeout=timeout
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


# ---- Ctrl-C ----

INTERRUPTED = """
import json, os, signal, sys, threading, time
import numpy as np
from scratchnn import NeuralNetwork, threads

threads.THREAD_WORK = threads.START_WORK = 1e-3
n_samples, batch_size, n_threads, watched = map(int, sys.argv[2:])
sizes = json.loads(sys.argv[1])
rng = np.random.default_rng(0)
X = rng.standard_normal((n_samples, sizes[0]))
Y = np.tanh(X[:, :1] + np.zeros(sizes[-1]))
settings = dict(batch_size=batch_size, optimizer="adam", learning_rate=1e-4, n_threads=n_threads)

def network():
    return NeuralNetwork(sizes, activation="tanh", seed=1)

def interrupt(after, sent):
    time.sleep(after)
    sent.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)

def steps_of(network):
    return network.get_state()[0]["steps"]

def same_bits(a, b):
    a, b = a.get_state()[1], b.get_state()[1]
    return all(a[name].tobytes() == b[name].tobytes() for name in a)

network().train(X, Y, epochs=1, **settings)
for delay in rng.uniform(0, 0.25, 5):
    net, sent = network(), []
    sender = threading.Thread(target=interrupt, args=(delay, sent))
    sender.start()
    try:
        net.train(X, Y, epochs=10**6, validation_data=(X, Y) if watched else None, **settings)
        raise SystemExit("training was not interrupted")
    except KeyboardInterrupt:
        late = time.perf_counter() - sent[0]
    sender.join()
    history = net.history
    if not history.stopped:  # on a slow machine: before the first step
        assert steps_of(net) == history.epochs == 0
        print(late)
        continue
    assert history.stopped == "interrupted", history.stopped
    assert history.epochs == len(history.loss) and np.isfinite(history.loss).all()
    assert history.samples == history.epochs * n_samples
    assert not watched or len(history.validation_loss) in (history.epochs, history.epochs - 1)
    assert np.isfinite(net.predict(X)).all()

    # A whole number of batches was done, as if the rest of the data had not been there.
    extra = steps_of(net) - history.epochs * -(-n_samples // batch_size)
    whole = network()
    whole.train(X, Y, epochs=history.epochs, **settings)
    if extra:
        whole.train(X[:extra * batch_size], Y[:extra * batch_size], epochs=1, **settings)
    assert same_bits(net, whole), (history.epochs, extra)

    # The next call finishes the epoch, as if nothing had happened.
    net.train(X, Y, epochs=1, **settings)
    undisturbed = network()
    undisturbed.train(X, Y, epochs=history.epochs, **settings)
    assert same_bits(net, undisturbed)
    assert history.loss == undisturbed.history.loss
    assert history.samples == history.epochs * n_samples
    print(late)
"""


@posix
@pytest.mark.parametrize(
    ("sizes", "n_samples", "batch_size", "n_threads", "watched"),
    [
        ("[2, 2, 1]", 1000, 1, 1, 0),
        ("[2, 2, 1]", 4, 1, 1, 1),
        ("[20, 64, 64, 4]", 5000, 64, 1, 0),
        ("[20, 64, 64, 4]", 5000, 64, 2, 0),
        ("[100, 600, 10]", 2000, 500, 3, 1),
        ("[2, 30, 1]", 10, 10, 3, 1),
    ],
    ids=["tiny", "tiny, watched", "small", "two threads", "three threads, watched", "threads that sleep"],
)
def test_ctrl_c_at_any_moment(sizes, n_samples, batch_size, n_threads, watched, tmp_path):
    arguments = map(str, (sizes, n_samples, batch_size, n_threads, watched))
    late = [float(line) for line in run(INTERRUPTED, *arguments, tmp_path=tmp_path).split()]
    assert len(late) == 5
    assert max(late) < 5  # 0.1 s where nothing else runs


@posix
def test_a_signal_whose_handler_returns_changes_nothing(tmp_path):
    script = """
    import signal, time
    import numpy as np
    from scratchnn import NeuralNetwork

    X = np.random.default_rng(0).standard_normal((4000, 20))
    seen = []
    signal.signal(signal.SIGALRM, lambda *args: seen.append(time.perf_counter()))
    quiet, disturbed = (NeuralNetwork([20, 50, 3], activation="tanh", seed=1) for _ in range(2))
    quiet.train(X, X[:, :3], epochs=400, batch_size=50)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    disturbed.train(X, X[:, :3], epochs=400, batch_size=50)
    end = time.perf_counter()
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert disturbed.history.loss == quiet.history.loss
    assert disturbed.history.stopped == "completed"
    assert seen and seen[0] < end - 0.5 * disturbed.history.seconds
    """
    run(script, tmp_path=tmp_path)


@posix
def test_ctrl_c_in_a_callback(tmp_path):
    script = """
    import os, signal
    import numpy as np
    from scratchnn import NeuralNetwork

    X = np.ones((4, 2))
    def interrupt(network, epoch, history):
        if epoch == 3:
            os.kill(os.getpid(), signal.SIGINT)

    network, whole = (NeuralNetwork([2, 3, 1], seed=1) for _ in range(2))
    try:
        network.train(X, X[:, 0], epochs=10**6, callback=interrupt)
    except KeyboardInterrupt:
        assert network.history.epochs == 3, network.history
        whole.train(X, X[:, 0], epochs=3)
        assert whole.history.loss == network.history.loss
        network.train(X, X[:, 0], epochs=2)
        whole.train(X, X[:, 0], epochs=2)
        assert (whole.layers[0].weights == network.layers[0].weights).all()
        print("interrupted")
    """
    assert run(script, tmp_path=tmp_path) == "interrupted\n"


# ---- threads ----


def test_one_network_trained_from_two_threads():
    """The second training gets a clear error; the first is what it would have been alone."""
    started, tried = threading.Event(), threading.Event()

    def wait(network, epoch, history):
        started.set()
        if epoch == 20:
            assert tried.wait(60)

    network, alone = (NeuralNetwork([6, 8, 2], seed=1) for _ in range(2))
    alone.train(X, Y, epochs=20, optimizer="adam")
    first = threading.Thread(
        target=network.train, args=(X, Y), kwargs={"epochs": 20, "optimizer": "adam", "callback": wait}
    )
    first.start()
    assert started.wait(60)
    for _ in range(10):
        with pytest.raises(RuntimeError, match="is being trained already"):
            network.train(X, Y, epochs=1, optimizer="sgd")
    tried.set()
    first.join()
    assert bits(network) == bits(alone)
    assert network.history.loss == alone.history.loss
    network.train(X, Y, epochs=1, optimizer="adam")
    alone.train(X, Y, epochs=1, optimizer="adam")
    assert bits(network) == bits(alone)


def test_a_network_trained_by_its_own_callback():
    def train(network, epoch, history):
        network.train(X, Y, epochs=1)

    network = NeuralNetwork([6, 8, 2], seed=1)
    with pytest.raises(RuntimeError, match="is being trained already"):
        network.train(X, Y, epochs=3, callback=train)
    network.train(X, Y, epochs=1)
    assert network.history.epochs == 2


def test_many_networks_trained_at_once(dtype, threads_used):
    def train(seed):
        network = NeuralNetwork([6, 8, 2], dtype=dtype, seed=seed)
        network.train(X, Y, epochs=5, batch_size=7, shuffle=True, optimizer="adam", n_threads=1 + seed % 3)
        return bits(network)

    expected = [train(seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(train, range(8))) == expected
    assert sorted(threads_used) == sorted(2 * [1 + seed % 3 for seed in range(8)])


def test_more_threads_than_cpus(dtype, threads_used):
    """Four trainings at once of three threads each, which predict meanwhile, end with what each alone ends with."""

    def train(seed):
        network = NeuralNetwork([6, 30, 2], dtype=dtype, seed=seed)
        network.train(
            X, Y, epochs=10, batch_size=40, n_threads=3, validation_data=(X, Y), callback=lambda *_: network.predict(X)
        )
        return bits(network), network.history.validation_loss

    expected = [train(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(train, range(4))) == expected
    assert threads_used == [3] * 8


def test_one_network_predicts_in_eight_threads(dtype):
    network = NeuralNetwork([6, 40, 40, 2], activation="gelu", dtype=dtype, seed=1)
    x = RNG.standard_normal((2000, 6))
    expected = network.predict(x)
    loss = network.evaluate(X, Y)

    def predict(start):
        for i in range(start, start + 60):
            n = 1 + 37 * i % 700
            np.testing.assert_array_equal(network.predict(x[i : i + n]), expected[i : i + n])
            np.testing.assert_array_equal(network.feedforward(x[i]), expected[i])
        assert network.evaluate(X, Y) == loss
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(predict, range(0, 800, 100)))


def test_predicting_while_training():
    """Which parameters are seen is open; that they are numbers and that training is unharmed is not."""
    network, alone = (NeuralNetwork([6, 40, 2], activation="tanh", seed=1) for _ in range(2))
    arguments = {"epochs": 60, "batch_size": 20, "optimizer": "adam"}
    alone.train(X, Y, **arguments)
    training = threading.Thread(target=network.train, args=(X, Y), kwargs=arguments)
    training.start()
    while training.is_alive():
        assert np.isfinite(network.predict(X)).all()
        network.copy()
    training.join()
    assert bits(network) == bits(alone)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_in_a_callback_ends_the_threads(error, threads_used):
    """None outlives the training, whether the others sleep by then or still spin."""

    pauses = []

    def fail(network, epoch, history):
        if epoch == 3:
            time.sleep(pauses[-1])
            raise error

    before = threading.enumerate()
    for pause in (0, 0.01):
        pauses.append(pause)
        with pytest.raises(error):
            NeuralNetwork([6, 8, 2], seed=1).train(X, Y, epochs=9, batch_size=50, callback=fail, n_threads=3)
        assert threading.enumerate() == before
    assert threads_used == [3, 3]


def test_a_divergence_ends_the_threads(threads_used):
    before = threading.enumerate()
    with pytest.raises(DivergenceError):
        NeuralNetwork([6, 8, 2], activation="relu", seed=1).train(
            X, Y, epochs=1000, batch_size=50, learning_rate=1e9, n_threads=3
        )
    assert threading.enumerate() == before
    assert threads_used == [3]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("started", [0, 1, 2])
def test_threads_that_cannot_be_started(error, started, threads_used, monkeypatch):
    """Without them fewer compute the same; a signal that comes meanwhile ends those that run."""
    start, starts = threading.Thread.start, []

    def fail_after_some(thread):
        starts.append(thread)
        if len(starts) > started:
            raise error
        start(thread)

    network, alone = (NeuralNetwork([6, 8, 2], seed=1) for _ in range(2))
    alone.train(X, Y, epochs=2, batch_size=50)
    before = threading.enumerate()
    monkeypatch.setattr(threading.Thread, "start", fail_after_some)
    if error is RuntimeError:
        network.train(X, Y, epochs=2, batch_size=50, n_threads=4)
        assert bits(network) == bits(alone)
        assert threads_used[-1] == 1 + started
    else:
        with pytest.raises(KeyboardInterrupt):
            network.train(X, Y, epochs=2, batch_size=50, n_threads=4)
        assert network.history.stopped == "interrupted"
        assert network.history.epochs == 0
    assert threading.enumerate() == before


# ---- processes ----

FORK = """
import os, sys, threading
import numpy as np
from scratchnn import NeuralNetwork, threads

threads.THREAD_WORK = threads.START_WORK = 1e-3
X = np.random.default_rng(0).standard_normal((3000, 20))
Y = X[:, :3]

def train(epochs, n_threads):
    network = NeuralNetwork([20, 60, 3], activation="tanh", seed=1)
    network.train(X, Y, epochs=epochs, batch_size=100, n_threads=n_threads)
    return network

def in_a_child(check):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            check()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

network = train(2, 2)
loss, outputs = network.history.loss, network.predict(X)

def check():
    assert (network.predict(X) == outputs).all()
    for n_threads in (1, 2, 3):
        assert train(2, n_threads).history.loss == loss

def go_on():
    network.train(X, Y, epochs=1, batch_size=100, n_threads=2)

if sys.argv[1] == "after":
    in_a_child(check)
    in_a_child(go_on)
    check()
elif sys.argv[1] == "within":  # the child goes on with the training whose callback has forked it
    pids = []
    def fork(network, epoch, history):
        if epoch == 1:
            pids.append(os.fork())
    again = NeuralNetwork([20, 60, 3], activation="tanh", seed=1)
    again.train(X, Y, epochs=2, batch_size=100, n_threads=2, callback=fork)
    code = int(again.history.loss != loss)
    if pids[0] == 0:
        os._exit(code)
    assert code == os.waitstatus_to_exitcode(os.waitpid(pids[0], 0)[1]) == 0
else:
    other = NeuralNetwork([20, 60, 3], activation="tanh", seed=1)
    started, done = threading.Event(), threading.Event()
    def wait(network, epoch, history):
        started.set()
        return done.is_set()
    training = threading.Thread(
        target=other.train, args=(X, Y),
        kwargs=dict(epochs=10**6, batch_size=100, n_threads=2, callback=wait))
    training.start()
    started.wait()
    def check_both():
        assert np.isfinite(other.predict(X)).all()
        check()
    for _ in range(5):
        in_a_child(check_both)
    done.set()
    training.join()
    assert other.history.stopped == "callback"
    assert other.history.loss[:2] == loss
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("when", ["after", "within", "during"])
def test_fork(when, tmp_path):
    run(FORK, when, tmp_path=tmp_path)


PROCESSES = """
import multiprocessing, sys
import numpy as np
from scratchnn import NeuralNetwork, threads

threads.THREAD_WORK = threads.START_WORK = 1e-3
X = np.random.default_rng(0).standard_normal((300, 20))

def train(network):
    network.train(X, X[:, :3], epochs=2, batch_size=10, optimizer="adam", n_threads=2)
    return network

if __name__ == "__main__":
    start = train(NeuralNetwork([20, 30, 3], seed=1))
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        results = pool.map(train, [start.copy(), start.copy()], chunksize=1)
    train(start)
    for network in results:
        assert network.history.loss == start.history.loss
        assert (network.predict(X) == start.predict(X)).all()
"""


@posix
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_trained_network_goes_on_in_other_processes(method, tmp_path):
    run(PROCESSES, method, tmp_path=tmp_path)
