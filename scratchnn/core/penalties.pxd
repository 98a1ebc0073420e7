"""Regularisation of a step: penalties beside the loss, clipped gradients, decaying and limited weights."""

cimport cython

from scratchnn.core.kernels cimport snn_kernels, snn_penalty
from scratchnn.core.layers.dense cimport Dense
from scratchnn.core.topology cimport Topology


@cython.final
cdef class Penalties:
    cdef Topology topology
    cdef const snn_kernels *k
    cdef double[:, ::1] coefficients        # of each layer: l1, l2, weight decay, the largest norm of a neuron
    cdef double clip_value
    cdef readonly double clip_norm          # INFINITY for none
    cdef bint biases, per_sample
    cdef readonly bint in_loss, limited     # whether there is any l1 or l2, any largest norm
    cdef readonly bint only_in_loss         # whether there is nothing else than l1 and l2

    # of the step: a penalty of each layer's weights and one of its biases; and row by row what they add to the loss
    cdef snn_penalty *of_weights
    cdef snn_penalty *of_biases
    cdef double *rows
    cdef size_t *first_row
    cdef size_t n_rows

    # where clip_norm is finite: the gradient of the whole step, and the squares of its rows
    cdef char *gradient
    cdef double *squares

    cdef list keep

    cdef char *memory(self, size_t n_bytes) except NULL
    cdef char *pointer(self, array) except NULL

    # Make ready for a step at a learning rate, on a batch whose samples weigh so much together.
    cdef void prepare(self, double rate, double weight) noexcept nogil

    # What rows [begin, end) of layer i, and its biases where begin is 0, add to the loss: kept until `total`.
    cdef void evaluate(self, const char *parameters, size_t i, size_t begin, size_t end) noexcept nogil
    cdef double total(self) noexcept nogil

    # Penalties on the gradient of these rows, in place, and its squares where there is a clip_norm.
    cdef void penalize(self, char *parameters, char *gradient, size_t i, size_t begin, size_t end) noexcept nogil

    # What the whole gradient is to be multiplied by so that its norm is at most clip_norm.
    cdef double shrinkage(self) noexcept nogil

    # Shrink this thread's neurons to the largest norm.
    cdef void limit(self, char *parameters, size_t thread, size_t n_threads) noexcept nogil
