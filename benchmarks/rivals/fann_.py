"""FANN, the Fast Artificial Neural Network library, through ctypes: whole trainings and predictions are calls of C.

It trains by half the squared error of a sample, so its learning rate carries the factor of the row's loss.
"""

import ctypes
import ctypes.util
from ctypes import POINTER, byref, c_double, c_float, c_int, c_uint, c_void_p

import numpy as np

from . import UnsuitableError

DISTRIBUTION = None
MODULE = None

TYPES = {"float32": ("floatfann", c_float), "float64": ("doublefann", c_double)}
LINEAR, SIGMOID, SIGMOID_SYMMETRIC = 0, 3, 5
ACTIVATIONS = {"identity": (LINEAR, 1), "sigmoid": (SIGMOID, 0.5), "tanh": (SIGMOID_SYMMETRIC, 1)}
INCREMENTAL, BATCH = 0, 1
LINEAR_ERROR = 0  # else the error is put through atanh


def path(name):
    found = ctypes.util.find_library(name)
    if found is None:
        raise ImportError(f"lib{name} is not there (Debian, Ubuntu: apt install libfann2)")
    return found


PATHS = {dtype: path(name) for dtype, (name, _) in TYPES.items()}


def version():
    return "2"  # the library's ABI, which is all that it tells


def variants(workload, n_threads, short):
    for activation in workload.activations:
        if activation not in ACTIVATIONS:
            raise UnsuitableError(f"it has no {activation}")
    if workload.optimizer == "adam":
        raise UnsuitableError("it has no Adam")
    if workload.kind == "predict":
        return {"ctypes": Prediction} if workload.batch_size == 1 else {}
    if workload.batch_size not in (1, workload.n_samples):
        raise UnsuitableError("it knows single samples and the full batch alone")
    return {"ctypes": Training}


class Session:
    def __init__(self, workload, X, y, parameters, n_threads):
        self.workload, self.start = workload, parameters
        self.real = real = TYPES[workload.dtype][1]
        self.connection = np.dtype([("from", np.uintc), ("to", np.uintc), ("weight", workload.dtype)])
        library = self.library = ctypes.CDLL(PATHS[workload.dtype])
        library.fann_create_standard_array.restype = c_void_p
        library.fann_run.restype = POINTER(real)
        library.fann_run.argtypes = c_void_p, c_void_p
        sizes = (c_uint * len(workload.sizes))(*workload.sizes)
        self.net = c_void_p(library.fann_create_standard_array(len(sizes), sizes))
        for layer, activation in enumerate(workload.activations, 1):
            function, steepness = ACTIVATIONS[activation]
            library.fann_set_activation_function_layer(self.net, c_int(function), c_int(layer))
            library.fann_set_activation_steepness_layer(self.net, real(steepness), c_int(layer))
        self.reset()

    def positions(self):
        """Yield where each layer's inputs, its bias and its neurons are in FANN's count of all neurons."""
        at = 0
        for n, m in zip(self.workload.sizes[:-1], self.workload.sizes[1:], strict=True):
            yield slice(at, at + n), at + n, slice(at + n + 1, at + n + 1 + m)
            at += n + 1

    def connections(self):
        array = np.empty(self.library.fann_get_total_connections(self.net), self.connection)
        self.library.fann_get_connection_array(self.net, c_void_p(array.ctypes.data))
        return array

    def reset(self):
        n = sum(self.workload.sizes) + len(self.workload.sizes)
        table = np.zeros((n, n))
        for (weights, biases), (inputs, bias, neurons) in zip(self.start, self.positions(), strict=True):
            table[inputs, neurons], table[bias, neurons] = weights, biases
        array = self.connections()
        array["weight"] = table[array["from"], array["to"]]
        self.library.fann_set_weight_array(self.net, c_void_p(array.ctypes.data), c_uint(len(array)))

    def parameters(self):
        n = sum(self.workload.sizes) + len(self.workload.sizes)
        table = np.zeros((n, n))
        array = self.connections()
        table[array["from"], array["to"]] = array["weight"]
        return [(table[inputs, neurons], table[bias, neurons]) for inputs, bias, neurons in self.positions()]

    def __del__(self):
        self.library.fann_destroy(self.net)


class Training(Session):
    def __init__(self, workload, X, y, parameters, n_threads):
        super().__init__(workload, X, y, parameters, n_threads)
        real, library = self.real, self.library
        n_inputs, n_outputs = workload.sizes[0], workload.sizes[-1]

        @ctypes.CFUNCTYPE(None, c_uint, c_uint, c_uint, POINTER(real), POINTER(real))
        def fill(i, n, m, inputs, outputs):
            np.ctypeslib.as_array(inputs, (n,))[...] = X[i]
            np.ctypeslib.as_array(outputs, (m,))[...] = y[i]

        library.fann_create_train_from_callback.restype = c_void_p
        self.data = c_void_p(library.fann_create_train_from_callback(len(X), n_inputs, n_outputs, fill))
        algorithm = INCREMENTAL if workload.batch_size == 1 else BATCH
        library.fann_set_training_algorithm(self.net, c_int(algorithm))
        library.fann_set_train_error_function(self.net, c_int(LINEAR_ERROR))
        # Both algorithms divide by the number of samples in an update.
        factor = 2 / n_outputs if workload.loss == "mean_squared_error" else workload.batch_size
        library.fann_set_learning_rate(self.net, c_float(workload.learning_rate * factor))

    def run(self, epochs):
        self.library.fann_train_on_data(self.net, self.data, c_uint(epochs), c_uint(0), c_float(-1))

    def result(self):
        return self.parameters()


class Prediction(Session):
    def __init__(self, workload, X, y, parameters, n_threads):
        super().__init__(workload, X, y, parameters, n_threads)
        self.X = X
        self.x = (self.real * X.shape[1])(*X[0].tolist())

    def run(self, calls):
        predict, net, x, n = self.library.fann_run, self.net, byref(self.x), self.workload.sizes[-1]
        for _ in range(calls):
            self.output = predict(net, x)[:n]

    def result(self):
        return np.array([self.output])
