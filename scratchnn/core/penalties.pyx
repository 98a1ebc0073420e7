"""Regularisation of a step; penalties.pxd says what each function does, and docs/math.md has the equations.

Sums are taken row by row and added up in one order, whoever has computed the rows: threads change no bit.
"""

import numpy as np

from libc.math cimport INFINITY, NAN, isinf, sqrt

from scratchnn.core.kernels cimport snn_penalty, table
from scratchnn.core.layers.dense cimport Dense, at
from scratchnn.core.topology cimport Topology, bytes_of

# Threads share the neurons of a layer in multiples of this: whole vectors, and cache lines.
cdef enum:
    NEURONS = 64

# Columns of the settings.
cdef enum:
    L1
    L2
    DECAY
    MAX_NORM


cdef class Penalties:
    """What is asked of a network's parameters beside a small loss.

    Parameters
    ----------
    topology : Topology
    settings : (n_layers, 4) array of float64
        For each layer l1, l2, weight decay and the largest norm of a neuron's weights, infinity for none.
    clip_value, clip_norm : float
        The largest element, the largest Euclidean norm of the gradient; infinity for none.
    biases : bool
        Whether l1, l2 and weight decay are for biases too.
    per_sample : bool
        Whether l1 and l2 are divided by what the batch's samples weigh together.
    """

    def __cinit__(self, Topology topology, settings, double clip_value, double clip_norm, bint biases,
                  bint per_sample):
        cdef size_t n = topology.n_layers, i
        self.keep = []
        self.topology = topology
        self.k = table(topology.dtype.itemsize)
        self.settings = np.array(settings, np.float64)
        self.clip_value, self.clip_norm = clip_value, clip_norm
        self.biases, self.per_sample = biases, per_sample
        self.in_loss = bool(np.any(self.settings[:, :DECAY]))
        self.clips_norm = not isinf(clip_norm)
        self.limits_norms = not np.isinf(self.settings[:, MAX_NORM]).all()
        clips = self.clips_norm or not isinf(clip_value)
        self.only_in_loss = not (clips or self.limits_norms or np.any(self.settings[:, DECAY]))
        self.of_weights = <snn_penalty *>self.memory(n * sizeof(snn_penalty))
        self.of_biases = <snn_penalty *>self.memory(n * sizeof(snn_penalty))
        self.first_row = <size_t *>self.memory(n * sizeof(size_t))
        for i in range(n):
            self.first_row[i] = self.n_rows
            self.n_rows += topology.layers[i].n_inputs + topology.layers[i].n_vectors
        self.rows = <double *>self.memory(self.n_rows * sizeof(double))
        self.squares = <double *>self.memory(self.n_rows * sizeof(double))
        if self.clips_norm:
            self.gradient = self.pointer(topology.zeros())

    cdef char *memory(self, size_t n_bytes) except? NULL:
        return self.pointer(np.zeros(n_bytes, np.int8))

    cdef char *pointer(self, array) except? NULL:
        self.keep.append(array)
        return bytes_of(array)

    cdef void prepare(self, double rate, double weight, double clip_value) noexcept nogil:
        cdef snn_penalty p
        cdef Py_ssize_t i
        self.divisor = weight if self.per_sample else 1
        for i in range(self.topology.n_layers):
            p.l1 = self.settings[i, L1] / self.divisor if self.divisor > 0 else 0
            p.l2 = self.settings[i, L2] / self.divisor if self.divisor > 0 else 0
            p.clip = clip_value
            p.keep = 1 - rate * self.settings[i, DECAY]
            self.of_weights[i] = p
            if not self.biases:
                p.l1 = p.l2 = 0
                p.keep = 1
            self.of_biases[i] = p

    cdef const snn_penalty *for_weights(self, size_t i) noexcept nogil:
        return unless_idle(&self.of_weights[i])

    cdef const snn_penalty *for_biases(self, size_t i) noexcept nogil:
        return unless_idle(&self.of_biases[i])

    cdef void evaluate(self, const char *parameters, size_t i, size_t begin, size_t end) noexcept nogil:
        cdef const Dense *d = &self.topology.layers[i]
        cdef double *rows = self.rows + self.first_row[i]
        cdef double l1 = self.settings[<Py_ssize_t>i, L1], l2 = self.settings[<Py_ssize_t>i, L2]
        self.k.row_penalties(
            end - begin, d.n_outputs, at(self.k, parameters, d.weights + begin * d.stride), d.stride, l1, l2,
            rows + begin)
        if begin == 0 and self.biases:
            self.k.row_penalties(
                d.n_vectors, d.n_outputs, at(self.k, parameters, d.vectors), d.stride, l1, l2, rows + d.n_inputs)

    cdef double total(self) noexcept nogil:
        return sum_of(self.rows, self.n_rows) / self.divisor if self.divisor > 0 else 0

    cdef void penalize(
            self, const char *parameters, char *gradient, size_t i, size_t begin, size_t end) noexcept nogil:
        cdef const Dense *d = &self.topology.layers[i]
        cdef const snn_penalty *weights = self.for_weights(i)
        cdef const snn_penalty *biases = self.for_biases(i)
        cdef size_t place = d.weights + begin * d.stride
        if weights != NULL:
            self.k.penalize(
                end - begin, d.n_outputs, at(self.k, parameters, place), d.stride, at(self.k, gradient, place),
                d.stride, weights)
        if begin == 0 and biases != NULL:
            self.k.penalize(
                d.n_vectors, d.n_outputs, at(self.k, parameters, d.vectors), d.stride,
                at(self.k, gradient, d.vectors), d.stride, biases)

    cdef void square(self, const char *gradient, size_t i, size_t begin, size_t end) noexcept nogil:
        cdef const Dense *d = &self.topology.layers[i]
        cdef double *squares = self.squares + self.first_row[i]
        self.k.row_squares(
            end - begin, d.n_outputs, at(self.k, gradient, d.weights + begin * d.stride), d.stride, squares + begin)
        if begin == 0:
            self.k.row_squares(
                d.n_vectors, d.n_outputs, at(self.k, gradient, d.vectors), d.stride, squares + d.n_inputs)

    cdef double shrinkage(self) noexcept nogil:
        cdef double norm = sqrt(sum_of(self.squares, self.n_rows))
        if isinf(norm):  # 0 would hide that the training has diverged
            return NAN
        return self.clip_norm / norm if norm > self.clip_norm else 1

    cdef void limit(self, char *parameters, size_t i, size_t thread, size_t n_threads) noexcept nogil:
        cdef const Dense *d = &self.topology.layers[i]
        cdef double most = self.settings[<Py_ssize_t>i, MAX_NORM]
        cdef size_t units = (d.n_outputs + NEURONS - 1) // NEURONS
        cdef size_t begin = units * thread // n_threads * NEURONS
        cdef size_t end = min(units * (thread + 1) // n_threads * NEURONS, d.n_outputs)
        if begin < end and most < INFINITY:
            self.k.limit_columns(
                d.n_inputs, end - begin, at(self.k, parameters, d.weights + begin), d.stride, most)

    def value(self, parameters, double weight, layers):
        """Return what these layers add to the loss of samples that weigh so much together."""
        cdef const signed char[::1] bytes = parameters.view(np.int8)
        cdef size_t i
        self.prepare(0, weight, INFINITY)
        for i in range(self.n_rows):
            self.rows[i] = 0
        for i in layers:
            self.evaluate(<const char *>&bytes[0], i, 0, self.topology.layers[i].n_inputs)
        return self.total()


cdef const snn_penalty *unless_idle(const snn_penalty *p) noexcept nogil:
    return NULL if p.l1 == 0 and p.l2 == 0 and p.clip == INFINITY and p.keep == 1 else p


cdef double sum_of(const double *values, size_t n) noexcept nogil:
    cdef double total = 0
    cdef size_t i
    for i in range(n):
        total += values[i]
    return total
