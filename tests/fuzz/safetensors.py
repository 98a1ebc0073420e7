"""Safetensors files: the network that NeuralNetwork.from_torch_state_dict makes of one."""

import json
import struct

import numpy as np
from fuzz.guard import refusing
from fuzz.json_headers import pattern_of, taken_apart

from scratchnn import ModelFileError, NeuralNetwork
from scratchnn.exchange.safetensors import READ

HAS_HEADERS = True
WORDS = [
    *READ,
    *("dtype", "shape", "data_offsets", "__metadata__", "U8", "F8_E4M3"),
    *("0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"),
    *("weight", "bias", "2.weight", "10.weight", "layers.2.bias", ".", "0.", ".weight"),
]


def read(data, directory):
    """Make a network of the file that an input stands for, and predict with it."""
    path = directory / "model.safetensors"
    parts = taken_apart(data)
    path.write_bytes(data if parts is None else _file(*parts))
    with refusing(ModelFileError, TypeError, ValueError):
        network = NeuralNetwork.from_torch_state_dict(path, activation="relu")
        network.predict(np.ones((2, network.layer_sizes[0])))


def _file(header, pattern):
    """Return a file with this header; tensors whose data_offsets are null follow one another."""
    end = 0
    try:
        document = json.loads(header)
        for name, entry in document.items():
            if name == "__metadata__":
                continue
            if entry["data_offsets"] is None:
                size = np.dtype(READ[entry["dtype"]]).itemsize * int(np.prod(entry["shape"], dtype=object))
                entry["data_offsets"] = [end, end + size]
            end = max(end, int(entry["data_offsets"][1]))
        header = json.dumps(document).encode()
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError):
        pass
    return struct.pack("<Q", len(header)) + header + pattern_of(pattern, end)
