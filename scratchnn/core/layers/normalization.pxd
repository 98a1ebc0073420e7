"""Normalisation of a layer's sums z, between ``z = x W + b`` and ``a = g(u)``: u from z, and the way back."""

from scratchnn.core.kernels cimport snn_kernels
from scratchnn.core.layers.dense cimport Activations, Dense


# u of rows [begin, end) from z, in a layer that is normalised.
cdef void normalize(
    const snn_kernels *k, const Dense *d, const char *parameters, const Activations *batch, size_t begin,
    size_t end) noexcept nogil

# dz of rows [begin, end) from du.
cdef void grad_normalized(
    const snn_kernels *k, const Dense *d, const char *parameters, const Activations *batch, size_t begin,
    size_t end) noexcept nogil
