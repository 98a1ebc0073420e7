"""Nothing grows: a process's memory over thousands of fits, refusals and engines; many threads on one network."""

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from scratchnn import NeuralNetwork

STATUS = Path("/proc/self/status")

# What is done again and again, in a process of its own; it prints by how many KiB its memory has grown after a start.
PROGRAM = """
import gc, re, sys
from pathlib import Path
import numpy as np
import scratchnn
from scratchnn import NeuralNetwork

X, y = np.random.default_rng(0).standard_normal((32, 3)), np.arange(32) % 2
network = NeuralNetwork([3, 8, 2], activation="relu", loss="cross_entropy", dropout=0.2, seed=1)

def fit():
    network.train(X, y, epochs=1, batch_size=16, optimizer="adam")

def make():
    made = NeuralNetwork([3, 40, 2], activation="tanh", loss="cross_entropy", normalization="batch", seed=1)
    made.train(X, y, epochs=2, batch_size=16, shuffle=True, validation_fraction=0.25, patience=1, n_threads=2)
    made.predict(X)
    made.gradients(X, y)
    made.copy()

def refuse():
    for wrong in (X[:, :2], X * np.nan, "X", [[1, 2, 3], [4]]):
        try:
            network.train(wrong, y)
        except (TypeError, ValueError):
            pass
    try:
        network.train(X, y, optimizer="sgd", learning_rate=1e300, epochs=3)
    except scratchnn.DivergenceError:
        pass

def lend():
    with scratchnn.Engine(network, optimizer="adam", batch_size=8) as engine:
        engine.gradients

def memory():
    gc.collect()
    return int(re.search(r"VmRSS:\\\\s+(\\\\d+) kB", Path("/proc/self/status").read_text())[1])

work, rounds = {"fit": fit, "make": make, "refuse": refuse, "lend": lend}[sys.argv[1]], int(sys.argv[2])
for _ in range(rounds // 5):
    work()
before = memory()
for _ in range(rounds):
    work()
    network.history = scratchnn.History()  # which is what is to grow
print(memory() - before)
""".replace("\\\\", "\\")


@pytest.mark.skipif(not STATUS.exists(), reason="needs /proc")
@pytest.mark.parametrize(("work", "rounds"), [("fit", 10_000), ("make", 500), ("refuse", 500), ("lend", 1000)])
def test_memory_does_not_grow(work, rounds):
    command = [sys.executable, "-c", PROGRAM, work, str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert int(done.stdout) < 1024, "KiB more"


def test_thirty_two_threads_predict_on_one_network():
    network = NeuralNetwork([20, 60, 3], activation="gelu", loss="cross_entropy", normalization="layer", seed=1)
    X = np.random.default_rng(0).standard_normal((700, 20))
    expected, wrong = network.predict(X), []
    start = threading.Barrier(32)

    def work(i):
        start.wait()
        for _ in range(20):
            wrong.extend([i] * (not np.array_equal(network.predict(X), expected)))
            wrong.extend([i] * (not np.array_equal(network.predict(X[i]), expected[i])))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
