"""Whether several threads or one take a step sooner, found by trying both in turns."""

from libc.stdint cimport uint32_t


cdef class Trial:
    cdef readonly uint32_t n_threads    # of the next stretch of steps
    cdef readonly size_t n_steps        # in it
    cdef uint32_t many
    cdef int phase
    cdef bint settled_on_many
    cdef double of_one, of_many         # seconds a step, when they were tried last
    cdef double interval                # seconds until the other number is tried again

    # Whether there is anything to try: else the next stretch has no end.
    cdef bint begin(self, uint32_t n_threads, double work) noexcept nogil

    # Learn what a step of the last stretch took, 0 if nobody knows, and choose the next.
    cdef void next(self, double seconds_a_step) noexcept nogil
    cdef void stretch(self, bint many, double seconds) noexcept nogil
