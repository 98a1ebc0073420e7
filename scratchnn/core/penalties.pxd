"""Regularisation of a step: penalties beside the loss, clipped gradients, decaying and limited weights."""

cimport cython

from scratchnn.core.kernels cimport snn_kernels, snn_penalty
from scratchnn.core.topology cimport Topology


@cython.final
cdef class Penalties:
    cdef Topology topology
    cdef const snn_kernels *k
    cdef double[:, ::1] settings    # of each layer: l1, l2, weight decay, the largest norm of a neuron's weights
    cdef double clip_value, clip_norm
    cdef bint biases, per_sample
    cdef bint in_loss               # whether there is any l1 or l2,
    cdef bint clips_norm            # a limit to the gradient's norm,
    cdef bint limits_norms          # one to a neuron's
    cdef readonly bint only_in_loss     # or nothing else than l1 and l2

    # of the step
    cdef snn_penalty *of_weights    # in each layer
    cdef snn_penalty *of_biases
    cdef double divisor             # of l1 and l2, 0 for none at all

    # row by row of all weights, the biases of a layer being one more: what they add to the loss before it is divided,
    # and the squares of their gradient
    cdef double *rows
    cdef double *squares
    cdef size_t *first_row          # of each layer
    cdef size_t n_rows
    cdef char *gradient             # where clips_norm: that of the whole step, in the parameters' layout

    cdef list keep

    cdef char *memory(self, size_t n_bytes) except? NULL
    cdef char *pointer(self, array) except? NULL

    # Make ready for a step at a learning rate, on a batch whose samples weigh so much together.
    cdef void prepare(self, double rate, double weight, double clip_value) noexcept nogil

    # What the step asks of layer i's weights or biases; NULL for nothing.
    cdef const snn_penalty *for_weights(self, size_t i) noexcept nogil
    cdef const snn_penalty *for_biases(self, size_t i) noexcept nogil

    # What rows [begin, end) of layer i, and its biases where begin is 0, add to the loss: kept for `total`, which gives
    # the sum of all of the step's layers. `prepare` does not matter to the former.
    cdef void evaluate(self, const char *parameters, size_t i, size_t begin, size_t end) noexcept nogil
    cdef double total(self) noexcept nogil

    # Penalties on the gradient of these rows, in place; and their squares, kept for `shrinkage`, which gives what the
    # whole gradient is to be multiplied by so that its norm is at most clip_norm.
    cdef void penalize(
        self, const char *parameters, char *gradient, size_t i, size_t begin, size_t end) noexcept nogil
    cdef void square(self, const char *gradient, size_t i, size_t begin, size_t end) noexcept nogil
    cdef double shrinkage(self) noexcept nogil

    # Shrink this thread's neurons of layer i to the largest norm.
    cdef void limit(self, char *parameters, size_t i, size_t thread, size_t n_threads) noexcept nogil
