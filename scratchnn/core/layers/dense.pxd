"""A dense layer below Python: ``z = x W + b, a = g(z)``, and the way back.

A layer is a description (`Dense`) and the memory of one batch (`Activations`). The functions take a range
of rows or of inputs, so that threads can share a step; ranges only divide the work and change no bit.
Matrices of a batch have the layer's `stride`, and the lanes between n_outputs and a whole vector hold
zeros in weights, biases and dz, so products run over whole vectors.
"""

from scratchnn.core.kernels cimport SNN_MAX_COEFFICIENTS, SNN_MAX_STATES, snn_kernels, snn_penalty, snn_update


cdef struct Dense:
    size_t n_inputs
    size_t n_outputs
    size_t stride           # elements between rows of weights and of z, a, dz: n_outputs, padded
    size_t weights          # where the weights start in a parameter vector, in elements
    size_t biases           # where the biases start there
    bint has_biases
    size_t activation       # place in the kernels' list
    double alpha
    bint slope_from_value   # then a overwrites z
    bint in_loss            # the activation belongs to the loss, which takes logits and gives dz
    bint linear             # nothing is to be done to z and dz: in_loss, or the identity


cdef struct Activations:
    char *z
    char *a                 # z itself where slope_from_value or in_loss
    char *out               # what the next layer takes: a itself unless some of it is dropped
    char *mask              # what a is multiplied by then, else NULL
    char *dz                # also takes da, before the slope is multiplied in
    char *db                # where the biases' gradient waits for the update


# What an optimizer needs to update a stretch of the parameters.
cdef struct Update:
    const snn_update *rule
    double coefficients[SNN_MAX_COEFFICIENTS]
    char *states[SNN_MAX_STATES]         # vectors laid out as the parameters are


cdef inline char *at(const snn_kernels *k, const char *vector, size_t index) noexcept nogil:
    return <char *>vector + index * k.itemsize


# z and a of rows [begin, end) from the inputs x (row stride ldx).
cdef void forward(
    const snn_kernels *k, const Dense *d, const char *parameters, const char *x, size_t ldx,
    const Activations *batch, size_t begin, size_t end) noexcept nogil

# dz = da g'(z) of rows [begin, end), in place; before, da is masked where outputs are.
cdef void backward(
    const snn_kernels *k, const Dense *d, const Activations *batch, size_t begin, size_t end) noexcept nogil

# dx = dz Wᵀ of rows [begin, end), with row stride lddx.
cdef void grad_inputs(
    const snn_kernels *k, const Dense *d, const char *parameters, const Activations *batch, char *dx, size_t lddx,
    size_t begin, size_t end) noexcept nogil

# dW = xᵀ dz for inputs [begin, end), and db where begin is 0, over all m rows.
cdef void grad_parameters(
    const snn_kernels *k, const Dense *d, const char *x, size_t ldx, const Activations *batch, size_t m,
    char *gradient, size_t begin, size_t end) noexcept nogil

# The optimizer's step on the weights of inputs [begin, end), and on the biases where begin is 0, with the gradient
# over all m rows, and with penalties, NULL for none.
cdef void update_parameters(
    const snn_kernels *k, const Dense *d, const char *x, size_t ldx, const Activations *batch, size_t m,
    const Update *update, const snn_penalty *of_weights, const snn_penalty *of_biases, char *parameters, size_t begin,
    size_t end) noexcept nogil

# The same with a gradient that lies in a vector of the parameters' layout, and is multiplied by `factor`, in place.
cdef void apply_gradient(
    const snn_kernels *k, const Dense *d, const Update *update, char *gradient, double factor, char *parameters,
    size_t begin, size_t end) noexcept nogil
