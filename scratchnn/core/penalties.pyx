"""Regularisation of a step; penalties.pxd says what each function does, and docs/math.md has the equations.

Sums are taken row by row and added up in one order, whoever has computed the rows: threads change no bit.
"""

import numpy as np

from libc.math cimport INFINITY, isfinite, sqrt

from scratchnn.core.kernels cimport snn_penalty, table
from scratchnn.core.layers.dense cimport Dense, at
from scratchnn.core.topology cimport Topology

# Threads share the neurons of a layer in multiples of this: whole vectors, and cache lines.
cdef enum:
    NEURONS = 64


cdef class Penalties:
    """What is asked of a network's parameters beside a small loss.

    Parameters
    ----------
    topology : Topology
    coefficients : (n_layers, 4) array of float64
        For each layer l1, l2, weight decay and the largest norm of a neuron's weights, infinity for none.
    clip_value, clip_norm : float
        The largest element, the largest Euclidean norm of the gradient; infinity for any.
    biases : bool
        Whether l1, l2 and weight decay are for biases too.
    per_sample : bool
        Whether l1 and l2 are divided by the weight of the batch's samples.
    """

    def __cinit__(self, Topology topology, coefficients, double clip_value, double clip_norm, bint biases,
                  bint per_sample):
        cdef size_t n = topology.n_layers, i
        self.keep = []
        self.topology = topology
        self.k = table(topology.dtype.itemsize)
        self.coefficients = np.array(coefficients, np.float64)
        self.clip_value, self.clip_norm = clip_value, clip_norm
        self.biases, self.per_sample = biases, per_sample
        self.in_loss = bool(np.any(self.coefficients[:, :2]))
        self.limited = bool(np.isfinite(self.coefficients[:, 3]).any())
        clips = isfinite(min(clip_value, clip_norm))
        self.only_in_loss = not (self.limited or clips or np.any(self.coefficients[:, 2]))
        self.of_weights = <snn_penalty *>self.memory(n * sizeof(snn_penalty))
        self.of_biases = <snn_penalty *>self.memory(n * sizeof(snn_penalty))
        self.first_row = <size_t *>self.memory(n * sizeof(size_t))
        for i in range(n):
            self.first_row[i] = self.n_rows
            self.n_rows += topology.layers[i].n_inputs + topology.layers[i].n_vectors
        self.rows = <double *>self.memory(self.n_rows * sizeof(double))
        if isfinite(clip_norm):
            self.squares = <double *>self.memory(self.n_rows * sizeof(double))
            self.gradient = self.pointer(topology.zeros().view(np.int8))

    cdef char *memory(self, size_t n_bytes) except NULL:
        return self.pointer(np.zeros(n_bytes, np.int8))

    cdef char *pointer(self, array) except NULL:
        cdef char[::1] bytes = array
        self.keep.append(array)
        return &bytes[0]

    cdef void prepare(self, double rate, double weight) noexcept nogil:
        cdef double divisor = weight if self.per_sample else 1
        cdef snn_penalty p
        cdef Py_ssize_t i
        for i in range(self.topology.n_layers):
            p.l1 = self.coefficients[i, 0] / divisor if divisor > 0 else 0
            p.l2 = self.coefficients[i, 1] / divisor if divisor > 0 else 0
            p.clip = self.clip_value
            p.keep = 1 - rate * self.coefficients[i, 2]
            self.of_weights[i] = p
            if not self.biases:
                p.l1 = p.l2 = 0
                p.keep = 1
            self.of_biases[i] = p

    cdef void evaluate(self, const char *parameters, size_t i, size_t begin, size_t end) noexcept nogil:
        cdef const Dense *d = &self.topology.layers[i]
        cdef double *rows = self.rows + self.first_row[i]
        self.k.penalties(
            end - begin, d.n_outputs, at(self.k, parameters, d.weights + begin * d.stride), d.stride,
            &self.of_weights[i], rows + begin)
        if begin == 0 and d.n_vectors > 0:
            self.k.penalties(
                d.n_vectors, d.n_outputs, at(self.k, parameters, d.vectors), d.stride, &self.of_biases[i],
                rows + d.n_inputs)

    cdef double total(self) noexcept nogil:
        return sum_of(self.rows, self.n_rows)

    cdef void penalize(self, char *parameters, char *gradient, size_t i, size_t begin, size_t end) noexcept nogil:
        cdef const Dense *d = &self.topology.layers[i]
        cdef size_t place = d.weights + begin * d.stride
        cdef size_t row = self.first_row[i]
        self.k.penalize(
            end - begin, d.n_outputs, at(self.k, parameters, place), d.stride, at(self.k, gradient, place), d.stride,
            &self.of_weights[i])
        if self.squares != NULL:
            self.k.row_squares(
                end - begin, d.n_outputs, at(self.k, gradient, place), d.stride, self.squares + row + begin)
        if begin == 0 and d.n_vectors > 0:
            self.k.penalize(
                d.n_vectors, d.n_outputs, at(self.k, parameters, d.vectors), d.stride,
                at(self.k, gradient, d.vectors), d.stride, &self.of_biases[i])
            if self.squares != NULL:
                self.k.row_squares(
                    d.n_vectors, d.n_outputs, at(self.k, gradient, d.vectors), d.stride,
                    self.squares + row + d.n_inputs)

    cdef double shrinkage(self) noexcept nogil:
        cdef double norm = sqrt(sum_of(self.squares, self.n_rows))
        return self.clip_norm / norm if norm > self.clip_norm else 1

    cdef void limit(self, char *parameters, size_t thread, size_t n_threads) noexcept nogil:
        cdef const Dense *d
        cdef size_t units, begin, end
        cdef Py_ssize_t i
        for i in range(self.topology.n_layers):
            d = &self.topology.layers[i]
            if self.coefficients[i, 3] == INFINITY:
                continue
            units = (d.n_outputs + NEURONS - 1) // NEURONS
            begin = units * thread // n_threads * NEURONS
            end = min(units * (thread + 1) // n_threads * NEURONS, d.n_outputs)
            if begin < end:
                self.k.limit_columns(
                    d.n_inputs, end - begin, at(self.k, parameters, d.weights + begin), d.stride,
                    self.coefficients[i, 3])

    def value(self, parameters, double weight, layers):
        """Return what these layers add to the loss of samples that weigh so much together."""
        cdef const char[::1] bytes = parameters.view(np.int8)
        cdef size_t i
        self.prepare(0, weight)
        for row in range(self.n_rows):
            self.rows[row] = 0
        for i in layers:
            self.evaluate(&bytes[0], i, 0, self.topology.layers[i].n_inputs)
        return self.total()


cdef double sum_of(const double *values, size_t n) noexcept nogil:
    cdef double total = 0
    cdef size_t i
    for i in range(n):
        total += values[i]
    return total
