"""ONNX Runtime: prediction alone, on a graph of Gemm nodes with all of its optimisations."""

import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from . import UnsuitableError

DISTRIBUTION = "onnxruntime"
MODULE = "onnxruntime"

OPERATORS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "softmax": "Softmax"}
# Of the file format and of the operators: what every version of the last years reads.
IR_VERSION, OPSET = 9, 18


def version():
    return onnxruntime.__version__


def variants(workload, n_threads, short):
    if workload.kind == "train":
        raise UnsuitableError("its package for Python predicts, and does not train")
    return {"": Prediction}


def model(workload, parameters):
    """Return the network as the bytes of an ONNX model."""
    nodes, constants, x = [], [], "x"
    for i, ((weights, biases), activation) in enumerate(zip(parameters, workload.activations, strict=True)):
        constants += [
            numpy_helper.from_array(weights.astype(workload.dtype), f"W{i}"),
            numpy_helper.from_array(biases.astype(workload.dtype), f"b{i}"),
        ]
        nodes.append(helper.make_node("Gemm", [x, f"W{i}", f"b{i}"], [f"z{i}"]))
        x = f"z{i}"
        if activation != "identity":
            nodes.append(helper.make_node(OPERATORS[activation], [x], [f"a{i}"]))
            x = f"a{i}"
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, workload.sizes[0]])],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, [None, workload.sizes[-1]])],
        constants,
    )
    opset = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION).SerializeToString()


class Prediction:
    def __init__(self, workload, X, y, parameters, n_threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = n_threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model(workload, parameters), options, ["CPUExecutionProvider"])
        self.predict, self.feed = session.run, {"x": X}

    def reset(self):
        pass

    def run(self, calls):
        predict, feed = self.predict, self.feed
        for _ in range(calls):
            self.output = predict(None, feed)[0]

    def result(self):
        return self.output
