"""L-BFGS on functions whose minima are known, and beside SciPy's (docs/math.md, "L-BFGS")."""

import math

import numpy as np
import oracle
import pytest

from scratchnn.core.lbfgs import STATUS, direction, minimize

# ---- test functions: (value, gradient) at a vector ----


def rosenbrock(x):
    """Rosenbrock (1960), in the form for any dimension; 0 at (1, ..., 1)."""
    rise, distance = x[1:] - x[:-1] ** 2, 1 - x[:-1]
    gradient = np.zeros_like(x)
    gradient[:-1] = -400 * x[:-1] * rise - 2 * distance
    gradient[1:] += 200 * rise
    return np.sum(100 * rise**2 + distance**2), gradient


def beale(x):
    """Beale (1958); 0 at (3, 0.5)."""
    powers, constants = np.arange(1, 4), np.array([1.5, 2.25, 2.625])
    r = constants - x[0] * (1 - x[1] ** powers)
    return np.sum(r**2), np.array(
        [np.sum(2 * r * (x[1] ** powers - 1)), 2 * x[0] * r @ (powers * x[1] ** (powers - 1))]
    )


def powell(x):
    """Powell's singular function (1962), once for every four elements; 0 at 0, where the Hessian is singular."""
    a, b, c, d = x.reshape(-1, 4).T
    r = np.array([a + 10 * b, c - d, b - 2 * c, a - d])
    value = np.sum(r[0] ** 2 + 5 * r[1] ** 2 + r[2] ** 4 + 10 * r[3] ** 4)
    p, q, u, v = 2 * r[0], 10 * r[1], 4 * r[2] ** 3, 40 * r[3] ** 3
    return value, np.stack([p + v, 10 * p + u, q - 2 * u, -q - v], axis=1).ravel()


def wood(x):
    """Wood's function (Colville 1968); 0 at (1, 1, 1, 1)."""
    a, b, c, d = x
    value = (
        100 * (b - a**2) ** 2 + (1 - a) ** 2 + 90 * (d - c**2) ** 2 + (1 - c) ** 2
        + 10.1 * ((b - 1) ** 2 + (d - 1) ** 2) + 19.8 * (b - 1) * (d - 1)
    )  # fmt: skip
    slopes = [
        -400 * a * (b - a**2) - 2 * (1 - a),
        200 * (b - a**2) + 20.2 * (b - 1) + 19.8 * (d - 1),
        -360 * c * (d - c**2) - 2 * (1 - c),
        180 * (d - c**2) + 20.2 * (d - 1) + 19.8 * (b - 1),
    ]
    return value, np.array(slopes)


def plateaus(x):
    """Flat but for a dip; 0 at 0."""
    return np.sum(np.tanh(x) ** 2), 2 * np.tanh(x) / np.cosh(x) ** 2


def parabola(condition, n):
    """Half of x D x, D from 1 to `condition`; 0 at 0."""
    d = np.logspace(0, math.log10(condition), n)
    return lambda x: (0.5 * x @ (d * x), d * x)


