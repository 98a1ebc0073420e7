# cython: binding=True
"""Random numbers that are the same on every system: SplitMix64, counter-based (docs/math.md, "Random numbers").

Draw i of a stream depends on (seed, stream, i) alone, so the whole state of a generator is its counter.
"""

import operator

import numpy as np

cimport cython
from libc.stdint cimport int64_t, uint64_t

from scratchnn.core cimport kernels
from scratchnn.core.kernels cimport random_bits, random_key, random_normal, random_shuffle, random_uniform

from scratchnn.core.arrays import number_within


def normal_quantile(p):
    """Compute the x below which a part p of the standard normal distribution lies (docs/math.md, eq. 64).

    ValueError unless 0 < p < 1.
    """
    return kernels.normal_quantile(max(number_within("p", p, 0.0, False, 1.0), 1e-300))


cdef class Generator:
    """A stream of random numbers; threads that share it draw each number once, in whatever order they come.

    Parameters
    ----------
    seed : int
        Taken modulo 2**64.
    stream : int
        Streams of one seed are independent; stream 0 is plain SplitMix64 whose state starts at `seed`.
    counter : int
        How many numbers of the stream have been drawn.
    """

    cdef uint64_t key
    cdef uint64_t drawn

    def __init__(self, seed, stream=0, counter=0):
        self.key = random_key(<uint64_t>(operator.index(seed) & 0xFFFFFFFFFFFFFFFF), operator.index(stream))
        self.drawn = operator.index(counter)

    @property
    def counter(self):
        """How many numbers of the stream have been drawn."""
        return self.draw(0)

    cdef uint64_t draw(self, uint64_t n) noexcept:
        """Count n numbers as drawn, and return the place of the first."""
        cdef uint64_t first
        with cython.critical_section(self):  # of free-threaded Python; else there is the GIL
            first = self.drawn
            self.drawn += n
        return first

    def bits(self, Py_ssize_t n):
        """Return the next n raw 64-bit numbers."""
        result = np.empty(n, np.uint64)
        cdef uint64_t[::1] out = result
        cdef uint64_t first = self.draw(out.shape[0])
        cdef Py_ssize_t i
        for i in range(n):
            out[i] = random_bits(self.key, first + i)
        return result

    def uniform(self, shape=1):
        """Return float64 numbers of 53 random bits, uniform in [0, 1)."""
        result = np.empty(shape)
        cdef double[::1] out = result.reshape(-1)
        cdef uint64_t first = self.draw(out.shape[0])
        cdef Py_ssize_t i
        for i in range(out.shape[0]):
            out[i] = random_uniform(random_bits(self.key, first + i))
        return result

    def normal(self, shape=1):
        """Return float64 numbers of the standard normal distribution."""
        result = np.empty(shape)
        cdef double[::1] out = result.reshape(-1)
        cdef uint64_t first = self.draw(out.shape[0])
        cdef Py_ssize_t i
        for i in range(out.shape[0]):
            out[i] = random_normal(random_bits(self.key, first + i))
        return result

    def permutation(self, Py_ssize_t n):
        """Return the integers 0 … n-1 in random order, by Fisher and Yates's shuffle."""
        if n < 0:
            raise ValueError(f"n is {n}; expected an integer >= 0")
        result = np.arange(n, dtype=np.int64)
        cdef int64_t[::1] items = result
        if n > 1:
            with cython.critical_section(self):
                self.drawn = random_shuffle(self.key, self.drawn, n, 0, &items[0])
        return result
