# cython: binding=True
"""The SIMD kernels and the choice among them: the only module that links csrc/.

An instruction set is chosen once, at import: the best that the CPU and the operating system support, or
the one that the environment variable ``SCRATCHNN_ISA`` names, which is obeyed or refused.
"""

import os

from libc.stdint cimport int64_t, uint32_t, uint64_t


cdef extern from "kernels.h" nogil:
    ctypedef struct snn_isa:
        const char *name
        int (*available)() noexcept nogil
        const snn_kernels *float32
        const snn_kernels *float64

    const snn_isa *snn_isas
    uint64_t snn_flush_denormals() noexcept nogil
    uint64_t snn_keep_denormals() noexcept nogil
    void snn_restore_denormals(uint64_t state) noexcept nogil
    void snn_prefer_large_pages(void *memory, size_t size) noexcept nogil
    uint64_t snn_random_key(uint64_t seed, uint64_t stream) noexcept nogil
    uint64_t snn_random_bits(uint64_t key, uint64_t index) noexcept nogil
    double snn_random_uniform(uint64_t bits) noexcept nogil
    double snn_random_normal(uint64_t bits) noexcept nogil
    double snn_normal_quantile(double p) noexcept nogil
    uint64_t snn_random_shuffle(uint64_t key, uint64_t index, size_t n, size_t end, int64_t *items) noexcept nogil


cdef extern from "barrier.h" nogil:
    void snn_barrier_init(snn_barrier *barrier, uint32_t n_threads) noexcept
    void snn_barrier_wait(snn_barrier *barrier) noexcept
    bint snn_gate_wait(snn_gate *gate) noexcept
    bint snn_gate_open(snn_gate *gate) noexcept
    void snn_gate_close(snn_gate *gate) noexcept
    uint32_t snn_count(uint32_t *counter) noexcept
    void snn_raise(uint32_t *flag) noexcept
    bint snn_raised(const uint32_t *flag) noexcept


cdef const snn_isa *chosen = NULL


cdef const snn_kernels *table(size_t itemsize) noexcept nogil:
    return chosen.float32 if itemsize == 4 else chosen.float64


cdef uint64_t flush_denormals() noexcept nogil:
    return snn_flush_denormals()


cdef uint64_t keep_denormals() noexcept nogil:
    return snn_keep_denormals()


cdef void restore_denormals(uint64_t state) noexcept nogil:
    snn_restore_denormals(state)


cdef void prefer_large_pages(void *memory, size_t size) noexcept nogil:
    snn_prefer_large_pages(memory, size)


cdef uint64_t random_key(uint64_t seed, uint64_t stream) noexcept nogil:
    return snn_random_key(seed, stream)


cdef uint64_t random_bits(uint64_t key, uint64_t index) noexcept nogil:
    return snn_random_bits(key, index)


cdef double random_uniform(uint64_t bits) noexcept nogil:
    return snn_random_uniform(bits)


cdef double random_normal(uint64_t bits) noexcept nogil:
    return snn_random_normal(bits)


cdef double normal_quantile(double p) noexcept nogil:
    return snn_normal_quantile(p)


cdef uint64_t random_shuffle(uint64_t key, uint64_t index, size_t n, size_t end, int64_t *items) noexcept nogil:
    return snn_random_shuffle(key, index, n, end, items)


cdef void barrier_init(snn_barrier *barrier, uint32_t n_threads) noexcept nogil:
    snn_barrier_init(barrier, n_threads)


cdef void barrier_wait(snn_barrier *barrier) noexcept nogil:
    snn_barrier_wait(barrier)


cdef bint gate_wait(snn_gate *gate) noexcept nogil:
    return snn_gate_wait(gate)


cdef bint gate_open(snn_gate *gate) noexcept nogil:
    return snn_gate_open(gate)


cdef void gate_close(snn_gate *gate) noexcept nogil:
    snn_gate_close(gate)


cdef uint32_t count(uint32_t *counter) noexcept nogil:
    return snn_count(counter)


cdef void raise_flag(uint32_t *flag) noexcept nogil:
    snn_raise(flag)


cdef bint is_raised(const uint32_t *flag) noexcept nogil:
    return snn_raised(flag)


def compiled():
    """Return the names of the instruction sets in this build, the best first."""
    names = []
    cdef const snn_isa *isa = snn_isas
    while isa.name != NULL:
        names.append(isa.name.decode())
        isa += 1
    return tuple(names)


def _available():
    # CPUID traps to the hypervisor in a virtual machine (tens of microseconds): asked once.
    names = []
    cdef const snn_isa *isa = snn_isas
    while isa.name != NULL:
        if isa.available():
            names.append(isa.name.decode())
        isa += 1
    return tuple(names)


_AVAILABLE = _available()


def available():
    """Return the names of the instruction sets that this CPU and operating system support, the best first."""
    return _AVAILABLE


def isa():
    """Return the name of the instruction set in use."""
    return chosen.name.decode()


def use(str name):
    """Switch the process to another instruction set and return the name of the previous one.

    For tests and benchmarks; not while anything is computing.

    Parameters
    ----------
    name : str
        One of :func:`available`.

    Raises
    ------
    ValueError
        If this build or this machine lacks it; nothing is changed then.
    """
    global chosen
    previous = None if chosen == NULL else chosen.name.decode()
    if name not in compiled():
        raise ValueError(f"unknown instruction set {name!r}; this build has {', '.join(compiled())}")
    if name not in _AVAILABLE:
        raise ValueError(f"this machine cannot run {name!r}; it supports {', '.join(_AVAILABLE)}")
    cdef const snn_isa *isa = snn_isas
    while isa.name.decode() != name:
        isa += 1
    chosen = isa
    return previous


def _choose():
    wanted = os.environ.get("SCRATCHNN_ISA", "")
    try:
        use(wanted or _AVAILABLE[0])
    except ValueError as error:
        raise ImportError(f"SCRATCHNN_ISA={wanted}: {error}") from None


_choose()
