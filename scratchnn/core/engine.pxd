"""Engines: one network for callers below Python. The contracts are those of scratchnn.h.

    cimport scratchnn                   # compiled with -I of scratchnn.get_include()

    cdef scratchnn.Engine engine = ...  # a scratchnn.Engine
    cdef scratchnn.scratchnn_samples samples = scratchnn.samples_of(x, y)   # memoryviews of the network's dtype
    cdef double loss
    with nogil:
        status = engine.train_epoch(&samples, NULL, &loss)
"""

cimport cython
from libc.stdint cimport int64_t


cdef extern from "scratchnn.h" nogil:
    ctypedef enum scratchnn_status:
        SCRATCHNN_OK
        SCRATCHNN_INVALID
        SCRATCHNN_NOT_FINITE
        SCRATCHNN_MISSING

    ctypedef enum scratchnn_parameter:
        SCRATCHNN_WEIGHTS
        SCRATCHNN_BIASES
        SCRATCHNN_GAIN
        SCRATCHNN_SHIFT

    ctypedef struct scratchnn_samples:
        size_t itemsize
        size_t n
        size_t n_inputs
        size_t n_targets
        const void *x
        ptrdiff_t x_row
        const void *y
        ptrdiff_t y_row
        const int64_t *labels
        const void *weights

    ctypedef struct scratchnn_array:
        void *data
        size_t rows
        size_t columns
        ptrdiff_t row

    ctypedef struct scratchnn_shape:
        size_t itemsize
        size_t n_inputs
        size_t n_outputs
        size_t n_targets
        size_t n_layers
        size_t batch_size


cdef class Engine:
    cdef readonly object network        # whose parameters these are
    cdef scratchnn_shape shape
    cdef void *inside                   # what this module alone knows of
    cdef object kept

    cdef int predict(self, size_t n, const void *x, ptrdiff_t x_row, void *outputs) noexcept nogil
    cdef int train_step(self, const scratchnn_samples *samples, double *loss) noexcept nogil
    cdef int train_epoch(
        self, const scratchnn_samples *samples, const int64_t *order, double *loss) noexcept nogil
    cdef int gradient(self, const scratchnn_samples *samples, double *loss) noexcept nogil
    cdef int array(self, size_t layer, int parameter, bint of_gradient, scratchnn_array *array) noexcept nogil
    cdef int set_learning_rate(self, double rate) noexcept nogil


ctypedef fused real:
    float
    double


# Samples with targets, and with labels, in the memory of the views. Where these are more or fewer than rows, n is 0.
@cython.boundscheck(False)
cdef inline scratchnn_samples samples_of(const real[:, ::1] x, const real[:, ::1] y) noexcept nogil:
    cdef scratchnn_samples samples
    samples.itemsize, samples.n = sizeof(real), x.shape[0] if x.shape[0] == y.shape[0] else 0
    samples.n_inputs, samples.n_targets = x.shape[1], y.shape[1]
    samples.x, samples.x_row = <const void *>&x[0, 0], x.strides[0]
    samples.y, samples.y_row = <const void *>&y[0, 0], y.strides[0]
    samples.labels, samples.weights = NULL, NULL
    return samples


@cython.boundscheck(False)
cdef inline scratchnn_samples samples_with_labels(const real[:, ::1] x, const int64_t[::1] labels) noexcept nogil:
    cdef scratchnn_samples samples
    samples.itemsize, samples.n = sizeof(real), x.shape[0] if x.shape[0] == labels.shape[0] else 0
    samples.n_inputs, samples.n_targets = x.shape[1], 0
    samples.x, samples.x_row = <const void *>&x[0, 0], x.strides[0]
    samples.y, samples.y_row, samples.weights = NULL, 0, NULL
    samples.labels = &labels[0]
    return samples
