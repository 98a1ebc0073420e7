"""Tiny networks, described to the kernel that does a whole step of theirs; tiny.pxd says what each function does."""

cimport cython

from scratchnn.core.kernels cimport SNN_TINY, snn_kernels, snn_tiny, snn_tiny_layer
from scratchnn.core.layers.dense cimport Activations, Dense, Update, at


cdef bint is_tiny(const snn_kernels *k, const Dense *layers, size_t n_layers) noexcept nogil:
    cdef size_t i
    for i in range(n_layers):
        if layers[i].n_inputs > SNN_TINY or layers[i].n_outputs > SNN_TINY:
            return False
    return True


@cython.overflowcheck(False)  # which takes the difference of two pointers for one of numbers
cdef void describe(
        const snn_kernels *k, const Dense *layers, size_t n_layers, char *parameters, const Activations *batch,
        Update *update, double *hyper, int loss, const double *parameters_of_loss, int identity,
        snn_tiny_layer *tiny, snn_tiny *network) noexcept nogil:
    cdef const Dense *d
    cdef snn_tiny_layer *t
    cdef size_t i
    cdef int s
    network.n_layers, network.widest, network.layers = n_layers, 0, tiny
    network.loss, network.parameters = loss, parameters_of_loss
    network.update = update.rule - k.updates
    network.hyper, network.rates, network.coefficients = hyper, NULL, update.coefficients
    for i in range(n_layers):
        d, t = &layers[i], &tiny[i]
        t.n_inputs, t.n_outputs, t.stride = d.n_inputs, d.n_outputs, d.stride
        network.widest = max(network.widest, t.n_outputs)
        t.activation, t.alpha = identity if d.in_loss else <int>d.activation, d.alpha
        t.slope_from_value = d.slope_from_value or d.in_loss
        t.has_biases, t.weights = d.has_biases, at(k, parameters, d.weights)
        for s in range(update.rule.n_states):
            t.states[s] = at(k, update.states[s], d.weights)
        t.z, t.a, t.dz = batch[i].z, batch[i].a, batch[i].dz
