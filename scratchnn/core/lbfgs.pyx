# cython: binding=True
"""L-BFGS on a flat vector of parameters, without the GIL and without an allocation (docs/math.md, "L-BFGS").

The direction is that of Nocedal's (1980) two loops, its length that of a search for the strong Wolfe conditions
(core.wolfe). The length of the first step, which pairs are left out and when it ends are as in L-BFGS-B (Byrd, Lu,
Nocedal & Zhu 1995; version 3), so that its course is that of SciPy's.
"""

from collections import namedtuple

import numpy as np

cimport cython
from libc.math cimport NAN, fabs, fmax, fmin, isfinite, sqrt
from libc.string cimport memcmp, memcpy

from scratchnn.core.kernels cimport table
from scratchnn.core.topology cimport ALIGNMENT, bytes_of
from scratchnn.core.wolfe cimport ACCEPT, TRY, Answer, begin, learn

from scratchnn.core.arrays import expect, expect_dimensions, real_arrays
from scratchnn.core.topology import aligned_zeros

# Of the search for a step.
cdef double C1 = 1e-3, C2 = 0.9, NARROW = 0.1

# What each status is called.
STATUS = {
    RUNNING: "max_iterations",
    SMALL_GRADIENT: "gradient_tolerance",
    SMALL_DECREASE: "function_tolerance",
    MANY_EVALUATIONS: "max_evaluations",
    NO_DECREASE: "line_search",
    NOT_FINITE: "not_finite",
    STOPPED: "stopped",
}