def logistic(n_samples=200, n=20, penalty=1e-3):
    """Logistic regression with a quadratic penalty."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((n_samples, n))
    y = features @ rng.standard_normal(n) + rng.standard_normal(n_samples) > 0

    def function(w):
        z = features @ w
        value = np.mean(np.logaddexp(0, z) - y * z) + penalty / 2 * (w @ w)
        return value, features.T @ (1 / (1 + np.exp(-z)) - y) / n_samples + penalty * w

    return function


PROBLEMS = {  # name: (function, start, minimum's value and place where they are known)
    "rosenbrock 2": (rosenbrock, [-1.2, 1], 0, 1),
    "rosenbrock 10": (rosenbrock, [-1.2, 1] * 5, 0, 1),
    "rosenbrock 100": (rosenbrock, [-1.2, 1] * 50, 0, 1),
    "rosenbrock from afar": (rosenbrock, [1e3, -1e3], 0, 1),
    "beale": (beale, [1, 1], 0, [3, 0.5]),
    "beale from afar": (beale, [4, -2], 0, [3, 0.5]),
    "powell 4": (powell, [3, -1, 0, 1], 0, None),
    "powell 100": (powell, [3, -1, 0, 1] * 25, 0, None),
    "wood": (wood, [-3, -1, -3, -1], 0, 1),
    "plateaus": (plateaus, [4, 3, -5], 0, 0),
    "condition 1e4": (parabola(1e4, 50), [1] * 50, 0, 0),
    "logistic": (logistic(), [0] * 20, None, None),
}
problems = pytest.mark.parametrize("name", PROBLEMS)


@problems
def test_known_minima(name):
    function, start, value, place = PROBLEMS[name]
    found = minimize(function, np.array(start, float), gradient_tolerance=1e-9, function_tolerance=0)
    assert found.status == "gradient_tolerance"
    assert np.abs(function(found.x)[1]).max() <= 1e-9
    assert found.value == function(found.x)[0]
    if value is not None:
        assert found.value <= value + 1e-14
    if place is not None:
        np.testing.assert_allclose(found.x, np.broadcast_to(place, found.x.shape), atol=1e-6)


@problems
def test_float32(name, isa):
    """The function is computed in float64 and x kept in float32: its rounding alone is in the way."""
    function, start, value, _ = PROBLEMS[name]
    x = np.array(start, np.float32)
    best = minimize(function, x.astype(float)).value
    found = minimize(lambda x: function(x.astype(float)), x, function_tolerance=0)
    assert found.x.dtype == np.float32
    assert found.value <= (best if value is None else value) + 1e-6


@problems
def test_each_iteration_goes_down(name):
    """The curve has an entry for each, and the value at the start stands beside it."""
    function, start, *_ = PROBLEMS[name]
    found = minimize(function, np.array(start, float))
    assert len(found.values) == found.iterations
    assert found.start_value == function(np.array(start, float))[0]
    assert np.all(np.diff([found.start_value, *found.values]) <= 0)
    assert found.values[-1] == found.value
    for n in (0, 1, found.iterations // 2):  # nothing depends on how many are asked for
        part = minimize(function, np.array(start, float), max_iterations=n)
        assert part.status == "max_iterations"
        assert part.iterations == n
        np.testing.assert_array_equal(part.values, found.values[:n])


TOLERANCES = {"default": (1e-5, 1e7 * 2.0**-52, 1e-6), "tight": (1e-9, 0, 1e-11)}  # and how far off minima may be


@problems
@pytest.mark.parametrize("tolerances", TOLERANCES)
@pytest.mark.parametrize("memory", [3, 10])
def test_beside_scipy(name, tolerances, memory):
    """The course is the same until rounding, which long runs magnify, has led them apart; then the end is as good."""
    optimize = pytest.importorskip("scipy.optimize")
    function, start, *_ = PROBLEMS[name]
    x = np.array(start, float)
    gradient_tolerance, function_tolerance, off = TOLERANCES[tolerances]
    curve = []
    theirs = optimize.minimize(
        function,
        x,
        jac=True,
        method="L-BFGS-B",
        options={"gtol": gradient_tolerance, "ftol": function_tolerance, "maxcor": memory},
        callback=lambda intermediate_result: curve.append(intermediate_result.fun),
    )
    ours = minimize(
        function, x, gradient_tolerance=gradient_tolerance, function_tolerance=function_tolerance, memory=memory
    )
    np.testing.assert_allclose(ours.values[:15], curve[:15], rtol=1e-5)
    assert ours.value <= 2 * theirs.fun + off
    assert ours.evaluations <= 1.5 * theirs.nfev + 10
    if theirs.nfev < 40:
        assert (ours.iterations, ours.evaluations) == (theirs.nit, theirs.nfev)


def test_a_condition_of_1e8():
    """Nobody's limited memory gets to the minimum soon; SciPy's gets no further."""
    function, x, n_iterations = parabola(1e8, 30), np.ones(30), 4000
    found = minimize(function, x, max_iterations=n_iterations, function_tolerance=0)
    assert found.value < 1e-7 * found.start_value
    optimize = pytest.importorskip("scipy.optimize")
    options = {"gtol": 1e-5, "ftol": 0, "maxiter": n_iterations}
    theirs = optimize.minimize(function, x, jac=True, method="L-BFGS-B", options=options)
    assert found.value < 10 * theirs.fun


# ---- the direction ----


def pairs(n, n_pairs, dtype, seed=1):
    """Steps on a curved function, and the changes of its gradient."""
    rng = np.random.default_rng(seed)
    hessian = rng.standard_normal((n, n))
    hessian = hessian @ hessian.T / n + np.eye(n)
    steps = rng.standard_normal((n_pairs, n)).astype(dtype)
    return rng.standard_normal(n).astype(dtype), steps, (steps @ hessian).astype(dtype)


@pytest.mark.parametrize("n_pairs", [0, 1, 2, 10])
@pytest.mark.parametrize("n", [1, 7, 16, 37, 130])
def test_the_two_loops(n, n_pairs, isa, dtype):
    g, steps, changes = pairs(n, n_pairs, dtype)
    expected = oracle.two_loops(*(a.astype(float) for a in (g, steps, changes)))
    tolerance = 100 * (1 + n_pairs) * np.finfo(dtype).eps
    np.testing.assert_allclose(direction(g, steps, changes), expected, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("n_pairs", [0, 1, 5])
def test_the_two_loops_without_loops(n_pairs):
    """They are the product with the matrix that the formula gives, which takes each change to its step."""
    g, steps, changes = pairs(9, n_pairs, np.float64)
    h = oracle.inverse_hessian(9, steps, changes)
    np.testing.assert_allclose(oracle.two_loops(g, steps, changes), -h @ g, rtol=1e-10)
    if n_pairs:
        np.testing.assert_allclose(h @ changes[-1], steps[-1], rtol=1e-10)
        np.testing.assert_allclose(direction(changes[-1], steps, changes), -steps[-1], rtol=1e-10)


def test_pairs_without_positive_curvature_are_left_out(isa, dtype):
    g, steps, changes = pairs(20, 4, dtype)
    changes[1] *= -1
    changes[3] = 0
    kept = [0, 2]
    np.testing.assert_array_equal(direction(g, steps, changes), direction(g, steps[kept], changes[kept]))


def test_instruction_sets_agree(dtype, same_bits_everywhere):
    def compute():
        return direction(*pairs(1003, 10, dtype)), minimize(parabola(1e3, 37), np.ones(37, dtype)).x

    same_bits_everywhere(compute)


# ---- how it ends ----


def test_at_a_minimum_already():
    found = minimize(rosenbrock, np.ones(4))
    assert (found.status, found.iterations, found.evaluations) == ("gradient_tolerance", 0, 1)
    assert found.values.shape == (0,)
    assert found.value == found.start_value == 0


def test_the_decrease_of_the_last_iteration_is_within_the_tolerance():
    found = minimize(rosenbrock, np.array([-1.2, 1]), function_tolerance=1e-3, gradient_tolerance=0)
    assert found.status == "function_tolerance"
    decreases = -np.diff([found.start_value, *found.values])
    scales = np.maximum(1, [found.start_value, *found.values[:-1]])
    assert np.all((decreases <= 1e-3 * scales) == ([False] * (found.iterations - 1) + [True]))


def test_max_evaluations():
    """The iteration in which they are exceeded is the last, as SciPy's."""
    found = minimize(rosenbrock, np.array([-1.2, 1]), max_evaluations=20)
    assert found.status == "max_evaluations"
    before = minimize(rosenbrock, np.array([-1.2, 1]), max_iterations=found.iterations - 1)
    assert before.evaluations <= 20 < found.evaluations


