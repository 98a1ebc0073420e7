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
    cdef bint softmax                       # whether the last activation is softmax, which the list does not have
