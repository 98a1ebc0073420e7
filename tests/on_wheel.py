"""Test an installed wheel with what every target can have: NumPy, pytest, hypothesis.

``python tests/on_wheel.py`` runs the tests against the oracle, each with every instruction set of the machine; those
of whole networks again with ``SCRATCHNN_ISA=portable``; and both kinds' core once more on the lowest NumPy that has a
wheel for this Python. ``--parallel`` runs each test in four threads at once, for free-threaded Python. ``--core``
is for emulated machines: the golden hashes, and of the operations, the core and the model files one test in sixteen.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

HERE = Path(__file__).parent

OPERATIONS = ("linalg", "activations", "losses", "updates", "vectors", "random", "wolfe", "lbfgs", "oracle")
NETWORKS = ("golden", "steps", "training", "network", "determinism", "order", "trial", "memory", "threads")
FEATURES = ("gradients", "dropout", "normalization", "serialization")
# On other NumPys and by default portable: what reads arrays, and what trains.
CORE = ("golden", "linalg", "vectors", "random", "training", "network")
# What owns nothing that the threads of pytest-run-parallel would share, no file, no patch, but the instruction set.
PARALLEL = ("oracle", "metrics", "order", "wolfe", "random", "vectors", "golden")

# The lowest NumPy with wheels for each Python, as 1.26 is the bound for all of them.
LOWEST_NUMPY = {(3, 11): "1.26.0", (3, 12): "1.26.0", (3, 13): "2.1.0", (3, 14): "2.3.2", (3, 15): "2.5.2"}


def run(subjects, *options, **environment):
    files = [str(HERE / f"test_{subject}.py") for subject in subjects]
    print("+", *options, *subjects, environment or "", flush=True)
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *files]
    subprocess.run(command, check=True, env=os.environ | environment)


def install(numpy):
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", f"numpy=={numpy}"]
    return subprocess.run(command).returncode == 0


def main(arguments):
    if "--core" in arguments:
        run(("golden",))
        run(dict.fromkeys((*OPERATIONS, *CORE[1:], "serialization")), "--one-in=16", "--hypothesis-profile=few")
        return
    if "--parallel" in arguments:
        assert not sys._is_gil_enabled(), "free-threaded Python, and a module that turned the lock on again"
        run(PARALLEL, "--parallel-threads=4")
    run((*OPERATIONS, *NETWORKS, *FEATURES))
    run(CORE, SCRATCHNN_ISA="portable")
    lowest = LOWEST_NUMPY.get(sys.version_info[:2])
    if sysconfig.get_config_var("Py_GIL_DISABLED") or lowest is None or not install(lowest):
        print("The NumPy tested is the lowest that has a wheel for this Python and this system.")
    else:
        run(CORE)


if __name__ == "__main__":
    main(sys.argv[1:])