@pytest.mark.parametrize(("value", "slope"), [(math.nan, 1.0), (math.inf, 1.0), (0.0, math.nan), (0.0, math.inf)])
def test_no_number_at_the_start(value, slope):
    x = np.array([1.0, 2.0])
    found = minimize(lambda x: (value, np.array([slope, 0.0])), x)
    assert (found.status, found.iterations, found.evaluations) == ("not_finite", 0, 1)
    np.testing.assert_array_equal(found.x, x)


@pytest.mark.parametrize("beyond", [math.nan, math.inf, -math.inf])
def test_no_number_beyond_a_wall(beyond, dtype):
    """The search goes back from where the function is none, and the minimum is found on this side."""

    def function(x):
        if np.any(x >= 2.5):
            return beyond, np.full_like(x, math.nan)
        return -np.sum(np.log(2.5 - x) + np.log(x)), 1 / (2.5 - x) - 1 / x

    found = minimize(function, np.full(5, 0.01, dtype))
    assert found.status in ("gradient_tolerance", "function_tolerance")
    np.testing.assert_allclose(found.x, 1.25, rtol=1e-3)


def test_a_gradient_that_points_the_wrong_way():
    """No step decreases the function: x stays where it is."""
    x = np.zeros(2)
    found = minimize(lambda x: (x @ x, x - 1), x)
    assert (found.status, found.iterations, found.evaluations) == ("line_search", 0, 21)
    np.testing.assert_array_equal(found.x, x)
    assert found.value == found.start_value == 0


