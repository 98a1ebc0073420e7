"""The line search against the tables of its paper, and where functions are odd (docs/math.md, "Line search")."""

from math import cos, inf, nan, pi, sin, sqrt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scratchnn.core.wolfe import search

# The test functions of Moré and Thuente (1994), section 5, as (value, slope) at a step.


def function_1(t, beta=2):
    return -t / (t**2 + beta), (t**2 - beta) / (t**2 + beta) ** 2


def function_2(t, beta=0.004):
    return (t + beta) ** 5 - 2 * (t + beta) ** 4, 5 * (t + beta) ** 4 - 8 * (t + beta) ** 3


def function_3(t, beta=0.01, waves=39):
    if abs(t - 1) >= beta:
        value, slope = abs(t - 1), 1 if t > 1 else -1
    else:
        value, slope = (t - 1) ** 2 / (2 * beta) + beta / 2, (t - 1) / beta
    frequency = waves * pi / 2
    return value + (1 - beta) / frequency * sin(frequency * t), slope + (1 - beta) * cos(frequency * t)


def function_4(beta_1, beta_2):
    def part(beta):
        return sqrt(1 + beta**2) - beta

    def function(t):
        left, right = sqrt((1 - t) ** 2 + beta_2**2), sqrt(t**2 + beta_1**2)
        return (
            part(beta_1) * left + part(beta_2) * right,
            part(beta_1) * (t - 1) / left + part(beta_2) * t / right,
        )

    return function


# table of the paper: (function, c1, c2, [(first step, steps tried, step found)])
TABLES = {
    1: (function_1, 0.001, 0.1, [(1e-3, 6, 1.4), (1e-1, 3, 1.4), (1e1, 1, 10), (1e3, 4, 37)]),
    2: (function_2, 0.1, 0.1, [(1e-3, 12, 1.6), (1e-1, 8, 1.6), (1e1, 8, 1.6), (1e3, 11, 1.6)]),
    3: (function_3, 0.1, 0.1, [(1e-3, 12, 1.0), (1e-1, 12, 1.0), (1e1, 10, 1.0), (1e3, 13, 1.0)]),
    4: (
        function_4(0.001, 0.001), 0.001, 0.001,
        [(1e-3, 4, 0.085), (1e-1, 1, 0.10), (1e1, 3, 0.35), (1e3, 4, 0.83)],
    ),
    5: (
        function_4(0.01, 0.001), 0.001, 0.001,
        [(1e-3, 6, 0.075), (1e-1, 3, 0.078), (1e1, 7, 0.073), (1e3, 8, 0.076)],
    ),
    6: (
        function_4(0.001, 0.01), 0.001, 0.001,
        [(1e-3, 13, 0.93), (1e-1, 11, 0.93), (1e1, 8, 0.92), (1e3, 11, 0.92)],
    ),
}  # fmt: skip


def decreases_enough(function, step, c1=1e-3):
    value, slope = function(0)
    return function(step)[0] <= value + c1 * step * slope


def is_strong_wolfe(function, step, c1=1e-3, c2=0.9):
    return decreases_enough(function, step, c1) and abs(function(step)[1]) <= c2 * abs(function(0)[1])


@pytest.mark.parametrize("table", TABLES)
def test_the_tables_of_the_paper(table):
    """The same number of steps, and the step to the digits that are printed."""
    function, c1, c2, rows = TABLES[table]
    for first, tried, step in rows:
        found, count = search(function, first, c1=c1, c2=c2, narrow=0)
        assert (count, float(f"{found:.2g}")) == (tried, step), first
        assert is_strong_wolfe(function, found, c1, c2)


@given(
    coefficients=st.lists(st.floats(-3, 3), min_size=4, max_size=4),
    first=st.floats(-6, 6).map(lambda exponent: 10**exponent),
    c2=st.sampled_from([0.01, 0.1, 0.9]),
)
def test_waves_on_a_parabola(coefficients, first, c2):
    """A function with many minima that grows in the end: there is always a step, and one is found or nearly."""
    a, b, c, d = coefficients

    def function(t):
        return (
            0.05 * t**2 + a * sin(3 * t) + b * cos(5 * t) + c * sin(t) + d * t,
            0.1 * t + 3 * a * cos(3 * t) - 5 * b * sin(5 * t) + c * cos(t) + d,
        )

    assume(function(0)[1] < -1e-2)
    step, tried = search(function, first, c2=c2, narrow=0)
    assert tried <= 21
    assert decreases_enough(function, step)
    assert tried >= 20 or is_strong_wolfe(function, step, c2=c2)


@pytest.mark.parametrize("beyond", [(nan, nan), (inf, nan), (-inf, 1.0), (0.0, nan), (0.0, -inf)])
@pytest.mark.parametrize("first", [1e-3, 0.7, 4, 1e5])
@pytest.mark.parametrize("wall", [0.5, 3])
def test_no_number_beyond_a_wall(wall, first, beyond):
    """The step stays on this side, whether the minimum at 1 is there or not."""

    def function(t):
        return ((t - 1) ** 2, 2 * (t - 1)) if t < wall else beyond

    step, _ = search(function, first)
    assert 0 < step < wall
    assert decreases_enough(function, step)


def test_a_function_that_falls_for_ever():
    step, tried = search(lambda t: (-t, -1.0), 1)
    assert step == 1e10
    assert tried < 20


def test_a_function_that_only_seems_to_fall():
    """Its slope at 0 is wrong, or it is no number anywhere else."""
    for function in (lambda t: (t, -1.0), lambda t: (nan, nan) if t else (0.0, -1.0)):
        assert search(function, 1) == (0, 20)


def test_the_best_step_of_a_search_that_ends_early_is_evaluated_last():
    """Whoever searches then has the gradient there."""
    steps = []

    def function(t):
        steps.append(t)
        return function_3(t)

    for first, *_ in TABLES[3][3]:
        step, tried = search(function, first, c1=0.1, c2=0.1)
        assert not is_strong_wolfe(function_3, step, 0.1, 0.1)
        assert decreases_enough(function_3, step, 0.1)
        assert step == steps[-1]
        assert function_3(step)[0] == min(function_3(t)[0] for t in steps[-tried:])


@pytest.mark.parametrize("slope", [0.0, 1.0, nan])
def test_a_slope_that_does_not_fall(slope):
    with pytest.raises(ValueError, match=f"the slope at 0 is {slope}; expected a negative number"):
        search(lambda t: (0.0, slope), 1)
