"""What training draws at random in every step: noise on the inputs, and which activations are dropped."""

cimport cython
from libc.stdint cimport uint32_t, uint64_t

from scratchnn.core.kernels cimport snn_kernels


@cython.final
cdef class Noise:
    cdef uint64_t key
    cdef readonly uint64_t counter      # steps that have drawn
    cdef uint32_t[::1] thresholds       # of dropout, in 65536ths: of the inputs, then of each layer's outputs
    cdef readonly double deviation      # of the inputs' noise
    cdef readonly bint of_inputs        # whether they are changed at all

    # Whether outputs of layer i are dropped.
    cdef bint drops(self, size_t i) noexcept nogil

    # Drop among the outputs x (n columns) of layer i: rows [begin, end) of a batch, into `out`; and the mask, which the
    # way back needs. All have the leading dimension ld.
    cdef void drop(
        self, const snn_kernels *k, size_t i, size_t begin, size_t end, size_t n, const char *x, char *mask, char *out,
        size_t ld) noexcept nogil

    # Noise on inputs x, and the same, in place.
    cdef void disturb(
        self, const snn_kernels *k, size_t begin, size_t end, size_t n, char *x, size_t ld) noexcept nogil

    cdef uint64_t key_of(self, size_t place) noexcept nogil
