"""A dense layer below Python: ``z = x W + b, a = g(u)``, and the way back; u is z, or what it is normalised to.

A layer is a description (`Dense`) and the memory of one batch (`Activations`). The functions take a range
of rows or of inputs, so that threads can share a step; ranges only divide the work and change no bit.
Matrices of a batch have the layer's `stride`, and the lanes between n_outputs and a whole vector hold
zeros in weights, vectors and dz, so products run over whole vectors.
"""

from scratchnn.core.kernels cimport SNN_MAX_COEFFICIENTS, SNN_MAX_STATES, snn_kernels, snn_penalty, snn_update


cdef enum Normalization:
    NONE
    BY_LAYER        # each sample's sums over the layer
    BY_BATCH        # each neuron's over the batch


cdef struct Dense:
    size_t n_inputs
    size_t n_outputs
    size_t stride           # elements between rows of weights and of z, a, dz: n_outputs, padded
    size_t weights          # where the weights start in a parameter vector, in elements
    size_t vectors          # where its vectors start there, rows of `stride`: biases, gain and shift, if it has them
    size_t n_vectors
    bint has_biases
    Normalization normalization
    size_t gain             # where they start, in a layer that is normalised
    size_t shift
    size_t mean             # where the running ones start, in a layer that is normalised by batches
    size_t variance
    size_t activation       # place in the kernels' list
    double alpha
    bint slope_from_value   # then a overwrites u
    bint in_loss            # the activation belongs to the loss, which takes logits and gives dz
    bint linear             # a is u, and du is da: in_loss, or the identity


cdef struct Activations:
    char *z
    char *normal            # where the normalised z is to be kept; NULL for nowhere
    char *inverse           # and what each row was multiplied by
    char *mean              # of the batch's columns of z, where they normalise the layer, else NULL
    char *variance
    char *u                 # z itself in a layer that is not normalised
    char *a                 # u itself where slope_from_value or in_loss
    char *out               # what the next layer takes: a itself unless some of it is dropped
    char *mask              # what a is multiplied by then, else NULL
    char *du                # also takes da, before the slope is multiplied in
    char *dz                # du itself in a layer that is not normalised
    char *dv                # where the vectors' gradients wait for the update


# What an optimizer needs to update a stretch of the parameters.
cdef struct Update:
    const snn_update *rule
    double coefficients[SNN_MAX_COEFFICIENTS]
    char *states[SNN_MAX_STATES]         # vectors laid out as the parameters are


cdef inline char *at(const snn_kernels *k, const char *vector, size_t index) noexcept nogil:
    return <char *>vector + index * k.itemsize


cdef inline size_t whole_vectors(const snn_kernels *k, size_t n) noexcept nogil:
    return (n + k.width - 1) // k.width * k.width


# z of rows [begin, end) from the inputs x (row stride ldx).
cdef void multiply(
    const snn_kernels *k, const Dense *d, const char *parameters, const char *x, size_t ldx,
    const Activations *batch, size_t begin, size_t end) noexcept nogil

# a = g(u) of rows [begin, end).
cdef void activate(
    const snn_kernels *k, const Dense *d, const Activations *batch, size_t begin, size_t end) noexcept nogil

# du = da g'(u) of rows [begin, end), in place; before, da is masked where outputs are.
cdef void backward(
    const snn_kernels *k, const Dense *d, const Activations *batch, size_t begin, size_t end) noexcept nogil

# dx = dz Wᵀ of rows [begin, end), with row stride lddx.
cdef void grad_inputs(
    const snn_kernels *k, const Dense *d, const char *parameters, const Activations *batch, char *dx, size_t lddx,
    size_t begin, size_t end) noexcept nogil

# dW = xᵀ dz for inputs [begin, end), and the vectors' gradients where begin is 0, over all m rows.
cdef void grad_parameters(
    const snn_kernels *k, const Dense *d, const char *x, size_t ldx, const Activations *batch, size_t m,
    char *gradient, size_t begin, size_t end) noexcept nogil

# The optimizer's step on the weights of inputs [begin, end), and on the vectors where begin is 0, with the gradient
# over all m rows, and with penalties, NULL for none.
cdef void update_parameters(
    const snn_kernels *k, const Dense *d, const char *x, size_t ldx, const Activations *batch, size_t m,
    const Update *update, const snn_penalty *of_weights, const snn_penalty *of_biases, char *parameters, size_t begin,
    size_t end) noexcept nogil

# The same with a gradient that lies in a vector of the parameters' layout, penalties included, and is multiplied by
# `factor`, in place.
cdef void apply_gradient(
    const snn_kernels *k, const Dense *d, const Update *update, const snn_penalty *of_weights,
    const snn_penalty *of_biases, char *gradient, double factor, char *parameters, size_t begin,
    size_t end) noexcept nogil
