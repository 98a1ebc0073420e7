"""One step on one batch: its memory, and the two phases that threads go through."""

cimport cython
from libc.stdint cimport int64_t, uint32_t

from scratchnn.core.data cimport Rows
from scratchnn.core.kernels cimport snn_barrier, snn_kernels
from scratchnn.core.layers.dense cimport Activations, Update
from scratchnn.core.losses cimport Loss
from scratchnn.core.noise cimport Noise
from scratchnn.core.penalties cimport Penalties
from scratchnn.core.topology cimport Topology


@cython.final
cdef class Step:
    cdef Topology topology
    cdef const snn_kernels *k
    cdef char *parameters
    cdef Rows x, y, sample_weight   # no data of weights: all are 1
    cdef Loss loss
    cdef Update update              # its rule is NULL where there are only gradients
    cdef Penalties penalties        # None for none
    cdef readonly Noise noise       # None for none
    cdef const char *frozen         # whether each layer is not to change; NULL where all change
    cdef size_t lowest              # layer that changes; the number of layers where none does
    cdef size_t n_samples, batch_size
    cdef bint training              # whether batches normalise layers, rather than running means and variances
    cdef readonly bint together     # whether there is such a layer: threads then wait for each other in phase_one

    # the memory of a batch, and what is taken of it
    cdef char *memory
    cdef size_t taken
    cdef Activations *batch
    cdef char *inputs
    cdef char *targets
    cdef char *weights              # of the samples
    cdef size_t input_stride, target_stride, rows_at_a_time
    cdef bint inputs_in_place, targets_in_place     # rows of a batch are where the caller has them
    cdef double *row_loss
    cdef int64_t *order             # of the samples in this epoch; NULL for ascending

    # what a loss that is a Python function has raised in phase_one, which ends there
    cdef bint failed
    cdef list raised

    cdef list keep

    cdef void set_update(self, str name, list states) except *
    cdef char *pointer(self, array)
    cdef void lay_out(self) noexcept
    cdef char *take(self, size_t n_bytes) noexcept

    # Multiply-adds in a step on a whole batch.
    cdef double work(self) noexcept nogil

    # Whether steps are nothing but the loss's gradient and the optimizer's update, of all layers.
    cdef bint is_plain(self) noexcept nogil

    cdef bint is_together(self, size_t i) noexcept nogil

    # Whether the same parameters and samples give the same gradient in every step.
    cdef bint is_deterministic(self) noexcept nogil
    cdef bint is_frozen(self, size_t i) noexcept nogil

    # What the samples of the batch of m that begins with sample `first` weigh together.
    cdef double weight_of(self, size_t first, size_t m) noexcept nogil

    # Gather, forward, loss and backward of this thread's rows of the batch of m that begins with sample `first`; and
    # what its weights add to the loss. The barrier is for n_threads, and may be NULL for one.
    cdef void phase_one(
        self, size_t first, size_t m, uint32_t thread, uint32_t n_threads, snn_barrier *barrier) noexcept nogil
    cdef void learn_rows(
        self, size_t first, size_t m, size_t begin, size_t end, double weight, uint32_t thread, uint32_t n_threads,
        snn_barrier *barrier) noexcept nogil
    cdef void forward_rows(
        self, size_t first, size_t m, size_t begin, size_t end, double weight, uint32_t thread, uint32_t n_threads,
        snn_barrier *barrier) noexcept nogil
    cdef void backward_rows(
        self, size_t m, size_t begin, size_t end, double weight, uint32_t thread, uint32_t n_threads,
        snn_barrier *barrier) noexcept nogil

    # Gradient and update of this thread's weights, for which penalties have been made ready.
    cdef void phase_two(self, size_t first, size_t m, uint32_t thread, uint32_t n_threads) noexcept nogil

    # Move running means and variances towards those of the batch of m, at a rate.
    cdef void average_statistics(self, size_t first, size_t m, double rate) noexcept nogil

    # With a limit to the gradient's norm phase_two leaves the gradient in memory, and this is the update, once all
    # threads are done with it. With one to the norm of a neuron's weights, the other follows, once they are done again.
    cdef void apply_clipped(self, uint32_t thread, uint32_t n_threads) noexcept nogil
    cdef void limit_norms(self, uint32_t thread, uint32_t n_threads) noexcept nogil

    # This thread's part of the gradient, penalties included, into a vector of the parameters' layout.
    cdef void gradient(
        self, size_t first, size_t m, char *gradient, uint32_t thread, uint32_t n_threads) noexcept nogil

    # All of it, as nothing limits it, and the losses of the first m samples, which are its batch.
    cdef void differentiate(self, size_t m, char *gradient) noexcept nogil

    # The sum of what phase_one found for the rows, one after another.
    cdef double sum_of_losses(self, size_t m) noexcept nogil

    # Where inputs and targets of the batch that begins with sample `first` are, or will be once they are fetched.
    cdef const char *inputs_of(self, size_t first) noexcept nogil
    cdef const char *targets_of(self, size_t first) noexcept nogil
    cdef void fetch(self, size_t first, size_t begin, size_t end) noexcept nogil

    # Zero du and dz: an infinite activation leaves NaN in its padding, which no later step would overwrite.
    cdef void clear_padding(self) noexcept nogil
