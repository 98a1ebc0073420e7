# cython: language_level=3, boundscheck=False, wraparound=False
"""Training from Cython: epochs, a gradient descent of one's own, and predictions, all without the GIL."""

import numpy as np

cimport scratchnn
from libc.math cimport NAN
from scratchnn cimport Engine, SCRATCHNN_OK, SCRATCHNN_WEIGHTS, scratchnn_array, scratchnn_samples

ctypedef fused real:
    float
    double


def fit(Engine engine, const real[:, ::1] x, const real[:, ::1] y, int epochs):
    """Train for so many epochs and return the last one's loss."""
    cdef scratchnn_samples samples = scratchnn.samples_of(x, y)
    cdef double loss = NAN
    cdef int status = SCRATCHNN_OK
    with nogil:
        for _ in range(epochs):
            status = engine.train_epoch(&samples, NULL, &loss)
            if status != SCRATCHNN_OK:
                break
    if status != SCRATCHNN_OK:
        raise ValueError(f"status {status}")
    return loss


def descend(Engine engine, const real[:, ::1] x, const real[:, ::1] y, int steps, real rate):
    """Change the weights of every layer, and nothing else, against their gradient; return the last loss."""
    cdef scratchnn_samples samples = scratchnn.samples_of(x, y)
    cdef scratchnn_array w, g
    cdef double loss = NAN
    cdef size_t layer, i, j
    with nogil:
        for _ in range(steps):
            engine.gradient(&samples, &loss)
            for layer in range(engine.shape.n_layers):
                engine.array(layer, SCRATCHNN_WEIGHTS, False, &w)
                engine.array(layer, SCRATCHNN_WEIGHTS, True, &g)
                for i in range(w.rows):
                    for j in range(w.columns):
                        (<real *>(<char *>w.data + i * w.row))[j] -= rate * (<real *>(<char *>g.data + i * g.row))[j]
    return loss


def predict(Engine engine, const real[:, ::1] x):
    """Return the outputs for the rows of x."""
    if sizeof(real) != engine.shape.itemsize or <size_t>x.shape[1] != engine.shape.n_inputs:
        raise ValueError("x does not fit the network")
    result = np.empty((x.shape[0], engine.shape.n_outputs), np.asarray(x).dtype)
    cdef real[:, ::1] outputs = result
    with nogil:
        engine.predict(x.shape[0], &x[0, 0], x.strides[0], &outputs[0, 0])
    return result
