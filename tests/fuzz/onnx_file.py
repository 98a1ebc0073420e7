"""ONNX files: the network that NeuralNetwork.from_onnx makes of one."""

import numpy as np
from fuzz.guard import refusing

from scratchnn import ModelFileError, NeuralNetwork
from scratchnn.exchange import onnx_graph

HAS_HEADERS = False
WORDS = [
    *{operator for _, operator in (("", name) for name, _ in onnx_graph.DEFAULTS)},
    *("Gemm", "MatMul", "Add", "Relu", "Softmax", "Sigmoid", "Tanh", "Mul", "Div", "Sub", "Clip", "input", "output"),
    *("alpha", "beta", "transA", "transB", "axis", "epsilon"),
]


def read(data, directory):
    """Make a network of an input, and predict with it."""
    path = directory / "model.onnx"
    path.write_bytes(data)
    with refusing(ModelFileError):
        network = NeuralNetwork.from_onnx(path)
        network.predict(np.ones((2, network.layer_sizes[0])))
