"""Where memory ends: a MemoryError, nothing half changed, and a network that goes on."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

WORKS = ("train", "train_and_look", "lbfgs", "predict", "lend", "lend_afresh", "load", "save")


@pytest.mark.skipif(importlib.util.find_spec("_testcapi") is None, reason="needs _testcapi")
@pytest.mark.parametrize("work", WORKS)
def test_whichever_allocation_fails(work, tmp_path):
    program = Path(__file__).with_name("failing_allocations.py")
    command = [sys.executable, "-P", str(program), work, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-4000:]


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
