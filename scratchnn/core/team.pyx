"""Threads that compute together for the length of one call.

The caller is one of them. The others start with the first run and wait between runs: they spin for some
microseconds, as the next run often follows at once, and then sleep. None outlives its team, so that there is
no pool to be limited, forked or left behind.
"""

import os
import threading

import numpy as np

cimport cython
from cpython.pythread cimport (
    WAIT_LOCK, PyThread_acquire_lock, PyThread_allocate_lock, PyThread_free_lock, PyThread_release_lock)

from scratchnn.core.kernels cimport barrier_init, barrier_wait, gate_close, gate_open, gate_wait
from scratchnn.core.topology cimport bytes_of

from scratchnn.core.topology import aligned_zeros


@cython.no_gc_clear  # in a cycle of garbage its memory stays until the locks in it have been freed
cdef class Team:
    """A context manager that ends its threads however the block ends.

    Parameters
    ----------
    n_threads : int
        At most so many; the caller's counts.
    """

    def __cinit__(self, uint32_t n_threads):
        self.n_threads = n_threads
        self.others = []

    def __dealloc__(self):
        self._free()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.end()

    cdef uint32_t start(self) except 0:
        if self.n_threads == 1 or self.pid == os.getpid():
            return self.n_threads
        self._allocate()  # after a fork: anew, for the others stayed behind
        self.pid = os.getpid()
        self.others = [
            threading.Thread(target=self._serve, args=(i,), name=f"scratchnn {i}", daemon=True)
            for i in range(1, self.n_members)
        ]
        try:
            for i in range(1, self.n_members):
                self.others[i - 1].start()
        except RuntimeError:  # the system gives no more threads: fewer compute the same bits
            self.n_threads = i
        barrier_init(&self.barrier, self.n_threads)
        return self.n_threads

    cdef void _allocate(self) except *:
        self._free()
        self.memory = aligned_zeros(self.n_threads * sizeof(Member), np.int8)
        self.members = <Member *>bytes_of(self.memory)
        self.n_members = self.n_threads
        for i in range(1, self.n_members):
            self.members[i].sleep = PyThread_allocate_lock()
            if self.members[i].sleep == NULL:
                raise MemoryError("the system gives no more locks")
            PyThread_acquire_lock(self.members[i].sleep, WAIT_LOCK)

    cdef void _free(self):
        cdef uint32_t i
        for i in range(1, self.n_members):
            if self.members[i].sleep != NULL:
                PyThread_free_lock(self.members[i].sleep)
        self.n_members = 0

    cdef void run(self, Work work, void *context, uint32_t n) noexcept nogil:
        self.work, self.context = work, context
        self.barrier.n_threads = n  # who is still leaving it does not look at this
        self._wake(n)
        work(context, 0)
        if n > 1:
            barrier_wait(&self.barrier)

    cdef void _wake(self, uint32_t n) noexcept nogil:
        cdef uint32_t i
        for i in range(1, n):
            if gate_open(&self.members[i].gate):
                PyThread_release_lock(self.members[i].sleep)

    def _serve(self, uint32_t thread):
        cdef Member *member = &self.members[thread]
        with nogil:
            while True:
                if not gate_wait(&member.gate):
                    PyThread_acquire_lock(member.sleep, WAIT_LOCK)
                gate_close(&member.gate)
                if self.work == NULL:
                    break
                self.work(self.context, thread)
                barrier_wait(&self.barrier)

    cdef object end(self):
        if self.pid != os.getpid():
            return
        self.work = NULL
        self._wake(self.n_members)
        interruption = None
        for other in self.others:
            while True:
                try:
                    if not other.is_alive():
                        break
                    other.join()
                except BaseException as error:  # of a signal: the others hold memory of the caller until they have left
                    interruption = error
        self.pid, self.others = None, []
        if interruption is not None:
            raise interruption
