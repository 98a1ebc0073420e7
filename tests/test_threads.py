"""Many threads at once: what docs/threads.md promises, on free-threaded Python and on any other.

Results are compared with those of one thread, bit for bit.
"""

import gc
import os
import pickle
import subprocess
import sys
import sysconfig
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from scratchnn import DivergenceError, Engine, NeuralNetwork, Regularization, load, threads, training
from scratchnn.core.random import Generator
from scratchnn.core.team import Team

N = 8
RNG = np.random.default_rng(0)
X = RNG.standard_normal((120, 5))
Y = np.tanh(X[:, :2])
CLASSES = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)

# All modules that this installation can import.
IMPORTS = """
import importlib, pkgutil, sys
import scratchnn

for module in pkgutil.walk_packages(scratchnn.__path__, "scratchnn.", onerror=lambda name: None):
    if not module.name.endswith("__main__"):
        try:
            importlib.import_module(module.name)
        except ImportError as error:
            assert not (error.name or "").startswith("scratchnn"), error
print(sys._is_gil_enabled())
"""


def at_once(work, n=N):
    """Return what work(0), work(1), … return, all begun together."""
    start = threading.Barrier(n)

    def begin(i):
        start.wait()
        return work(i)

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(begin, range(n)))


def shared_or_own(folder, i):
    """One file for all threads, of which each finds a whole one; Windows replaces none that is open."""
    return folder / ("one.snn" if os.name == "posix" else f"{i}.snn")


