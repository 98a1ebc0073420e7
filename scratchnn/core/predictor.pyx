"""The forward pass for any number of rows: blocks that fit the cache, no copy of the inputs, safe in many threads."""

import numpy as np

from cpython.buffer cimport PyBUF_STRIDED_RO, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport uint32_t, uintptr_t
from libc.string cimport memcpy, memset

from scratchnn.core.data cimport Rows, Source, all_finite, gather, in_place, source_type
from scratchnn.core.kernels cimport SNN_UINT8, count, is_raised, raise_flag, snn_kernels, snn_source, table
from scratchnn.core.layers.dense cimport NONE, Activations, Dense, activate, at, multiply
from scratchnn.core.layers.normalization cimport normalize
from scratchnn.core.losses cimport Loss, evaluate_loss, loss_scale, set_loss
from scratchnn.core.signals cimport poll_is_due, seconds
from scratchnn.core.team cimport Team
from scratchnn.core.topology cimport ALIGNMENT, Topology, bytes_of

from scratchnn.core.arrays import expect
from scratchnn.core.topology import aligned_zeros, padded

cdef enum:
    # Blocks of narrow networks fit the C stack in multiples of this, which spares an allocation, 2.5 µs; they stay
    # in the L1 cache there, which is up to 10 % faster.
    SMALL_BLOCK = 24
    # Half of the smallest stack that Python gives a thread.
    STACK = 16_384
    # Multiply-adds, 5 to 10 µs of them, below which the GIL is kept: a thread that waits for it takes as long to
    # wake, so two threads are no faster if it is given away, and one loses 50 ns.
    KEEP_GIL = 200_000
    # Multiply-adds below which nobody is asked for the number of threads, which takes a microsecond.
    SHARE_WORK = 20_000_000

cdef object ndarray = np.ndarray
cdef object empty = np.empty


cdef void run_pass(void *p, uint32_t thread) noexcept nogil:
    (<Predictor>(<Pass *>p).predictor).work(<Pass *>p, thread)