@cython.final  # its functions call each other directly
cdef class LBFGS:
    """Minimizes an objective from x on.

    Parameters
    ----------
    x : vector of float32 or float64
        Updated in place: it is always the point that was accepted last.
    memory : int
        How many of the latest steps are remembered, with the changes of the gradient.
    max_evaluations : int
        It ends after an iteration with more.
    gradient_tolerance : float
        It ends where ``max |g_i| <= gradient_tolerance``.
    function_tolerance : float
        It ends after an iteration with ``f - f_new <= function_tolerance max(|f|, |f_new|, 1)``.
    """

    def __cinit__(self, x, size_t memory, size_t max_evaluations, double gradient_tolerance,
                  double function_tolerance):
        self.k = table(x.itemsize)
        self.n = x.shape[0]
        self.memory, self.max_evaluations = memory, max_evaluations
        self.gradient_tolerance, self.function_tolerance = gradient_tolerance, function_tolerance
        self.epsilon = np.finfo(x.dtype).eps
        self.stride = whole_lines(self.n * self.k.itemsize)
        self.keep = []
        self.x = self._pointer(x)
        cdef size_t scalars = whole_lines((memory + 1) * sizeof(double))
        cdef char *memory_of_all = self._pointer(aligned_zeros(2 * scalars + (6 + 2 * memory) * self.stride, np.int8))
        self.curvatures, self.alpha = <double *>memory_of_all, <double *>(memory_of_all + scalars)
        self.gradient = memory_of_all + 2 * scalars
        self.trial = self.gradient + self.stride
        self.trial_gradient = self.trial + self.stride
        self.direction = self.trial_gradient + self.stride
        self.steps = self.direction + self.stride
        self.changes = self.steps + (memory + 1) * self.stride

    cdef char *_pointer(self, array) except? NULL:
        self.keep.append(array)
        return bytes_of(array)

    cdef Status advance(self, size_t n, double *values, size_t *done) noexcept nogil:
        cdef Status status = RUNNING
        cdef size_t before = self.iterations
        done[0] = 0
        if not self.started or memcmp(self.x, self.trial, self.n * self.k.itemsize) != 0:
            status = self.start()
        while status == RUNNING and done[0] < n:
            status = self.iterate()
            if self.iterations == before + done[0]:
                break  # without a step
            values[done[0]] = self.value
            done[0] += 1
        if status == STOPPED:
            self.started = False
        return status

    cdef Status start(self) noexcept nogil:
        """Evaluate at x, and forget all pairs."""
        self.n_pairs = 0
        self.start_value = self.value = self.evaluate(self.x, self.gradient)
        if self.stopped:
            return STOPPED
        if not (isfinite(self.value) and self.k.all_finite(self.n, self.gradient)):
            if self.started:  # somebody has written to x
                memcpy(self.x, self.trial, self.n * self.k.itemsize)
                self.started = False
            return NOT_FINITE
        memcpy(self.trial, self.x, self.n * self.k.itemsize)
        self.started = True
        return SMALL_GRADIENT if self.k.max_abs(self.n, self.gradient) <= self.gradient_tolerance else RUNNING

    cdef Status iterate(self) noexcept nogil:
        """Take one step: along the direction of the two loops, else down the gradient."""
        while True:
            self.two_loops()
            if self.find_step():
                return self.accept()
            if self.stopped:
                return STOPPED
            if self.n_pairs == 0:
                return NO_DECREASE
            self.n_pairs = 0

    cdef bint find_step(self) noexcept nogil:
        """Search along the direction for a step, and return whether there is one; trial is the point it leads to."""
        cdef double slope = self.dot(self.gradient, self.direction), step = 1
        cdef Answer answer = TRY
        if not slope < 0:
            return False
        if self.n_pairs == 0:  # the direction is the negative gradient, whose length means nothing
            step = 1 / sqrt(-slope) if self.iterations == 0 else fmin(1, 1 / sqrt(-slope))
        begin(&self.search, C1, C2, NARROW, self.value, slope, step)
        while answer == TRY:
            self.axpby(self.search.step, self.direction, 1, self.x, self.trial)
            self.trial_value = self.evaluate(self.trial, self.trial_gradient)
            if self.stopped:
                return False
            answer = learn(&self.search, self.trial_value, self.dot(self.trial_gradient, self.direction))
        return answer == ACCEPT

    cdef double evaluate(self, const char *x, char *gradient) noexcept nogil:
        self.evaluations += 1
        return self.objective(self.context, x, gradient)

    cdef Status accept(self) noexcept nogil:
        """Go to the trial point, remember the step, and return whether that is the end."""
        cdef double value = self.value
        self.axpby(1, self.trial, -1, self.x, self.steps + self.next * self.stride)
        self.axpby(1, self.trial_gradient, -1, self.gradient, self.changes + self.next * self.stride)
        self.add_pair(-self.epsilon * self.search.step * self.search.start.slope)
        memcpy(self.x, self.trial, self.n * self.k.itemsize)
        self.gradient, self.trial_gradient = self.trial_gradient, self.gradient
        self.value = self.trial_value
        self.iterations += 1
        if self.k.max_abs(self.n, self.gradient) <= self.gradient_tolerance:
            return SMALL_GRADIENT
        if value - self.value <= self.function_tolerance * fmax(fmax(fabs(value), fabs(self.value)), 1):
            return SMALL_DECREASE
        return MANY_EVALUATIONS if self.evaluations > self.max_evaluations else RUNNING

    cdef void add_pair(self, double least) noexcept nogil:
        """Take up the pair in the next place, unless its curvature is not above `least`."""
        cdef const char *change = self.changes + self.next * self.stride
        cdef double curvature = self.dot(self.steps + self.next * self.stride, change)
        if not curvature > least:
            return
        self.curvatures[self.next] = curvature
        self.scale = curvature / self.dot(change, change)
        self.next = (self.next + 1) % (self.memory + 1)
        self.n_pairs = min(self.n_pairs + 1, self.memory)

    cdef void two_loops(self) noexcept nogil:
        """direction = -H gradient (docs/math.md, eq. 70); without pairs H is the identity."""
        cdef size_t age, i
        cdef double beta
        self.axpby(-1, self.gradient, 0, self.gradient, self.direction)
        if self.n_pairs == 0:
            return
        for age in range(self.n_pairs):
            i = self.place(age)
            self.alpha[i] = self.dot(self.steps + i * self.stride, self.direction) / self.curvatures[i]
            self.axpby(-self.alpha[i], self.changes + i * self.stride, 1, self.direction, self.direction)
        self.axpby(self.scale, self.direction, 0, self.direction, self.direction)
        for age in range(self.n_pairs, 0, -1):
            i = self.place(age - 1)
            beta = self.dot(self.changes + i * self.stride, self.direction) / self.curvatures[i]
            self.axpby(self.alpha[i] - beta, self.steps + i * self.stride, 1, self.direction, self.direction)

    cdef inline size_t place(self, size_t age) noexcept nogil:
        """Return where the pair is that so many newer ones have followed."""
        return (self.next + self.memory - age) % (self.memory + 1)

    cdef inline double dot(self, const char *x, const char *y) noexcept nogil:
        return self.k.dot(self.n, x, y)

    cdef inline void axpby(self, double a, const char *x, double b, const char *y, char *out) noexcept nogil:
        self.k.axpby(self.n, a, x, b, y, out)


