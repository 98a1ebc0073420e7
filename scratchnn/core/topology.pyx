"""The layers of one network and where their parameters lie.

One flat vector, 64-byte aligned, holds all parameters: for each layer its weights, row by row, then its
biases. Rows are padded with zeros to whole 64 bytes; gradients and optimizer state have the same layout.
"""

import numpy as np

from libc.stdint cimport uintptr_t
from libc.stdlib cimport calloc, free

from scratchnn.core.kernels cimport SNN_SLOPE_FROM_VALUE, prefer_large_pages, table

from scratchnn.core.layers.dense cimport BY_BATCH, BY_LAYER

from scratchnn.core.losses import links

# A row stride that is a multiple of this maps the rows of a tile onto few sets of the L1 cache
# (48 KiB in 12 ways: rows 4 KiB apart share a set; 1 KiB apart, four rows do every fourth).
CONFLICT = 1024

KINDS = {"batch": BY_BATCH, "layer": BY_LAYER}

# A large page has this size, and less memory has none.
LARGE_PAGE = 1 << 21


def aligned_zeros(Py_ssize_t n, dtype):
    """Return a vector of n zeros whose memory starts at a multiple of 64 bytes."""
    dtype = np.dtype(dtype)
    memory = np.zeros(n * dtype.itemsize + ALIGNMENT, np.uint8)
    cdef char *bytes = bytes_of(memory)
    cdef Py_ssize_t start = -<uintptr_t>bytes % <uintptr_t>ALIGNMENT, n_bytes = memory.size
    if n_bytes >= LARGE_PAGE:
        prefer_large_pages(bytes, n_bytes)
    return memory[start:start + n * dtype.itemsize].view(dtype)


cdef char *bytes_of(vector) except? NULL:
    # Not as char: whether that has a sign is the machine's, and int8 has one.
    cdef signed char[::1] view = vector.view(np.int8)
    return <char *>&view[0] if view.shape[0] else NULL


def padded(Py_ssize_t n, Py_ssize_t itemsize):
    """Return the row stride, in elements, for rows of n elements."""
    size = (n * itemsize + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
    if size % CONFLICT == 0:
        size += ALIGNMENT
    return size // itemsize


cdef class Topology:
    """The shape of a network of dense layers.

    Parameters
    ----------
    layer_sizes : sequence of int
        Inputs, hidden layers, outputs.
    activations : sequence of Activation
        One for each layer of weights; the last is None where `link` is one of core.losses.links().
    biases : bool
    dtype : float32 or float64
    link : str
        The activation of the last layer that belongs to its loss, such as ``"softmax"``; or "".
    outputs_per_target : int
        How many outputs stand for one target, which matters to some links.
    normalization : sequence of str, optional
        For each layer "batch", "layer" or "" for none. Where batches normalise there are no biases: the mean would
        take them out again.
    """

    def __cinit__(self, layer_sizes, activations, bint biases, dtype, str link="",
                  size_t outputs_per_target=1, normalization=None):
        self.dtype = np.dtype(dtype)
        self.n_layers = len(layer_sizes) - 1
        self.link = links().index(link) if link in links() else -1
        self.outputs_per_target = outputs_per_target
        self.layers = <Dense *>calloc(self.n_layers, sizeof(Dense))
        if self.layers == NULL:
            raise MemoryError(f"no memory for {self.n_layers} layers")
        itemsize = self.dtype.itemsize
        cdef Dense *d
        for i, activation in enumerate(activations):
            d = &self.layers[i]
            d.n_inputs, d.n_outputs = layer_sizes[i], layer_sizes[i + 1]
            d.stride = padded(layer_sizes[i + 1], itemsize)
            kind = normalization[i] if normalization is not None else ""
            d.has_biases = biases and kind != "batch"
            d.weights = self.size
            d.vectors = d.weights + d.n_inputs * d.stride
            d.n_vectors = 1 if d.has_biases else 0
            if kind:
                d.normalization = KINDS[kind]
                d.gain = d.vectors + d.n_vectors * d.stride
                d.shift = d.gain + d.stride
                d.n_vectors += 2
            self.size = d.vectors + d.n_vectors * d.stride
            if kind == "batch":
                d.mean, d.variance = self.size, self.size + d.stride
                self.size += 2 * d.stride
            d.in_loss = d.linear = bool(link) and i == self.n_layers - 1
            if activation is not None:
                d.activation = activation.index
                d.alpha = activation.alpha
                d.linear |= activation.name == "identity"
                d.slope_from_value = table(8).activations[d.activation].slope_source == SNN_SLOPE_FROM_VALUE
            self.widest = max(self.widest, d.stride)

    def __dealloc__(self):
        free(self.layers)

    def zeros(self):
        """Return a new vector of the parameters' layout."""
        return aligned_zeros(self.size, self.dtype)

    def views(self, vector):
        """Return, for every layer, {name: view of `vector`} of its weights, biases, gain and shift, if it has them."""
        result = []
        cdef Dense *d
        for i in range(self.n_layers):
            d = &self.layers[i]
            names = (["biases"] if d.has_biases else []) + (["gain", "shift"] if d.normalization else [])
            rows = vector[d.weights:d.vectors].reshape(d.n_inputs, d.stride)
            of_layer = {"weights": rows[:, :d.n_outputs]}
            for j, name in enumerate(names):
                start = d.vectors + j * d.stride
                of_layer[name] = vector[start:start + d.n_outputs]
            result.append(of_layer)
        return result

    def statistics(self, vector):
        """Return, for every layer, {name: view of `vector`} of its running mean and variance, if it has them."""
        result = []
        cdef Dense *d
        for i in range(self.n_layers):
            d = &self.layers[i]
            starts = {"running_mean": d.mean, "running_variance": d.variance} if d.normalization == BY_BATCH else {}
            result.append({name: vector[start:start + d.n_outputs] for name, start in starts.items()})
        return result
