"""Optimizer steps at the ends of the range of numbers: nothing may be silently wrong there."""

import numpy as np
import oracle
import pytest
from test_activations import needs_long_double

from scratchnn.core import updates

every_update = pytest.mark.parametrize("name", oracle.OPTIMIZERS)
ADAPTIVE = tuple(name for name, states in oracle.STATES.items() if "v" in states)

# Powers of ten whose squares are normal numbers, and gradients whose squares are not finite.
MAGNITUDES = {np.float32: 15, np.float64: 30}
SQUARES_OVERFLOW = {np.float32: (1e20, 1e30, 3e38), np.float64: (1e160, 1e200, 1e308)}


def step(name, w, g, state, t, **settings):
    arguments = (t,) if oracle.STATES[name] == ("m", "v") else ()
    return getattr(updates, name)(w, g, *state, *arguments, **settings)


def zeros(name, n, dtype):
    return [np.zeros(n, dtype) for _ in oracle.STATES[name]]


def reciprocal(v, epsilon):
    """What the steps multiply with for 1 / (sqrt(v) + epsilon): v is doubled and halved, m doubled and halved to 1.

    In step 1000 both corrections of the bias are 1, as 0.5^1000 is nothing beside 1.
    """
    w, g, m = np.zeros_like(v), np.zeros_like(v), np.full_like(v, 2)
    updates.adam(w, g, m, 2 * v, 1000, learning_rate=1, beta1=0.5, beta2=0.5, epsilon=epsilon)
    return -w


def most_ulps(isa):
    """Without a fused multiply-add, what the product with a guess lacks is a rounded number itself."""
    return 1.5 if isa == "portable" else 1


def ulps(got, denominator):
    exact = 1 / denominator.astype(np.longdouble)
    return np.abs(got - exact) / np.spacing(exact.astype(got.dtype))


@needs_long_double
def test_the_reciprocal_of_a_square_root(isa, dtype, rng):
    """For every mantissa, and every exponent that a square root has; an epsilon of 5e-324 is nothing beside it."""
    info = np.finfo(dtype)
    v = np.exp2(rng.uniform(info.minexp, info.maxexp - 1.5, 100_000)).astype(dtype)
    assert ulps(reciprocal(v, 5e-324), np.sqrt(v)).max() <= most_ulps(isa)


@needs_long_double
def test_the_reciprocal_of_any_normal_number_whose_own_is_normal(isa, dtype, rng):
    """With v = 0 the denominator is epsilon, which is as small and as large as numbers are."""
    info = np.finfo(dtype)
    ends = (info.tiny, np.nextafter(info.tiny, dtype(1)), 1 / info.tiny, np.nextafter(1 / info.tiny, dtype(1)))
    exponents = np.linspace(info.minexp, -info.minexp - 1, 500).astype(int)
    between = np.ldexp(1 + rng.random(exponents.size), exponents)
    for denominator in np.array([*ends, *between], dtype):
        got = reciprocal(np.zeros(1, dtype), float(denominator))
        assert ulps(got, denominator) <= most_ulps(isa), denominator


@pytest.mark.parametrize("name", ADAPTIVE)
@pytest.mark.parametrize("epsilon", [1e-8, 1e-30])
def test_gradients_of_any_magnitude(name, epsilon, isa, dtype):
    """Relative to the step itself: from weights of 0, each step rounds some ten times."""
    most = MAGNITUDES[dtype]
    magnitudes = 10.0 ** np.linspace(-most, most, 8 * most + 1)
    g = np.concatenate([magnitudes, -magnitudes]).astype(dtype)
    w, state = np.zeros_like(g), zeros(name, g.size, dtype)
    expected, expected_state = w.astype(float), tuple(s.astype(float) for s in state)
    for t in (1, 2, 3):
        expected, expected_state = oracle.OPTIMIZERS[name](
            expected, g.astype(float), expected_state, t, epsilon=epsilon
        )
        step(name, w, g, state, t, epsilon=epsilon)
    assert np.all(np.abs(expected) > 0)
    assert np.all(np.abs(w - expected) <= 30 * np.finfo(dtype).eps * np.abs(expected))


@every_update
def test_a_gradient_of_0_changes_nothing_in_ten_steps(name, isa, dtype, rng):
    """Not even the last bit, beside weights that do change; AdamW shrinks weights unless it is told not to."""
    w = np.concatenate([rng.standard_normal(60), [0, 1e-30, -1e30, np.finfo(dtype).max]]).astype(dtype)
    g = np.where(np.arange(w.size) % 3 == 0, rng.standard_normal(w.size), 0).astype(dtype)
    before, state = w.copy(), zeros(name, w.size, dtype)
    settings = {"weight_decay": 0.0} if name == "adamw" else {}
    for t in range(1, 11):
        step(name, w, g, state, t, **settings)
    assert np.array_equal(w[g == 0], before[g == 0])
    assert not np.array_equal(w, before)
    for s in state:
        assert not s[g == 0].any()


@every_update
@pytest.mark.parametrize("started", [False, True], ids=["fresh", "after steps"])
def test_a_gradient_that_is_not_finite_never_passes_for_a_step(name, started, isa, dtype):
    bad = np.tile(np.array([np.inf, -np.inf, np.nan], dtype), 7)
    w, state = np.full(bad.size, 0.5, dtype), zeros(name, bad.size, dtype)
    for t in range(1, 4 if started else 1):
        step(name, w, np.full_like(w, 0.1), state, t)
    before = w.copy()
    step(name, w, bad, state, 4 if started else 1)
    assert np.all(~np.isfinite(w) | (w == before))
    assert np.all(np.isnan(w[2::3]))


@every_update
@needs_long_double
def test_a_square_that_overflows_is_right_or_seen(name, isa, dtype):
    """Where g is finite and g² is not, the step is the equation's, or the weight is not finite, or unchanged."""
    big = np.array([s * g for g in SQUARES_OVERFLOW[dtype] for s in (1, -1)] * 3, dtype)
    w, state = np.full(big.size, 0.5, dtype), zeros(name, big.size, dtype)
    exact = tuple(s.astype(np.longdouble) for s in state)
    expected, _ = oracle.OPTIMIZERS[name](w.astype(np.longdouble), big.astype(np.longdouble), exact, 1)
    step(name, w, big, state, 1)
    right = np.abs(w - expected) <= 10 * np.finfo(dtype).eps * np.abs(expected)
    assert np.all(right | ~np.isfinite(w) | (w == 0.5))
