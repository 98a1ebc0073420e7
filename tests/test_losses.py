"""Losses, their gradients and their links against the oracle (docs/math.md, eq. 24 to 30 and 78 to 85)."""

import functools
import operator
from typing import NamedTuple

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layouts import TRIPLES, layouts, sizes, writable_layouts

from scratchnn.core import activations, losses


class Case(NamedTuple):
    """A loss and its parameter, which is the kernel's own where there is none."""

    name: str
    settings: dict

    def __str__(self):
        return "-".join([self.name, *map(str, self.settings.values())])

    @property
    def outputs_per_target(self):
        return oracle.outputs_per_target(self.name, **self.settings)

    def data(self, m, n, dtype, seed=3):
        """Predictions or logits, n outputs or a little more, and targets that suit the loss."""
        rng = np.random.default_rng([seed, m, n])
        n_targets = -(-n // self.outputs_per_target)
        z = 2 * rng.standard_normal((m, n_targets * self.outputs_per_target))
        match self.name:
            case "cross_entropy" | "focal":
                y = oracle.softmax(rng.standard_normal(z.shape))
            case "binary_cross_entropy" | "binary_focal":
                y = rng.integers(0, 2, z.shape)
            case "poisson" | "poisson_deviance":
                y = rng.poisson(2, z.shape)
            case _:
                y = rng.standard_normal((m, n_targets))
        return z.astype(dtype), y.astype(dtype)

    def sizes(self, z, y):
        """The sizes of what loss and gradient of each output are added up from, which may cancel."""
        y = np.repeat(y, self.outputs_per_target, axis=1)
        parts = 1 + np.abs(z) + np.abs(y)
        match self.name:
            case "poisson" | "poisson_deviance" | "binary_cross_entropy":
                return parts + np.exp(np.minimum(z, 50))
            case "gaussian":  # of both outputs of a target
                precision = np.repeat(np.exp(-z[:, 1::2]), 2, axis=1)
                return parts + np.repeat(z[:, ::2] ** 2 + y[:, ::2] ** 2, 2, axis=1) * precision
            case "focal" | "binary_focal" | "cross_entropy":  # the exponent of a power errs as much as it is large
                return (2 + self.settings.get("gamma", 2)) * (parts + np.ptp(z, axis=1, keepdims=True))
            case "quantile":  # a sum over the levels
                return self.outputs_per_target * (1 + np.abs(z).sum(axis=1, keepdims=True) + np.abs(y))
        return parts

    def evaluate(self, z, y, **arguments):
        return losses.evaluate(self.name, z, y, **self.settings, **arguments)

    def link(self, z):
        """The network's outputs for the logits z."""
        name = oracle.LINKS[self.name]
        if name in losses.links():
            return losses.link(name, z, n_levels=self.outputs_per_target)
        return activations.get(name)(z)


ELEMENTS = {}
for spelling in oracle.SPELLINGS:
    element, _, settings, _ = oracle.network_loss(spelling)
    ELEMENTS[str(Case(element, settings))] = Case(element, settings)
CASES = (
    *ELEMENTS.values(),
    Case("quantile", {"levels": tuple(np.arange(1, 20) / 20)}),
    Case("focal", {"gamma": 0.0}),
    Case("binary_focal", {"gamma": 5.0}),
)
every_case = pytest.mark.parametrize("case", CASES, ids=str)


def assert_right(case, z, y, dtype, *, gradient=None, scale=1.0, sample_weight=None):
    """Loss and gradient within rounding: some epsilons of the sum of what is added up."""
    exact = [a.astype(np.longdouble) for a in (z, y)]
    weight = None if sample_weight is None else sample_weight.astype(np.longdouble)
    expected, slope = oracle.total_loss(case.name, *exact, scale, weight, **case.settings)
    if gradient is None:
        gradient = np.full(z.shape, np.nan, dtype)
    arguments = {"scale": scale, "sample_weight": sample_weight}
    got = case.evaluate(z, y, gradient=gradient, **arguments)
    assert isinstance(got, float)
    eps = float(np.finfo(dtype).eps)
    weights = np.ones(len(z)) if weight is None else weight
    sizes = case.sizes(*exact)
    size = float(scale * np.sum(weights[:, None] * sizes**2))
    assert abs(got - expected) <= (8 + z.shape[0] + z.shape[1]) * eps * size
    bound = (8 + z.shape[1]) * eps * scale * weights[:, None] * sizes
    assert np.all(np.abs(gradient - slope) <= bound)
    assert case.evaluate(z, y, **arguments) == got, "without a gradient"
    return got, gradient


def test_every_loss_has_an_oracle_and_the_reverse():
    assert set(losses.names()) == set(oracle.LOSSES) == {case.name for case in CASES}


@every_case
def test_every_size(case, isa, dtype):
    for m, n, _ in TRIPLES:
        assert_right(case, *case.data(m, n, dtype), dtype)


@every_case
@given(
    m=sizes,
    n=sizes,
    arrange=st.tuples(layouts, layouts, layouts),
    to=writable_layouts,
    scale=st.sampled_from([0.5, 1.0, 1e-3]),
    weighted=st.booleans(),
)
def test_any_shapes_and_strides(case, isa, dtype, m, n, arrange, to, scale, weighted):
    z, y = (layout(a) for layout, a in zip(arrange, case.data(m, n, dtype), strict=False))
    weight = arrange[2](np.random.default_rng(m).uniform(0, 3, m).astype(dtype))
    settings = {"scale": scale, "sample_weight": weight if weighted else None}
    gradient = to(np.full(z.shape, np.nan, dtype))
    loss, gradient = assert_right(case, z, y, dtype, gradient=gradient, **settings)
    plain = np.empty(z.shape, dtype)
    settings["sample_weight"] = weight.copy() if weighted else None
    again = case.evaluate(z.copy("C"), y.copy("C"), gradient=plain, **settings)
    assert again == loss
    assert np.array_equal(plain, gradient)


@every_case
def test_gradients_are_the_derivatives_of_the_losses(case, isa):
    z, y = case.data(3, 5, np.float64)
    weight = np.array([0.5, 0.0, 2.0])
    gradient = np.empty_like(z)
    case.evaluate(z, y, gradient=gradient, scale=0.7, sample_weight=weight)
    measured = oracle.central_difference(lambda u: case.evaluate(u, y, scale=0.7, sample_weight=weight), z)
    assert gradient == pytest.approx(measured, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize(("name", "parameter", "values"), [
    ("huber", "delta", (0.1, 1.0, 3.5)),
    ("cross_entropy", "label_smoothing", (0.0, 0.05, 0.9)),
    ("binary_cross_entropy", "label_smoothing", (0.0, 0.05, 0.9)),
    ("focal", "gamma", (0.0, 0.3, 1.0, 2.0, 7.5)),
    ("binary_focal", "gamma", (0.0, 0.3, 1.0, 2.0, 7.5)),
    ("quantile", "levels", (0.1, 0.9, (0.2, 0.7), (0.01, 0.3, 0.5, 0.99))),
])  # fmt: skip
def test_parameters(name, parameter, values, isa, dtype):
    results = []
    for value in values:
        case = Case(name, {parameter: (value,) if name == "quantile" and isinstance(value, float) else value})
        results.append(assert_right(case, *case.data(9, 7, dtype), dtype)[0])
    assert len(set(results)) == len(values)


@pytest.mark.parametrize(("name", "preset"), [
    ("huber", {"delta": 1.0}),
    ("cross_entropy", {"label_smoothing": 0.0}),
    ("binary_cross_entropy", {"label_smoothing": 0.0}),
    ("focal", {"gamma": 2.0}),
    ("binary_focal", {"gamma": 2.0}),
    ("quantile", {"levels": 0.5}),
])  # fmt: skip
def test_parameters_that_are_not_given(name, preset):
    z, y = Case(name, {}).data(5, 4, np.float64)
    assert losses.evaluate(name, z, y) == losses.evaluate(name, z, y, **preset)


@every_case
def test_instruction_sets_agree(case, dtype, same_bits_everywhere):
    cases = [case.data(m, n, dtype) for m, n, _ in TRIPLES]

    def compute():
        for z, y in cases:
            gradient = np.empty_like(z)
            yield np.float64(case.evaluate(z, y, gradient=gradient))
            yield gradient

    same_bits_everywhere(compute)


@pytest.mark.pairs
@every_case
@pytest.mark.parametrize("n", [1, 3, 8, 9, 10, 16, 17])
def test_a_row_does_not_depend_on_its_batch(case, n, isa, dtype):
    """Narrow rows of cross-entropy go through 4 to 16 at a time, the rest one by one; some losses take all so."""
    z, y = case.data(37, n, dtype)
    weight = np.linspace(0.5, 2, 37).astype(dtype)
    for weights in (None, weight):
        each = np.empty_like(z)
        parts = [
            case.evaluate(*(a[i : i + 1] for a in (z, y)), gradient=each[i : i + 1], sample_weight=w)
            for i, w in enumerate([None] * 37 if weights is None else weights[:, None])
        ]
        for m in (2, 5, 16, 33, 37):
            together = np.empty_like(z[-m:])
            loss = case.evaluate(
                z[-m:], y[-m:], gradient=together, sample_weight=None if weights is None else weights[-m:]
            )
            assert loss == functools.reduce(operator.add, parts[-m:], 0.0)
            assert np.array_equal(together, each[-m:])


@every_case
def test_a_strided_gradient_leaves_its_neighbours_alone(case, isa, dtype):
    for m, n, _ in TRIPLES:
        z, y = case.data(m, n, dtype)
        n = z.shape[1]
        wide = np.full((m + 2, 2 * n + 40), 7, dtype)
        for columns in (slice(20, 20 + n), slice(20, 20 + 2 * n, 2)):
            case.evaluate(z, y, gradient=wide[1:-1, columns])
            wide[1:-1, columns] = 7
            assert np.all(wide == 7)


@every_case
def test_a_gradient_may_overlap_an_input(case, isa, dtype):
    z, y = case.data(5, 33, dtype)
    expected = np.empty_like(z)
    loss = case.evaluate(z, y, gradient=expected)
    for position in range(2 if y.shape == z.shape else 1):
        args = [z.copy(), y.copy()]
        assert case.evaluate(*args, gradient=args[position]) == loss
        assert np.array_equal(args[position], expected)
    line = np.append(z, 0).astype(dtype)
    shifted = line[1:].reshape(z.shape)
    assert case.evaluate(line[:-1].reshape(z.shape), y, gradient=shifted) == loss
    assert np.array_equal(shifted, expected)


TAILS = [case for case in CASES if case.name in ("binary_cross_entropy", "cross_entropy", "binary_focal", "focal")]


@pytest.mark.pairs
@pytest.mark.parametrize("case", TAILS, ids=str)
@pytest.mark.parametrize("size", [20, 80, 800, 1e4, 1e30])
def test_large_logits_neither_overflow_nor_lose_the_answer(case, size, isa, dtype):
    """Every part has its digits, 1 - p where p is nearly 1 among them; what is below the smallest number is 0."""
    z = np.array([[1, -1, 0], [-1, 1, 0.5], [1, -1, 0], [0.9, 1, -1]], dtype) * dtype(size)
    y = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0.25, 0.75]], dtype)
    with np.errstate(over="ignore"):
        exact, slope = oracle.total_loss(case.name, *(a.astype(np.longdouble) for a in (z, y)), **case.settings)
    gradient = np.empty_like(z)
    got = case.evaluate(z, y, gradient=gradient)
    rel, smallest = 200 * float(np.finfo(dtype).eps), float(np.finfo(dtype).tiny)
    if "cross_entropy" in case.name:  # p - y, a difference
        smallest = 2 * float(np.finfo(dtype).eps)
    assert got == pytest.approx(float(exact), rel=rel, abs=smallest)
    assert gradient == pytest.approx(slope.astype(np.float64), rel=rel, abs=smallest)


