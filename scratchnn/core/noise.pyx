"""What training draws at random in every step; docs/math.md, sections "Dropout" and "Input noise", has the equations.

A draw depends on the seed, the number of the step, and its place in the batch alone: on no thread, no instruction set
and no way to cut a training into calls.
"""

import numpy as np

from libc.stdint cimport uint32_t, uint64_t

from scratchnn.core.kernels cimport random_key, snn_kernels, table
from scratchnn.core.layers.dense cimport at
from scratchnn.core.topology cimport bytes_of

# The stream of a network's seed; 0 is for initial parameters and 1 for shuffles.
NOISE_STREAM = 2

# Streams within a step: of the inputs' dropout, of their noise, and from 3 on of the dropout of each layer's outputs.
cdef enum:
    DROPPED_INPUTS = 1
    DISTURBED_INPUTS = 2
    DROPPED_OUTPUTS = 3


cdef class Noise:
    """What is drawn in every step of a training.

    Parameters
    ----------
    seed : int
    counter : int
        How many steps have drawn.
    dropout : sequence of float
        The rate at which outputs of each layer are dropped, in [0, 1).
    input_dropout : float
        The rate at which inputs are.
    input_noise : float
        The standard deviation of the noise that is added to inputs before.
    """

    def __cinit__(self, uint64_t seed, uint64_t counter, dropout, double input_dropout=0, double input_noise=0):
        self.key = random_key(seed, NOISE_STREAM)
        self.counter = counter
        self.thresholds = np.array([round(rate * 65536) for rate in (input_dropout, *dropout)], np.uint32)
        self.deviation = input_noise
        self.of_inputs = self.thresholds[0] > 0 or input_noise > 0

    cdef uint64_t key_of(self, size_t place) noexcept nogil:
        return random_key(random_key(self.key, self.counter + 1), place)

    cdef bint drops(self, size_t i) noexcept nogil:
        return self.thresholds[i + 1] > 0

    cdef void drop(
            self, const snn_kernels *k, size_t i, size_t begin, size_t end, size_t n, const char *x, char *mask,
            char *out, size_t ld) noexcept nogil:
        k.drop(
            begin, end - begin, n, self.key_of(DROPPED_OUTPUTS + i), self.thresholds[i + 1], at(k, x, begin * ld),
            at(k, mask, begin * ld), at(k, out, begin * ld), ld)

    cdef void disturb(
            self, const snn_kernels *k, size_t begin, size_t end, size_t n, char *x, size_t ld) noexcept nogil:
        cdef char *rows = at(k, x, begin * ld)
        if self.deviation > 0:
            k.add_noise(begin, end - begin, n, self.key_of(DISTURBED_INPUTS), self.deviation, rows, ld)
        if self.thresholds[0] > 0:
            k.drop(begin, end - begin, n, self.key_of(DROPPED_INPUTS), self.thresholds[0], rows, NULL, rows, ld)

    def mask(self, Py_ssize_t layer, size_t n_rows, size_t n_columns, dtype, size_t first=0):
        """Return what the next step multiplies outputs of a layer with, in rows `first`, `first` + 1, … of its batch.

        Layer -1 is the inputs. Elements are 0 at the layer's rate r, and 1 / (1 - r) elsewhere.
        """
        if not -1 <= layer < self.thresholds.shape[0] - 1:
            raise ValueError(f"layer is {layer}; expected -1 to {self.thresholds.shape[0] - 2}")
        mask = np.ones((n_rows, n_columns), dtype)
        cdef char *bytes = bytes_of(mask.reshape(-1))
        cdef uint32_t threshold = self.thresholds[layer + 1]
        cdef size_t place = DROPPED_INPUTS if layer < 0 else DROPPED_OUTPUTS + layer
        if threshold > 0 and bytes != NULL:
            table(mask.itemsize).drop(
                first, n_rows, n_columns, self.key_of(place), threshold, bytes, NULL, bytes, n_columns)
        return mask

    def input_noise(self, size_t n_rows, size_t n_columns, dtype, size_t first=0):
        """Return what the next step adds to inputs in rows `first`, `first` + 1, … of its batch."""
        noise = np.zeros((n_rows, n_columns), dtype)
        cdef char *bytes = bytes_of(noise.reshape(-1))
        if bytes != NULL:
            table(noise.itemsize).add_noise(
                first, n_rows, n_columns, self.key_of(DISTURBED_INPUTS), self.deviation, bytes, n_columns)
        return noise
