"""The dense layer's functions; dense.pxd says what each does."""

from libc.string cimport memcpy

from scratchnn.core.kernels cimport SNN_MAX_STATES, snn_kernels, snn_penalty


cdef void multiply(
        const snn_kernels *k, const Dense *d, const char *parameters, const char *x, size_t ldx,
        const Activations *batch, size_t begin, size_t end) noexcept nogil:
    cdef const void *biases = at(k, parameters, d.vectors) if d.has_biases else NULL
    k.affine(
        end - begin, d.n_inputs, whole_vectors(k, d.n_outputs), at(k, x, begin * ldx), ldx, 1,
        at(k, parameters, d.weights), d.stride, biases, at(k, batch.z, begin * d.stride), d.stride)


cdef void activate(
        const snn_kernels *k, const Dense *d, const Activations *batch, size_t begin, size_t end) noexcept nogil:
    if not d.linear:
        k.activations[d.activation].value(
            (end - begin) * d.stride, at(k, batch.u, begin * d.stride), at(k, batch.a, begin * d.stride), d.alpha)


cdef void backward(
        const snn_kernels *k, const Dense *d, const Activations *batch, size_t begin, size_t end) noexcept nogil:
    cdef const char *source = batch.a if d.slope_from_value else batch.u
    cdef char *du = at(k, batch.du, begin * d.stride)
    if batch.mask != NULL:
        k.multiply_elements((end - begin) * d.stride, at(k, batch.mask, begin * d.stride), du)
    if not d.linear:
        k.activations[d.activation].backward(
            (end - begin) * d.stride, at(k, source, begin * d.stride), du, du, d.alpha)


cdef void grad_inputs(
        const snn_kernels *k, const Dense *d, const char *parameters, const Activations *batch, char *dx, size_t lddx,
        size_t begin, size_t end) noexcept nogil:
    k.grad_inputs(
        end - begin, d.n_inputs, d.n_outputs, at(k, batch.dz, begin * d.stride), d.stride, 1,
        at(k, parameters, d.weights), d.stride, at(k, dx, begin * lddx), lddx, whole_vectors(k, d.n_inputs))


cdef void grad_parameters(
        const snn_kernels *k, const Dense *d, const char *x, size_t ldx, const Activations *batch, size_t m,
        char *gradient, size_t begin, size_t end) noexcept nogil:
    k.grad_weights(
        m, end - begin, whole_vectors(k, d.n_outputs), at(k, x, begin), ldx, 1, batch.dz, d.stride,
        at(k, gradient, d.weights + begin * d.stride), d.stride)
    if begin == 0 and d.n_vectors > 0:
        grad_vectors(k, d, batch, m)
        memcpy(at(k, gradient, d.vectors), batch.dv, d.n_vectors * d.stride * k.itemsize)


cdef void grad_vectors(const snn_kernels *k, const Dense *d, const Activations *batch, size_t m) noexcept nogil:
    """Compute the gradients of biases, gain and shift where they wait for the update."""
    cdef char *row = batch.dv
    if d.has_biases:
        k.grad_biases(m, d.n_outputs, batch.dz, d.stride, row)
        row = at(k, row, d.stride)
    if d.normalization != NONE and batch.mean == NULL:  # of a batch's columns they are known already
        k.grad_gain(m, d.n_outputs, batch.du, batch.normal, d.stride, row, at(k, row, d.stride))


cdef void update_parameters(
        const snn_kernels *k, const Dense *d, const char *x, size_t ldx, const Activations *batch, size_t m,
        const Update *update, const snn_penalty *of_weights, const snn_penalty *of_biases, char *parameters,
        size_t begin, size_t end) noexcept nogil:
    cdef size_t place = d.weights + begin * d.stride
    cdef void *states[SNN_MAX_STATES]
    states_at(k, update, place, states)
    k.update_weights(
        m, end - begin, d.n_outputs, at(k, x, begin), ldx, 1, batch.dz, d.stride, update.rule,
        update.coefficients, of_weights, at(k, parameters, place), d.stride, states)
    if begin == 0 and d.n_vectors > 0:
        grad_vectors(k, d, batch, m)
        if of_biases != NULL:
            k.penalize(
                d.n_vectors, d.n_outputs, at(k, parameters, d.vectors), d.stride, batch.dv, d.stride, of_biases)
        apply(k, d, update, of_biases, batch.dv, parameters, d.vectors, d.n_vectors)


cdef void apply_gradient(
        const snn_kernels *k, const Dense *d, const Update *update, const snn_penalty *of_weights,
        const snn_penalty *of_biases, char *gradient, double factor, char *parameters, size_t begin,
        size_t end) noexcept nogil:
    cdef size_t place = d.weights + begin * d.stride
    if factor != 1:
        k.scale(end - begin, d.n_outputs, at(k, gradient, place), d.stride, factor)
        if begin == 0:
            k.scale(d.n_vectors, d.n_outputs, at(k, gradient, d.vectors), d.stride, factor)
    apply(k, d, update, of_weights, at(k, gradient, place), parameters, place, end - begin)
    if begin == 0:
        apply(k, d, update, of_biases, at(k, gradient, d.vectors), parameters, d.vectors, d.n_vectors)


cdef void apply(
        const snn_kernels *k, const Dense *d, const Update *update, const snn_penalty *penalty, const char *gradient,
        char *parameters, size_t place, size_t m) noexcept nogil:
    """Update m rows of parameters that begin at `place`, after they have decayed."""
    cdef void *states[SNN_MAX_STATES]
    states_at(k, update, place, states)
    if penalty != NULL and penalty.keep != 1:
        k.scale(m, d.n_outputs, at(k, parameters, place), d.stride, penalty.keep)
    update.rule.apply(
        m, d.n_outputs, at(k, parameters, place), d.stride, gradient, d.stride, states, update.coefficients)


cdef inline void states_at(const snn_kernels *k, const Update *update, size_t place, void **states) noexcept nogil:
    cdef int i
    for i in range(update.rule.n_states):
        states[i] = at(k, update.states[i], place)
