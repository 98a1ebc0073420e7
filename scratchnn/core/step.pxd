"""One step on one batch: its memory, and the two phases that threads go through."""

cimport cython
from libc.stdint cimport int64_t, uint32_t

from scratchnn.core.data cimport Rows
from scratchnn.core.kernels cimport snn_kernels
from scratchnn.core.layers.dense cimport Activations, Update
from scratchnn.core.losses cimport Loss
from scratchnn.core.topology cimport Topology


@cython.final
cdef class Step:
    cdef Topology topology
    cdef const snn_kernels *k
    cdef char *parameters
    cdef Rows x, y
    cdef Loss loss
    cdef Update update              # its rule is NULL where there are only gradients
    cdef size_t n_samples, batch_size

    # the memory of a batch, and what is taken of it
    cdef char *memory
    cdef size_t taken
    cdef Activations *batch
    cdef char *inputs
    cdef char *targets
    cdef size_t input_stride, target_stride, rows_at_a_time
    cdef bint inputs_in_place, targets_in_place     # rows of a batch are where the caller has them
    cdef double *row_loss
    cdef int64_t *order             # of the samples in this epoch; NULL for ascending

    cdef list keep

    cdef void set_update(self, str name, list states) except *
    cdef char *pointer(self, array)
    cdef void lay_out(self) noexcept
    cdef char *take(self, size_t n_bytes) noexcept

    # Gather, forward, loss and backward of this thread's rows of the batch of m that begins with sample `first`.
    cdef void phase_one(self, size_t first, size_t m, uint32_t thread, uint32_t n_threads) noexcept nogil
    cdef void learn_rows(self, size_t first, size_t m, size_t begin, size_t end) noexcept nogil

    # Gradient and update of this thread's weights.
    cdef void phase_two(self, size_t first, size_t m, uint32_t thread, uint32_t n_threads) noexcept nogil

    # This thread's part of the gradient, in place of an update, into a vector of the parameters' layout.
    cdef void gradient(
        self, size_t first, size_t m, char *gradient, uint32_t thread, uint32_t n_threads) noexcept nogil

    # The sum of what phase_one found for the rows, one after another.
    cdef double sum_of_losses(self, size_t m) noexcept nogil

    # Where inputs and targets of the batch that begins with sample `first` are, or will be once they are fetched.
    cdef const char *inputs_of(self, size_t first) noexcept nogil
    cdef const char *targets_of(self, size_t first) noexcept nogil
    cdef void fetch(self, size_t first, size_t begin, size_t end) noexcept nogil

    # Zero dz: an infinite activation leaves NaN in its padding, which no later step would overwrite.
    cdef void clear_padding(self) noexcept nogil
