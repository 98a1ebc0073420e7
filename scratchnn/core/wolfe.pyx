"""A search along a line for a step that satisfies the strong Wolfe conditions (docs/math.md, "Line search").

The algorithm is Moré and Thuente's (1994). It keeps an interval with such a step in it, one end of which is the
best step so far, and shrinks it with minimisers of cubic and quadratic interpolants. Until a step decreases
f enough at a slope of at least 0, the interval is chosen by psi(t) = f(t) - f(0) - c1 t f'(0), whose minimisers
decrease f enough.
"""

from libc.math cimport copysign, fabs, fmax, fmin, isfinite, sqrt

cdef enum:
    MOST_STEPS = 20

# No step is longer. It bounds a search along a line on which the function falls for ever.
cdef double LONGEST = 1e10

# While no minimiser is bracketed, a step lies so many times the last stride beyond the last step.
cdef double NEAREST = 1.1, FARTHEST = 4

# A bracketed interval that is not narrower than this part of what it was two steps ago is halved. Between two
# falling slopes a step covers no more of the way to the other end.
cdef double SHRINKING = 0.66


cdef void begin(
        Search *search, double c1, double c2, double narrow, double value, double slope, double step) noexcept nogil:
    search.c1, search.c2, search.narrow = c1, c2, narrow
    search.start.step, search.start.value, search.start.slope = 0, value, slope
    search.best = search.other = search.start
    search.bracketed, search.auxiliary, search.last = False, True, False
    search.limit = LONGEST
    search.step = fmin(step, LONGEST)
    search.low, search.high = 0, search.step + FARTHEST * search.step
    search.width, search.last_width = LONGEST, 2 * LONGEST
    search.tried = 0


cdef Answer learn(Search *search, double value, double slope) noexcept nogil:
    cdef Point trial
    cdef double tilt = search.c1 * search.start.slope
    cdef bint finite = isfinite(value) and isfinite(slope)
    cdef bint enough = finite and value <= search.start.value + search.step * tilt
    trial.step, trial.value, trial.slope = search.step, value, slope
    search.tried += 1
    if search.last or (enough and fabs(slope) <= -search.c2 * search.start.slope):
        return ACCEPT
    if enough and slope <= tilt and trial.step == search.limit:
        return ACCEPT  # f still falls, and no step is longer
    if finite:
        if enough and slope >= 0:
            search.auxiliary = False
        choose(search, trial, tilt if search.auxiliary and not enough and value <= search.best.value else 0)
    else:
        search.step = 0.5 * (search.best.step + trial.step)
        if trial.step > search.best.step:
            search.limit = search.step
    if search.tried == MOST_STEPS or (search.bracketed and (
            search.step <= search.low or search.step >= search.high
            or search.high - search.low <= search.narrow * search.high)):
        return settle(search, trial.step)
    return TRY


cdef Answer settle(Search *search, double evaluated) noexcept nogil:
    """End with the best step, which has to be evaluated again unless it was the last."""
    if search.best.step == 0:
        return FAIL
    search.step, search.last = search.best.step, True
    return ACCEPT if search.step == evaluated else TRY


cdef void choose(Search *search, Point trial, double tilt) noexcept nogil:
    """Let the trial take its place in the interval, judged by f(t) - tilt t, and choose the next step."""
    cdef Point best = tilted(search.best, tilt), other = tilted(search.other, tilt), judged = tilted(trial, tilt)
    cdef bint higher = judged.value > best.value, between = higher or turned(best, judged)
    search.step = next_step(search, best, other, judged)
    search.bracketed |= between
    if higher:
        search.other = trial
    else:
        if between:
            search.other = search.best
        search.best = trial
    if search.bracketed:
        if fabs(search.other.step - search.best.step) >= SHRINKING * search.last_width:
            search.step = 0.5 * (search.best.step + search.other.step)
        search.last_width, search.width = search.width, fabs(search.other.step - search.best.step)
        search.low = fmin(search.best.step, search.other.step)
        search.high = fmax(search.best.step, search.other.step)
    else:
        search.low = search.step + NEAREST * (search.step - search.best.step)
        search.high = search.step + FARTHEST * (search.step - search.best.step)
    search.step = fmin(search.step, search.limit)


