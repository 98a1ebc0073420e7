"""Whether several threads or one take a step sooner, found by trying both in turns; results do not depend on it.

What a second thread gains or costs is not known beforehand. A virtual machine's CPUs may share a cache or not, and are
moved within minutes: a line of it goes from one to the other and back in 130 or in 550 ns. Other programs may take
the CPU, which a barrier then waits for. Microseconds a step in one thread and in two on Zen 5, where a round
trip takes 130 ns: 8-64-64-4, batch 64: 13.1 and 8.9; 64-100-10, batch 200: 45 and 30; 784-128-10, batch 32: 78 and 49;
4-32-16-4, batch 10,000: 430 and 257, and where a round trip takes 550 ns, 505.
"""

from libc.stdint cimport SIZE_MAX

# A step of so many multiply-adds a thread, half a millisecond, is always faster in many threads, if they have a CPU.
ALWAYS = 50_000_000

# Seconds that a number of threads is tried for; between two tries at first, and at most.
TRY = 2e-3
FIRST_INTERVAL = 50e-3
LONGEST_INTERVAL = 0.25

# So much sooner is another number worth a change: less is chance.
BETTER = 0.97

cdef enum Phase:
    WARM        # memory is new, threads are waking: what it takes tells nothing
    TRY_MANY
    TRY_ONE
    SETTLED
    CHALLENGED

cdef double _always = ALWAYS, _try = TRY, _first = FIRST_INTERVAL, _longest = LONGEST_INTERVAL, _better = BETTER


cdef class Trial:
    """The next stretch of steps is to have `n_steps`, in `n_threads` threads.

    Parameters
    ----------
    n_threads : int
        The most.
    work : float
        Multiply-adds of a step.
    """

    def __cinit__(self, uint32_t n_threads, double work):
        self.begin(n_threads, work)

    cdef bint begin(self, uint32_t n_threads, double work) noexcept nogil:
        self.n_threads, self.n_steps, self.many = n_threads, SIZE_MAX, n_threads
        self.of_one = self.of_many = 0
        if n_threads == 1 or work >= n_threads * _always:
            return False
        self.phase, self.n_steps = WARM, 2
        return True

    cdef void next(self, double seconds_a_step) noexcept nogil:
        cdef bint many
        if self.n_steps == SIZE_MAX:
            return
        if seconds_a_step > 0:
            if self.n_threads == self.many:
                self.of_many = seconds_a_step
            else:
                self.of_one = seconds_a_step
        if self.phase == WARM:
            self.phase = TRY_MANY
            self.stretch(True, _try)
        elif self.phase == TRY_MANY:
            self.phase = TRY_ONE
            self.stretch(False, _try)
        elif self.phase == SETTLED:
            self.phase = CHALLENGED
            self.stretch(not self.settled_on_many, _try)
        else:
            if self.settled_on_many:
                many = not self.of_one < _better * self.of_many
            else:
                many = self.of_many < _better * self.of_one
            if self.phase == TRY_ONE or many != self.settled_on_many:
                self.interval = _first
            else:
                self.interval = min(2 * self.interval, _longest)
            self.phase, self.settled_on_many = SETTLED, many
            self.stretch(many, self.interval)

    cdef void stretch(self, bint many, double seconds) noexcept nogil:
        cdef double a_step = self.of_many if many else self.of_one
        if a_step == 0:
            a_step = self.of_one + self.of_many  # the other's, if that is known
        self.n_threads = self.many if many else 1
        # The first step of a stretch is not measured: threads are waking.
        self.n_steps = 2 if a_step == 0 else 2 + <size_t>(seconds / a_step)

    def record(self, double seconds_a_step):
        """Learn what a step of the last stretch took, 0 if nobody knows, and choose the next."""
        self.next(seconds_a_step)
