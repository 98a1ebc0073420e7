"""How many threads take a step the soonest, found by trying."""

from libc.stdint cimport uint32_t

# Enough for 2^31 threads.
cdef enum:
    MOST_NUMBERS = 33


cdef class Trial:
    cdef readonly uint32_t n_threads            # of the next stretch of steps
    cdef readonly size_t n_steps                # in it
    cdef uint32_t many
    cdef uint32_t numbers[MOST_NUMBERS]         # that are tried: 1, 2, 4 ... and many
    cdef double step_seconds[MOST_NUMBERS]      # with each, when it was tried last; 0 for never
    cdef int n_numbers, current, best           # places among them
    cdef int phase
    cdef bint upwards                           # where the next challenger is
    cdef double interval                        # seconds until it is tried

    # Learn what a step of the last stretch took, 0 if nobody knows, and choose the next.
    cdef void next(self, double step_seconds) noexcept nogil
    cdef void settle(self) noexcept nogil
    cdef int challenger(self) noexcept nogil
    cdef void stretch(self, int number, double seconds) noexcept nogil
