"""Intervals of networks that say how sure they are: quantiles, and means with variances."""

from statistics import NormalDist

import numpy as np
import pytest

from scratchnn import NeuralNetwork
from scratchnn.core.random import normal_quantile

RNG = np.random.default_rng(0)
X = RNG.standard_normal((37, 3))
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
QUANTILES = f"quantile({', '.join(map(str, LEVELS))})"


def make(loss, n_outputs, dtype=np.float64):
    return NeuralNetwork([3, 8, n_outputs], activation="tanh", loss=loss, dtype=dtype, bias_init="normal", seed=1)


@pytest.mark.parametrize(("coverage", "places"), [(0.9, (0, 6)), (0.8, (1, 5)), (0.5, (2, 4))])
@pytest.mark.parametrize("n_targets", [1, 3])
def test_quantiles_of_two_levels(coverage, places, n_targets, dtype):
    network = make(QUANTILES, 7 * n_targets, dtype)
    lower, upper = network.predict_interval(X, coverage)
    quantiles = network.predict(X).reshape(len(X), n_targets, 7)
    assert lower.shape == upper.shape == (len(X), n_targets)
    assert lower.dtype == dtype
    assert np.array_equal(lower, quantiles[:, :, places[0]])
    assert np.array_equal(upper, quantiles[:, :, places[1]])
    assert np.all(lower <= upper)


@pytest.mark.parametrize("coverage", [0.01, 0.5, 0.6827, 0.9, 0.999999])
@pytest.mark.parametrize("n_targets", [1, 3])
def test_normal_distributions(coverage, n_targets, dtype):
    network = make("gaussian", 2 * n_targets, dtype)
    lower, upper = network.predict_interval(X, coverage)
    a = network.predict(X).astype(np.float64)
    half_width = NormalDist().inv_cdf((1 + coverage) / 2) * a[:, 1::2]
    rel = float(4 * np.finfo(dtype).eps)
    assert lower.shape == upper.shape == (len(X), n_targets)
    assert lower.dtype == upper.dtype == dtype
    assert lower == pytest.approx(a[:, ::2] - half_width, rel=rel, abs=10 * rel)
    assert upper == pytest.approx(a[:, ::2] + half_width, rel=rel, abs=10 * rel)


@pytest.mark.parametrize(("loss", "n_outputs"), [("quantile(0.05, 0.95)", 2), ("gaussian", 2)])
def test_one_sample(loss, n_outputs, dtype):
    one = make(loss, n_outputs, dtype)
    lower, upper = one.predict_interval(X[0].tolist())
    assert isinstance(lower, float)
    assert isinstance(upper, float)
    assert [[lower], [upper]] == [end[0].tolist() for end in one.predict_interval(X[:1])]
    two = make(loss, 2 * n_outputs, dtype)
    lower, upper = two.predict_interval(X[0])
    assert lower.shape == upper.shape == (2,)
    assert [lower.tolist(), upper.tolist()] == [end[0].tolist() for end in two.predict_interval(X[:1])]


def test_levels_are_met_to_rounding():
    """(1 - 0.9) / 2 is not 0.05, and (1 + 0.7) / 2 not 0.85."""
    for coverage in np.arange(1, 100) / 100:
        levels = f"quantile({round((1 - coverage) / 2, 3)}, {round((1 + coverage) / 2, 3)})"
        lower, upper = make(levels, 2).predict_interval(X, coverage)
        assert np.all(lower < upper)


@pytest.mark.parametrize(
    ("loss", "n_outputs", "coverage", "message"),
    [
        (QUANTILES, 7, 0.85, "coverage 0.85 needs the levels 0.075 and 0.925; the network has 0.05, 0.1, .*, 0.95"),
        ("quantile(0.05, 0.5)", 2, 0.9, "needs the levels 0.05 and 0.95; the network has 0.05, 0.5"),
        ("quantile", 1, 0.9, "needs the levels 0.05 and 0.95; the network has 0.5"),
        ("mse", 1, 0.9, "the loss 'mean_squared_error' has no intervals; expected 'gaussian', or 'quantile'"),
        ("cross_entropy", 3, 0.9, "the loss 'cross_entropy' has no intervals"),
        ("gaussian", 2, 0, "coverage is 0; expected a finite number > 0 and < 1"),
        ("gaussian", 2, 1.0, "coverage is 1.0; expected a finite number > 0 and < 1"),
        ("gaussian", 2, "0.9", "coverage is '0.9'; expected a finite number > 0 and < 1"),
        ("gaussian", 2, float("nan"), "coverage is nan; expected a finite number > 0 and < 1"),
    ],
)
def test_refusals(loss, n_outputs, coverage, message):
    with pytest.raises(ValueError, match=message):
        make(loss, n_outputs).predict_interval(X, coverage)