def test_pairs_are_forgotten_where_they_lead_nowhere():
    """A search without success is followed by one down the gradient, whose first step has a length of at most 1."""
    start = np.array([-1.2, 1])
    base = minimize(rosenbrock, start, max_iterations=5)
    down = -rosenbrock(base.x)[1]
    down /= max(1, np.linalg.norm(down))
    calls = []

    def function(x):
        calls.append(x)
        value, gradient = rosenbrock(x)
        n = len(calls)
        if n > base.evaluations and not any(np.allclose(x - base.x, down, rtol=1e-9, atol=0) for x in calls):
            value += 100
        return value, gradient

    found = minimize(function, start)
    assert not np.allclose(calls[base.evaluations] - base.x, down)
    assert found.value < 1e-9


def test_a_function_without_minimum(dtype):
    found = minimize(lambda x: (-np.sum(x.astype(float)), -np.ones_like(x)), np.zeros(3, dtype), max_iterations=10)
    assert np.isfinite(found.x).all()
    assert found.value < -1e9
    assert np.all(np.diff(found.values) <= 0)


@pytest.mark.parametrize("error", [KeyError("x"), KeyboardInterrupt()])
@pytest.mark.parametrize("call", [1, 2, 9])
def test_an_exception_in_the_function(error, call):
    calls = []

    def function(x):
        calls.append(x)
        if len(calls) == call:
            raise error
        return rosenbrock(x)

    with pytest.raises(type(error)):
        minimize(function, np.array([-1.2, 1]))
    assert len(calls) == call


def test_refusals():
    with pytest.raises(TypeError, match="x is int64"):
        minimize(rosenbrock, np.arange(3))
    with pytest.raises(ValueError, match="expected 1 dimension"):
        minimize(rosenbrock, np.ones((2, 2)))
    with pytest.raises(ValueError, match="x has 0 elements"):
        minimize(rosenbrock, np.ones(0))
    with pytest.raises(ValueError, match="memory is 0"):
        minimize(rosenbrock, np.ones(2), memory=0)
    with pytest.raises(ValueError, match=r"gradient has shape \(1,\); expected \(2,\)"):
        minimize(lambda x: (0.0, np.ones(1)), np.ones(2))
    with pytest.raises(ValueError, match="do not fit"):
        direction(np.ones(3), np.ones((2, 3)), np.ones((2, 4)))


def test_every_end_has_a_name():
    assert len(set(STATUS.values())) == len(STATUS) == 7