@pytest.mark.parametrize("case", [case for case in CASES if case.name in ("quantile", "gaussian")], ids=str)
@pytest.mark.parametrize("size", [80, 800, 1e4])
def test_large_logits_of_several_outputs(case, size, isa, dtype):
    z, y = case.data(9, 12, dtype)
    assert_right(case, z * dtype(size) / np.abs(z).max(), y, dtype)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_keeps_the_digits_of_what_is_left(gamma, isa, dtype):
    """At p = 1 - q the loss is q^(1 + gamma) and the gradient -(1 + gamma) q^(1 + gamma), however small q is."""
    rel = 500 * float(np.finfo(dtype).eps)
    for x in (10.0, 20.0, 25.0, 28.0):
        q = np.exp(-np.longdouble(x)) / (1 + np.exp(-np.longdouble(x)))
        for name, z, y in (("binary_focal", [[x]], [[1.0]]), ("focal", [[x, 0.0]], [[1.0, 0.0]])):
            z, y = np.array(z, dtype), np.array(y, dtype)
            gradient = np.empty_like(z)
            loss = losses.evaluate(name, z, y, gamma=gamma, gradient=gradient)
            power, log_p = q**gamma, np.log1p(-q)
            assert loss == pytest.approx(float(-power * log_p), rel=rel)
            assert gradient[0, 0] == pytest.approx(float(power * (gamma * (1 - q) * log_p - q)), rel=rel)
            if name == "focal":
                assert gradient[0, 1] == pytest.approx(-gradient[0, 0], rel=rel)


