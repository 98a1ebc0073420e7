"""Training on all data at once: L-BFGS on the loss and gradient of one step, below Python and without the GIL.

Threads share a step as in step.pyx; what is between the steps is computed by one of them. The network's parameters are
always the point that was accepted last: those that are only tried are written elsewhere.
"""

import numpy as np

cimport cython
from libc.math cimport INFINITY, isfinite
from libc.stdint cimport SIZE_MAX, uint32_t, uint64_t

from scratchnn.core.kernels cimport barrier_init, barrier_wait, flush_denormals, restore_denormals, snn_barrier
from scratchnn.core.lbfgs cimport (
    LBFGS, MANY_EVALUATIONS, NO_DECREASE, NOT_FINITE, RUNNING, SMALL_DECREASE, SMALL_GRADIENT, STOPPED, Status)
from scratchnn.core.losses cimport loss_scale
from scratchnn.core.signals cimport pending_interruption, poll_is_due, seconds
from scratchnn.core.step cimport Step
from scratchnn.core.team cimport Team
from scratchnn.core.trial cimport Trial

# What `run` says at each end.
ENDS = {
    RUNNING: "completed",
    SMALL_GRADIENT: "converged",
    SMALL_DECREASE: "converged",
    MANY_EVALUATIONS: "max_evaluations",
    NO_DECREASE: "line_search",
    NOT_FINITE: "diverged",
    STOPPED: "interrupted",
}


cdef double evaluate(void *trainer, const char *x, char *gradient) noexcept nogil:
    return (<FullBatchTrainer>trainer).evaluate(x, gradient)


cdef void compute(void *trainer, uint32_t thread) noexcept nogil:
    (<FullBatchTrainer>trainer).compute_share(thread)


cdef void learn(void *trainer, uint32_t thread) noexcept nogil:
    cdef uint64_t state = flush_denormals()
    (<FullBatchTrainer>trainer).learn_share(thread)
    restore_denormals(state)


