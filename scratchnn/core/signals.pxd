"""Signals, Ctrl-C among them, in the midst of a computation below Python."""

from cpython.exc cimport PyErr_CheckSignals

cdef extern from "<time.h>" nogil:
    struct timespec:
        long long tv_sec
        long tv_nsec
    int timespec_get(timespec *now, int base) noexcept
    int TIME_UTC


# Signals are looked for this often, in seconds; and the clock is read after about this many multiply-adds
# (some ten microseconds), so that reading it (25 ns) costs nothing.
cdef enum:
    POLL_MILLISECONDS = 20
    POLL_WORK = 1_000_000


cdef inline double seconds() noexcept nogil:
    cdef timespec now
    timespec_get(&now, TIME_UTC)
    return now.tv_sec + 1e-9 * now.tv_nsec


# Whether it is time to look for signals; *last is when they were looked for last.
cdef inline bint poll_is_due(double *last) noexcept nogil:
    cdef double now = seconds()
    if 0 <= now - last[0] < 1e-3 * POLL_MILLISECONDS:
        return False
    last[0] = now
    return True


# Let handlers run, and return the exception that one has raised, None for none.
cdef inline object pending_interruption():
    try:
        PyErr_CheckSignals()
    except BaseException as interruption:
        return interruption
    return None
