"""The training loop, and single steps of it."""

cimport cython
from libc.stdint cimport uint32_t, uint64_t

from scratchnn.core.kernels cimport SNN_MAX_STATES, snn_barrier, snn_kernels, snn_tiny
from scratchnn.core.step cimport Step
from scratchnn.core.team cimport Team
from scratchnn.core.trial cimport Trial


cdef enum Status:
    RUNNING
    PAUSED          # by a limit of steps or of time
    INTERRUPTED
    DIVERGED


@cython.final  # its functions call each other directly
cdef class Trainer:
    cdef Step step
    cdef const snn_kernels *k
    cdef double[::1] hyper
    cdef size_t n_samples, n_outputs
    cdef bint shuffle, order_given
    cdef uint64_t key
    cdef readonly uint64_t counter, steps
    cdef const double[::1] rates    # of the steps after the first rates_from; None where hyper has the rate of all
    cdef uint64_t rates_from

    # the same network for the kernel that takes whole steps
    cdef bint is_tiny
    cdef snn_tiny tiny
    cdef object tiny_memory

    # a run in progress
    cdef snn_barrier barrier
    cdef uint32_t n_threads
    cdef Status status
    cdef readonly bint loss_finite
    cdef readonly bint finite_at_start      # of the latest epoch that began
    cdef double *losses
    cdef double *last_rates         # of each epoch
    cdef size_t epochs
    cdef size_t epoch
    cdef bint begun                 # whether the order of the epoch is drawn
    cdef uint64_t next_counter      # of the epoch that follows
    cdef readonly size_t first      # sample of the next step
    cdef uint64_t last_step         # the run ends with it
    cdef double deadline            # or soon after
    cdef Trial trial                # of the number of threads
    cdef size_t steps_left          # of a stretch of steps in so many threads
    cdef size_t steps_measured
    cdef double measured_from
    cdef readonly size_t samples    # of all whole epochs of all runs
    cdef double weight              # of the samples of the step, together
    cdef readonly double epoch_loss         # that of its steps, before it is scaled
    cdef readonly double epoch_penalty      # what penalties add: of its steps, each times its samples in a mean
    cdef double last_loss           # of the latest tiny step, before it is scaled
    cdef readonly double batch_loss         # of the latest step, penalties included
    cdef double last_poll
    cdef size_t poll_every, since_poll
    cdef object interruption
    cdef uint64_t float_state

    # the state to return to
    cdef size_t snapshot_samples, since_snapshot
    cdef size_t snapshot_epoch
    cdef readonly bint snapshot_taken       # in this run
    cdef bint has_snapshot                  # in any
    cdef uint64_t snapshot_counter, snapshot_steps, snapshot_noise
    cdef size_t snapshot_first
    cdef double snapshot_loss, snapshot_penalty
    cdef size_t state_size
    cdef object kept_memory
    cdef char *kept[1 + SNN_MAX_STATES]     # parameters, and the optimizer's state
    cdef char *live[1 + SNN_MAX_STATES]

    # Take the step on the m samples from sample `first` on, in this thread alone, and return its loss, penalties
    # included. Nothing is looked after: the loss, or a parameter then, may not be finite.
    cdef double take_step(self, size_t first, size_t m) noexcept nogil

    # The gradient that the next step on the first m samples would follow, into a vector of the parameters' layout, and
    # the loss there. What is drawn at random counts as drawn.
    cdef double find_gradient(self, size_t m, char *gradient) noexcept nogil

    # The loss of an epoch of n samples, of which all steps have been taken.
    cdef double mean_of_epoch(self, size_t n) noexcept nogil

    cdef void _prepare_snapshot(self) except *
    cdef void _prepare_tiny(self) except *
    cdef void tiny_steps(self) noexcept nogil
    cdef size_t run_tiny(self, size_t n, size_t m) noexcept nogil
    cdef void begin_epoch(self) noexcept nogil
    cdef void begin_step(self, size_t m) noexcept nogil
    cdef double add_loss(self, size_t m) noexcept nogil
    cdef void end_steps(self, size_t n, size_t m, double last_loss) noexcept nogil
    cdef void end_epoch(self) noexcept nogil
    cdef void finish_step(self, uint32_t thread) noexcept nogil
    cdef void poll(self) noexcept nogil
    cdef bint parameters_finite(self) noexcept nogil
    cdef void take_snapshot(self) noexcept nogil
    cdef void restore_snapshot(self) noexcept nogil
    cdef void loop(self, uint32_t thread) noexcept nogil
    cdef void wait(self) noexcept nogil
    cdef bint goes_on(self) noexcept nogil
    cdef void run_stretches(self, Team team) noexcept nogil
