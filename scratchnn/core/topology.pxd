"""The layers of one network and where their parameters lie; shared by training and prediction."""

from scratchnn.core.layers.dense cimport Dense


cdef enum:
    ALIGNMENT = 64  # bytes, of arrays and their rows: a vector of AVX-512, a line of most caches


cdef class Topology:
    cdef Dense *layers
    cdef readonly Py_ssize_t n_layers
    cdef readonly object dtype
    cdef readonly Py_ssize_t size           # elements of a parameter vector, padding included
    cdef readonly Py_ssize_t widest         # the largest stride
    cdef Py_ssize_t link                    # place of the last activation in the kernels' links; -1 for all others
    cdef size_t outputs_per_target          # which that link takes together


# Where the bytes of a vector that may be written to begin, NULL where it has none; whoever asks keeps it alive.
cdef char *bytes_of(vector) except? NULL
