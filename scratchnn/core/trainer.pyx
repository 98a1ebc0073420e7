"""The training loop: every epoch of a run is below Python, without the GIL and without an allocation.

A step has two phases, each followed by a barrier. In the first, threads share the rows of the batch:
gather, forward, loss, backward. In the second, they share the weights: gradient, update. Every
number is computed by one thread in one order, so the number of threads changes no bit.

A snapshot of parameters, optimizer state and counters is taken at the start of an epoch. When the loss or
a parameter is no longer finite, the run returns to it and reports divergence.
"""

import numpy as np

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport isfinite
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from scratchnn.core.data cimport Rows, Source, gather, in_place
from scratchnn.core.kernels cimport (
    SNN_MAX_STATES, barrier_init, barrier_wait, flush_denormals, random_key, random_shuffle, restore_denormals,
    snn_barrier, snn_kernels, snn_tiny, snn_tiny_layer, table)
from scratchnn.core.layers.dense cimport (
    Activations, Dense, Update, at, backward, forward, grad_inputs, grad_parameters, update_parameters)
from scratchnn.core.layers.tiny cimport describe, is_tiny
from scratchnn.core.losses cimport Loss, loss_scale
from scratchnn.core.signals cimport POLL_WORK, poll_is_due, seconds
from scratchnn.core.team cimport Team
from scratchnn.core.topology cimport ALIGNMENT, Topology
from scratchnn.core.trial cimport Trial

from scratchnn.core import activations, updates
from scratchnn.core.topology import aligned_zeros, padded


# Threads get rows in multiples of this. Shares that are equal are worth more than tiles that are full: with 24,
# which every tile height divides (csrc/vec_*.h), a batch of 64 takes 26 µs in two threads instead of 22.
cdef enum:
    SHARE = 8

# Rows go through forward and backward together, as many as have activations and deltas of this size, the L2 cache of
# many machines, in multiples of what every tile height divides; and no fewer than FEWEST, since each group reads all
# weights: 784-2048-2048-10 with 256 rows a step takes 42 ms in one group and 46 in three.
# 4-32-16-4 with 10,000 rows takes two thirds of the time that it takes layer by layer.
cdef enum:
    CACHE_BYTES = 1 << 20
    TILE_HEIGHTS = 24
    FEWEST = 16 * TILE_HEIGHTS

# What a step costs however small its network is, in multiply-adds.
cdef enum:
    STEP_WORK = 10_000

# A shuffle looks for signals after so many items.
cdef enum:
    SHUFFLE_SLICE = 1 << 16

# A snapshot is taken once so many samples have been trained on since the last: copying parameters and
# optimizer state then costs about a hundredth of the arithmetic.
SNAPSHOT_SAMPLES = 8192

# The stream of a network's seed that shuffles come from; initial parameters come from stream 0.
SHUFFLE_STREAM = 1

cdef enum Status:
    RUNNING
    INTERRUPTED
    DIVERGED