@cython.final
cdef class FullBatchTrainer:
    """Trains a network with L-BFGS, for whose iterations the epochs stand; to callers it is as a Trainer is.

    Parameters
    ----------
    step : Step
        The network and the data, in a batch of all samples; parameters are updated in place.
    settings : tuple
        memory, max_evaluations, gradient_tolerance, function_tolerance of core.lbfgs.LBFGS.
    steps : int
        How many iterations there have been; counted on.
    counter : int
        Of random numbers, of which none are drawn.
    """

    cdef Step step
    cdef LBFGS lbfgs
    cdef double scale                       # of the sum of the rows' losses
    cdef readonly uint64_t counter, steps
    cdef readonly size_t samples            # of all evaluations of all runs
    cdef readonly double batch_loss         # after the latest iteration
    cdef readonly size_t first              # sample of an epoch under way: none ever is
    cdef readonly double epoch_loss, epoch_penalty

    # a run in progress
    cdef Team team
    cdef snn_barrier barrier
    cdef char *gradient                     # where the evaluation in progress writes it
    cdef Trial trial                        # of the number of threads
    cdef size_t left                        # of a stretch of evaluations in so many threads
    cdef double measured, last_poll, deadline   # seconds
    cdef object interruption
    cdef uint64_t float_state

    def __cinit__(self, Step step, parameters, settings, uint64_t steps=0, uint64_t counter=0):
        if step.batch_size != step.n_samples:
            raise ValueError(f"a batch has {step.batch_size} of {step.n_samples} samples; expected all")
        self.step = step
        self.lbfgs = LBFGS(parameters, *settings)
        self.lbfgs.objective, self.lbfgs.context = evaluate, <void *>self
        self.steps, self.counter = steps, counter
        cdef double weight = step.weight_of(0, step.n_samples)
        self.scale = loss_scale(&step.loss, weight, step.topology.layers[step.topology.n_layers - 1].n_outputs)
        if step.penalties is not None:
            step.penalties.prepare(0, weight, INFINITY)

    def work_of_a_step(self):
        """Return the number of multiply-adds in one evaluation."""
        return self.step.work()

    # ---- one evaluation ----

    cdef double evaluate(self, const char *x, char *gradient) noexcept nogil:
        """Return the loss of all data at x, and write its gradient."""
        cdef char *parameters = self.step.parameters
        cdef double loss
        self.step.parameters, self.gradient = <char *>x, gradient
        self.compute_in_threads()
        self.step.parameters = parameters
        loss = self.scale * self.step.sum_of_losses(self.step.n_samples)
        if self.step.penalties is not None:
            loss += self.step.penalties.total()
        if not (isfinite(loss) and self.step.k.all_finite(self.lbfgs.n, gradient)):
            self.step.clear_padding()
        self.poll()
        if self.step.failed:
            self.lbfgs.stopped = True
        return loss

    cdef void compute_in_threads(self) noexcept nogil:
        """Compute in as many threads as have turned out to be fast."""
        cdef bint is_first = self.left == self.trial.n_steps  # it is not measured: threads are waking
        cdef double begin = 0 if is_first else seconds()
        self.team.run(compute, <void *>self, self.trial.n_threads)
        if self.trial.n_steps == SIZE_MAX:
            return
        if not is_first:
            self.measured += seconds() - begin
        self.left -= 1
        if self.left == 0:
            self.trial.next(self.measured / (self.trial.n_steps - 1))
            self.begin_stretch()

    cdef void begin_stretch(self) noexcept nogil:
        self.left, self.measured = self.trial.n_steps, 0
        barrier_init(&self.barrier, self.trial.n_threads)

    cdef void compute_share(self, uint32_t thread) noexcept nogil:
        """Compute what is this thread's of losses and gradient."""
        cdef uint32_t n_threads = self.trial.n_threads
        cdef uint64_t state = flush_denormals()
        self.learn_share(thread)
        if n_threads > 1:
            barrier_wait(&self.barrier)
        if not self.step.failed:
            self.step.gradient(0, self.step.n_samples, self.gradient, thread, n_threads)
        restore_denormals(state)

    cdef void learn_share(self, uint32_t thread) noexcept nogil:
        cdef uint32_t n_threads = self.trial.n_threads
        self.step.phase_one(
            0, self.step.n_samples, thread, n_threads, &self.barrier if n_threads > 1 else NULL)

    cdef void keep_statistics(self) noexcept nogil:
        """Make means and variances of all data at the point that was accepted last the running ones."""
        if self.step.together:
            self.team.run(learn, <void *>self, self.trial.n_threads)
            self.step.average_statistics(0, self.step.n_samples, 1)

    cdef void poll(self) noexcept nogil:
        """Let Python handle signals, Ctrl-C among them; look whether time is up."""
        if not poll_is_due(&self.last_poll):
            return
        restore_denormals(self.float_state)  # a handler computes as the caller would
        with gil:
            self.interruption = pending_interruption()
            self.lbfgs.stopped = self.interruption is not None or self.last_poll >= self.deadline
        flush_denormals()

    # ---- the run ----

    def run(self, size_t epochs, Team team, list records, order=None, max_steps=None, max_seconds=None):
        """Do some iterations, append the loss after each to `records`, and return (status, exception).

        A record has a second row, of NaN, where other trainers have learning rates.

        The status is "completed", "paused" (after max_steps iterations, or soon after max_seconds), "interrupted" (a
        signal's handler or the loss raised the exception), "diverged" (loss or gradient are not finite before the
        first iteration), or why it ended before: "converged", "line_search", "max_evaluations". Parameters are those
        of the last iteration, which is the last one in `records`.
        """
        if order is not None:
            raise ValueError("an order was given for data that are always taken as a whole")
        if epochs == 0:
            return "completed", None
        cdef size_t n = epochs if max_steps is None else min(epochs, <size_t>max_steps)
        record = np.full((2, n), np.nan)
        cdef double[:, ::1] view = record
        cdef size_t done, before = self.lbfgs.evaluations
        cdef Status status
        cdef uint32_t n_threads = team.start()
        self.team, self.interruption = team, None
        if self.trial is None or self.trial.many != n_threads:
            self.trial = Trial(n_threads, self.work_of_a_step())
            self.begin_stretch()
        self.last_poll = seconds()
        self.deadline = INFINITY if max_seconds is None else self.last_poll + <double>max_seconds
        self.lbfgs.stopped = False
        with nogil:
            self.float_state = flush_denormals()
            status = self.lbfgs.advance(n, &view[0, 0], &done)
            if not self.step.failed:
                self.keep_statistics()
            restore_denormals(self.float_state)
        self.steps += done
        self.samples += (self.lbfgs.evaluations - before) * self.step.n_samples
        if done > 0:
            self.batch_loss = view[0, done - 1]
            records.append(record[:, :done].copy())  # the last: there may be no memory for it
        if self.step.failed:
            return ENDS[STOPPED], self.step.raised[0]
        if (status == RUNNING and n < epochs) or (status == STOPPED and self.interruption is None):
            return "paused", None
        return ENDS[status], self.interruption
