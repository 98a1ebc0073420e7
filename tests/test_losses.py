"""Element losses and their gradients against the oracle (docs/math.md, eq. 24 to 30)."""

import functools
import operator

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layouts import TRIPLES, layouts, sizes, writable_layouts

from scratchnn.core import losses

NAMES = tuple(oracle.LOSSES)
every_loss = pytest.mark.parametrize("name", NAMES)


def data(name, m, n, dtype, seed=3):
    """Predictions or logits, and targets that suit the loss."""
    rng = np.random.default_rng([seed, m, n])
    z = 2 * rng.standard_normal((m, n))
    if name == "cross_entropy":
        y = oracle.softmax(rng.standard_normal((m, n)))
    elif name == "binary_cross_entropy":
        y = rng.integers(0, 2, (m, n))
    elif name in ("poisson", "poisson_deviance"):
        y = rng.poisson(2, (m, n))
    else:
        y = rng.standard_normal((m, n))
    return z.astype(dtype), y.astype(dtype)


def assert_right(name, z, y, dtype, *, gradient=None, scale=1.0, sample_weight=None, **delta):
    """Loss and gradient within rounding: some epsilons of the sum of what is added up."""
    exact = [a.astype(np.longdouble) for a in (z, y)]
    weight = None if sample_weight is None else sample_weight.astype(np.longdouble)
    expected, slope = oracle.total_loss(name, *exact, scale, weight, **delta)
    if gradient is None:
        gradient = np.full(z.shape, np.nan, dtype)
    settings = {"scale": scale, "sample_weight": sample_weight, **delta}
    got = losses.evaluate(name, z, y, gradient=gradient, **settings)
    assert isinstance(got, float)
    eps = float(np.finfo(dtype).eps)
    # The terms of a loss may cancel (softplus - y z), so the size of the parts counts.
    weights = np.ones(len(z)) if weight is None else weight
    parts = 1 + np.abs(exact[0]) + np.abs(exact[1]) + np.exp(np.minimum(exact[0], 50))
    size = float(scale * np.sum(weights[:, None] * parts**2))
    assert abs(got - expected) <= (8 + z.shape[0] + z.shape[1]) * eps * size
    bound = (8 + z.shape[1]) * eps * scale * weights[:, None] * parts
    assert np.all(np.abs(gradient - slope) <= bound)
    assert losses.evaluate(name, z, y, **settings) == got, "without a gradient"
    return got, gradient


def test_every_loss_has_an_oracle_and_the_reverse():
    assert sorted(losses.names()) == sorted(NAMES)


@every_loss
def test_every_size(name, isa, dtype):
    for m, n, _ in TRIPLES:
        assert_right(name, *data(name, m, n, dtype), dtype)


@every_loss
@given(
    m=sizes,
    n=sizes,
    arrange=st.tuples(layouts, layouts, layouts),
    to=writable_layouts,
    scale=st.sampled_from([0.5, 1.0, 1e-3]),
    delta=st.sampled_from([0.1, 1.0, 3.5]),
    weighted=st.booleans(),
)
def test_any_shapes_and_strides(name, isa, dtype, m, n, arrange, to, scale, delta, weighted):
    z, y = (layout(a) for layout, a in zip(arrange, data(name, m, n, dtype), strict=False))
    weight = arrange[2](np.random.default_rng(m).uniform(0, 3, m).astype(dtype))
    settings = {"scale": scale, "sample_weight": weight if weighted else None}
    if name == "huber":
        settings["delta"] = delta
    gradient = to(np.full((m, n), np.nan, dtype))
    loss, gradient = assert_right(name, z, y, dtype, gradient=gradient, **settings)
    plain = np.empty((m, n), dtype)
    settings["sample_weight"] = weight.copy() if weighted else None
    again = losses.evaluate(name, z.copy("C"), y.copy("C"), gradient=plain, **settings)
    assert again == loss
    assert np.array_equal(plain, gradient)


@every_loss
def test_gradients_are_the_derivatives_of_the_losses(name, isa):
    z, y = data(name, 3, 5, np.float64)
    weight = np.array([0.5, 0.0, 2.0])
    settings = {"scale": 0.7, "delta": 0.8, "sample_weight": weight}
    gradient = np.empty_like(z)
    losses.evaluate(name, z, y, gradient=gradient, **settings)
    measured = oracle.central_difference(lambda u: losses.evaluate(name, u, y, **settings), z)
    assert gradient == pytest.approx(measured, rel=1e-7, abs=1e-8)


@every_loss
def test_instruction_sets_agree(name, dtype, same_bits_everywhere):
    cases = [data(name, m, n, dtype) for m, n, _ in TRIPLES]

    def compute():
        for z, y in cases:
            gradient = np.empty_like(z)
            yield np.float64(losses.evaluate(name, z, y, gradient=gradient))
            yield gradient

    same_bits_everywhere(compute)


@every_loss
@pytest.mark.parametrize("n", [1, 3, 8, 9, 10, 16, 17])
def test_a_row_does_not_depend_on_its_batch(name, n, isa, dtype):
    """Narrow rows of cross-entropy go through 4 to 16 at a time, the rest one by one."""
    z, y = data(name, 37, n, dtype)
    weight = np.linspace(0.5, 2, 37).astype(dtype)
    for weights in (None, weight):
        each = np.empty_like(z)
        parts = [
            losses.evaluate(name, *(a[i : i + 1] for a in (z, y)), gradient=each[i : i + 1], sample_weight=w)
            for i, w in enumerate([None] * 37 if weights is None else weights[:, None])
        ]
        for m in (2, 5, 16, 33, 37):
            together = np.empty_like(z[-m:])
            loss = losses.evaluate(
                name, z[-m:], y[-m:], gradient=together, sample_weight=None if weights is None else weights[-m:]
            )
            assert loss == functools.reduce(operator.add, parts[-m:], 0.0)
            assert np.array_equal(together, each[-m:])