cdef size_t share(size_t n, uint32_t thread, uint32_t n_threads) noexcept nogil:
    """Return where the share of a thread begins among n rows; thread = n_threads gives n."""
    cdef size_t units = (n + SHARE - 1) // SHARE
    return min(n, units * thread // n_threads * SHARE)


cdef void run_loop(void *trainer, uint32_t thread) noexcept nogil:
    (<Trainer>trainer).loop(thread)


@cython.final  # its functions call each other directly
cdef class Trainer:
    """Trains one network on one set of data with one optimizer.

    Parameters
    ----------
    topology : Topology
    parameters : vector of topology's layout
        Updated in place.
    loss : tuple
        In the order of core.losses.Loss.
    x, y : Source
    batch_size : int
    optimizer : (name, hyper-parameters in the order of core.updates.specifications, state vectors), optional
        States are updated in place.
    steps : int
        How many updates the optimizer has made; before the first, states are zeros.
    shuffle : bool
    seed, counter : int
        The stream of random numbers of the shuffles, and how many were drawn.
    """

    cdef Topology topology
    cdef const snn_kernels *k
    cdef char *parameters
    cdef Rows x, y
    cdef Loss loss
    cdef Update update
    cdef double[::1] hyper
    cdef size_t n_samples, batch_size
    cdef bint shuffle
    cdef uint64_t key
    cdef readonly uint64_t counter, steps

    # all memory of a training, and what is taken of it: that of a batch, and of the snapshot below
    cdef char *memory
    cdef size_t taken
    cdef Activations *batch
    cdef char *inputs
    cdef char *targets
    cdef size_t input_stride, target_stride, rows_at_a_time
    cdef bint inputs_in_place, targets_in_place     # rows of a batch are where the caller has them
    cdef double *row_loss
    cdef int64_t *order
    cdef snn_tiny tiny
    cdef snn_tiny_layer *tiny_layers
    cdef bint is_tiny

    # a run in progress
    cdef snn_barrier barrier
    cdef uint32_t n_threads
    cdef Status status
    cdef readonly bint loss_finite
    cdef double *losses
    cdef size_t epochs
    cdef size_t epoch
    cdef size_t first               # sample of the next step
    cdef Trial trial                # of the number of threads
    cdef size_t steps_left          # of a stretch of steps in so many threads
    cdef size_t steps_measured
    cdef double measured_from
    cdef readonly size_t samples    # of all whole epochs of all runs
    cdef double epoch_loss, last_poll
    cdef size_t poll_every, since_poll
    cdef object interruption
    cdef uint64_t float_state

    # the state to return to
    cdef size_t snapshot_samples, since_snapshot
    cdef size_t snapshot_epoch
    cdef readonly bint snapshot_taken       # in this run
    cdef bint has_snapshot                  # in any
    cdef uint64_t snapshot_counter, snapshot_steps
    cdef size_t state_size
    cdef char *kept[1 + SNN_MAX_STATES]     # parameters, and the optimizer's state
    cdef char *live[1 + SNN_MAX_STATES]

    cdef list keep

    def __cinit__(self, Topology topology, parameters, loss, Source x, Source y, Py_ssize_t batch_size,
                  optimizer=None, uint64_t steps=0, bint shuffle=False, uint64_t seed=0, uint64_t counter=0):
        self.topology = topology
        self.k = table(topology.dtype.itemsize)
        self.keep = [x, y]
        self.x, self.y = x.rows, y.rows
        self.n_samples = x.n_rows
        self.batch_size = min(<size_t>batch_size, self.n_samples)
        self.loss.kernel, self.loss.factor, self.loss.mean_over_samples, self.loss.mean_over_outputs, \
            self.loss.delta = loss
        self.steps, self.counter = steps, counter
        self.shuffle = shuffle
        self.key = random_key(seed, SHUFFLE_STREAM)
        self.parameters = self._pointer(parameters)
        self.inputs_in_place = not shuffle and in_place(self.k, &self.x)
        self.targets_in_place = not shuffle and in_place(self.k, &self.y)
        self._prepare_optimizer(optimizer)
        self._lay_out()  # counts
        self.memory, self.taken = self._pointer(aligned_zeros(self.taken, np.int8)), 0
        self._lay_out()
        if optimizer is not None:
            self._prepare_tiny()
        self.poll_every = max(1, <size_t>(<double>POLL_WORK / (STEP_WORK + self.work_of_a_step())))

    cdef char *_pointer(self, array):
        cdef char[::1] bytes = array.view(np.int8)
        self.keep.append(array)
        return &bytes[0] if bytes.shape[0] else NULL

    cdef void _prepare_optimizer(self, optimizer) except *:
        if optimizer is None:
            return
        name, hyper, states = optimizer
        wanted = updates.specifications()[name][0]
        if len(states) != len(wanted):
            raise ValueError(f"{name} has {len(wanted)} state vectors; {len(states)} were given")
        self.update.rule = &self.k.updates[updates.names().index(name)]
        self.hyper = np.array(hyper, np.float64)
        self.live[0] = self.parameters
        for i, state in enumerate(states):
            self.live[i + 1] = self.update.states[i] = self._pointer(state)

    cdef char *_take(self, size_t n_bytes) noexcept:
        """Return the next n_bytes of the memory; NULL as long as there is none, and they are only counted."""
        cdef char *place = NULL if self.memory == NULL else self.memory + self.taken
        self.taken += (n_bytes + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
        return place

    cdef void _lay_out(self) noexcept:
        cdef size_t itemsize = self.k.itemsize, m = self.batch_size, last = self.topology.n_layers - 1, i
        cdef size_t row_bytes
        cdef Activations b
        cdef const Dense *d
        self.batch = <Activations *>self._take((last + 1) * sizeof(Activations))
        self.tiny_layers = <snn_tiny_layer *>self._take((last + 1) * sizeof(snn_tiny_layer))
        self.row_loss = <double *>self._take(m * sizeof(double))
        if self.shuffle:
            self.order = <int64_t *>self._take(self.n_samples * sizeof(int64_t))
        if self.inputs_in_place:
            self.input_stride = self.x.row_bytes // <ptrdiff_t>itemsize
        else:
            self.input_stride = padded(self.topology.layers[0].n_inputs, itemsize)
            self.inputs = self._take(m * self.input_stride * itemsize)
        if self.targets_in_place:
            self.target_stride = self.y.row_bytes // <ptrdiff_t>itemsize
        else:
            self.target_stride = self.topology.layers[last].stride
            self.targets = self._take(m * self.target_stride * itemsize)
        row_bytes = self.input_stride * itemsize
        for i in range(last + 1):
            d = &self.topology.layers[i]
            b.z = self._take(m * d.stride * itemsize)
            b.a = b.z if d.slope_from_value or d.in_loss else self._take(m * d.stride * itemsize)
            b.dz = self._take(m * d.stride * itemsize)
            b.db = self._take(d.stride * itemsize)
            row_bytes += (3 if b.a != b.z else 2) * d.stride * itemsize
            if self.memory != NULL:
                self.batch[i] = b
        self.rows_at_a_time = max(FEWEST, CACHE_BYTES // row_bytes // TILE_HEIGHTS * TILE_HEIGHTS)
        if self.update.rule != NULL:
            self.state_size = self.topology.size * itemsize
            for i in range(<size_t>self.update.rule.n_states + 1):
                self.kept[i] = self._take(self.state_size)

    cdef void _prepare_tiny(self) except *:
        cdef size_t n = self.topology.n_layers
        self.is_tiny = is_tiny(self.k, self.topology.layers, n)
        if self.is_tiny:
            describe(
                self.k, self.topology.layers, n, self.parameters, self.batch, &self.update, &self.hyper[0],
                self.loss.kernel, self.loss.delta, activations.names().index("identity"), self.tiny_layers, &self.tiny)

    def work_of_a_step(self):
        """Return the number of multiply-adds in one step."""
        cdef double work = 0
        for i in range(self.topology.n_layers):
            d = self.topology.layers[i]
            work += (2 if i == 0 else 3) * <double>d.n_inputs * d.n_outputs
        return work * self.batch_size

    # ---- one step ----

    cdef void phase_one(self, size_t first, size_t m, uint32_t thread) noexcept nogil:
        """Gather, forward, loss and backward for this thread's rows of the batch, some rows at a time."""
        cdef size_t begin = share(m, thread, self.n_threads), end = share(m, thread + 1, self.n_threads)
        while begin < end:
            self.learn_rows(first, m, begin, min(begin + self.rows_at_a_time, end))
            begin += self.rows_at_a_time

    cdef void learn_rows(self, size_t first, size_t m, size_t begin, size_t end) noexcept nogil:
        """Gather, forward, loss and backward for rows [begin, end) of a batch of m."""
        cdef const snn_kernels *k = self.k
        cdef size_t last = self.topology.n_layers - 1, stride = self.input_stride
        cdef const Dense *layers = self.topology.layers
        cdef const Dense *d = &layers[last]
        cdef const char *a = self.inputs_of(first)
        cdef const char *y = self.targets_of(first)
        cdef size_t i
        self.fetch(first, begin, end)
        for i in range(last + 1):
            forward(k, &layers[i], self.parameters, a, stride, &self.batch[i], begin, end)
            a, stride = self.batch[i].a, layers[i].stride
        k.losses[self.loss.kernel].evaluate(
            end - begin, d.n_outputs, at(k, a, begin * stride), stride, at(k, y, begin * self.target_stride),
            self.target_stride, NULL, loss_scale(&self.loss, m, d.n_outputs), self.loss.delta,
            at(k, self.batch[last].dz, begin * stride), stride, &self.row_loss[begin])
        for i in range(last, 0, -1):
            backward(k, &layers[i], &self.batch[i], begin, end)
            grad_inputs(
                k, &layers[i], self.parameters, &self.batch[i], self.batch[i - 1].dz, layers[i - 1].stride, begin, end)
        backward(k, &layers[0], &self.batch[0], begin, end)

    cdef const char *inputs_of(self, size_t first) noexcept nogil:
        """Return where the inputs of the batch that begins with sample `first` are, or will be."""
        return self.x.data + <ptrdiff_t>first * self.x.row_bytes if self.inputs_in_place else self.inputs

    cdef const char *targets_of(self, size_t first) noexcept nogil:
        return self.y.data + <ptrdiff_t>first * self.y.row_bytes if self.targets_in_place else self.targets

    cdef void fetch(self, size_t first, size_t begin, size_t end) noexcept nogil:
        """Gather rows [begin, end) of the batch that begins with sample `first`, unless they are in place."""
        cdef const snn_kernels *k = self.k
        cdef size_t n = end - begin
        if not self.inputs_in_place:
            gather(
                k, &self.x, self.order, first + begin, n, at(k, self.inputs, begin * self.input_stride),
                self.input_stride)
        if not self.targets_in_place:
            gather(
                k, &self.y, self.order, first + begin, n, at(k, self.targets, begin * self.target_stride),
                self.target_stride)

    cdef void tiny_steps(self) noexcept nogil:
        """Take whole steps until it is time to look for signals."""
        cdef size_t n_outputs = self.topology.layers[self.topology.n_layers - 1].n_outputs
        cdef size_t first = self.first, left = self.n_samples - first, m = min(self.batch_size, left), n = 1
        if self.inputs_in_place and self.targets_in_place:
            n = min(min(left // m, self.poll_every - self.since_poll), self.steps_left)
        else:
            self.fetch(first, 0, m)
        n = self.k.tiny_steps(
            &self.tiny, n, m, self.inputs_of(first), self.input_stride, self.targets_of(first), self.target_stride,
            loss_scale(&self.loss, m, n_outputs), <double>self.steps, self.row_loss, &self.epoch_loss)
        self.steps += n
        self.end_steps(n, m, self.batch_loss(m))

    cdef void phase_two(self, size_t first, size_t m, uint32_t thread) noexcept nogil:
        """Gradient and update for this thread's weights."""
        cdef const snn_kernels *k = self.k
        cdef const Dense *d
        cdef const char *x = self.inputs_of(first)
        cdef size_t i, begin, end, stride = self.input_stride
        for i in range(<size_t>self.topology.n_layers):
            d = &self.topology.layers[i]
            begin, end = share(d.n_inputs, thread, self.n_threads), share(d.n_inputs, thread + 1, self.n_threads)
            if begin < end:
                update_parameters(
                    k, d, x, stride, &self.batch[i], m, &self.update, self.parameters, begin, end)
            x, stride = self.batch[i].a, d.stride

    # ---- what thread 0 does for all ----

    cdef void begin_epoch(self) noexcept nogil:
        cdef size_t i, n = self.n_samples
        cdef uint64_t counter = self.counter
        if self.status != RUNNING:
            return
        self.epoch_loss = 0
        if self.epoch == 0 or self.since_snapshot >= self.snapshot_samples:
            self.take_snapshot()
        if self.shuffle:
            for i in range(n):
                self.order[i] = i
            while n > 1:
                i = n - SHUFFLE_SLICE if n > SHUFFLE_SLICE else 0
                self.counter = random_shuffle(self.key, self.counter, n, i, self.order)
                n = i
                self.poll()
            if self.status == INTERRUPTED:  # the order of an epoch that does not begin is not drawn
                self.counter = counter

    cdef void begin_step(self) noexcept nogil:
        self.steps += 1
        self.update.rule.prepare(&self.hyper[0], <double>self.steps, self.update.coefficients)

    cdef double batch_loss(self, size_t m) noexcept nogil:
        cdef double total = 0
        cdef size_t i
        for i in range(m):
            total += self.row_loss[i]
        return total

    cdef void end_steps(self, size_t n, size_t m, double last_loss) noexcept nogil:
        """Look after n steps of m samples: whether the loss of the last is finite, at the clock, for signals."""
        self.first += n * m
        self.steps_left -= n
        if self.measured_from == 0:
            self.measured_from = seconds()
        else:
            self.steps_measured += n
        if not isfinite(last_loss):
            self.loss_finite = False
            self.status = DIVERGED
        self.since_poll += n
        if self.since_poll >= self.poll_every:
            self.since_poll = 0
            self.poll()

    cdef void end_epoch(self) noexcept nogil:
        cdef size_t n_outputs = self.topology.layers[self.topology.n_layers - 1].n_outputs
        self.losses[self.epoch] = self.epoch_loss * loss_scale(&self.loss, self.n_samples, n_outputs)
        self.since_snapshot += self.n_samples
        self.epoch += 1
        self.first = 0

    cdef void poll(self) noexcept nogil:
        """Let Python handle signals, Ctrl-C among them."""
        if not poll_is_due(&self.last_poll):
            return
        restore_denormals(self.float_state)  # a handler computes as the caller would
        with gil:
            try:
                PyErr_CheckSignals()
            except BaseException as interruption:
                self.interruption = interruption
                if self.status == RUNNING:
                    self.status = INTERRUPTED
        flush_denormals()

    cdef bint parameters_finite(self) noexcept nogil:
        return self.k.all_finite(self.topology.size, self.parameters)

    cdef void take_snapshot(self) noexcept nogil:
        cdef int i
        if not self.parameters_finite():
            self.status = DIVERGED
            return
        self.since_snapshot, self.snapshot_taken, self.has_snapshot = 0, True, True
        self.snapshot_epoch, self.snapshot_counter, self.snapshot_steps = self.epoch, self.counter, self.steps
        memcpy(self.kept[0], self.live[0], self.state_size)
        if self.steps == 0:  # before the first, an optimizer's state is zeros
            return
        for i in range(1, 1 + self.update.rule.n_states):
            memcpy(self.kept[i], self.live[i], self.state_size)

    cdef void restore_snapshot(self) noexcept nogil:
        cdef int i
        self.epoch, self.counter, self.steps = self.snapshot_epoch, self.snapshot_counter, self.snapshot_steps
        memcpy(self.live[0], self.kept[0], self.state_size)
        for i in range(1, 1 + self.update.rule.n_states):
            if self.steps == 0:
                memset(self.live[i], 0, self.state_size)
            else:
                memcpy(self.live[i], self.kept[i], self.state_size)

    # ---- the run ----

    cdef void loop(self, uint32_t thread) noexcept nogil:
        """Go on with the run as one of n_threads threads, to its end or that of the stretch.

        What is asked here is the same for all threads: it changes between the two barriers of a step, and before the
        one that begins or ends an epoch.
        """
        cdef uint64_t state = flush_denormals()
        cdef size_t first, m
        cdef double loss
        if thread == 0:
            self.float_state = state
        while self.epoch < self.epochs and self.steps_left > 0:
            if self.first == 0:
                self.wait()
                if thread == 0:
                    self.begin_epoch()
                self.wait()
            while self.is_tiny and self.n_threads == 1 and self.goes_on():
                self.tiny_steps()
            while self.goes_on():
                first = self.first
                m = min(self.batch_size, self.n_samples - first)
                if thread == 0:
                    self.begin_step()
                self.phase_one(first, m, thread)
                self.wait()
                self.phase_two(first, m, thread)
                if thread == 0:
                    loss = self.batch_loss(m)
                    self.epoch_loss += loss
                    self.end_steps(1, m, loss)
                self.wait()
            if self.status != RUNNING:
                break
            if self.first == self.n_samples:
                self.wait()
                if thread == 0:
                    self.end_epoch()
                self.wait()
        restore_denormals(state)

    cdef inline void wait(self) noexcept nogil:
        """Wait until all threads are here."""
        if self.n_threads > 1:
            barrier_wait(&self.barrier)

    cdef inline bint goes_on(self) noexcept nogil:
        return self.first < self.n_samples and self.status == RUNNING and self.steps_left > 0

    cdef void run_stretches(self, Team team) noexcept nogil:
        """Run to the end, in as many threads at a time as have turned out to be fast."""
        while self.epoch < self.epochs and self.status == RUNNING:
            self.n_threads, self.steps_left, self.steps_measured = self.trial.n_threads, self.trial.n_steps, 0
            self.measured_from = 0
            barrier_init(&self.barrier, self.n_threads)
            team.run(run_loop, <void *>self, self.n_threads)
            self.trial.next((seconds() - self.measured_from) / self.steps_measured if self.steps_measured else 0)

    def run(self, size_t epochs, Team team, list losses):
        """Train for some epochs, append the losses of whole epochs to `losses`, and return (status, exception).

        The status is "completed", "interrupted" (after a whole step; a signal's handler raised the exception)
        or "diverged": then parameters, state and counters are those of the last epoch that ended finite,
        which is the last one in `losses`.
        """
        if self.update.rule == NULL:
            raise ValueError("a trainer without an optimizer computes gradients only")
        self.interruption = None
        cdef size_t done = self._run(epochs, team, SNAPSHOT_SAMPLES, losses)
        if self.status == DIVERGED and self.snapshot_taken:
            # What was finite since the snapshot once more, with one at every epoch: the same bits, to the last of them.
            self.clear_padding()
            self._run(epochs - done, team, 0, losses)
        status = {RUNNING: "completed", INTERRUPTED: "interrupted", DIVERGED: "diverged"}[self.status]
        return status, self.interruption

    def _run(self, size_t epochs, Team team, size_t snapshot_samples, list losses):
        if epochs == 0:
            return 0
        epoch_losses = np.empty(epochs)
        cdef double[::1] losses_view = epoch_losses
        self.losses = &losses_view[0]
        self.epochs, self.epoch = epochs, 0
        self.status, self.loss_finite = RUNNING, True
        self.snapshot_samples, self.snapshot_epoch, self.snapshot_taken = snapshot_samples, 0, False
        self.since_poll, self.last_poll = 0, seconds()
        self.first = 0
        cdef uint32_t n_threads = team.start()
        if self.trial is None or self.trial.many != n_threads:
            self.trial = Trial(n_threads, self.work_of_a_step())
        with nogil:
            self.run_stretches(team)
        finite = self.parameters_finite()
        if self.status == RUNNING and not finite:
            self.status = DIVERGED
        if (self.status == DIVERGED or not finite) and self.has_snapshot:
            self.restore_snapshot()
        losses.append(epoch_losses[:self.epoch])
        self.samples += self.epoch * self.n_samples
        return self.epoch

    cdef void clear_padding(self) noexcept nogil:
        """Zero dz: an infinite activation leaves NaN in its padding, which no later step would overwrite."""
        cdef Py_ssize_t i
        for i in range(self.topology.n_layers):
            memset(self.batch[i].dz, 0, self.batch_size * self.topology.layers[i].stride * self.k.itemsize)

    def gradients(self):
        """Return the gradient of the loss over the first batch, in the parameters' layout."""
        self.n_threads = 1
        vector = self.topology.zeros()
        cdef char *gradient = self._pointer(vector)
        cdef const Dense *d
        cdef const char *x = self.inputs_of(0)
        cdef size_t stride = self.input_stride
        cdef Py_ssize_t i
        with nogil:
            self.phase_one(0, self.batch_size, 0)
            for i in range(self.topology.n_layers):
                d = &self.topology.layers[i]
                grad_parameters(self.k, d, x, stride, &self.batch[i], self.batch_size, gradient, 0, d.n_inputs)
                x, stride = self.batch[i].a, d.stride
        return vector
