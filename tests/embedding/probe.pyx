# cython: language_level=3
"""Every function of an engine as it is, for tests: what it is given is not looked at here."""

cimport scratchnn
from libc.math cimport NAN
from libc.stdint cimport int64_t, uintptr_t

PARAMETERS = {
    "weights": scratchnn.SCRATCHNN_WEIGHTS,
    "biases": scratchnn.SCRATCHNN_BIASES,
    "gain": scratchnn.SCRATCHNN_GAIN,
    "shift": scratchnn.SCRATCHNN_SHIFT,
}
STATUS = {
    scratchnn.SCRATCHNN_OK: "ok",
    scratchnn.SCRATCHNN_INVALID: "invalid",
    scratchnn.SCRATCHNN_NOT_FINITE: "not finite",
    scratchnn.SCRATCHNN_MISSING: "missing",
}


def address(array):
    """Return where an array's data are; 0 for None."""
    return 0 if array is None else array.ctypes.data


cdef scratchnn.scratchnn_samples samples_of(x, y, labels, weights, dict changes):
    cdef scratchnn.scratchnn_samples s
    s.itemsize, s.n, s.n_inputs = x.itemsize, len(x), x.shape[1]
    s.x, s.x_row = <const void *><uintptr_t>address(x), x.strides[0]
    s.y, s.y_row = <const void *><uintptr_t>address(y), 0 if y is None else y.strides[0]
    s.n_targets = 0 if y is None else y.shape[1]
    s.labels, s.weights = <const int64_t *><uintptr_t>address(labels), <const void *><uintptr_t>address(weights)
    s.itemsize, s.n = changes.get("itemsize", s.itemsize), changes.get("n", s.n)
    s.n_inputs, s.n_targets = changes.get("n_inputs", s.n_inputs), changes.get("n_targets", s.n_targets)
    if changes.get("without_x"):
        s.x = NULL
    return s


def call(scratchnn.Engine engine, name, x, y=None, labels=None, weights=None, order=None, **changes):
    """Return (status, loss) of train_step, train_epoch or gradient."""
    cdef scratchnn.scratchnn_samples s = samples_of(x, y, labels, weights, changes)
    cdef const int64_t *places = <const int64_t *><uintptr_t>address(order)
    cdef double loss = NAN
    if name == "train_step":
        status = engine.train_step(&s, &loss)
    elif name == "train_epoch":
        status = engine.train_epoch(&s, places, &loss)
    else:
        status = engine.gradient(&s, &loss)
    return STATUS[status], loss


def without_pointers(scratchnn.Engine engine):
    """Return the status of each function without what it needs."""
    cdef scratchnn.scratchnn_samples s
    cdef double loss
    s.n = 0
    found = [engine.train_step(NULL, &loss), engine.train_step(&s, NULL), engine.train_epoch(NULL, NULL, &loss)]
    found += [engine.gradient(NULL, &loss), engine.predict(1, NULL, 0, NULL), engine.array(0, 0, False, NULL)]
    return {STATUS[status] for status in found}


def predict(scratchnn.Engine engine, x, outputs):
    """Write the outputs into an array, and return the status."""
    return STATUS[engine.predict(
        len(x), <const void *><uintptr_t>address(x), x.strides[0], <void *><uintptr_t>address(outputs))]


def array(scratchnn.Engine engine, size_t layer, parameter, of_gradient=False):
    """Return (status, address, rows, columns, bytes from one row to the next)."""
    cdef scratchnn.scratchnn_array found
    found.data, found.rows, found.columns, found.row = NULL, 0, 0, 0
    status = engine.array(layer, PARAMETERS.get(parameter, 9), of_gradient, &found)
    return STATUS[status], <uintptr_t>found.data, found.rows, found.columns, found.row


def set_learning_rate(scratchnn.Engine engine, double rate):
    return STATUS[engine.set_learning_rate(rate)]


def shape(scratchnn.Engine engine):
    return engine.shape
