"""The libraries that are compared, one file each.

A rival's module has the names

``DISTRIBUTION``
    what it is called on the package index, or None where it is not there.
``MODULE``
    what a user imports.
``version()``
    the version, as a string.
``variants(workload, n_threads, short)``
    {name: function}: the ways in which the library can do this row, of which the fastest counts. A function takes
    (workload, X, y, parameters, n_threads), X and y as ``workloads.data`` and parameters as ``workloads.start``
    return them, and returns a session. Raises UnsuitableError where the library cannot do the row.

A session has ``reset()``, which puts parameters and optimizer back to the start; ``run(n)``, which trains n epochs or
predicts n times; and ``result()``: the parameters as a list of (weights, biases), or the last prediction.
"""

import importlib

NAMES = ("scratchnn", "torch", "jax", "sklearn", "numpy", "onnxruntime", "fann")

TITLES = {
    "scratchnn": "scratchnn",
    "torch": "PyTorch",
    "jax": "JAX",
    "sklearn": "scikit-learn",
    "numpy": "NumPy by hand",
    "onnxruntime": "ONNX Runtime",
    "fann": "FANN",
}

# Those that compute in the calling thread alone.
SINGLE_THREADED = {"fann"}


class UnsuitableError(Exception):
    """The library cannot express this row; the message says why."""


def load(name):
    """Return the module of a rival, which imports the library."""
    return importlib.import_module(f"rivals.{name}_")
