"""The forward pass for many rows: blocks that fit the cache, no copy of the inputs, safe in many threads."""

import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from libc.string cimport memcpy

from scratchnn.core.data cimport Rows, Source, gather, in_place
from scratchnn.core.kernels cimport snn_kernels, table
from scratchnn.core.layers.dense cimport Activations, Dense, at, forward
from scratchnn.core.losses cimport Loss, loss_scale
from scratchnn.core.signals cimport poll_is_due, seconds
from scratchnn.core.topology cimport Topology

from scratchnn.core.topology import aligned_zeros, padded

# Rows at a time. A multiple of every tile height (csrc/vec_*.h), and small enough that two layers of a few
# hundred outputs stay in a cache of 1 MiB.
BLOCK = 240


cdef class Predictor:
    """The memory of one forward pass; made for one call, so that threads share nothing."""

    cdef Topology topology
    cdef const snn_kernels *k
    cdef const char *parameters
    cdef char *inputs
    cdef char *buffers[2]
    cdef size_t input_stride
    cdef Py_ssize_t block
    cdef object keep

    def __cinit__(self, Topology topology, parameters, Py_ssize_t n_rows):
        self.topology = topology
        self.k = table(topology.dtype.itemsize)
        self.block = min(BLOCK, max(1, n_rows))
        self.input_stride = padded(topology.layers[0].n_inputs, self.k.itemsize)
        memory = aligned_zeros(self.block * (self.input_stride + 2 * topology.widest), topology.dtype)
        self.keep = parameters, memory
        cdef const char[::1] parameter_bytes = parameters.view(np.int8)
        cdef char[::1] bytes = memory.view(np.int8)
        self.parameters = &parameter_bytes[0]
        self.inputs = &bytes[0]
        self.buffers[0] = at(self.k, self.inputs, self.block * self.input_stride)
        self.buffers[1] = at(self.k, self.buffers[0], self.block * topology.widest)

    # Outputs (logits where the loss has the last activation) of rows [first, first + m), m <= block.
    cdef Activations outputs(self, const Rows *x, size_t first, size_t m) noexcept nogil:
        cdef const snn_kernels *k = self.k
        cdef const char *a = x.data + <ptrdiff_t>first * x.row_bytes
        cdef size_t i, stride, n_layers = self.topology.n_layers
        cdef Activations batch
        if in_place(k, x):
            stride = x.row_bytes // <ptrdiff_t>k.itemsize
        else:
            gather(k, x, NULL, first, m, self.inputs, self.input_stride)
            a, stride = self.inputs, self.input_stride
        for i in range(n_layers):
            batch.z = batch.a = self.buffers[i % 2]
            forward(k, &self.topology.layers[i], self.parameters, a, stride, &batch, 0, m)
            a, stride = batch.a, self.topology.layers[i].stride
        return batch

    cdef void apply_link(self, char *z, size_t m) noexcept nogil:
        cdef const Dense *d = &self.topology.layers[self.topology.n_layers - 1]
        if not d.in_loss:
            return
        if self.topology.softmax:
            self.k.softmax(m, d.n_outputs, z, d.stride, z, d.stride)
        else:
            self.k.activations[d.activation].value(m * d.stride, z, z, d.alpha)


def predict(Topology topology, parameters, Source x):
    """Return the network's outputs (n_samples, n_outputs) for all rows of x."""
    cdef Predictor p = Predictor(topology, parameters, x.n_rows)
    cdef const Dense *last = &topology.layers[topology.n_layers - 1]
    out = np.empty((x.n_rows, last.n_outputs), topology.dtype)
    cdef char[:, ::1] bytes = out.view(np.int8)
    cdef char *a
    cdef double last_poll = seconds()
    cdef size_t i, first = 0, m, n = x.n_rows, row_size = last.n_outputs * p.k.itemsize
    with nogil:
        while first < n:
            m = min(<size_t>p.block, n - first)
            a = p.outputs(&x.rows, first, m).a
            p.apply_link(a, m)
            for i in range(m):
                memcpy(&bytes[first + i, 0], at(p.k, a, i * last.stride), row_size)
            first += m
            if poll_is_due(&last_poll):
                with gil:
                    PyErr_CheckSignals()
    return out


def evaluate(Topology topology, parameters, Source x, Source y, loss):
    """Return the loss of all rows of x against y; `loss` is a tuple in the order of core.losses.Loss."""
    cdef Predictor p = Predictor(topology, parameters, x.n_rows)
    cdef const Dense *last = &topology.layers[topology.n_layers - 1]
    cdef Loss l
    l.kernel, l.factor, l.mean_over_samples, l.mean_over_outputs, l.delta = loss
    target_memory = aligned_zeros(p.block * last.stride, topology.dtype)
    loss_memory = np.zeros(p.block)
    cdef char[::1] targets = target_memory.view(np.int8)
    cdef double[::1] row_loss = loss_memory
    cdef double total = 0
    cdef char *a
    cdef double last_poll = seconds()
    cdef size_t i, first = 0, m, n = x.n_rows
    with nogil:
        while first < n:
            m = min(<size_t>p.block, n - first)
            a = p.outputs(&x.rows, first, m).a
            gather(p.k, &y.rows, NULL, first, m, &targets[0], last.stride)
            p.k.losses[l.kernel].evaluate(
                m, last.n_outputs, a, last.stride, &targets[0], last.stride, NULL, 1, l.delta, NULL, 0, &row_loss[0])
            for i in range(m):
                total += row_loss[i]
            first += m
            if poll_is_due(&last_poll):
                with gil:
                    PyErr_CheckSignals()
    return total * loss_scale(&l, n, last.n_outputs)
