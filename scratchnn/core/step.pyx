"""One step on one batch: its memory, and the two phases that threads go through, each followed by a barrier.

In the first, threads share the rows of the batch: gather, forward, loss, backward; and, where a layer is normalised by
its batch, the columns, between barriers of their own. In the second, they share the weights: gradient, update. Every
number is computed by one thread in one order, so the number of threads changes no bit.
"""

import numpy as np

from libc.math cimport INFINITY
from libc.stdint cimport uint32_t
from libc.string cimport memset

from scratchnn.core.data cimport Source, gather, in_place
from scratchnn.core.kernels cimport barrier_wait, snn_barrier, snn_kernels, snn_penalty, table
from scratchnn.core.layers.dense cimport (
    BY_BATCH, NONE, Activations, Dense, activate, apply_gradient, at, backward, grad_inputs, grad_parameters, multiply,
    update_parameters)
from scratchnn.core.layers.normalization cimport (
    average, averaging, grad_normalized, normalize, take_moments, take_sums)
from scratchnn.core.losses cimport evaluate_loss, loss_scale, set_loss
from scratchnn.core.noise cimport Noise
from scratchnn.core.penalties cimport Penalties
from scratchnn.core.topology cimport ALIGNMENT, Topology, bytes_of

from scratchnn.core import updates
from scratchnn.core.topology import aligned_zeros, padded


# Threads get rows in multiples of this. Shares that are equal are worth more than tiles that are full: with 24,
# which every tile height divides (csrc/vec_*.h), a batch of 64 takes 26 µs in two threads instead of 22.
cdef enum:
    SHARE = 8

# They get columns in multiples of this: a cache line of float32.
cdef enum:
    COLUMNS = 16

# Rows go through forward and backward together, as many as have activations and deltas of this size, the L2 cache of
# many machines, in multiples of what every tile height divides; and no fewer than FEWEST, since each group reads all
# weights: 784-2048-2048-10 with 256 rows a step takes 42 ms in one group and 46 in three.
# 4-32-16-4 with 10,000 rows takes two thirds of the time that it takes layer by layer.
cdef enum:
    CACHE_BYTES = 1_048_576
    TILE_HEIGHTS = 24
    FEWEST = 384  # 16 of them


