"""A search along a line for a step that satisfies the strong Wolfe conditions (docs/math.md, "Line search")."""


# A step that was tried: the function's value there, and its slope along the line.
cdef struct Point:
    double step, value, slope


cdef enum Answer:
    TRY         # evaluate at search.step
    ACCEPT      # the step that was evaluated last is taken
    FAIL        # of the steps that were tried none decreases the function enough


cdef struct Search:
    double step                 # the next to try
    double c1, c2               # of the Wolfe conditions
    double narrow               # a bracketed interval of this part of its upper end is not searched on
    Point start, best, other    # the best step so far, and the other end of the interval if it is bracketed
    bint bracketed              # a minimiser lies between best and other
    bint auxiliary              # psi is looked at in f's place
    bint last                   # the step is the best there is, and taken once it is evaluated
    double low, high            # ends of a bracketed interval; else where an extrapolated step must lie
    double limit                # no step is longer
    double width, last_width    # of the bracketed interval, now and a step before
    int tried


# Begin at a point of this value and negative slope, with this step to try first.
cdef void begin(
    Search *search, double c1, double c2, double narrow, double value, double slope, double step) noexcept nogil

# Learn value and slope at search.step, and say what is to be done.
cdef Answer learn(Search *search, double value, double slope) noexcept nogil
