"""Normalisation of a layer's sums z, between ``z = x W + b`` and ``a = g(u)``: u from z, and the way back."""

from scratchnn.core.kernels cimport snn_kernels
from scratchnn.core.layers.dense cimport Activations, Dense


# How far a step moves the running means and variances towards the batch's.
cdef inline double averaging() noexcept nogil:
    return 0.1


# What is taken of columns [begin, end) over all m rows of a batch, which weigh `total` together, and sample_weight[i]
# each where that is not NULL: mean and variance of z, once all rows of it are there; and the gradients of gain and
# shift, once all rows of du are.
cdef void take_moments(
    const snn_kernels *k, const Dense *d, const Activations *batch, const char *sample_weight, double total, size_t m,
    size_t begin, size_t end) noexcept nogil
cdef void take_sums(
    const snn_kernels *k, const Dense *d, const Activations *batch, size_t m, size_t begin, size_t end) noexcept nogil

# u of rows [begin, end) from z, in a layer that is normalised.
cdef void normalize(
    const snn_kernels *k, const Dense *d, const char *parameters, const Activations *batch, size_t begin,
    size_t end) noexcept nogil

# dz of rows [begin, end) from du; weights as above.
cdef void grad_normalized(
    const snn_kernels *k, const Dense *d, const char *parameters, const Activations *batch, const char *sample_weight,
    double total, size_t begin, size_t end) noexcept nogil

# Move the running mean and variance by `rate` of their way to the batch's.
cdef void average(
    const snn_kernels *k, const Dense *d, const Activations *batch, double rate, char *parameters) noexcept nogil
