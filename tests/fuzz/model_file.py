"""Model files: scratchnn.load, and what can be done with a network that came from anywhere."""

import contextlib
import json
import struct
import zlib

import numpy as np
from fuzz.guard import refusing
from fuzz.json_headers import MOST_DATA, pattern_of, taken_apart
from model_files import MAGIC, build

import scratchnn
from scratchnn import DivergenceError, ModelFileError, losses, optimizers, schedules, serialization
from scratchnn.core import activations

HAS_HEADERS = True
WORDS = [
    *activations.names(),
    *losses.Loss.registry,
    *optimizers.Optimizer.registry,
    *schedules.Schedule.registry,
    *serialization.MODEL_RULES[2],
    *serialization.HISTORY_RULES[2],
    *serialization.SCHEDULE_RULES,
    *serialization.UNFINISHED_RULES,
    *filter(None, serialization.STOPPED[2]),
    *{name for cls in optimizers.Optimizer.registry.values() for name in cls().hyperparameters()},
    *("model", "arrays", "dtype", "shape", "offset", "<f4", "<f8", "float32", "float64", "batch", "layer", "softmax"),
    *("name", "rule", "given", "standard", "minmax", "weights", "biases", "layers.0.weights", "history.loss"),
    *("leaky_relu(0.1)", "elu(1)", "huber(2.0)", "focal(2.0)", "quantile(0.1, 0.9)", "gaussian"),
]


def read(data, directory):
    """Load the files that an input stands for; use and save what is a network."""
    path = directory / "model.snn"
    for content in _files(data):
        path.write_bytes(content)
        with refusing(ModelFileError):
            _use(scratchnn.load(path), path)


def _files(data):
    parts = taken_apart(data)
    if parts is None:
        yield data
        yield data[:-4] + struct.pack("<I", zlib.crc32(data[:-4]))
        return
    header, pattern = parts
    size, header = _announced(header)
    for version in (1, 2):
        yield build(header, pattern_of(pattern, size), version=version)


def _announced(header):
    """Return how many bytes of data a header announces, and the header; for null, the arrays are those of the model."""
    try:
        document = json.loads(header)
        model = document["model"]
        if document["arrays"] is None:
            document["arrays"] = arrays = {}
            serialization._check_model(model, 2 if "frozen" in model else 1)
            scaled = [f"{kind}.shift" for kind in ("inputs", "targets")]
            expected = (serialization._expected_arrays(model), serialization._expected_scalings(model, scaled))
            for dtype_and_shape in expected:
                for name, (dtype, shape) in dtype_and_shape:
                    arrays[name] = {"dtype": dtype, "shape": list(shape), "offset": _end(arrays)}
                    if _end(arrays) > MOST_DATA:
                        return 0, header
            header = json.dumps(document).encode()
        return _end(document["arrays"]), header
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return 0, header


def _end(arrays):
    """Return where the last array ends, at a multiple of 64."""
    ends = [0]
    for entry in arrays.values():
        ends.append(entry["offset"] + int(np.prod(entry["shape"], dtype=object)) * int(entry["dtype"][-1]))
    return -(-max(ends) // 64) * 64


def _use(network, path):
    """Predict, save and load again with the same bits, and train a step: a network may refuse data, and no more."""
    n_inputs, n_targets = network.layer_sizes[0], network.n_targets
    network.predict(np.ones((3, n_inputs)))
    repr(network)
    network.save(path)
    saved = path.read_bytes()
    assert saved.startswith(MAGIC)
    scratchnn.load(path).save(path)
    assert path.read_bytes() == saved
    labels = network.loss.startswith(("cross_entropy", "focal"))
    y = np.array([0, 0, 0]) if labels else np.ones((3, n_targets))
    with contextlib.suppress(DivergenceError), refusing(ValueError):
        network.train(np.eye(3, n_inputs), y, epochs=1, batch_size=2, n_threads=1)