def test_focal_without_focus_is_cross_entropy(isa, dtype):
    for name, other in (("focal", "cross_entropy"), ("binary_focal", "binary_cross_entropy")):
        z, y = Case(name, {}).data(20, 5, dtype)
        one, two, rounding = np.empty_like(z), np.empty_like(z), 50 * float(np.finfo(dtype).eps)
        loss = losses.evaluate(name, z, y, gamma=0, gradient=one)
        assert loss == pytest.approx(losses.evaluate(other, z, y, gradient=two), rel=rounding)
        assert one == pytest.approx(two, abs=rounding)


def test_a_single_class_costs_nothing(isa, dtype):
    """It is certain, and there is nothing to learn; so are all classes but those that share the largest logit."""
    one = np.ones((1, 1), dtype)
    for gamma in (0.0, 0.5, 2.0):
        gradient = np.full((1, 1), 7, dtype)
        assert losses.evaluate("focal", 3 * one, one, gamma=gamma, gradient=gradient) == 0
        assert gradient == 0
    gradient = np.empty((1, 4), dtype)
    loss = losses.evaluate("focal", np.array([[5, 5, 5, -1e4]], dtype), np.eye(4, dtype=dtype)[:1], gradient=gradient)
    assert loss == pytest.approx((2 / 3) ** 2 * np.log(3), rel=1e-6)
    assert gradient.sum() == pytest.approx(0, abs=1e-6)


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