cdef class Predictor:
    """What a network computes for rows of inputs. It has no memory of its own, so that threads share nothing.

    Parameters
    ----------
    topology : Topology
    parameters : array
        The network's vector of parameters, which is read wherever it is at the time of a call.
    choose : callable(None, work)
        Returns the number of threads for so many multiply-adds.
    inputs : (shift, scale), optional
        How columns of x are scaled, as Source.scale_columns takes it. Sources bring their own.
    outputs : (shift, scale, low, high), optional
        How the way back leads from outputs, vectors of float64 with a number for each, to results, which lie between
        two numbers of the network's dtype.
    """

    def __cinit__(self, Topology topology, parameters, choose, inputs=None, outputs=None):
        cdef const signed char[::1] bytes = parameters.view(np.int8)
        cdef const double[::1] shift, scale
        self.topology = topology
        self.parameters = <const char *>&bytes[0]
        self.last = &topology.layers[topology.n_layers - 1]
        self.itemsize = topology.dtype.itemsize
        self.input_stride = padded(topology.layers[0].n_inputs, self.itemsize)
        self.dtype = topology.dtype
        self.n_outputs = self.last.n_outputs
        self.choose = choose
        self.keep = parameters, inputs, outputs
        if inputs is not None:
            shift, scale = inputs
            expect(len(shift) == len(scale) == topology.layers[0].n_inputs, "inputs have a shift and a scale each")
            self.input_shift, self.input_scale = &shift[0], &scale[0]
        if outputs is not None:
            shift, scale, self.low, self.high = outputs
            expect(len(shift) == len(scale) == self.last.n_outputs, "outputs have a shift and a scale each")
            self.output_shift, self.output_scale = &shift[0], &scale[0]

    def predict(self, x):
        """Return the outputs for x: a float or a vector for one sample, a matrix for several.

        None where x is not a plain array of float32, float64 or uint8 with a shape that fits, or has a value
        that is not finite: who calls converts it, or says what is wrong.
        """
        if type(x) is not ndarray:
            return None
        cdef int type_of_x = source_type(x.dtype)
        if type_of_x < 0:
            return None
        cdef Py_buffer buffer
        cdef Rows rows
        cdef bint check
        PyObject_GetBuffer(x, &buffer, PyBUF_STRIDED_RO)
        try:
            rows.n_columns = self.topology.layers[0].n_inputs
            if not 1 <= buffer.ndim <= 2 or <size_t>buffer.shape[buffer.ndim - 1] != rows.n_columns:
                return None
            rows.data = <const char *>buffer.buf
            rows.type = <snn_source>type_of_x
            rows.column_bytes = buffer.strides[buffer.ndim - 1]
            rows.labels = rows.starts = NULL
            rows.shift, rows.scale = self.input_shift, self.input_scale
            check = rows.type != SNN_UINT8 or rows.shift != NULL
            if buffer.ndim == 1:
                rows.row_bytes = 0
                return self.outputs(&rows, 1, True, check)
            if buffer.shape[0] == 0:
                return None
            rows.row_bytes = buffer.strides[0]
            return self.outputs(&rows, buffer.shape[0], False, check)
        finally:
            PyBuffer_Release(&buffer)

    def predict_checked(self, Source x):
        """Return the outputs (n_samples, n_outputs) for rows that have been checked."""
        return self.outputs(&x.rows, x.n_rows, False, False)

    def evaluate(self, Source x, Source y, loss, Team team=None, Source sample_weight=None):
        """Return the loss of all rows of x against y; `loss` is a tuple in the order of core.losses.Loss.

        The threads are those of `team`, where there is one; a loss that is a Python function gets along with one.
        Weights are of the network's dtype, one after another.
        """
        cdef Pass p
        cdef char stack[STACK + ALIGNMENT]
        cdef size_t i, n = x.n_rows
        cdef Loss l
        cdef list raised = []
        set_loss(&l, loss, raised)
        cdef uint32_t n_threads = 1
        if l.function == NULL and self.pays(n):
            n_threads = self.threads_for(n) if team is None else team.n_threads
        _kept = self.begin(&p, &x.rows, n, n_threads, stack)
        target_memory = aligned_zeros(p.n_threads * p.block * self.last.stride, self.dtype)
        loss_memory = np.empty((n + SMALL_BLOCK - 1) // SMALL_BLOCK)
        cdef double[::1] losses = loss_memory
        p.y, p.loss, p.targets, p.losses = &y.rows, &l, bytes_of(target_memory), &losses[0]
        cdef double weight = n
        if sample_weight is not None:
            p.sample_weight = sample_weight.rows.data
            weight = sample_weight.array.sum(dtype=np.float64)
        self.run(&p, team)
        if raised:
            raise raised[0]
        cdef double total = 0
        for i in range(<size_t>losses.shape[0]):
            total += losses[i]
        return total * loss_scale(&l, weight, self.last.n_outputs)

    # Whether so many rows are work for threads.
    cdef bint pays(self, size_t n) noexcept:
        return n > BLOCK and n * <size_t>self.topology.size >= SHARE_WORK

    cdef uint32_t threads_for(self, size_t n) except 0:
        return self.choose(None, <double>n * self.topology.size) if self.pays(n) else 1

    # The result for n rows of x; None where `check` is asked for and a value is not finite.
    cdef object outputs(self, const Rows *x, size_t n, bint one, bint check):
        cdef Pass p
        cdef char stack[STACK + ALIGNMENT]
        _kept = self.begin(&p, x, n, self.threads_for(n), stack)
        cdef double number
        cdef Py_buffer buffer
        p.check, p.results = check, <char *>&number
        result = None
        if not one or self.last.n_outputs > 1:
            result = empty(self.n_outputs if one else (n, self.n_outputs), self.dtype)
            PyObject_GetBuffer(result, &buffer, PyBUF_WRITABLE)
            p.results = <char *>buffer.buf
            PyBuffer_Release(&buffer)  # nobody else has the array, so its memory stays where it is
        self.run(&p, None)
        if p.stopped:
            return None
        if result is None:
            return number if self.itemsize == sizeof(double) else (<float *>p.results)[0]
        return result

    # Set up a pass over n rows of x, at `stack` if that is enough; returns what else has to be kept for it.
    cdef object begin(self, Pass *p, const Rows *x, size_t n, uint32_t n_threads, char *stack):
        p.predictor = <void *>self
        p.k = table(self.itemsize)
        p.x, p.n, p.n_threads, p.taken = x, n, n_threads, n_threads
        p.y, p.sample_weight, p.check, p.stopped = NULL, NULL, False, 0
        p.in_place = in_place(p.k, x)
        p.block = min(n, <size_t>BLOCK)
        cdef size_t row = self.itemsize * ((0 if p.in_place else self.input_stride) + 2 * <size_t>self.topology.widest)
        cdef size_t rows = STACK // row
        if SMALL_BLOCK <= rows < p.block:
            p.block = rows - rows % SMALL_BLOCK
        p.memory_of_thread = p.block * row
        p.memory_of_layer = p.block * <size_t>self.topology.widest * self.itemsize
        p.memory_of_inputs = p.memory_of_thread - 2 * p.memory_of_layer
        heap = None
        if p.block <= rows and n_threads == 1:
            p.memory = stack + -<uintptr_t>stack % <uintptr_t>ALIGNMENT
            memset(p.memory + p.memory_of_inputs, 0, 2 * p.memory_of_layer)
        else:
            heap = aligned_zeros(n_threads * p.memory_of_thread, np.int8)
            p.memory = bytes_of(heap)
        return heap

    # Go through the rows in the threads of `team`, or in p.n_threads new ones.
    cdef object run(self, Pass *p, Team team):
        raised = None if p.n <= p.block else []
        p.raised = <void *>raised
        if p.n * <size_t>self.topology.size < KEEP_GIL:
            self.work(p, 0)
        elif p.n_threads == 1:
            with nogil:
                self.work(p, 0)
        elif team is None:
            with Team(p.n_threads) as team:
                self.run_in(p, team)
        else:
            self.run_in(p, team)
        if raised:
            raise raised[0]

    cdef object run_in(self, Pass *p, Team team):
        p.n_threads = p.taken = team.start()
        with nogil:
            team.run(run_pass, p, p.n_threads)

    cdef size_t bytes_for(self, size_t rows) noexcept nogil:
        return self.itemsize * rows * (self.input_stride + 2 * <size_t>self.topology.widest)

    cdef void predict_rows(self, const Rows *x, size_t n, char *memory, size_t block, char *results) noexcept nogil:
        cdef Pass p
        cdef size_t first = 0, m
        p.k, p.x, p.results = table(self.itemsize), x, results
        p.in_place, p.check = in_place(p.k, x), False
        p.memory_of_inputs = block * self.input_stride * self.itemsize
        p.memory_of_layer = block * <size_t>self.topology.widest * self.itemsize
        while first < n:
            m = min(block, n - first)
            self.keep_outputs(&p, self.block_of_outputs(&p, memory, first, m), first, m)
            first += m

    # The blocks that this thread gets hold of.
    cdef void work(self, Pass *p, uint32_t thread) noexcept nogil:
        cdef double last_poll = seconds() if p.n > p.block else 0
        cdef size_t m, first = thread * p.block
        cdef char *a
        while first < p.n and not is_raised(&p.stopped):
            m = min(p.block, p.n - first)
            a = self.block_of_outputs(p, p.memory + thread * p.memory_of_thread, first, m)
            if a == NULL:
                raise_flag(&p.stopped)
            elif p.y == NULL:
                self.keep_outputs(p, a, first, m)
            else:
                self.add_losses(p, a, p.targets + thread * p.block * self.last.stride * p.k.itemsize, first, m)
            if first + m == p.n:
                return
            first = count(&p.taken) * p.block
            if thread == 0 and poll_is_due(&last_poll):
                with gil:
                    try:
                        PyErr_CheckSignals()
                    except BaseException as error:
                        (<list>p.raised).append(error)
                        raise_flag(&p.stopped)

    cdef void keep_outputs(self, const Pass *p, char *a, size_t first, size_t m) noexcept nogil:
        cdef size_t i, row_size = self.last.n_outputs * p.k.itemsize
        self.apply_link(p.k, a, m)
        if self.output_shift != NULL:
            p.k.unscale(
                m, self.last.n_outputs, a, self.last.stride, self.output_shift, self.output_scale, self.low, self.high)
        for i in range(m):
            memcpy(p.results + (first + i) * row_size, at(p.k, a, i * self.last.stride), row_size)

    cdef void add_losses(self, Pass *p, const char *a, char *targets, size_t first, size_t m) noexcept nogil:
        cdef double row_loss[BLOCK]
        cdef double total = 0
        cdef size_t i, stride = self.last.stride
        cdef const char *weights = NULL if p.sample_weight == NULL else at(p.k, p.sample_weight, first)
        gather(p.k, p.y, NULL, first, m, targets, stride)
        if not evaluate_loss(
                p.k, p.loss, m, self.last.n_outputs, a, stride, p.y.n_columns, targets, stride, weights, 1, NULL, 0,
                row_loss):
            raise_flag(&p.stopped)
            return
        for i in range(m):
            total += row_loss[i]
            if (i + 1) % SMALL_BLOCK == 0 or i + 1 == m:
                p.losses[(first + i) // SMALL_BLOCK] = total
                total = 0

    # Outputs (logits where the loss has the last activation) of rows [first, first + m), m <= block, in a thread's
    # memory; NULL where `check` is asked for and a value of these rows is not finite.
    cdef char *block_of_outputs(self, const Pass *p, char *memory, size_t first, size_t m) noexcept nogil:
        cdef const snn_kernels *k = p.k
        cdef const Rows *x = p.x
        cdef const char *a = memory
        cdef size_t i, stride = self.input_stride, n_layers = self.topology.n_layers
        cdef const Dense *d
        cdef Activations batch
        if p.in_place:
            a = x.data + <ptrdiff_t>first * x.row_bytes
            stride = x.row_bytes // <ptrdiff_t>k.itemsize
        else:
            gather(k, x, NULL, first, m, memory, stride)
        for i in range(n_layers):
            d = &self.topology.layers[i]
            batch.z = batch.u = batch.a = memory + p.memory_of_inputs + i % 2 * p.memory_of_layer
            batch.normal = batch.inverse = batch.mean = NULL  # nothing is kept, and nothing is of this batch
            multiply(k, d, self.parameters, a, stride, &batch, 0, m)
            if d.normalization != NONE:
                normalize(k, d, self.parameters, &batch, 0, m)
            activate(k, d, &batch, 0, m)
            # Not before: a product fetches the next inputs while it computes, and leaves them in the cache.
            if i == 0 and p.check and not all_finite(k, a, stride * k.itemsize, m, x.n_columns):
                return NULL
            a, stride = batch.a, d.stride
        return batch.a

    cdef void apply_link(self, const snn_kernels *k, char *z, size_t m) noexcept nogil:
        cdef const Dense *d = self.last
        if not d.in_loss:
            return
        if self.topology.link >= 0:
            k.links[self.topology.link].value(
                m, d.n_outputs, z, d.stride, self.topology.outputs_per_target, z, d.stride)
        else:
            k.activations[d.activation].value(m * d.stride, z, z, d.alpha)
