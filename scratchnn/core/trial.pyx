"""How many threads take a step the soonest, found by trying; results do not depend on it.

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
    NEW         # how long a step takes is not known
    WARM        # memory is new, and the system still finds CPUs for the threads: what a step takes tells nothing
    ALL         # every number once, from many to one
    SETTLED     # on the best
    CHALLENGED  # by the next smaller or the next larger number

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
        cdef uint32_t n = 1
        self.many = self.n_threads = n_threads
        self.n_steps = SIZE_MAX
        if n_threads == 1 or work >= n_threads * _always:
            return
        while n < n_threads:
            self.numbers[self.n_numbers] = n
            self.n_numbers += 1
            n = n * 2 if n <= n_threads // 2 else n_threads
        self.numbers[self.n_numbers] = n_threads
        self.n_numbers += 1
        self.current, self.phase, self.n_steps = self.n_numbers - 1, NEW, 2

    cdef void next(self, double step_seconds) noexcept nogil:
        if self.n_steps == SIZE_MAX:
            return
        if step_seconds > 0:
            self.step_seconds[self.current] = step_seconds
        if self.phase < ALL:
            self.phase += 1
            self.stretch(self.current, _try)
        elif self.phase == ALL:
            if self.current > 0:
                self.stretch(self.current - 1, _try)
            else:
                self.settle()
        elif self.phase == SETTLED:
            self.phase = CHALLENGED
            self.stretch(self.challenger(), _try)
        else:
            if 0 < self.step_seconds[self.current] < _better * self.step_seconds[self.best]:
                self.best, self.interval = self.current, _first
            else:
                self.interval = min(2 * self.interval, _longest)
                self.upwards = not self.upwards
            self.phase = SETTLED
            self.stretch(self.best, self.interval)

    cdef void settle(self) noexcept nogil:
        cdef int i
        self.best = 0
        for i in range(1, self.n_numbers):
            if 0 < self.step_seconds[i] < _better * self.step_seconds[self.best]:
                self.best = i
        self.phase, self.interval = SETTLED, _first
        self.stretch(self.best, self.interval)

    cdef int challenger(self) noexcept nogil:
        if self.best == 0:
            return 1
        if self.best == self.n_numbers - 1:
            return self.best - 1
        return self.best + 1 if self.upwards else self.best - 1

    cdef void stretch(self, int number, double seconds) noexcept nogil:
        cdef double a_step = self.step_seconds[number]
        if a_step == 0:
            a_step = self.step_seconds[self.current]  # the nearest that is known
        self.current, self.n_threads = number, self.numbers[number]
        # The first step of a stretch is not measured: threads are waking.
        self.n_steps = 2 if a_step == 0 else 2 + <size_t>(seconds / a_step)

    def record(self, double step_seconds):
        """Learn what a step of the last stretch took, 0 if nobody knows, and choose the next."""
        self.next(step_seconds)
