"""The generator against its equations and against chance (docs/math.md, eq. 58 to 64)."""

import math
from statistics import NormalDist

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchnn.core.random import Generator

seeds = st.integers(0, 2**64 - 1)
streams = st.integers(0, 2**32 - 1)
counters = st.integers(0, 2**48)

N = 100_000


def test_stream_0_is_the_published_splitmix64():
    published = (6457827717110365317, 3203168211198807973, 9817491932198370423)
    assert Generator(1234567).bits(3).tolist() == list(published)
    assert Generator(1234567).uniform(3).tolist() == [(r >> 11) * 2.0**-53 for r in published]


@given(seed=seeds, stream=streams, counter=counters, n=st.integers(0, 40))
def test_draws_follow_the_equations(seed, stream, counter, n):
    for method, tolerance in (("uniform", 0), ("normal", 1e-14), ("permutation", 0)):
        ours = Generator(seed, stream=stream, counter=counter)
        theirs = oracle.Generator(seed, stream=stream, counter=counter)
        drawn, expected = getattr(ours, method)(n), getattr(theirs, method)(n)
        assert drawn.shape == (n,)
        assert drawn == pytest.approx(expected, rel=tolerance, abs=tolerance)
        assert ours.counter == theirs.counter


def test_dtypes_and_shapes():
    generator = Generator(1)
    assert generator.uniform((2, 3, 4)).shape == (2, 3, 4)
    assert generator.normal((5, 1)).shape == (5, 1)
    assert generator.uniform(7).dtype == generator.normal(7).dtype == np.float64
    assert np.issubdtype(generator.permutation(7).dtype, np.integer)
    flat = Generator(1).normal(24)
    assert np.array_equal(Generator(1).normal((2, 3, 4)), flat.reshape(2, 3, 4))


@pytest.mark.parametrize("method", ["uniform", "normal", "permutation"])
def test_a_counter_resumes_the_sequence(method):
    generator = Generator(42, stream=3)
    generator.uniform(5)
    generator.permutation(33)
    resumed = Generator(42, stream=3, counter=generator.counter)
    expected = getattr(generator, method)(50)
    assert np.array_equal(getattr(resumed, method)(50), expected)
    assert resumed.counter == generator.counter
    assert Generator(42).counter == 0


def test_drawing_in_parts_is_drawing_at_once():
    whole, parts = Generator(9), Generator(9)
    expected = np.concatenate([whole.uniform(100), whole.normal(100)])
    pieces = [parts.uniform(n) for n in (1, 0, 33, 66)] + [parts.normal(n) for n in (99, 1)]
    assert np.array_equal(np.concatenate(pieces), expected)


def test_seeds_and_streams_differ():
    draws = [Generator(seed, stream).uniform(20) for seed in range(5) for stream in range(5)]
    assert len({tuple(d) for d in draws}) == 25
    together = np.concatenate([Generator(0, stream).uniform(1000) for stream in range(10)])
    assert len(np.unique(together)) == together.size
    assert abs(np.corrcoef(Generator(0, 0).uniform(N), Generator(0, 1).uniform(N))[0, 1]) < 0.02


@pytest.mark.parametrize("method", ["uniform", "normal"])
@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
def test_distribution(method, seed):
    """Kolmogorov and Smirnov's distance: over 2 / sqrt(n) once in 1500 fair samples."""
    x = np.sort(getattr(Generator(seed), method)(N))
    cdf = x if method == "uniform" else np.vectorize(NormalDist().cdf)(x)
    steps = np.arange(N + 1) / N
    distance = max(np.max(steps[1:] - cdf), np.max(cdf - steps[:-1]))
    assert distance < 2 / math.sqrt(N)
    assert np.isfinite(x).all()
    if method == "uniform":
        assert x[0] >= 0
        assert x[-1] < 1


@pytest.mark.parametrize(
    ("method", "moments"),
    [("uniform", (1 / 2, 1 / 3, 1 / 4, 1 / 5)), ("normal", (0, 1, 0, 3))],
)
def test_moments(method, moments):
    x = getattr(Generator(7), method)(N)
    for power, expected in enumerate(moments, start=1):
        deviation = np.std(x**power) / math.sqrt(N)
        assert abs(np.mean(x**power) - expected) < 4 * deviation
    assert abs(np.mean((x[1:] - x.mean()) * (x[:-1] - x.mean()))) < 4 * x.var() / math.sqrt(N)


def test_normal_is_symmetric_and_reaches_the_tails():
    x = Generator(11).normal(10 * N)
    assert 4.3 < x.max() < 7
    assert -7 < x.min() < -4.3
    beyond = np.mean(np.abs(x) > 3)
    assert beyond == pytest.approx(math.erfc(3 / math.sqrt(2)), rel=0.1)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 17, 1000, 65_537])
def test_a_permutation_is_one(n):
    assert np.array_equal(np.sort(Generator(5).permutation(n)), np.arange(n))


def test_every_permutation_is_as_likely():
    """Chi squared of the 24 orders of 4 over 24,000 shuffles: 23 degrees of freedom."""
    generator, counts = Generator(13), {}
    for _ in range(24_000):
        order = tuple(generator.permutation(4))
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 24
    assert sum((c - 1000) ** 2 / 1000 for c in counts.values()) < 59  # once in 20,000


def test_seeds_count_modulo_2_to_the_64():
    for seed, same in ((-1, 2**64 - 1), (2**64 + 5, 5)):
        assert np.array_equal(Generator(seed).uniform(9), Generator(same).uniform(9))


@pytest.mark.parametrize("arguments", [("1",), (1.5,), (None,)])
def test_other_types_are_refused(arguments):
    with pytest.raises(TypeError):
        Generator(*arguments)


def test_negative_sizes_are_refused():
    for method in ("uniform", "normal", "permutation"):
        with pytest.raises(ValueError, match=r"negative|-1"):
            getattr(Generator(1), method)(-1)
