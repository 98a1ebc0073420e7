"""L-BFGS on a flat vector of parameters (docs/math.md, "L-BFGS")."""

from scratchnn.core.kernels cimport snn_kernels
from scratchnn.core.wolfe cimport Search


# The function to minimise at x, and its gradient; both may be anything but finite. To end the run before the
# value is known it sets LBFGS.stopped.
ctypedef double (*Objective)(void *context, const char *x, char *gradient) noexcept nogil


cdef enum Status:
    RUNNING             # as many iterations as were asked for
    SMALL_GRADIENT      # the largest |g_i| is within its tolerance
    SMALL_DECREASE      # an iteration has decreased the function by no more than the tolerance
    MANY_EVALUATIONS    # more than the limit
    NO_DECREASE         # no step decreases the function, not even down the gradient
    NOT_FINITE          # the function or its gradient where it was started; x is the point that was accepted last
    STOPPED             # by the objective


cdef class LBFGS:
    cdef const snn_kernels *k
    cdef size_t n, stride               # elements of a vector; bytes from one to the next
    cdef size_t memory, max_evaluations
    cdef double gradient_tolerance, function_tolerance, epsilon
    cdef Objective objective
    cdef void *context
    cdef bint stopped

    cdef char *x                        # the point that was accepted last, in the caller's memory
    cdef char *gradient
    cdef char *trial
    cdef char *trial_gradient
    cdef char *direction
    cdef char *steps                    # s_i = x_{i+1} - x_i in a ring, with a place for the next
    cdef char *changes                  # y_i = g_{i+1} - g_i
    cdef double *curvatures             # s_i · y_i
    cdef double *alpha                  # of the first loop
    cdef double scale                   # s · y / y · y of the newest pair
    cdef size_t n_pairs, next           # the next one's place

    cdef Search search
    cdef bint started                   # gradient and value are those of x
    cdef readonly double start_value    # of the objective where it was started
    cdef readonly double value          # at x
    cdef double trial_value
    cdef readonly size_t iterations, evaluations
    cdef list keep

    # Go on for at most n iterations, write the value after each to `values`, count them in *done, and say why it ended.
    # Where x was written to since the last call, it starts anew from there.
    cdef Status advance(self, size_t n, double *values, size_t *done) noexcept nogil

    cdef Status start(self) noexcept nogil
    cdef Status iterate(self) noexcept nogil
    cdef bint find_step(self) noexcept nogil
    cdef Status accept(self) noexcept nogil
    cdef double evaluate(self, const char *x, char *gradient) noexcept nogil
    cdef void two_loops(self) noexcept nogil
    cdef void add_pair(self, double least) noexcept nogil
    cdef size_t place(self, size_t age) noexcept nogil
    cdef double dot(self, const char *x, const char *y) noexcept nogil
    cdef void axpby(self, double a, const char *x, double b, const char *y, char *out) noexcept nogil
    cdef char *_pointer(self, array) except? NULL