cdef inline Point tilted(Point p, double tilt) noexcept nogil:
    p.value -= tilt * p.step
    p.slope -= tilt
    return p


cdef double next_step(const Search *search, Point best, Point other, Point trial) noexcept nogil:
    """Return the step at which interpolation expects the minimiser (Moré and Thuente 1994, section 4)."""
    cdef double far = search.high if trial.step > best.step else search.low
    cdef double cubic = cubic_minimiser(best, trial)
    cdef double secant = trial.step + trial.slope / (trial.slope - best.slope) * (best.step - trial.step)
    cdef double most = trial.step + SHRINKING * (other.step - trial.step)
    if trial.value > best.value:
        return higher_step(best, trial)
    if turned(best, trial):
        return farther(trial.step, cubic, secant)
    if fabs(trial.slope) < fabs(best.slope):
        if not (cubic - trial.step) * (trial.step - best.step) > 0:
            cubic = far  # the cubic has its minimiser behind the trial, or has none
        if not search.bracketed:
            return fmax(search.low, fmin(farther(trial.step, cubic, secant), search.high))
        if fabs(secant - trial.step) <= fabs(cubic - trial.step):
            cubic = secant
        return fmin(cubic, most) if trial.step > best.step else fmax(cubic, most)
    return cubic_minimiser(other, trial) if search.bracketed else far


cdef double higher_step(Point best, Point trial) noexcept nogil:
    """Return the step to try after one with a higher value."""
    cdef double cubic = cubic_minimiser(trial, best), stride = trial.step - best.step
    cdef double slope = (best.value - trial.value) / stride
    cdef double quadratic = best.step + 0.5 * best.slope / (slope + best.slope) * stride
    if fabs(cubic - best.step) < fabs(quadratic - best.step):
        return cubic
    return cubic + 0.5 * (quadratic - cubic)


cdef inline double farther(double step, double a, double b) noexcept nogil:
    return a if fabs(a - step) > fabs(b - step) else b


cdef inline bint turned(Point a, Point b) noexcept nogil:
    """Return whether the function falls at one and rises at the other."""
    return copysign(1, a.slope) * b.slope < 0


cdef double cubic_minimiser(Point a, Point b) noexcept nogil:
    """Return the minimiser of the cubic with these values and slopes; their middle where there is none."""
    cdef double stride = b.step - a.step
    cdef double theta = a.slope + b.slope - 3 * (b.value - a.value) / stride
    cdef double scale = fmax(fabs(theta), fmax(fabs(a.slope), fabs(b.slope)))
    cdef double square = (theta / scale) * (theta / scale) - a.slope / scale * (b.slope / scale)
    cdef double root = copysign(scale * sqrt(square), stride)
    cdef double denominator = b.slope - a.slope + 2 * root
    if not square > 0 or denominator == 0:
        return a.step + 0.5 * stride
    return b.step - stride * (b.slope + root - theta) / denominator


def search(function, double step, *, double c1=1e-3, double c2=0.9, double narrow=0.1):
    """Return (a step that satisfies the strong Wolfe conditions, how many were tried); for trying and testing.

    Parameters
    ----------
    function : callable
        Gives (value, slope) at a step of at least 0; the slope at 0 is negative.
    step : float
        The first to try.
    c1, c2 : float
        ``f(t) <= f(0) + c1 t f'(0)`` and ``|f'(t)| <= c2 |f'(0)|`` (docs/math.md, eq. 74 and 75).
    narrow : float
        The search ends with the best step so far in an interval of so small a part of its upper end.

    Returns
    -------
    step : float
        0 where none was found that decreases the function enough.
    tried : int
    """
    cdef Search state
    value, slope = function(0.0)
    if not slope < 0:
        raise ValueError(f"the slope at 0 is {slope}; expected a negative number")
    begin(&state, c1, c2, narrow, value, slope, step)
    cdef Answer answer = TRY
    while answer == TRY:
        value, slope = function(state.step)
        answer = learn(&state, value, slope)
    return state.step if answer == ACCEPT else 0.0, state.tried
