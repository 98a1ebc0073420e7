"""Whole vectors: sums against exact arithmetic, and the same bits from every instruction set."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from layouts import SIZES, layouts, sizes

from scratchnn.core import kernels, vectors

A, B = 0.3, -1.7


def pair(n, dtype, seed=3):
    """Two vectors of numbers that differ by powers of ten."""
    rng = np.random.default_rng(seed)
    return [(rng.standard_normal(n) * 10.0 ** rng.integers(-6, 6, n)).astype(dtype) for _ in range(2)]


def exact_dot(x, y):
    return sum((Fraction(float(a)) * Fraction(float(b)) for a, b in zip(x, y, strict=True)), Fraction())


@pytest.mark.parametrize("n", [0, *SIZES, 1000, 4097])
def test_dot(n, isa, dtype):
    """Sixteen sums of n / 16 products, each product rounded and each sum, then four additions."""
    x, y = pair(n, dtype)
    allowed = (n / 16 + 6) * 2.0**-53 * float(np.abs(x.astype(np.float64) * y).sum())
    assert abs(Fraction(vectors.dot(x, y)) - exact_dot(x, y)) <= allowed


def test_sums_of_float32_are_float64(isa):
    x = np.full(100_001, 0.1, np.float32)
    assert vectors.dot(x, x) == pytest.approx(float(exact_dot(x, x)), rel=1e-12)
    huge = np.float32([1e30, 1e-30])
    assert vectors.dot(huge, huge) == pytest.approx(1e60)


@pytest.mark.parametrize("n", [0, *SIZES])
def test_axpby(n, isa, dtype):
    """Rounded once, in its own memory and in that of either vector."""
    x, y = pair(n, dtype)
    expected = (A * x.astype(np.float64) + B * y.astype(np.float64)).astype(dtype)
    np.testing.assert_array_equal(vectors.axpby(A, x, B, y), expected)
    over_x, over_y = x.copy(), y.copy()
    assert vectors.axpby(A, over_x, B, y, out=over_x) is over_x
    assert vectors.axpby(A, x, B, over_y, out=over_y) is over_y
    np.testing.assert_array_equal(over_x, expected)
    np.testing.assert_array_equal(over_y, expected)


def test_axpby_of_overlapping_vectors(isa, dtype):
    line = pair(41, dtype)[0]
    x, y, out = line[:39].copy(), line[1:40].copy(), line[2:]
    expected = vectors.axpby(A, x, B, y)
    vectors.axpby(A, line[:39], B, line[1:40], out=out)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("n", SIZES)
def test_max_abs(n, isa, dtype):
    x = pair(n, dtype)[0]
    for place in range(n):
        x[place] *= -1e7
        assert vectors.max_abs(x) == float(np.abs(x).max())
    assert vectors.max_abs(np.zeros(0, dtype)) == 0


@given(n=sizes, arrange_x=layouts, arrange_y=layouts)
def test_any_strides(n, arrange_x, arrange_y, dtype):
    x, y = (arrange(vector) for arrange, vector in zip((arrange_x, arrange_y), pair(n, dtype), strict=True))
    plain_x, plain_y = x.copy(), y.copy()
    assert vectors.dot(x, y) == vectors.dot(plain_x, plain_y)
    assert vectors.max_abs(x) == vectors.max_abs(plain_x)
    np.testing.assert_array_equal(vectors.axpby(A, x, B, y), vectors.axpby(A, plain_x, B, plain_y))


@pytest.mark.parametrize("name", kernels.available())
def test_every_instruction_set_gives_the_same_bits(name, dtype):
    """Also the one that does not fuse multiply and add."""
    previous = kernels.isa()
    results = []
    try:
        for isa in (previous, name):
            kernels.use(isa)
            results.append(
                [(vectors.dot(x, y), vectors.axpby(A, x, B, y).tobytes()) for x, y in (pair(n, dtype) for n in SIZES)]
            )
    finally:
        kernels.use(previous)
    assert results[0] == results[1]


def test_refusals(dtype):
    x, y = pair(5, dtype)
    other = np.float64 if dtype is np.float32 else np.float32
    for function in (vectors.dot, lambda x, y: vectors.axpby(A, x, B, y)):
        with pytest.raises(TypeError, match="expected one dtype"):
            function(x, y.astype(other))
        with pytest.raises(ValueError, match="x has 5 elements, y 4"):
            function(x, y[:4])
        with pytest.raises(ValueError, match="expected 1 dimension"):
            function(x[None], y)
    with pytest.raises(TypeError, match="x is int64"):
        vectors.max_abs(np.arange(3))