def test_inputs_that_do_not_fit():
    network = make("gaussian", 2)
    with pytest.raises(ValueError, match=r"\(37, 2\)"):
        network.predict_interval(X[:, :2])
    with pytest.raises(TypeError, match="expected numbers"):
        network.predict_interval([["a", "b", "c"]])


def test_the_normal_quantile():
    inverse = NormalDist().inv_cdf  # AS 241, as ours
    for p in (*np.linspace(0.001, 0.999, 999), 1e-10, 1e-100, 1 - 1e-10, 0.075, 0.925):
        assert normal_quantile(p) == pytest.approx(inverse(p), rel=1e-14)
    assert normal_quantile(0.5) == 0
    assert normal_quantile(5e-324) == normal_quantile(1e-300) < -37
    for p in (0, 1, -0.5, float("nan"), "a"):
        with pytest.raises(ValueError, match="expected a finite number > 0 and < 1"):
            normal_quantile(p)


# ---- what training makes of them ----


def noisy_line(n, seed):
    """y = x with a standard deviation of 0.5 for x < 0 and of 2 above."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (n, 1))
    deviation = np.where(x < 0, 0.5, 2.0)
    return x, x + deviation * rng.standard_normal((n, 1)), deviation


@pytest.mark.parametrize(
    ("loss", "n_outputs"), [("quantile(0.05, 0.25, 0.5, 0.75, 0.95)", 5), ("gaussian", 2)], ids=["quantile", "gaussian"]
)
def test_intervals_hold_what_they_say_where_the_noise_changes(loss, n_outputs, dtype):
    x, y, _ = noisy_line(4000, 1)
    network = NeuralNetwork([1, 16, n_outputs], activation="tanh", loss=loss, dtype=dtype, seed=1)
    network.train(x, y[:, 0], epochs=60, batch_size=40, optimizer="adam", learning_rate=0.01, shuffle=True)
    x, y, deviation = noisy_line(20_000, 2)
    for coverage in (0.9, 0.5):
        lower, upper = network.predict_interval(x, coverage)
        inside = (lower <= y) & (y <= upper)
        z = NormalDist().inv_cdf((1 + coverage) / 2)
        for quiet in (True, False):
            of_side = (x < -0.1) if quiet else (x > 0.1)
            assert inside[of_side].mean() == pytest.approx(coverage, abs=0.05)
            width = (upper - lower)[of_side].mean()
            assert width == pytest.approx(2 * z * deviation[of_side].mean(), rel=0.1)


def test_quantiles_of_a_trained_network_never_cross():
    x, y, _ = noisy_line(300, 3)
    network = NeuralNetwork([1, 30, 7], activation="tanh", loss=QUANTILES, seed=1)
    network.train(x, y, epochs=100, batch_size=10, optimizer="adam", learning_rate=0.05)
    far = np.linspace(-50, 50, 1001)[:, None]
    assert np.all(np.diff(network.predict(far), axis=1) >= 0)


def test_a_target_that_is_met_exactly_does_not_diverge(dtype):
    """Its likelihood has no upper bound; the limit of the variance has."""
    network = NeuralNetwork([2, 6, 2], activation="tanh", loss="gaussian", dtype=dtype, seed=1)
    x = np.random.default_rng(0).standard_normal((50, 2))
    network.train(x, np.zeros(50), epochs=3000, batch_size="full", optimizer="adam", learning_rate=0.05)
    assert np.isfinite(network.history.loss).all()
    assert network.history.loss[-1] >= -20 + np.log(2 * np.pi) / 2
    assert np.all(network.predict(x)[:, 1] >= np.exp(-20) * (1 - 1e-6))


@pytest.mark.parametrize(("loss", "n_outputs"), [("quantile(0.1, 0.9)", 2), ("gaussian", 2), ("quantile", 1)])
def test_a_vector_of_targets_is_a_column(loss, n_outputs, dtype):
    y = RNG.standard_normal(37).astype(dtype)
    network = make(loss, n_outputs, dtype)
    assert network.n_targets == 1
    assert network.evaluate(X, y) == network.evaluate(X, y[:, None]) == network.evaluate(X, y.tolist())
    with pytest.raises(ValueError, match=r"y has shape \(37, 2\); the network has 1 (target|output) and expects"):
        network.evaluate(X, np.column_stack([y, y]))


def test_the_first_outputs_are_the_first_target_s():
    """Targets of a network are apart: another's target changes nothing."""
    network = make("quantile(0.1, 0.9)", 4)
    y = RNG.standard_normal((37, 2))
    (_, _), (dw, db) = network.gradients(X, y)
    changed = y.copy()
    changed[:, 1] += 100
    (_, _), (dw_changed, db_changed) = network.gradients(X, changed)
    assert np.array_equal(dw[:, :2], dw_changed[:, :2])
    assert np.array_equal(db[:2], db_changed[:2])
    assert not np.allclose(db[2:], db_changed[2:])