cdef inline size_t whole_lines(size_t n_bytes) noexcept nogil:
    return (n_bytes + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


# ---- for trying and testing ----

cdef read(const char *place, like):
    vector = np.empty(like.shape, like.dtype)
    memcpy(bytes_of(vector), place, vector.nbytes)
    return vector


cdef void write(char *place, vector) except *:
    cdef const signed char[::1] bytes = np.ascontiguousarray(vector).view(np.int8)
    memcpy(place, &bytes[0], bytes.shape[0])


cdef class _PythonFunction:
    """An objective in Python."""

    cdef object function, like, exception
    cdef LBFGS lbfgs

    def __cinit__(self, function, like, LBFGS lbfgs):
        self.function, self.like, self.lbfgs = function, like, lbfgs
        lbfgs.objective, lbfgs.context = call, <void *>self

    cdef double call(self, const char *x, char *gradient) noexcept:
        try:
            value, slopes = self.function(read(x, self.like))
            slopes = np.asarray(slopes, self.like.dtype)
            expect(slopes.shape == self.like.shape, "the gradient has shape {}; expected {}",
                   slopes.shape, self.like.shape)
            write(gradient, slopes)
            return value
        except BaseException as exception:
            self.exception = exception
            self.lbfgs.stopped = True
            return NAN


cdef double call(void *context, const char *x, char *gradient) noexcept nogil:
    with gil:
        return (<_PythonFunction>context).call(x, gradient)


Minimum = namedtuple("Minimum", "x value values start_value iterations evaluations status", module=__name__)
Minimum.__doc__ = "What :func:`minimize` returns."


def minimize(function, x, *, size_t max_iterations=15000, size_t max_evaluations=15000, size_t memory=10,
             double gradient_tolerance=1e-5, double function_tolerance=1e7 * 2.0**-52):
    """Minimize a Python function from x on; for trying and testing, since each evaluation calls Python.

    Parameters
    ----------
    function : callable
        Returns (value, gradient) at a vector.
    x : (n,) array of float32 or float64
    max_iterations : int
    max_evaluations, memory, gradient_tolerance, function_tolerance
        As of :class:`LBFGS`.

    Returns
    -------
    Minimum
        x : (n,) array; value : float, the function's there; values : (iterations,) array of float64, after each
        iteration; start_value : float; iterations, evaluations : int; status : str, one of ``STATUS.values()``.

    Raises
    ------
    TypeError, ValueError
        If x is no vector of float32 or float64, or the gradient has another shape.
    """
    x, = real_arrays(x=x)
    expect_dimensions(x=(x, 1))
    expect(x.shape[0] > 0 and memory > 0, "x has {} elements, memory is {}; expected at least 1", x.shape[0], memory)
    vector = x.copy()
    values = np.empty(max_iterations)
    cdef double[::1] view = values
    cdef LBFGS lbfgs = LBFGS(vector, memory, max_evaluations, gradient_tolerance, function_tolerance)
    cdef _PythonFunction objective = _PythonFunction(function, vector, lbfgs)
    cdef size_t done
    cdef Status status
    with nogil:
        status = lbfgs.advance(max_iterations, &view[0] if max_iterations else NULL, &done)
    if objective.exception is not None:
        raise objective.exception
    return Minimum(
        vector, lbfgs.value, values[:done].copy(), lbfgs.start_value, done, lbfgs.evaluations, STATUS[status])


def direction(gradient, steps, changes):
    """Compute ``d = -H g`` by the two loops (docs/math.md, eq. 70).

    Parameters
    ----------
    gradient : (n,) array of float32 or float64
    steps, changes : (n_pairs, n) arrays of the same dtype
        Each step of x with the change of the gradient along it, the oldest first; pairs without positive
        curvature are left out.

    Returns
    -------
    (n,) array

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit.
    """
    gradient, steps, changes = real_arrays(gradient=gradient, steps=steps, changes=changes)
    expect_dimensions(gradient=(gradient, 1), steps=(steps, 2), changes=(changes, 2))
    expect(steps.shape == changes.shape and steps.shape[1] == gradient.shape[0],
           "steps of shape {}, changes of shape {} and a gradient of shape {} do not fit",
           steps.shape, changes.shape, gradient.shape)
    cdef LBFGS lbfgs = LBFGS(gradient.copy(), max(1, len(steps)), 0, 0, 0)
    cdef Py_ssize_t i
    for i in range(len(steps)):
        write(lbfgs.steps + lbfgs.next * lbfgs.stride, steps[i])
        write(lbfgs.changes + lbfgs.next * lbfgs.stride, changes[i])
        lbfgs.add_pair(0)
    write(lbfgs.gradient, gradient)
    lbfgs.two_loops()
    return read(lbfgs.direction, gradient)