@every_case
def test_nan_reaches_loss_and_gradient(case, isa, dtype):
    z, y = case.data(3, 17, dtype)
    for position, columns in ((0, z.shape[1]), (1, y.shape[1])):
        for column in range(columns):
            args = [z.copy(), y.copy()]
            args[position][1, column] = np.nan
            gradient = np.zeros(z.shape, dtype)
            assert np.isnan(case.evaluate(*args, gradient=gradient))
            assert np.isnan(gradient[1, column * (z.shape[1] // columns)])
            assert np.isfinite(gradient[[0, 2]]).all()


@every_case
def test_weights_count_samples(case, isa, dtype):
    """Weight 2 is the sample twice, weight 0 its absence."""
    z, y = case.data(3, 7, dtype)
    weighted = case.evaluate(z, y, sample_weight=np.array([2, 0, 1], dtype))
    repeated = case.evaluate(z[[0, 0, 2]], y[[0, 0, 2]])
    assert weighted == pytest.approx(repeated, rel=float(20 * np.finfo(dtype).eps))


@every_case
def test_refusals(case, dtype):
    other = np.float64 if dtype is np.float32 else np.float32
    z, y = case.data(3, 4, dtype)
    for wrong in (other, np.int64):
        with pytest.raises(TypeError):
            case.evaluate(z, y.astype(wrong))
        with pytest.raises(TypeError):
            case.evaluate(z, y, gradient=np.zeros(z.shape, wrong))
        with pytest.raises(TypeError):
            case.evaluate(z, y, sample_weight=np.ones(3, wrong))
    m, n = y.shape
    for shape in ((m + 1, n), (m, n + 1), (1, n), (n + 5, m)):
        with pytest.raises(ValueError, match="does not fit y of shape") as refused:
            case.evaluate(z, np.zeros(shape, dtype))
        assert str(z.shape) in str(refused.value)
        assert str(shape) in str(refused.value)
    for shape in ((m + 1, z.shape[1]), (m, z.shape[1] + 1), (1, z.shape[1])):
        with pytest.raises(ValueError, match="out has shape") as refused:
            case.evaluate(z, y, gradient=np.zeros(shape, dtype))
        assert str(z.shape) in str(refused.value)
        assert str(shape) in str(refused.value)
    with pytest.raises(ValueError, match=r"\(4,\)"):
        case.evaluate(z, y, sample_weight=np.ones(4, dtype))


@pytest.mark.parametrize(("name", "arguments", "error", "message"), [
    ("huber", {"delta": 0}, ValueError, "delta is 0; expected a finite number > 0"),
    ("huber", {"gamma": 1}, TypeError, "loss 'huber' takes delta; gamma was given"),
    ("squared_error", {"delta": 1}, TypeError, "takes no parameter; delta was given"),
    ("focal", {"gamma": -1}, ValueError, "gamma is -1; expected a finite number >= 0"),
    ("cross_entropy", {"label_smoothing": 1}, ValueError, "label_smoothing is 1; .* >= 0 and < 1"),
    ("quantile", {"levels": (0.5, 0.2)}, ValueError, "each above the one before, but 0.2 follows 0.5"),
    ("quantile", {"levels": 1.5}, ValueError, r"levels\[0\] is 1.5; .* > 0 and < 1"),
    ("quantile", {"levels": (0.2, 0.8)}, ValueError, r"y of shape \(2, 2\), 2 outputs for each target"),
    ("gaussian", {}, ValueError, r"z of shape \(2, 2\) .* 2 outputs for each target"),
    ("huber", {"scale": np.inf}, ValueError, "scale is inf; expected a finite number"),
    ("hubber", {}, ValueError, "hubber.*huber"),
])  # fmt: skip
def test_refused_parameters(name, arguments, error, message):
    z = np.zeros((2, 2))
    with pytest.raises(error, match=message):
        losses.evaluate(name, z, z, **arguments)


# ---- quantiles and normal distributions ----


def test_a_quantile_that_is_met_has_slope_0(isa, dtype):
    gradient = np.full((2, 2), 7, dtype)
    z = np.array([[1, -1e4], [3, 4]], dtype)  # the second quantile is the first
    assert losses.evaluate("quantile", z[:1], z[:1, :1].copy(), levels=(0.2, 0.7), gradient=gradient[:1]) == 0
    assert not gradient[0].any()
    losses.evaluate("quantile", z, z[:, :1].copy(), levels=(0.2, 0.7), gradient=gradient)
    assert gradient[1] == pytest.approx([0.3, 0.3 / (1 + np.exp(-4))], rel=1e-6)


@pytest.mark.parametrize("n_levels", [1, 2, 3, 17, 99])
def test_quantiles_never_cross(n_levels, isa, dtype, rng):
    for size in (0.1, 1, 100, 1e4):
        z = (size * rng.standard_normal((37, 2 * n_levels))).astype(dtype)
        q = losses.link("quantiles", z, n_levels=n_levels)
        exact = oracle.quantiles(z.astype(np.longdouble), n_levels)
        of_targets = q.reshape(37, 2, n_levels)
        assert np.all(np.diff(of_targets, axis=2) >= 0)
        largest = np.abs(exact.reshape(of_targets.shape)).max(axis=2) + np.abs(z).reshape(of_targets.shape).max(axis=2)
        error = np.abs(q - exact).reshape(of_targets.shape).max(axis=2)
        assert np.all(error <= (n_levels + 2) * np.finfo(dtype).eps * largest)


def test_mean_and_deviation(isa, dtype):
    z = np.array([[0.5, 0.0, -3.0, np.log(4)], [1e4, 1e4, -1e4, -1e4]], dtype)
    a = losses.link("gaussian", z)
    assert a == pytest.approx(np.array([[0.5, 1, -3, 2], [1e4, np.exp(20), -1e4, np.exp(-20)]]), rel=1e-6)


def test_the_variance_has_limits(isa, dtype):
    """Beyond them the loss does not change with its logarithm, and the gradient for it is 0."""
    y, gradient = np.zeros((1, 1), dtype), np.empty((1, 2), dtype)
    at_limit = {s: losses.evaluate("gaussian", np.array([[0.5, s]], dtype), y) for s in (-40, 40)}
    for s in (-1e30, -1e4, -40.01, 40.01, 1e4, 1e30):
        z = np.array([[0.5, s]], dtype)
        assert losses.evaluate("gaussian", z, y, gradient=gradient) == at_limit[-40 if s < 0 else 40]
        assert gradient[0, 0] == pytest.approx(0.5 * np.exp(40 if s < 0 else -40), rel=1e-5)
        assert gradient[0, 1] == 0


LINKED = [case for case in CASES if oracle.LINKS.get(case.name) in losses.links()]
every_link = pytest.mark.parametrize("case", LINKED, ids=str)


@every_link
@given(m=sizes, n=sizes, arrange=layouts, to=writable_layouts)
def test_links_of_any_shapes_and_strides(case, isa, dtype, m, n, arrange, to):
    z = arrange(case.data(m, n, dtype)[0])
    name, n_levels = oracle.LINKS[case.name], case.outputs_per_target
    out = to(np.full(z.shape, np.nan, dtype))
    assert losses.link(name, z, out, n_levels=n_levels) is out
    expected = oracle.outputs_of(name, z.astype(np.longdouble), n_levels)
    tolerance = (8 + n) * np.finfo(dtype).eps * (1 + np.abs(z).sum(axis=1, keepdims=True)) * (1 + np.abs(expected))
    assert np.all(np.abs(out - expected) <= tolerance)
    rows = [losses.link(name, z[i : i + 1].copy(), n_levels=n_levels) for i in range(m)]
    assert np.array_equal(out, np.concatenate(rows)), "a row depends on its batch"
    if z.base is None and z.flags.writeable and z.flags.c_contiguous:
        assert np.array_equal(losses.link(name, z, z, n_levels=n_levels), out), "in place"


@every_link
def test_instruction_sets_agree_on_links(case, dtype, same_bits_everywhere):
    logits = [case.data(m, n, dtype)[0] for m, n, _ in TRIPLES]
    name = oracle.LINKS[case.name]
    same_bits_everywhere(lambda: [losses.link(name, z, n_levels=case.outputs_per_target) for z in logits])


@every_link
def test_nan_stays_in_links(case, isa, dtype):
    z, _ = case.data(3, 5, dtype)
    for column in range(z.shape[1]):
        one = z.copy()
        one[1, column] = np.nan
        a = case.link(one)
        assert np.isnan(a[1, column])
        assert np.isfinite(a[[0, 2]]).all()


@pytest.mark.parametrize(("name", "z", "arguments", "error", "message"), [
    ("sofmax", np.zeros((2, 2)), {}, ValueError, "unknown link 'sofmax'. Did you mean 'softmax'"),
    ("softmax", np.zeros(2), {}, ValueError, r"z has shape \(2,\); expected 2 dimensions"),
    ("softmax", np.zeros((2, 0)), {}, ValueError, r"z has shape \(2, 0\)"),
    ("softmax", np.zeros((2, 2), int), {}, TypeError, "z is int64"),
    ("gaussian", np.zeros((2, 3)), {}, ValueError, r"z has shape \(2, 3\); expected 2 columns for each target"),
    ("quantiles", np.zeros((2, 4)), {"n_levels": 3}, ValueError, "expected 3 columns for each target"),
    ("quantiles", np.zeros((2, 4)), {"n_levels": 0}, ValueError, "n_levels is 0; expected at least 1"),
    ("quantiles", np.zeros((2, 4)), {"n_levels": 1.5}, TypeError, "float"),
    ("softmax", np.zeros((2, 2)), {"out": np.zeros((2, 3))}, ValueError, r"out has shape \(2, 3\)"),
])  # fmt: skip
def test_refusals_of_links(name, z, arguments, error, message):
    with pytest.raises(error, match=message):
        losses.link(name, z, **arguments)
