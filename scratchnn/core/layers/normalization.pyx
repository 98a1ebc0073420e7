"""Normalisation of a layer's sums; normalization.pxd says what each function does."""

from scratchnn.core.kernels cimport SNN_NORMALIZATION_EPSILON, snn_kernels
from scratchnn.core.layers.dense cimport BY_LAYER, Activations, Dense, at, whole_vectors

# Added to variances before their root is taken.
EPSILON = SNN_NORMALIZATION_EPSILON


cdef void take_moments(
        const snn_kernels *k, const Dense *d, const Activations *batch, const char *sample_weight, double total,
        size_t m, size_t begin, size_t end) noexcept nogil:
    k.column_moments(
        m, end - begin, at(k, batch.z, begin), d.stride, sample_weight, total, at(k, batch.mean, begin),
        at(k, batch.variance, begin))


cdef void take_sums(
        const snn_kernels *k, const Dense *d, const Activations *batch, size_t m, size_t begin,
        size_t end) noexcept nogil:
    cdef char *dgain = at(k, batch.dv, begin)
    k.grad_gain(
        m, end - begin, at(k, batch.du, begin), at(k, batch.normal, begin), d.stride, dgain, at(k, dgain, d.stride))


cdef void normalize(
        const snn_kernels *k, const Dense *d, const char *parameters, const Activations *batch, size_t begin,
        size_t end) noexcept nogil:
    cdef size_t place = begin * d.stride, m = end - begin, columns = whole_vectors(k, d.n_outputs)
    cdef const char *gain = at(k, parameters, d.gain)
    cdef const char *shift = at(k, parameters, d.shift)
    cdef const char *mean = batch.mean
    cdef const char *variance = batch.variance
    cdef char *normal = NULL if batch.normal == NULL else at(k, batch.normal, place)
    cdef char *inverse = NULL if batch.inverse == NULL else at(k, batch.inverse, begin)
    cdef char *z = at(k, batch.z, place)
    cdef char *u = at(k, batch.u, place)
    if d.normalization == BY_LAYER:
        k.normalize_rows(m, d.n_outputs, z, gain, shift, normal, inverse, u, d.stride, columns)
        return
    if mean == NULL:
        mean, variance = at(k, parameters, d.mean), at(k, parameters, d.variance)
    k.normalize_columns(m, d.n_outputs, z, mean, variance, gain, shift, normal, u, d.stride, columns)


cdef void grad_normalized(
        const snn_kernels *k, const Dense *d, const char *parameters, const Activations *batch,
        const char *sample_weight, double total, size_t begin, size_t end) noexcept nogil:
    cdef size_t place = begin * d.stride, m = end - begin
    cdef const char *gain = at(k, parameters, d.gain)
    cdef const char *normal = at(k, batch.normal, place)
    cdef const char *du = at(k, batch.du, place)
    cdef char *dz = at(k, batch.dz, place)
    if d.normalization == BY_LAYER:
        k.grad_normalized_rows(m, d.n_outputs, du, gain, normal, at(k, batch.inverse, begin), dz, d.stride)
    elif batch.mean == NULL:
        k.grad_normalized_columns(
            m, d.n_outputs, du, gain, normal, at(k, parameters, d.variance), NULL, NULL, NULL, 0, dz, d.stride)
    else:
        k.grad_normalized_columns(
            m, d.n_outputs, du, gain, normal, batch.variance, batch.dv, at(k, batch.dv, d.stride),
            NULL if sample_weight == NULL else at(k, sample_weight, begin), total, dz, d.stride)


cdef void average(
        const snn_kernels *k, const Dense *d, const Activations *batch, double rate, char *parameters) noexcept nogil:
    k.approach(d.n_outputs, batch.mean, rate, at(k, parameters, d.mean))
    k.approach(d.n_outputs, batch.variance, rate, at(k, parameters, d.variance))
