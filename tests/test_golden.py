"""Ten short trainings whose weights are known by their hash, whatever compiled the wheel (ADR 10).

tests/golden_hashes has a line for each: its name, the hash where multiply-adds are fused, and the one of portable
code where they are not. It is made anew by ``python tests/test_golden.py > tests/golden_hashes``.
"""

import hashlib
import sys
from pathlib import Path

import networks
import numpy as np
import pytest

from scratchnn import NeuralNetwork
from scratchnn.core import kernels
from scratchnn.regularization import Regularization

FILE = Path(__file__).parent / "golden_hashes"

# (network's arguments, training's arguments); batches of 1, of part of the rows and of all.
TRAININGS = {
    "tutorial": (
        {"layer_sizes": [2, 2, 1], "activation": "sigmoid"},
        {"batch_size": 1, "learning_rate": 0.1},
    ),
    "digits": (
        {"layer_sizes": [17, 33, 5], "activation": "relu", "loss": "cross_entropy", "dtype": "float32"},
        {"batch_size": 16, "optimizer": "adam", "learning_rate": 0.01, "shuffle": True},
    ),
    "wide": (
        {"layer_sizes": [70, 130, 9], "activation": "tanh", "loss": "cross_entropy"},
        {"batch_size": 32, "optimizer": "nesterov", "learning_rate": 0.05, "shuffle": True},
    ),
    "deep": (
        {"layer_sizes": [9, 16, 15, 8, 3], "activation": "gelu", "loss": "huber"},
        {"batch_size": 7, "optimizer": "rmsprop", "learning_rate": 0.003},
    ),
    "dropout": (
        {
            "layer_sizes": [12, 40, 20, 2],
            "activation": "silu",
            "loss": "binary_cross_entropy",
            "dtype": "float32",
            "dropout": 0.25,
            "input_dropout": 0.1,
            "input_noise": 0.05,
        },
        {"batch_size": 20, "optimizer": "adamw", "learning_rate": 0.01, "shuffle": True},
    ),
    "layer normalisation": (
        {"layer_sizes": [11, 24, 4], "activation": "elu", "normalization": "layer", "dtype": "float32"},
        {"batch_size": 9, "optimizer": "nadam", "learning_rate": 0.01},
    ),
    "batch normalisation": (
        {"layer_sizes": [11, 24, 4], "activation": "leaky_relu", "normalization": "batch"},
        {"batch_size": 25, "optimizer": "momentum", "learning_rate": 0.02, "shuffle": True},
    ),
    "counts": (
        {"layer_sizes": [6, 10, 2], "activation": "softplus", "output_activation": "exp", "loss": "poisson"},
        {"batch_size": 10, "optimizer": "adagrad", "learning_rate": 0.02},
    ),
    "regularised": (
        {"layer_sizes": [8, 31, 3], "activation": "tanh", "loss": "focal", "dtype": "float32"},
        {
            "batch_size": 13,
            "learning_rate": 0.1,
            "shuffle": True,
            "regularization": Regularization(l1=1e-4, l2=1e-3, clip_norm=0.5),
        },
    ),
    "scaled": (
        {"layer_sizes": [5, 19, 2], "activation": "softsign", "scale_inputs": "standard", "scale_targets": "standard"},
        {"batch_size": "full", "optimizer": "lbfgs"},
    ),
}


def numbers(shape, modulus):
    """Numbers from -1 to 1 without pattern, from integers alone: the same in every NumPy."""
    n = np.arange(1, np.prod(shape) + 1, dtype=np.int64)
    return ((n * n % modulus * n % modulus) / modulus * 2 - 1).reshape(shape)


def data(network, n_samples=100):
    x = numbers((n_samples, network.n_inputs), 10007).astype(network.dtype)
    y = numbers((n_samples, network.n_targets), 7919)
    match network.loss.split("(")[0]:
        case "cross_entropy" | "focal":
            return x, np.arange(n_samples) * 7 % network.n_outputs
        case "binary_cross_entropy":
            return x, (y > 0).astype(network.dtype)
        case "poisson":
            return x, np.floor(3 * y + 3).astype(network.dtype)
    return x, y.astype(network.dtype)


def trained(name):
    arguments, settings = TRAININGS[name]
    network = NeuralNetwork(**arguments, seed=20)
    network.train(*data(network), epochs=5, n_threads=1, **settings)
    return network


def fingerprint(name):
    """The hash of all parameters, and of what is predicted, in little-endian bytes."""
    network = trained(name)
    digest = hashlib.sha256()
    for array in (*networks.arrays(network), network.predict(data(network)[0])):
        assert np.isfinite(array).all()
        digest.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()[:32]


def known():
    """{name: {kind of multiply-add: hash}} of the file."""
    lines = (
        line.rsplit(maxsplit=2) for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    )
    return {name: {"fused": fused, "unfused": unfused} for name, fused, unfused in lines}


def fuses():
    """Whether the kernels in use round a multiply-add once: a product that no element type holds, less itself."""
    from scratchnn.core import linalg

    x = 1 + 2.0**-30
    return bool(linalg.affine(np.array([[x]]), np.array([[x]]), np.array([-(x * x)]))[0, 0] != 0)


@pytest.mark.parametrize("name", TRAININGS)
def test_the_weights_are_as_ever(name, isa):
    kind = "fused" if fuses() else "unfused"
    assert fingerprint(name) == known()[name][kind], f"{name} with {isa}, multiply-adds {kind}"


def test_only_portable_may_round_twice(isa):
    assert fuses() or isa == "portable"


def test_the_file_has_these_trainings():
    assert list(known()) == list(TRAININGS)
    hashes = [h for line in known().values() for h in line.values()]
    assert len(set(hashes)) == len(hashes)


def write():
    """Print the file, on a machine that has both kinds of kernels."""
    results = {}
    for isa in (kernels.available()[0], "portable"):
        kernels.use(isa)
        results["fused" if fuses() else "unfused"] = {name: fingerprint(name) for name in TRAININGS}
    assert len(results) == 2, "needs x86-64 with AVX2"
    print("# training, hash where multiply-adds are fused, hash where they are not; made by tests/test_golden.py")
    for name in TRAININGS:
        print(f"{name:20} {results['fused'][name]} {results['unfused'][name]}")


if __name__ == "__main__":
    sys.exit(write())
