"""The forward pass for any number of rows: blocks that fit the cache, no copy of the inputs, safe in many threads."""

import numpy as np

from cpython.buffer cimport PyBUF_STRIDED_RO, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport uintptr_t
from libc.string cimport memcpy, memset

from scratchnn.core.data cimport Rows, Source, all_finite, gather, in_place, source_type
from scratchnn.core.kernels cimport SNN_UINT8, snn_kernels, snn_source, table
from scratchnn.core.layers.dense cimport Activations, Dense, at, forward
from scratchnn.core.losses cimport Loss, loss_scale
from scratchnn.core.signals cimport poll_is_due, seconds
from scratchnn.core.topology cimport Topology

from scratchnn.core.topology import aligned_zeros, padded

cdef enum:
    # Rows of a block: a multiple of every tile height (csrc/vec_*.h), and small enough that two layers of a few
    # hundred outputs stay in a cache of 1 MiB.
    BLOCK = 240
    # Blocks of narrow networks fit the C stack in multiples of this, which spares an allocation, 2.5 µs; they stay
    # in the L1 cache there, which is up to 10 % faster.
    SMALL_BLOCK = 24
    # Half of the smallest stack that Python gives a thread.
    STACK = 16 * 1024
    # Where aligned_zeros begins too.
    ALIGNMENT = 64
    # Multiply-adds, 5 to 10 µs of them, below which the GIL is kept: a thread that waits for it takes as long to
    # wake, so two threads are no faster if it is given away, and one loses 50 ns.
    KEEP_GIL = 200_000

cdef object ndarray = np.ndarray
cdef object empty = np.empty


# One pass over rows, and its memory.
cdef struct Pass:
    const snn_kernels *k
    const Rows *x
    bint in_place           # whether x is computed on where it is
    size_t block            # rows at a time
    char *inputs            # a block of x where it is not
    char *buffers[2]        # a block of two layers


