"""The training loop: every epoch of a run is below Python, without the GIL and without an allocation.

What a step does is in step.pyx, or for tiny networks in one call of a kernel (layers/tiny.pyx).

A snapshot of parameters, optimizer state and counters is taken at the start of an epoch. When the loss or
a parameter is no longer finite, the run returns to it and reports divergence.
"""

import numpy as np

from libc.math cimport INFINITY, isfinite
from libc.stdint cimport UINT64_MAX, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from scratchnn.core.kernels cimport (
    barrier_init, barrier_wait, flush_denormals, random_key, random_shuffle, restore_denormals, snn_tiny_layer)
from scratchnn.core.layers.tiny cimport describe, is_tiny
from scratchnn.core.losses cimport loss_scale
from scratchnn.core.signals cimport POLL_WORK, pending_interruption, poll_is_due, seconds
from scratchnn.core.step cimport Step
from scratchnn.core.team cimport Team
from scratchnn.core.topology cimport bytes_of
from scratchnn.core.trial cimport Trial

from scratchnn.core import activations
from scratchnn.core.topology import aligned_zeros


# What a step costs however small its network is, in multiply-adds.
cdef enum:
    STEP_WORK = 10_000

# A shuffle looks for signals after so many items.
cdef enum:
    SHUFFLE_SLICE = 65_536

# A snapshot is taken once so many samples have been trained on since the last: copying parameters and
# optimizer state then costs about a hundredth of the arithmetic.
SNAPSHOT_SAMPLES = 8192

# The stream of a network's seed that shuffles come from; initial parameters come from stream 0.
SHUFFLE_STREAM = 1

cdef void run_loop(void *trainer, uint32_t thread) noexcept nogil:
    (<Trainer>trainer).loop(thread)


