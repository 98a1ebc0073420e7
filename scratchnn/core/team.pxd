"""Threads that compute together for the length of one call."""

from cpython.pythread cimport PyThread_type_lock
from libc.stdint cimport uint32_t

from scratchnn.core.kernels cimport snn_barrier, snn_gate


# What each thread does in a run: `context` is the caller's, threads are numbered from 0, which is the caller.
ctypedef void (*Work)(void *context, uint32_t thread) noexcept nogil


# Another thread than the caller's.
cdef struct Member:
    snn_gate gate                   # at which it waits for a run
    PyThread_type_lock sleep        # what it sleeps on if that takes long


cdef class Team:
    cdef readonly uint32_t n_threads    # at most so many; so many, once start has returned
    cdef uint32_t n_members             # for which there is memory, and perhaps a thread
    cdef Member *members                # of which the first is not used: it would be the caller
    cdef Work work                      # of this run; NULL tells the others to end
    cdef void *context
    cdef snn_barrier barrier
    cdef list others
    cdef object memory
    cdef object pid                     # of the process that has the threads

    # Start the threads, unless they are there, and return how many there are: fewer where the system gives no more.
    cdef uint32_t start(self) except 0

    # Do the work in n of the threads, and return when all have done it.
    cdef void run(self, Work work, void *context, uint32_t n) noexcept nogil

    # End the threads; start would start them anew.
    cdef object end(self)

    cdef void _allocate(self) except *
    cdef void _free(self)
    cdef void _wake(self, uint32_t n) noexcept nogil