cdef class Predictor:
    """What a network computes for rows of inputs. It has no memory of its own, so that threads share nothing.

    Parameters
    ----------
    topology : Topology
    parameters : array
        The network's vector of parameters, which is read wherever it is at the time of a call.
    """

    cdef Topology topology
    cdef const char *parameters
    cdef const Dense *last
    cdef size_t itemsize
    cdef size_t input_stride
    cdef object dtype
    cdef object n_outputs
    cdef object keep

    def __cinit__(self, Topology topology, parameters):
        cdef const char[::1] bytes = parameters.view(np.int8)
        self.topology = topology
        self.parameters = &bytes[0]
        self.last = &topology.layers[topology.n_layers - 1]
        self.itemsize = topology.dtype.itemsize
        self.input_stride = padded(topology.layers[0].n_inputs, self.itemsize)
        self.dtype = topology.dtype
        self.n_outputs = self.last.n_outputs
        self.keep = parameters

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
        PyObject_GetBuffer(x, &buffer, PyBUF_STRIDED_RO)
        try:
            rows.n_columns = self.topology.layers[0].n_inputs
            if not 1 <= buffer.ndim <= 2 or <size_t>buffer.shape[buffer.ndim - 1] != rows.n_columns:
                return None
            rows.data = <const char *>buffer.buf
            rows.type = <snn_source>type_of_x
            rows.column_bytes = buffer.strides[buffer.ndim - 1]
            rows.labels = NULL
            if buffer.ndim == 1:
                rows.row_bytes = 0
                return self.outputs(&rows, 1, True, rows.type != SNN_UINT8)
            if buffer.shape[0] == 0:
                return None
            rows.row_bytes = buffer.strides[0]
            return self.outputs(&rows, buffer.shape[0], False, rows.type != SNN_UINT8)
        finally:
            PyBuffer_Release(&buffer)

    def predict_checked(self, Source x):
        """Return the outputs (n_samples, n_outputs) for rows that have been checked."""
        return self.outputs(&x.rows, x.n_rows, False, False)

    def evaluate(self, Source x, Source y, loss):
        """Return the loss of all rows of x against y; `loss` is a tuple in the order of core.losses.Loss."""
        cdef Pass p
        cdef char stack[STACK + ALIGNMENT]
        _kept = self.begin(&p, &x.rows, x.n_rows, stack)
        cdef const Dense *last = self.last
        cdef Loss l
        l.kernel, l.factor, l.mean_over_samples, l.mean_over_outputs, l.delta = loss
        target_memory = aligned_zeros(p.block * last.stride, self.dtype)
        loss_memory = np.zeros(p.block)
        cdef char[::1] targets = target_memory.view(np.int8)
        cdef double[::1] row_loss = loss_memory
        cdef double total = 0
        cdef char *a
        cdef double last_poll = seconds()
        cdef size_t i, first = 0, m, n = x.n_rows
        with nogil:
            while first < n:
                m = min(p.block, n - first)
                a = self.block_of_outputs(&p, first, m, False)
                gather(p.k, &y.rows, NULL, first, m, &targets[0], last.stride)
                p.k.losses[l.kernel].evaluate(
                    m, last.n_outputs, a, last.stride, &targets[0], last.stride, NULL, 1, l.delta, NULL, 0,
                    &row_loss[0])
                for i in range(m):
                    total += row_loss[i]
                first += m
                if poll_is_due(&last_poll):
                    with gil:
                        PyErr_CheckSignals()
        return total * loss_scale(&l, n, last.n_outputs)

    # The result for n rows of x; None where `check` is asked for and a value is not finite.
    cdef object outputs(self, const Rows *x, size_t n, bint one, bint check):
        cdef Pass p
        cdef char stack[STACK + ALIGNMENT]
        _kept = self.begin(&p, x, n, stack)
        cdef double number
        cdef char *results = <char *>&number
        cdef Py_buffer buffer
        cdef bint finite
        result = None
        if not one or self.last.n_outputs > 1:
            result = empty(self.n_outputs if one else (n, self.n_outputs), self.dtype)
            PyObject_GetBuffer(result, &buffer, PyBUF_WRITABLE)
            results = <char *>buffer.buf
            PyBuffer_Release(&buffer)  # nobody else has the array, so its memory stays where it is
        if n * <size_t>self.topology.size < KEEP_GIL:
            finite = self.run(&p, n, check, results)
        else:
            with nogil:
                finite = self.run(&p, n, check, results)
        if not finite:
            return None
        if result is None:
            return number if self.itemsize == sizeof(double) else (<float *>results)[0]
        return result

    # Set up a pass over n rows of x, at `stack` if that is enough; returns what else has to be kept for it.
    cdef object begin(self, Pass *p, const Rows *x, size_t n, char *stack):
        p.k = table(self.itemsize)
        p.x = x
        p.in_place = in_place(p.k, x)
        p.block = min(n, <size_t>BLOCK)
        cdef size_t row = self.itemsize * ((0 if p.in_place else self.input_stride) + 2 * <size_t>self.topology.widest)
        cdef size_t rows = STACK // row
        if SMALL_BLOCK <= rows < p.block:
            p.block = rows - rows % SMALL_BLOCK
        cdef size_t layer = p.block * <size_t>self.topology.widest * self.itemsize
        cdef size_t inputs = p.block * row - 2 * layer
        cdef char[::1] bytes
        heap = None
        if p.block <= rows:
            p.inputs = stack + -<uintptr_t>stack % <uintptr_t>ALIGNMENT
            memset(p.inputs + inputs, 0, 2 * layer)
        else:
            heap = aligned_zeros(p.block * row, np.int8)
            bytes = heap
            p.inputs = &bytes[0]
        p.buffers[0] = p.inputs + inputs
        p.buffers[1] = p.buffers[0] + layer
        return heap

    # The outputs of n rows, row by row without padding, into `results`; false where a value is not finite.
    cdef bint run(self, const Pass *p, size_t n, bint check, char *results) except -1 nogil:
        cdef const Dense *last = self.last
        cdef size_t i, m, first = 0, row_size = last.n_outputs * p.k.itemsize
        cdef double last_poll = seconds() if n > p.block else 0
        cdef char *a
        while True:
            m = min(p.block, n - first)
            a = self.block_of_outputs(p, first, m, check)
            if a == NULL:
                return False
            self.apply_link(p.k, a, m)
            for i in range(m):
                memcpy(results + (first + i) * row_size, at(p.k, a, i * last.stride), row_size)
            first += m
            if first == n:
                return True
            if poll_is_due(&last_poll):
                with gil:
                    PyErr_CheckSignals()

    # Outputs (logits where the loss has the last activation) of rows [first, first + m), m <= block; NULL where
    # `check` is asked for and a value of these rows is not finite.
    cdef char *block_of_outputs(self, const Pass *p, size_t first, size_t m, bint check) noexcept nogil:
        cdef const snn_kernels *k = p.k
        cdef const Rows *x = p.x
        cdef const char *a = p.inputs
        cdef size_t i, stride = self.input_stride, n_layers = self.topology.n_layers
        cdef Activations batch
        if p.in_place:
            a = x.data + <ptrdiff_t>first * x.row_bytes
            stride = x.row_bytes // <ptrdiff_t>k.itemsize
        else:
            gather(k, x, NULL, first, m, p.inputs, stride)
        for i in range(n_layers):
            batch.z = batch.a = p.buffers[i % 2]
            forward(k, &self.topology.layers[i], self.parameters, a, stride, &batch, 0, m)
            # Not before: a product fetches the next inputs while it computes, and leaves them in the cache.
            if i == 0 and check and not all_finite(k, a, stride * k.itemsize, m, x.n_columns):
                return NULL
            a, stride = batch.a, self.topology.layers[i].stride
        return batch.a

    cdef void apply_link(self, const snn_kernels *k, char *z, size_t m) noexcept nogil:
        cdef const Dense *d = self.last
        if not d.in_loss:
            return
        if self.topology.softmax:
            k.softmax(m, d.n_outputs, z, d.stride, z, d.stride)
        else:
            k.activations[d.activation].value(m * d.stride, z, z, d.alpha)