def bits(network):
    return {name: array.tobytes() for name, array in network.get_state()[1].items()}


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="needs free-threaded Python")
def test_no_module_turns_the_lock_on():
    done = subprocess.run([sys.executable, "-P", "-c", IMPORTS], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "False\n"


# ---- one network, many threads ----


@pytest.mark.parametrize("round_", range(10))
def test_a_history_is_read_once_whoever_reads_it(round_, tmp_path):
    """Training leaves records that the first reader turns into lists; all see whole ones."""
    network = NeuralNetwork([5, 4, 2], seed=1)
    for _ in range(8):
        network.train(X, Y, epochs=50, batch_size=60)
    looks = [
        lambda: len(network.history.loss),
        lambda: network.history.epochs,
        lambda: len(network.history.learning_rate),
        lambda: len(network.copy().history.loss),
        lambda: len(pickle.loads(pickle.dumps(network)).history.loss),
        lambda: len(network.get_state()[0]["history"]["loss"]),
        lambda: int(repr(network.history).split("epochs=")[1].split(",")[0]),
        lambda: network.save(tmp_path / "one.snn") or load(tmp_path / "one.snn").history.epochs,
    ]
    assert at_once(lambda i: looks[i]()) == [400] * N
    assert len(network.history.loss) == 400


def test_a_history_may_be_read_while_the_network_trains():
    arguments = {"epochs": 1, "batch_size": 60, "max_seconds": 60}
    network, alone = (NeuralNetwork([5, 4, 2], seed=1) for _ in range(2))
    over, lengths = threading.Event(), []

    def look():
        while not over.is_set():
            lengths.append((len(network.history.loss), network.history.epochs))
            time.sleep(1e-4)

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    network.train(X, Y, **arguments | {"epochs": 2000}, callback=lambda *_: None)
    for _ in range(300):
        network.train(X, Y, **arguments)
    over.set()
    for reader in readers:
        reader.join()
    alone.train(X, Y, **arguments | {"epochs": 2300})
    assert network.history.loss == alone.history.loss
    assert bits(network) == bits(alone)
    assert all(0 <= read <= known <= 2300 for read, known in lengths)


@pytest.mark.parametrize("round_", range(20))
def test_one_of_many_trainings_is_the_first(round_):
    """The others are refused, or go on; what is measured is measured once."""
    network, seen = NeuralNetwork([5, 4, 2], scale_inputs="standard", seed=1), []

    def train(i):
        data = X * (1 + i)
        try:
            network.train(data, Y, epochs=2, callback=lambda *_: seen.append(network.input_scaling[1].tobytes()))
        except RuntimeError:
            return False
        return True

    trained = sum(at_once(train))
    assert trained >= 1
    assert network.history.epochs == len(network.history.loss) == 2 * trained
    assert len(set(seen)) == 1


def test_an_engine_has_the_network_for_itself():
    network, refused = NeuralNetwork([5, 4, 2], seed=1), []

    def use(i):
        try:
            if i % 2:
                with Engine(network, optimizer="adam", batch_size=4) as engine:
                    assert engine.steps == network.get_state()[0]["steps"]
            else:
                network.train(X, Y, epochs=1, optimizer="adam")
        except RuntimeError as error:
            refused.append(str(error))

    for _ in range(20):
        at_once(use)
    assert all("is being trained already" in message for message in refused)
    with Engine(network, optimizer="adam", batch_size=4), pytest.raises(RuntimeError, match="is being trained already"):
        network.train(X, Y, epochs=1)
    assert network.train(X, Y, epochs=1).stopped == "completed"


def test_whatever_reads_a_network_may_do_so_in_many_threads(tmp_path):
    network = NeuralNetwork(
        [5, 6, 3], activation="tanh", loss="cross_entropy", normalization="batch", dropout=0.2, scale_inputs="minmax",
        seed=1,
    )  # fmt: skip
    network.train(X, CLASSES, epochs=3, batch_size=20, optimizer="adam")

    def read(i):
        path = shared_or_own(tmp_path, i)
        network.save(path)
        return (
            network.predict(X).tobytes(),
            network.predict(X[0]).tobytes(),
            network.evaluate(X, CLASSES, regularization=Regularization(l2=0.1)),
            network.evaluate(X, CLASSES, training=True),
            [None if array is None else array.tobytes() for pair in network.gradients(X, CLASSES) for array in pair],
            network.jacobian(X).tobytes(),
            [float(neuron.bias) for neurons in network.neurons[1:] for neuron in neurons],
            network.diagnose(X, CLASSES),
            network.to_c(test_rows=X[:3]),
            bits(network.copy()),
            bits(load(path)),
            repr(network),
        )

    expected = read(0)
    assert at_once(read) == [expected] * N


def test_values_that_are_not_finite_are_found_by_many_threads(monkeypatch):
    monkeypatch.setenv("SCRATCHNN_NUM_THREADS", "4")
    network = NeuralNetwork([30, 200, 2], activation="relu", seed=1)
    x = RNG.standard_normal((24_000, 30))
    expected = network.predict(x)
    assert np.array_equal(network.predict(x), expected)
    for place in (5, 12_000, 23_999):
        x[place, 3] = np.nan
        with pytest.raises(ValueError, match=rf"x\[{place}, 3\] is nan"):
            network.predict(x)
        x[place, 3] = 0
    x[::50] = np.inf
    for _ in range(5):
        with pytest.raises(ValueError, match="inf"):
            network.predict(x)


# ---- a network in each thread ----


def life(i, folder):
    """Make, train, save, load, train on and ask networks, and return all bits."""
    result, path = [], folder / f"{i % 4}.{threading.get_ident()}.snn"
    for optimizer in ("sgd", "adam", "lbfgs"):
        network = NeuralNetwork(
            [5, 12, 3], activation="gelu", loss="cross_entropy", dtype=("float32", "float64")[i % 2], seed=i % 4
        )
        settings = {} if optimizer == "lbfgs" else {"batch_size": 20, "shuffle": True, "schedule": "cosine(4)"}
        settings |= {"optimizer": optimizer, "validation_data": (X, CLASSES), "scorer": "accuracy", "patience": 50}
        network.train(X, CLASSES, epochs=3, n_threads=1 + i % 3, **settings)
        network.save(path)
        network = load(path)
        network.train(X, CLASSES, epochs=2, n_threads=1 + (i + 1) % 3, **settings)
        again = pickle.loads(pickle.dumps(network.copy()))
        result += [bits(again), again.history.loss, again.history.validation_score, again.predict(X).tobytes()]
    diverging = NeuralNetwork([5, 4, 2], activation="relu", seed=1)
    with pytest.raises(DivergenceError):
        diverging.train(X, Y, epochs=1000, learning_rate=1e9, n_threads=2)
    with pytest.raises(ValueError, match="epochs is -1"):
        diverging.train(X, Y, epochs=-1)
    return [*result, bits(diverging)]


def test_each_thread_has_networks_of_its_own(threads_used, tmp_path):
    expected = [life(i, tmp_path) for i in range(12)]
    assert at_once(lambda i: life(i, tmp_path), 12) == expected
    assert {1, 2, 3} <= set(threads_used)


def test_threads_that_are_garbage(monkeypatch):
    """Where an exception has left them in a cycle, the collector frees them, in whatever order."""
    kept = []

    class Cyclic(Team):
        def __init__(self, n_threads):
            self.itself = self
            kept.append(weakref.ref(self))

    monkeypatch.setattr(threads, "THREAD_WORK", 1e-3)
    monkeypatch.setattr(threads, "START_WORK", 1e-3)
    monkeypatch.setattr(training, "Team", Cyclic)
    for seed in range(5):
        NeuralNetwork([5, 6, 2], seed=seed).train(X, Y, epochs=2, batch_size=40, n_threads=3)
    gc.collect()
    assert len(kept) == 5
    assert [team() for team in kept] == [None] * 5


def test_a_loss_in_python_is_called_by_the_thread_that_trains():
    def train(i):
        callers = set()

        def loss(y_true, y_pred):
            callers.add(threading.get_ident())
            return ((y_pred - y_true) ** 2).mean(axis=1), 2 * (y_pred - y_true) / y_true.shape[1]

        network = NeuralNetwork([5, 6, 2], loss=loss, seed=i)
        network.train(X, Y, epochs=3, batch_size=30, n_threads=4)
        network.evaluate(X, Y)
        assert callers == {threading.get_ident()}
        return network.history.loss, network.predict(X).tobytes()

    assert at_once(train) == [train(i) for i in range(N)]


def test_one_stream_of_random_numbers_for_all():
    """Each number is drawn once, whoever draws it."""
    generator = Generator(7)
    drawn = at_once(lambda i: np.concatenate([generator.bits(1 + i) for _ in range(200)]))
    total = 200 * sum(range(1, N + 1))
    assert generator.counter == total
    assert np.array_equal(np.sort(np.concatenate(drawn)), np.sort(Generator(7).bits(total)))


# ---- estimators ----


def test_estimators_in_many_threads():
    pytest.importorskip("sklearn")
    from scratchnn import MLPClassifier, MLPRegressor

    shared = MLPClassifier(hidden_layer_sizes=(8,), max_iter=300, tol=0.1, n_iter_no_change=2, random_state=0).fit(
        X, CLASSES
    )

    def fit(i):
        settings = {"max_iter": 300, "tol": 0.1, "n_iter_no_change": 2, "random_state": i}
        classifier = MLPClassifier(hidden_layer_sizes=(8,), early_stopping=i % 2 == 0, **settings).fit(X, CLASSES)
        regressor = MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", **settings | {"tol": 1e-2}).fit(X, Y)
        regressor = pickle.loads(pickle.dumps(regressor))
        return (
            classifier.predict_proba(X).tobytes(),
            regressor.predict(X).tobytes(),
            shared.predict_proba(X).tobytes(),
            shared.predict(X).tolist(),
            shared.score(X, CLASSES),
        )

    assert at_once(fit) == [fit(i) for i in range(N)]