cdef size_t share(size_t n, uint32_t thread, uint32_t n_threads) noexcept nogil:
    """Return where the share of a thread begins among n rows; thread = n_threads gives n."""
    cdef size_t units = (n + SHARE - 1) // SHARE
    return min(n, units * thread // n_threads * SHARE)


cdef size_t columns_of(const Dense *d, uint32_t thread, uint32_t n_threads) noexcept nogil:
    """Return where the share of a thread begins among a layer's columns, in multiples of COLUMNS."""
    cdef size_t units = (d.n_outputs + COLUMNS - 1) // COLUMNS
    return min(d.n_outputs, units * thread // n_threads * COLUMNS)


cdef inline void wait(snn_barrier *barrier) noexcept nogil:
    if barrier != NULL:
        barrier_wait(barrier)


cdef class Step:
    """Steps on batches of one set of data.

    Parameters
    ----------
    topology : Topology
    parameters : vector of topology's layout
    loss : tuple
        In the order of core.losses.Loss.
    x, y : Source
    batch_size : int
    in_order : bool
        Whether the samples are always taken in ascending order: then rows need not be copied.
    sample_weight : Source of one column, optional
        None is negative.
    penalties : Penalties, optional
    frozen : sequence of bool, optional
        For each layer whether it is not to change; its gradient is 0 then.
    noise : Noise, optional
    training : bool
        Whether layers that batches normalise are normalised by this one. Those that are frozen never are.
    """

    def __cinit__(self, Topology topology, parameters, loss, Source x, Source y, Py_ssize_t batch_size, bint in_order,
                  Source sample_weight=None, Penalties penalties=None, frozen=None, Noise noise=None,
                  bint training=True):
        self.topology = topology
        self.k = table(topology.dtype.itemsize)
        self.keep = [x, y]
        self.x, self.y = x.rows, y.rows
        self.n_samples = x.n_rows
        self.batch_size = min(<size_t>batch_size, self.n_samples)
        self.raised = []
        self.keep.append(loss)
        set_loss(&self.loss, loss, self.raised)
        self.parameters = self.pointer(parameters)
        self.noise = noise
        self.training = training
        self.inputs_in_place = in_order and in_place(self.k, &self.x) and not (noise is not None and noise.of_inputs)
        self.targets_in_place = in_order and in_place(self.k, &self.y)
        if sample_weight is not None:
            self.keep.append(sample_weight)
            self.sample_weight = sample_weight.rows
        self.penalties = penalties
        if frozen is not None:
            self.frozen = self.pointer(np.array(frozen, np.bool_))
            while self.lowest < <size_t>topology.n_layers and self.frozen[self.lowest]:
                self.lowest += 1
        for i in range(<size_t>topology.n_layers):
            self.together |= self.is_together(i)
        self.lay_out()  # counts
        self.memory, self.taken = self.pointer(aligned_zeros(self.taken, np.int8)), 0
        self.lay_out()

    cdef char *pointer(self, array):
        self.keep.append(array)
        return bytes_of(array)

    cdef void set_update(self, str name, list states) except *:
        wanted = updates.specifications()[name][0]
        if len(states) != len(wanted):
            raise ValueError(f"{name} has {len(wanted)} state vectors; {len(states)} were given")
        self.update.rule = &self.k.updates[updates.names().index(name)]
        for i, state in enumerate(states):
            self.update.states[i] = self.pointer(state)

    cdef char *take(self, size_t n_bytes) noexcept:
        """Return the next n_bytes of the memory; NULL as long as there is none, and they are only counted."""
        cdef char *place = NULL if self.memory == NULL else self.memory + self.taken
        self.taken += (n_bytes + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
        return place

    cdef void lay_out(self) noexcept:
        cdef size_t itemsize = self.k.itemsize, m = self.batch_size, last = self.topology.n_layers - 1, i
        cdef size_t row_bytes, row, begin
        cdef Activations b
        cdef const Dense *d
        self.batch = <Activations *>self.take((last + 1) * sizeof(Activations))
        self.row_loss = <double *>self.take(m * sizeof(double))
        if self.inputs_in_place:
            self.input_stride = self.x.row_bytes // <ptrdiff_t>itemsize
        else:
            self.input_stride = padded(self.topology.layers[0].n_inputs, itemsize)
            self.inputs = self.take(m * self.input_stride * itemsize)
        if self.targets_in_place:
            self.target_stride = self.y.row_bytes // <ptrdiff_t>itemsize
        else:
            self.target_stride = self.topology.layers[last].stride
            self.targets = self.take(m * self.target_stride * itemsize)
        if self.sample_weight.data != NULL:
            self.weights = self.take(m * itemsize)
        row_bytes = self.input_stride * itemsize
        for i in range(last + 1):
            d = &self.topology.layers[i]
            row = d.stride * itemsize
            begin = self.taken
            b.u = b.z = self.take(m * row)
            b.normal = b.inverse = b.mean = b.variance = b.mask = NULL
            if d.normalization != NONE:
                b.normal, b.inverse, b.u = b.z, self.take(m * itemsize), self.take(m * row)
            if self.is_together(i):
                b.mean, b.variance = self.take(row), self.take(row)
            b.out = b.a = b.u if d.slope_from_value or d.in_loss else self.take(m * row)
            if self.noise is not None and self.noise.drops(i):
                b.out, b.mask = self.take(m * row), self.take(m * row)
            b.dz = b.du = self.take(m * row)
            if d.normalization != NONE:
                b.dz = self.take(m * row)
            row_bytes += (self.taken - begin) // m
            b.dv = self.take(d.n_vectors * row)
            if self.memory != NULL:
                self.batch[i] = b
        self.rows_at_a_time = max(FEWEST, CACHE_BYTES // row_bytes // TILE_HEIGHTS * TILE_HEIGHTS)

    cdef double work(self) noexcept nogil:
        cdef double total = 0
        cdef const Dense *d
        cdef size_t i
        cdef int products
        for i in range(<size_t>self.topology.n_layers):
            d = &self.topology.layers[i]
            products = 1 + (i > self.lowest) + (not self.is_frozen(i))
            total += products * <double>d.n_inputs * d.n_outputs
        return total * self.batch_size

    cdef bint is_plain(self) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.topology.n_layers):
            if self.topology.layers[i].normalization != NONE:
                return False
        return (
            self.loss.function == NULL and self.sample_weight.data == NULL and self.penalties is None
            and self.frozen == NULL and self.noise is None)

    cdef bint is_together(self, size_t i) noexcept nogil:
        """Whether layer i is normalised by the batch."""
        return self.training and self.topology.layers[i].normalization == BY_BATCH and not self.is_frozen(i)

    cdef bint is_deterministic(self) noexcept nogil:
        return self.noise is None

    cdef double weight_of(self, size_t first, size_t m) noexcept nogil:
        cdef double total = 0
        cdef const char *place
        cdef size_t i
        if self.sample_weight.data == NULL:
            return m
        for i in range(first, first + m):
            place = self.sample_weight.data + self.sample_weight.row_bytes * (
                <ptrdiff_t>i if self.order == NULL else <ptrdiff_t>self.order[i])
            total += (<const double *>place)[0] if self.k.itemsize == sizeof(double) else (<const float *>place)[0]
        return total

    cdef void phase_one(
            self, size_t first, size_t m, uint32_t thread, uint32_t n_threads, snn_barrier *barrier) noexcept nogil:
        """Some rows at a time, unless threads are to meet in each layer."""
        cdef size_t begin = share(m, thread, n_threads), end = share(m, thread + 1, n_threads), i, n
        cdef double weight = self.weight_of(first, m) if begin < end or self.together else 0
        if self.together:
            self.learn_rows(first, m, begin, end, weight, thread, n_threads, barrier)
            begin = end
        while begin < end and not self.failed:
            self.learn_rows(
                first, m, begin, min(begin + self.rows_at_a_time, end), weight, thread, n_threads, barrier)
            begin += self.rows_at_a_time
        if self.penalties is None or not self.penalties.in_loss:
            return
        for i in range(<size_t>self.topology.n_layers):
            n = self.topology.layers[i].n_inputs
            begin, end = share(n, thread, n_threads), share(n, thread + 1, n_threads)
            if begin < end and not self.is_frozen(i):
                self.penalties.evaluate(self.parameters, i, begin, end)

    cdef void learn_rows(
            self, size_t first, size_t m, size_t begin, size_t end, double weight, uint32_t thread, uint32_t n_threads,
            snn_barrier *barrier) noexcept nogil:
        """Gather, forward, loss and backward for rows [begin, end) of the batch of m from sample `first` on."""
        cdef const snn_kernels *k = self.k
        cdef size_t last = self.topology.n_layers - 1
        cdef const Dense *d = &self.topology.layers[last]
        cdef const Activations *b = &self.batch[last]
        self.fetch(first, begin, end)
        self.forward_rows(first, m, begin, end, weight, thread, n_threads, barrier)
        if not evaluate_loss(
                k, &self.loss, end - begin, d.n_outputs, at(k, b.a, begin * d.stride), d.stride, self.y.n_columns,
                at(k, self.targets_of(first), begin * self.target_stride), self.target_stride,
                NULL if self.weights == NULL else at(k, self.weights, begin),
                loss_scale(&self.loss, weight, d.n_outputs), at(k, b.du, begin * d.stride), d.stride,
                &self.row_loss[begin]):
            self.failed = True
            if not self.together:  # else the others wait at the barriers on the way back
                return
        self.backward_rows(m, begin, end, weight, thread, n_threads, barrier)

    cdef void forward_rows(
            self, size_t first, size_t m, size_t begin, size_t end, double weight, uint32_t thread, uint32_t n_threads,
            snn_barrier *barrier) noexcept nogil:
        cdef const snn_kernels *k = self.k
        cdef const Dense *d
        cdef const Activations *b
        cdef const char *a = self.inputs_of(first)
        cdef size_t i, from_column, to_column, stride = self.input_stride
        for i in range(<size_t>self.topology.n_layers):
            d, b = &self.topology.layers[i], &self.batch[i]
            multiply(k, d, self.parameters, a, stride, b, begin, end)
            if b.mean != NULL:
                from_column, to_column = columns_of(d, thread, n_threads), columns_of(d, thread + 1, n_threads)
                wait(barrier)
                if from_column < to_column:
                    take_moments(k, d, b, self.weights, weight, m, from_column, to_column)
                wait(barrier)
            if d.normalization != NONE:
                normalize(k, d, self.parameters, b, begin, end)
            activate(k, d, b, begin, end)
            if b.mask != NULL:
                self.noise.drop(k, i, begin, end, d.n_outputs, b.a, b.mask, b.out, d.stride)
            a, stride = b.out, d.stride

    cdef void backward_rows(
            self, size_t m, size_t begin, size_t end, double weight, uint32_t thread, uint32_t n_threads,
            snn_barrier *barrier) noexcept nogil:
        cdef const snn_kernels *k = self.k
        cdef const Dense *d
        cdef const Activations *b
        cdef size_t i = self.topology.n_layers, from_column, to_column
        while i > self.lowest:
            i -= 1
            d, b = &self.topology.layers[i], &self.batch[i]
            backward(k, d, b, begin, end)
            if b.mean != NULL:
                from_column, to_column = columns_of(d, thread, n_threads), columns_of(d, thread + 1, n_threads)
                wait(barrier)
                if from_column < to_column:
                    take_sums(k, d, b, m, from_column, to_column)
                wait(barrier)
            if d.normalization != NONE:
                grad_normalized(k, d, self.parameters, b, self.weights, weight, begin, end)
            if i > self.lowest:
                grad_inputs(
                    k, d, self.parameters, b, self.batch[i - 1].du, self.topology.layers[i - 1].stride, begin, end)

    cdef const char *inputs_of(self, size_t first) noexcept nogil:
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
            if self.noise is not None and self.noise.of_inputs:
                self.noise.disturb(k, begin, end, self.x.n_columns, self.inputs, self.input_stride)
        if not self.targets_in_place:
            gather(
                k, &self.y, self.order, first + begin, n, at(k, self.targets, begin * self.target_stride),
                self.target_stride)
        if self.weights != NULL:
            gather(k, &self.sample_weight, self.order, first + begin, n, at(k, self.weights, begin), 1)

    cdef void phase_two(self, size_t first, size_t m, uint32_t thread, uint32_t n_threads) noexcept nogil:
        cdef const snn_kernels *k = self.k
        cdef const Dense *d
        cdef const char *x = self.inputs_of(first)
        cdef const snn_penalty *of_weights = NULL
        cdef const snn_penalty *of_biases = NULL
        cdef size_t i, begin, end, stride = self.input_stride
        if thread == 0 and self.together:
            self.average_statistics(first, m, averaging())
        if self.penalties is not None and self.penalties.clips_norm:
            self.gradient(first, m, self.penalties.gradient, thread, n_threads)
            return
        for i in range(<size_t>self.topology.n_layers):
            d = &self.topology.layers[i]
            begin, end = share(d.n_inputs, thread, n_threads), share(d.n_inputs, thread + 1, n_threads)
            if begin < end and not self.is_frozen(i):
                if self.penalties is not None:
                    of_weights, of_biases = self.penalties.for_weights(i), self.penalties.for_biases(i)
                update_parameters(
                    k, d, x, stride, &self.batch[i], m, &self.update, of_weights, of_biases, self.parameters, begin,
                    end)
            x, stride = self.batch[i].out, d.stride

    cdef void average_statistics(self, size_t first, size_t m, double rate) noexcept nogil:
        cdef size_t i
        if self.weight_of(first, m) > 0:
            for i in range(<size_t>self.topology.n_layers):
                if self.batch[i].mean != NULL:
                    average(self.k, &self.topology.layers[i], &self.batch[i], rate, self.parameters)

    cdef bint is_frozen(self, size_t i) noexcept nogil:
        return self.frozen != NULL and self.frozen[i]

    cdef void gradient(
            self, size_t first, size_t m, char *gradient, uint32_t thread, uint32_t n_threads) noexcept nogil:
        cdef const Dense *d
        cdef const char *x = self.inputs_of(first)
        cdef size_t i, begin, end, stride = self.input_stride
        for i in range(<size_t>self.topology.n_layers):
            d = &self.topology.layers[i]
            begin, end = share(d.n_inputs, thread, n_threads), share(d.n_inputs, thread + 1, n_threads)
            if begin < end and not self.is_frozen(i):
                grad_parameters(self.k, d, x, stride, &self.batch[i], m, gradient, begin, end)
                if self.penalties is not None:
                    self.penalties.penalize(self.parameters, gradient, i, begin, end)
                    if self.penalties.clips_norm:
                        self.penalties.square(gradient, i, begin, end)
            x, stride = self.batch[i].out, d.stride

    cdef void differentiate(self, size_t m, char *gradient) noexcept nogil:
        if self.penalties is not None:
            self.penalties.prepare(0, self.weight_of(0, m), INFINITY)
        self.phase_one(0, m, 0, 1, NULL)
        if not self.failed:
            self.gradient(0, m, gradient, 0, 1)

    cdef void apply_clipped(self, uint32_t thread, uint32_t n_threads) noexcept nogil:
        cdef double factor = self.penalties.shrinkage()
        cdef const Dense *d
        cdef size_t i, begin, end
        for i in range(<size_t>self.topology.n_layers):
            d = &self.topology.layers[i]
            begin, end = share(d.n_inputs, thread, n_threads), share(d.n_inputs, thread + 1, n_threads)
            if begin < end and not self.is_frozen(i):
                apply_gradient(
                    self.k, d, &self.update, self.penalties.for_weights(i), self.penalties.for_biases(i),
                    self.penalties.gradient, factor, self.parameters, begin, end)

    cdef void limit_norms(self, uint32_t thread, uint32_t n_threads) noexcept nogil:
        cdef size_t i
        for i in range(<size_t>self.topology.n_layers):
            if not self.is_frozen(i):
                self.penalties.limit(self.parameters, i, thread, n_threads)

    cdef double sum_of_losses(self, size_t m) noexcept nogil:
        cdef double total = 0
        cdef size_t i
        for i in range(m):
            total += self.row_loss[i]
        return total

    cdef void clear_padding(self) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.topology.n_layers):
            memset(self.batch[i].du, 0, self.batch_size * self.topology.layers[i].stride * self.k.itemsize)
            memset(self.batch[i].dz, 0, self.batch_size * self.topology.layers[i].stride * self.k.itemsize)

    def evaluate(self):
        """Return the loss over the first batch, without penalties."""
        cdef double weight = self.weight_of(0, self.batch_size)
        with nogil:
            self.phase_one(0, self.batch_size, 0, 1, NULL)
        return self.sum_of_losses(self.batch_size) * loss_scale(
            &self.loss, weight, self.topology.layers[self.topology.n_layers - 1].n_outputs)

    def gradients(self):
        """Return the gradient of the loss over the first batch, as nothing limits it, in the parameters' layout."""
        vector = self.topology.zeros()
        cdef char *gradient = self.pointer(vector)
        with nogil:
            self.differentiate(self.batch_size, gradient)
        if self.failed:
            raise self.raised[0]
        return vector