@every_loss
def test_a_strided_gradient_leaves_its_neighbours_alone(name, isa, dtype):
    for m, n, _ in TRIPLES:
        z, y = data(name, m, n, dtype)
        wide = np.full((m + 2, 2 * n + 40), 7, dtype)
        for columns in (slice(20, 20 + n), slice(20, 20 + 2 * n, 2)):
            losses.evaluate(name, z, y, gradient=wide[1:-1, columns])
            wide[1:-1, columns] = 7
            assert np.all(wide == 7)


@every_loss
def test_a_gradient_may_overlap_an_input(name, isa, dtype):
    z, y = data(name, 5, 33, dtype)
    expected = np.empty_like(z)
    loss = losses.evaluate(name, z, y, gradient=expected)
    for position in range(2):
        args = [z.copy(), y.copy()]
        assert losses.evaluate(name, *args, gradient=args[position]) == loss
        assert np.array_equal(args[position], expected)
    line = np.append(z, 0).astype(dtype)
    shifted = line[1:].reshape(z.shape)
    assert losses.evaluate(name, line[:-1].reshape(z.shape), y, gradient=shifted) == loss
    assert np.array_equal(shifted, expected)


@pytest.mark.parametrize("name", oracle.OF_LOGITS[:2])
def test_large_logits_neither_overflow_nor_lose_the_answer(name, isa, dtype):
    z = np.array([[800, -800, 0], [-3e4, 3e4, 1], [1e30, -1e30, 0]], dtype)
    y = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0]], dtype)
    with np.errstate(over="ignore"):
        exact, slope = oracle.total_loss(name, *(a.astype(np.longdouble) for a in (z, y)))
    gradient = np.empty_like(z)
    got = losses.evaluate(name, z, y, gradient=gradient)
    assert got == pytest.approx(float(exact), rel=1e-6)
    assert gradient == pytest.approx(slope.astype(np.float64), rel=1e-5, abs=1e-30)


def test_confident_and_right_costs_little_but_not_nothing(isa):
    """log(1 + e^-40) is 4e-18: 1 - sigmoid(40) would be 0, its logarithm infinite."""
    tiny = losses.evaluate("binary_cross_entropy", np.array([[-40.0]]), np.array([[0.0]]))
    assert tiny == pytest.approx(np.exp(-40), rel=1e-12)


@pytest.mark.parametrize("delta", [0.25, 1.0, 2.0])
def test_huber_is_continuous_at_delta(delta, isa):
    z = [np.full((1, 1), delta + step) for step in (-1e-9, 0, 1e-9)]
    inside, edge, outside = (losses.evaluate("huber", u, 0 * u, delta=delta) for u in z)
    assert edge == pytest.approx(delta**2 / 2, rel=1e-15)
    assert inside < edge < outside
    assert outside - inside == pytest.approx(2e-9 * delta, rel=1e-5)


def test_absolute_error_has_slope_0_at_0(isa, dtype):
    gradient = np.full((1, 5), 7, dtype)
    same = np.arange(5, dtype=dtype)[None]
    assert losses.evaluate("absolute_error", same, same.copy(), gradient=gradient) == 0
    assert not gradient.any()


@every_loss
def test_nan_reaches_loss_and_gradient(name, isa, dtype):
    for position in range(2):
        args = data(name, 3, 17, dtype)
        args[position][1, 16] = np.nan
        gradient = np.zeros((3, 17), dtype)
        assert np.isnan(losses.evaluate(name, *args, gradient=gradient))
        assert np.isnan(gradient[1, 16])
        assert np.isfinite(gradient[[0, 2]]).all()


@every_loss
def test_weights_count_samples(name, isa, dtype):
    """Weight 2 is the sample twice, weight 0 its absence."""
    z, y = data(name, 3, 7, dtype)
    weighted = losses.evaluate(name, z, y, sample_weight=np.array([2, 0, 1], dtype))
    repeated = losses.evaluate(name, z[[0, 0, 2]], y[[0, 0, 2]])
    assert weighted == pytest.approx(repeated, rel=float(20 * np.finfo(dtype).eps))


@every_loss
def test_refusals(name, dtype):
    other = np.float64 if dtype is np.float32 else np.float32
    z, y = data(name, 3, 4, dtype)
    for wrong in (other, np.int64):
        with pytest.raises(TypeError):
            losses.evaluate(name, z, y.astype(wrong))
        with pytest.raises(TypeError):
            losses.evaluate(name, z, y, gradient=np.zeros((3, 4), wrong))
        with pytest.raises(TypeError):
            losses.evaluate(name, z, y, sample_weight=np.ones(3, wrong))
    for shape in ((4, 3), (3, 5), (1, 4), (3, 1)):
        with pytest.raises(ValueError, match=r"\(3, 4\)") as refused:
            losses.evaluate(name, z, np.zeros(shape, dtype))
        assert str(shape) in str(refused.value)
        with pytest.raises(ValueError, match=r"\(3, 4\)") as refused:
            losses.evaluate(name, z, y, gradient=np.zeros(shape, dtype))
        assert str(shape) in str(refused.value)
    with pytest.raises(ValueError, match=r"\(4,\)"):
        losses.evaluate(name, z, y, sample_weight=np.ones(4, dtype))


def test_an_unknown_name_gets_the_nearest():
    z = np.zeros((1, 1))
    with pytest.raises(ValueError, match=r"hubber.*huber"):
        losses.evaluate("hubber", z, z)
