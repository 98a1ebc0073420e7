"""Let each allocation of some work fail once: ``python tests/failing_allocations.py WORK directory``.

A program of its own, because what watches tests, such as the measurement of coverage, allocates too.
"""

import _testcapi
import gc
import sys
import warnings
from pathlib import Path

import numpy as np

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
    work(made())
    k, settled = 0, 0
    while settled < SETTLED:
        subject, error = made(), None
        gc.disable()  # or it comes at another place every time
        _testcapi.set_nomemory(k, k + 1)
        try:
            work(subject)
        except BaseException as raised:
            error = raised
        finally:
            _testcapi.remove_mem_hooks()
            gc.enable()
        settled = settled + 1 if error is None else 0
        k += 1
        yield subject, error
    assert k > SETTLED + 20, "nothing has failed"


def check_kind(error):
    lost = isinstance(error, (SystemError, RuntimeError)) and any(words in str(error) for words in LOST)
    assert lost or isinstance(error, MemoryError), repr(error)


def of_a_network(work):
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


def load(directory):
    path = str(directory / "model.snn")  # of another path os.stat loses the error
    base = network()
    base.save(path)
    loaded = []
    for _, error in sweep(lambda _: loaded.append(scratchnn.load(path)), lambda: None):
        if error is not None:
            check_kind(error)
    assert {kept(one) for one in loaded} == {kept(base)}


def save(directory):
    path, name = directory / "model.snn", str(directory / "model.snn")
    base = network()
    base.save(path)
    content = path.read_bytes()
    for _, error in sweep(lambda _: base.save(name), lambda: None):
        if error is not None:
            check_kind(error)
        assert path.read_bytes() == content
    assert [found.name for found in directory.iterdir()] == [path.name]


OF_A_NETWORK = {work.__name__: work for work in (train, train_and_look, lbfgs, predict, lend, lend_afresh)}
OF_FILES = {work.__name__: work for work in (load, save)}


def main(name, directory):
    warnings.simplefilter("ignore", ResourceWarning)
    if name in OF_A_NETWORK:
        of_a_network(OF_A_NETWORK[name])
    else:
        OF_FILES[name](Path(directory))


if __name__ == "__main__":
    main(*sys.argv[1:])
