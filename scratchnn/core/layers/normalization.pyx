"""Normalisation of a layer's sums; normalization.pxd says what each function does."""

from scratchnn.core.kernels cimport SNN_NORMALIZATION_EPSILON, snn_kernels
from scratchnn.core.layers.dense cimport Activations, Dense, at, whole_vectors

# Added to variances before their root is taken.
EPSILON = SNN_NORMALIZATION_EPSILON


cdef void normalize(
        const snn_kernels *k, const Dense *d, const char *parameters, const Activations *batch, size_t begin,
        size_t end) noexcept nogil:
    cdef size_t place = begin * d.stride
    cdef char *normal = NULL if batch.normal == NULL else at(k, batch.normal, place)
    cdef char *inverse = NULL if batch.inverse == NULL else at(k, batch.inverse, begin)
    k.normalize_rows(
        end - begin, d.n_outputs, at(k, batch.z, place), at(k, parameters, d.gain), at(k, parameters, d.shift), normal,
        inverse, at(k, batch.u, place), d.stride, whole_vectors(k, d.n_outputs))


cdef void grad_normalized(
        const snn_kernels *k, const Dense *d, const char *parameters, const Activations *batch, size_t begin,
        size_t end) noexcept nogil:
    cdef size_t place = begin * d.stride
    k.grad_normalized_rows(
        end - begin, d.n_outputs, at(k, batch.du, place), at(k, parameters, d.gain), at(k, batch.normal, place),
        at(k, batch.inverse, begin), at(k, batch.dz, place), d.stride)
