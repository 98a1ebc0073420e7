"""Where memory ends: a MemoryError, nothing half changed, and a network that goes on."""

import gc
import subprocess
import sys
import warnings

import numpy as np
import pytest

import scratchnn
from scratchnn import Engine, NeuralNetwork

X = np.random.default_rng(0).standard_normal((8, 3))
Y = np.abs(np.tanh(X[:, :2]))

# What of CPython and NumPy loses a MemoryError on its way; the network is to be in order then too.
LOST = ("without setting an exception", "without exception set", "can't allocate")
SETTLED = 60  # so many allocations in a row that none was asked for: all have failed once


def network():
    made = NeuralNetwork([3, 4, 2], normalization="layer", dropout=0.2, scale_inputs="standard", seed=1)
    made.train(X, Y, epochs=1, batch_size=4, optimizer="adam")
    return made


def kept(network):
    """What a training goes on from: parameters and optimizer's state, all as bytes, and steps."""
    state, arrays = network.get_state()
    arrays = tuple((name, array.tobytes()) for name, array in arrays.items())
    return state["steps"], str(state["optimizer"]), state["unfinished_epoch"], arrays


def train(network, epochs=2, **settings):
    network.train(X, Y, epochs=epochs, batch_size=4, **settings)


def train_and_look(network, epochs=2):
    train(network, epochs, optimizer="momentum", shuffle=True, validation_data=(X, Y), patience=3, n_threads=2)


def lbfgs(network, epochs=2):
    network.input_dropout, network.layers[0].dropout = 0.0, 0.0
    network.train(X, Y, epochs=epochs, optimizer="lbfgs")


def predict(network, epochs=0):
    network.predict(X)
    network.predict(X[0])
    network.predict(X.tolist())


def lend(network, epochs=0):
    with Engine(network, optimizer="adam", batch_size=4) as engine:
        assert engine.gradients


def lend_afresh(network, epochs=0):
    with Engine(network, optimizer="momentum", batch_size=4):
        pass


def sweep(work, made):
    """Let each allocation of some work fail once; yield (a network of `made`, the error or None)."""
    testcapi = pytest.importorskip("_testcapi")
    work(made())
    k, settled = 0, 0
    while settled < SETTLED:
        subject, error = made(), None
        gc.disable()  # or it comes at another place every time
        testcapi.set_nomemory(k, k + 1)
        try:
            work(subject)
        except BaseException as raised:
            error = raised
        finally:
            testcapi.remove_mem_hooks()
            gc.enable()
        settled = settled + 1 if error is None else 0
        k += 1
        yield subject, error
    assert k > SETTLED + 20, "nothing has failed"


def check_kind(error):
    lost = isinstance(error, (SystemError, RuntimeError)) and any(words in str(error) for words in LOST)
    assert lost or isinstance(error, MemoryError), repr(error)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of generators that are thrown away
@pytest.mark.parametrize("work", [train, train_and_look, lbfgs, predict, lend, lend_afresh], ids=lambda w: w.__name__)
def test_whichever_allocation_fails(work):
    base = network()
    allowed = {kept(base)}
    for epochs in range(3):
        whole = base.copy()
        work(whole, epochs=epochs)
        allowed.add(kept(whole))
    for subject, error in sweep(work, base.copy):
        if error is not None:
            check_kind(error)
        assert kept(subject) in allowed, f"half changed by {error!r}"
        assert np.isfinite(subject.predict(X)).all()
        train(subject, epochs=1)
        del error  # whose frames hold an engine


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_whichever_allocation_of_a_load_fails(tmp_path):
    path = str(tmp_path / "model.snn")  # of another path os.stat loses the error
    base = network()
    base.save(path)
    loaded = []
    for _, error in sweep(lambda _: loaded.append(scratchnn.load(path)), lambda: None):
        if error is not None:
            check_kind(error)
    assert {kept(one) for one in loaded} == {kept(base)}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_whichever_allocation_of_a_save_fails(tmp_path):
    path, name = tmp_path / "model.snn", str(tmp_path / "model.snn")
    base = network()
    base.save(path)
    content = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        for _, error in sweep(lambda _: base.save(name), lambda: None):
            if error is not None:
                check_kind(error)
            assert path.read_bytes() == content
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


# ---- large arrays, which NumPy takes from the system itself ----

PROGRAM = """
import re, resource, sys
from pathlib import Path
import numpy as np
import scratchnn
from scratchnn import Engine, NeuralNetwork

X, y = np.ones((3000, 400), np.float32), np.ones((3000, 300), np.float32)
made = NeuralNetwork([400, 2000, 300], dtype="float32", seed=1)
made.save(sys.argv[2])
work = {
    "train": lambda: made.train(X, y, epochs=1, batch_size=3000, optimizer="adam", n_threads=2),
    "predict": lambda: made.predict(X.astype(">f8")),
    "load": lambda: scratchnn.load(sys.argv[2]),
    "engine": lambda: Engine(made, optimizer="adam", batch_size=3000).close(),
}[sys.argv[1]]
before = made.predict(X[:2])
failed = 0
for more in range(1, 400, 8):  # MiB beside those that there are
    size = int(re.search(r"VmSize:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
    resource.setrlimit(resource.RLIMIT_AS, ((size << 10) + (more << 20), resource.RLIM_INFINITY))
    error = None
    try:
        work()
    except MemoryError as raised:
        error = raised
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    if error is None:
        break
    failed += 1
    assert (made.predict(X[:2]) == before).all()
assert error is None
made.train(X[:8], y[:8], epochs=1, batch_size=8)
print(failed)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs limits to the address space, and /proc")
@pytest.mark.parametrize("work", ["train", "predict", "load", "engine"])
def test_an_address_space_that_is_too_small(work, tmp_path):
    command = [sys.executable, "-c", PROGRAM, work, str(tmp_path / "model.snn")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0