cdef class Trainer:
    """Trains a network with one optimizer, step by step.

    Parameters
    ----------
    step : Step
        The network, the data and the batches; parameters are updated in place.
    optimizer : (name, hyper-parameters in the order of core.updates.specifications, state vectors)
        States are updated in place.
    steps : int
        How many updates the optimizer has made; before the first, states are zeros.
    shuffle : bool
        Whether each epoch has an order of its own, random unless `run` is given one.
    seed, counter : int
        The stream of random numbers of the shuffles, and how many were drawn before the epoch.
    first : int
        How many samples of the epoch were trained on already.
    epoch_loss, epoch_penalty : float
        The sums of their losses and of what penalties added.
    """

    def __cinit__(self, Step step, optimizer, uint64_t steps=0, bint shuffle=False, uint64_t seed=0,
                  uint64_t counter=0, size_t first=0, double epoch_loss=0, double epoch_penalty=0):
        name, hyper, states = optimizer
        self.step = step
        self.k = step.k
        self.n_samples = step.n_samples
        self.n_outputs = step.topology.layers[step.topology.n_layers - 1].n_outputs
        if first >= self.n_samples:
            raise ValueError(f"an epoch of {self.n_samples} samples cannot go on after {first}")
        self.steps, self.counter = steps, counter
        self.first, self.epoch_loss, self.epoch_penalty = first, epoch_loss, epoch_penalty
        self.shuffle = shuffle
        self.key = random_key(seed, SHUFFLE_STREAM)
        self.hyper, self.rates = np.array(hyper, np.float64), None
        step.set_update(name, states)
        if shuffle:
            step.order = <int64_t *>step.pointer(np.empty(step.n_samples, np.int64))
        self._prepare_snapshot()
        self._prepare_tiny()
        self.poll_every = max(1, <size_t>(<double>POLL_WORK / (STEP_WORK + self.work_of_a_step())))

    cdef void _prepare_snapshot(self) except *:
        cdef size_t n_vectors = 1 + <size_t>self.step.update.rule.n_states, i
        self.state_size = self.step.topology.size * self.k.itemsize
        self.kept_memory = aligned_zeros(n_vectors * self.state_size, np.int8)
        cdef char *kept = bytes_of(self.kept_memory)
        for i in range(n_vectors):
            self.kept[i] = kept + i * self.state_size
            self.live[i] = self.step.parameters if i == 0 else self.step.update.states[i - 1]

    cdef void _prepare_tiny(self) except *:
        cdef Step step = self.step
        cdef size_t n = step.topology.n_layers
        self.is_tiny = step.is_plain() and is_tiny(self.k, step.topology.layers, n)
        if self.is_tiny:
            self.tiny_memory = aligned_zeros(n * sizeof(snn_tiny_layer), np.int8)
            describe(
                self.k, step.topology.layers, n, step.parameters, step.batch, &step.update, &self.hyper[0],
                step.loss.kernel, step.loss.parameters, activations.names().index("identity"),
                <snn_tiny_layer *>bytes_of(self.tiny_memory), &self.tiny)

    @property
    def learning_rate(self):
        """That of the latest step; set, that of the following, where they have no rates of their own."""
        return self.hyper[0]

    @learning_rate.setter
    def learning_rate(self, double rate):
        self.hyper[0] = rate

    def set_rates(self, const double[::1] rates):
        """Give each of the next steps its learning rate, or with None all of them the latest."""
        self.rates, self.rates_from = rates, self.steps

    def work_of_a_step(self):
        """Return the number of multiply-adds in one step."""
        return self.step.work()

    cdef void tiny_steps(self) noexcept nogil:
        """Take whole steps until it is time to look for signals."""
        cdef size_t first = self.first, left = self.n_samples - first, m = min(self.step.batch_size, left), n = 1
        if self.step.inputs_in_place and self.step.targets_in_place:
            n = min(min(left // m, self.poll_every - self.since_poll), self.steps_left)
            n = min(n, self.last_step - self.steps)
        else:
            self.step.fetch(first, 0, m)
        n = self.run_tiny(n, m)
        self.end_steps(n, m, self.last_loss)

    cdef size_t run_tiny(self, size_t n, size_t m) noexcept nogil:
        """Take up to n whole steps of m samples, and return how many."""
        cdef double scale = loss_scale(&self.step.loss, m, self.n_outputs)
        if self.rates is not None:
            self.tiny.rates = &self.rates[self.steps - self.rates_from]
        n = self.k.tiny_steps(
            &self.tiny, n, m, self.step.inputs_of(self.first), self.step.input_stride,
            self.step.targets_of(self.first), self.step.target_stride, scale, <double>self.steps, self.step.row_loss,
            &self.epoch_loss)
        self.last_loss = self.step.sum_of_losses(m)
        self.batch_loss = self.last_loss * scale
        self.steps += n
        return n

    cdef double take_step(self, size_t first, size_t m) noexcept nogil:
        self.first, self.n_threads = first, 1
        if self.is_tiny:
            self.step.fetch(first, 0, m)
            self.run_tiny(1, m)
            return self.batch_loss
        self.begin_step(m)
        self.step.phase_one(first, m, 0, 1, NULL)
        self.step.phase_two(first, m, 0, 1)
        if self.step.penalties is not None:
            self.finish_step(0)
        if self.step.noise is not None:
            self.step.noise.counter += 1
        self.add_loss(m)
        return self.batch_loss

    cdef double find_gradient(self, size_t m, char *gradient) noexcept nogil:
        self.first = 0
        self.weight = self.step.weight_of(0, m)
        self.step.differentiate(m, gradient)
        if self.step.noise is not None:
            self.step.noise.counter += 1
        self.add_loss(m)
        return self.batch_loss

    # ---- what thread 0 does for all ----

    cdef void begin_epoch(self) noexcept nogil:
        cdef size_t i, n = self.n_samples
        if self.status != RUNNING:
            return
        if self.epoch == 0 or self.since_snapshot >= self.snapshot_samples:
            self.take_snapshot()
        self.next_counter = self.counter
        if self.shuffle and not self.order_given:
            for i in range(n):
                self.step.order[i] = i
            while n > 1:
                i = n - SHUFFLE_SLICE if n > SHUFFLE_SLICE else 0
                self.next_counter = random_shuffle(self.key, self.next_counter, n, i, self.step.order)
                n = i
                self.poll()
        self.begun = self.status == RUNNING

    cdef void begin_step(self, size_t m) noexcept nogil:
        if self.rates is not None:
            self.hyper[0] = self.rates[self.steps - self.rates_from]
        self.steps += 1
        self.weight = self.step.weight_of(self.first, m)
        if self.step.penalties is not None:
            self.step.penalties.prepare(self.hyper[0], self.weight, self.step.penalties.clip_value)
        self.step.update.rule.prepare(&self.hyper[0], <double>self.steps, self.step.update.coefficients)

    cdef double add_loss(self, size_t m) noexcept nogil:
        """Add the loss of a step of m samples to the epoch's, and return it before it is scaled, with penalties."""
        cdef double loss = self.step.sum_of_losses(m), penalty = 0
        cdef bint mean = self.step.loss.mean_over_samples
        if mean and self.weight != m:  # a batch counts by its samples, whatever they weigh
            loss = loss * (m / self.weight) if self.weight > 0 else 0
        if self.step.penalties is not None and self.step.penalties.in_loss:
            penalty = self.step.penalties.total()
        self.epoch_loss += loss
        self.epoch_penalty += penalty * (m if mean else 1)
        self.batch_loss = loss * loss_scale(&self.step.loss, m, self.n_outputs) + penalty
        return loss + penalty

    cdef void end_steps(self, size_t n, size_t m, double last_loss) noexcept nogil:
        """Look after n steps of m samples: whether the loss of the last is finite, at the clock, for signals."""
        self.first += n * m
        self.steps_left -= n
        if self.step.noise is not None:
            self.step.noise.counter += n
        if self.measured_from == 0:
            self.measured_from = seconds()
        else:
            self.steps_measured += n
        if not isfinite(last_loss):
            self.loss_finite = False
            self.status = DIVERGED
        elif self.steps >= self.last_step:
            self.status = PAUSED
        self.since_poll += n
        if self.since_poll >= self.poll_every:
            self.since_poll = 0
            self.poll()

    cdef void end_epoch(self) noexcept nogil:
        cdef size_t n = self.n_samples
        self.losses[self.epoch] = self.mean_of_epoch(n)
        self.last_rates[self.epoch] = self.hyper[0]
        self.since_snapshot += self.n_samples
        self.epoch += 1
        self.begun, self.first, self.epoch_loss, self.epoch_penalty = False, 0, 0, 0
        self.counter = self.next_counter

    cdef double mean_of_epoch(self, size_t n) noexcept nogil:
        cdef double loss = self.epoch_loss * loss_scale(&self.step.loss, n, self.n_outputs)
        return loss + self.epoch_penalty / (n if self.step.loss.mean_over_samples else 1)

    cdef void poll(self) noexcept nogil:
        """Let Python handle signals, Ctrl-C among them; look whether time is up."""
        if not poll_is_due(&self.last_poll):
            return
        if self.last_poll >= self.deadline and self.status == RUNNING:
            self.status = PAUSED
        restore_denormals(self.float_state)  # a handler computes as the caller would
        with gil:
            if self.interruption is None:
                self.interruption = pending_interruption()
            if self.interruption is not None and self.status != DIVERGED:
                self.status = INTERRUPTED
        flush_denormals()

    cdef bint parameters_finite(self) noexcept nogil:
        return self.k.all_finite(self.step.topology.size, self.step.parameters)

    cdef void take_snapshot(self) noexcept nogil:
        cdef int i
        self.finite_at_start = self.parameters_finite()
        if not self.finite_at_start:
            self.status = DIVERGED
            return
        self.since_snapshot, self.snapshot_taken, self.has_snapshot = 0, True, True
        self.snapshot_epoch, self.snapshot_counter, self.snapshot_steps = self.epoch, self.counter, self.steps
        self.snapshot_first, self.snapshot_loss, self.snapshot_penalty = self.first, self.epoch_loss, self.epoch_penalty
        if self.step.noise is not None:
            self.snapshot_noise = self.step.noise.counter
        memcpy(self.kept[0], self.live[0], self.state_size)
        if self.steps == 0:  # before the first, an optimizer's state is zeros
            return
        for i in range(1, 1 + self.step.update.rule.n_states):
            memcpy(self.kept[i], self.live[i], self.state_size)

    cdef void restore_snapshot(self) noexcept nogil:
        cdef int i
        self.epoch, self.counter, self.steps = self.snapshot_epoch, self.snapshot_counter, self.snapshot_steps
        self.begun, self.first = False, self.snapshot_first
        self.epoch_loss, self.epoch_penalty = self.snapshot_loss, self.snapshot_penalty
        if self.step.noise is not None:
            self.step.noise.counter = self.snapshot_noise
        memcpy(self.live[0], self.kept[0], self.state_size)
        for i in range(1, 1 + self.step.update.rule.n_states):
            if self.steps == 0:
                memset(self.live[i], 0, self.state_size)
            else:
                memcpy(self.live[i], self.kept[i], self.state_size)

    # ---- the run ----

    cdef void finish_step(self, uint32_t thread) noexcept nogil:
        """Do what of a step with penalties needs what every thread has done before."""
        if self.step.penalties.clips_norm:
            self.wait()
            self.step.apply_clipped(thread, self.n_threads)
        if self.step.penalties.limits_norms:
            self.wait()
            self.step.limit_norms(thread, self.n_threads)

    cdef void loop(self, uint32_t thread) noexcept nogil:
        """Go on with the run as one of n_threads threads, to its end or that of the stretch.

        What is asked here is the same for all threads: it changes between the two barriers of a step, and before the
        one that begins or ends an epoch.
        """
        cdef uint64_t state = flush_denormals()
        cdef size_t first, m
        if thread == 0:
            self.float_state = state
        while self.epoch < self.epochs and self.steps_left > 0:
            if not self.begun:
                self.wait()
                if thread == 0:
                    self.begin_epoch()
                self.wait()
            while self.is_tiny and self.n_threads == 1 and self.goes_on():
                self.tiny_steps()
            while self.goes_on():
                first = self.first
                m = min(self.step.batch_size, self.n_samples - first)
                if thread == 0:
                    self.begin_step(m)
                self.step.phase_one(
                    first, m, thread, self.n_threads, &self.barrier if self.n_threads > 1 else NULL)
                self.wait()
                if self.step.failed:
                    break
                self.step.phase_two(first, m, thread, self.n_threads)
                if self.step.penalties is not None:
                    self.finish_step(thread)
                if thread == 0:
                    self.end_steps(1, m, self.add_loss(m))
                self.wait()
            if self.step.failed:
                if thread == 0:
                    self.steps -= 1
                    self.status = INTERRUPTED
                break
            if self.first == self.n_samples and self.status != DIVERGED:
                self.wait()
                if thread == 0:
                    self.end_epoch()
                self.wait()
            if self.status != RUNNING:
                break
        restore_denormals(state)

    cdef void wait(self) noexcept nogil:
        """Wait until all threads are here."""
        if self.n_threads > 1:
            barrier_wait(&self.barrier)

    cdef bint goes_on(self) noexcept nogil:
        return self.first < self.n_samples and self.status == RUNNING and self.steps_left > 0

    cdef void run_stretches(self, Team team) noexcept nogil:
        """Run to the end, in as many threads at a time as have turned out to be fast."""
        while self.epoch < self.epochs and self.status == RUNNING:
            self.n_threads, self.steps_left, self.steps_measured = self.trial.n_threads, self.trial.n_steps, 0
            self.measured_from = 0
            barrier_init(&self.barrier, self.n_threads)
            team.run(run_loop, <void *>self, self.n_threads)
            self.trial.next((seconds() - self.measured_from) / self.steps_measured if self.steps_measured else 0)

    def run(self, size_t epochs, Team team, list records, const int64_t[::1] order=None, max_steps=None,
            max_seconds=None):
        """Train until so many epochs have ended, and return (status, exception).

        An array of the losses of those that have ended and of the learning rates of their last steps is appended
        to `records`. With an `order`, which takes a trainer that shuffles, and whose indices the caller has checked,
        they all have it, the one under way included.

        The status is "completed"; "paused" after max_steps steps, the last one that has a rate, or soon after
        max_seconds; "interrupted" (after a whole step; a signal's handler or the loss raised the exception); or
        "diverged": then parameters, state and counters are those of the last epoch that ended finite, which is the
        last one in `records`. After a pause and an interruption another run goes on where this one has ended.
        """
        if epochs == 0:
            return "completed", None
        self.interruption = None
        if order is not None:
            if not self.shuffle or <size_t>order.shape[0] != self.n_samples:
                raise ValueError("an order needs a trainer that shuffles, and an index for each sample")
            memcpy(self.step.order, &order[0], self.n_samples * sizeof(int64_t))
        self.order_given = order is not None
        self.last_step = UINT64_MAX if max_steps is None else self.steps + <uint64_t>max_steps
        if self.rates is not None:
            self.last_step = min(self.last_step, self.rates_from + <uint64_t>len(self.rates))
        if self.last_step <= self.steps:
            raise ValueError("a run takes at least one step, and each one has a rate")
        self.deadline = INFINITY if max_seconds is None else seconds() + <double>max_seconds
        cdef size_t done = self._run(epochs, team, SNAPSHOT_SAMPLES, records)
        if self.status == DIVERGED and self.snapshot_taken:
            # What was finite since the snapshot once more, with one at every epoch: the same bits, to the last of them.
            self.step.clear_padding()
            self._run(epochs - done, team, 0, records)
        if self.status == PAUSED and self.epoch == self.epochs:
            self.status = RUNNING
        status = {RUNNING: "completed", PAUSED: "paused", INTERRUPTED: "interrupted", DIVERGED: "diverged"}
        return status[self.status], self.step.raised[0] if self.step.failed else self.interruption

    def _run(self, size_t epochs, Team team, size_t snapshot_samples, list records):
        record = np.empty((2, epochs))
        cdef double[:, ::1] view = record
        self.losses, self.last_rates = &view[0, 0], &view[1, 0]
        self.epochs, self.epoch = epochs, 0
        self.status, self.loss_finite = RUNNING, True
        self.snapshot_samples, self.snapshot_epoch, self.snapshot_taken = snapshot_samples, 0, False
        self.since_poll, self.last_poll = 0, seconds()
        if self.begun and self.since_snapshot > 0:  # in the midst of another epoch than the one that has a snapshot
            self.take_snapshot()
        cdef uint32_t n_threads = team.start()
        if self.trial is None or self.trial.many != n_threads:
            self.trial = Trial(n_threads, self.work_of_a_step())
        with nogil:
            self.run_stretches(team)
        finite = self.parameters_finite()
        if self.status in (RUNNING, PAUSED) and not finite:
            self.status = DIVERGED
        if (self.status == DIVERGED or not finite) and self.has_snapshot:
            self.restore_snapshot()
        self.samples += self.epoch * self.n_samples
        if self.epoch > 0:
            records.append(record[:, :self.epoch])  # the last: there may be no memory for it
        return self.epoch
