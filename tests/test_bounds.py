"""Bounds of predictions: kept by every prediction, learnt as the scaled targets of a sigmoid or a softplus."""

import pickle

import networks
import numpy as np
import oracle
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scratchnn import NeuralNetwork, check_gradients, load, losses

PLAIN = [name for name in oracle.SPELLINGS if losses.get(name).scales_targets and not losses.get(name).link]
WITH_A_LINK = [name for name in oracle.SPELLINGS if losses.get(name).link]
SYMMETRIC = [name for name in PLAIN if losses.get(name).symmetric]
ENDS = [(-2.5, 7.0), (3.0, None), (None, 3.0)]


def targets(bounds, shape, seed=3):
    """Numbers within the bounds, some of which are bounds."""
    low, high = bounds
    rng = np.random.default_rng(seed)
    if low is None:
        y = high - rng.exponential(2, shape)
    else:
        y = low + rng.exponential(2, shape) if high is None else rng.uniform(low, high, shape)
    for end in bounds:
        if end is not None:
            y.flat[rng.integers(y.size, size=3)] = end
    return y


def pair(bounds, loss="mean_squared_error", dtype=np.float64, sizes=(4, 9, 2)):
    """A network with bounds, the same without, and the scaling of its targets."""
    activation, shift, scale = oracle.bounded(*bounds)
    arguments = {"activation": "tanh", "loss": loss, "dtype": dtype, "bias_init": "normal", "seed": 1}
    return (
        NeuralNetwork(sizes, bounds=bounds, **arguments),
        NeuralNetwork(sizes, output_activation=activation, **arguments),
        (np.full(sizes[-1], shift), np.full(sizes[-1], scale)),
    )


def assert_within(values, bounds):
    low, high = (float(end) if end is not None else sign * np.inf for end, sign in zip(bounds, (-1, 1), strict=True))
    values = np.asarray(values, np.float64)
    assert (values > low).all()
    assert (values < high).all()


# ---- what is computed ----


@pytest.mark.pairs
@pytest.mark.parametrize("bounds", ENDS, ids=str)
@pytest.mark.parametrize("loss", SYMMETRIC)
@pytest.mark.parametrize("sizes", [(4, 9, 2), (33, 17, 3)], ids=str)
def test_training_has_the_bits_of_scaled_targets(bounds, loss, sizes, isa, dtype):
    network, plain, scaling = pair(bounds, loss, dtype, sizes)
    x = np.random.default_rng(0).normal(size=(50, sizes[0]))
    y = targets(bounds, (50, sizes[-1]))
    scaled = oracle.scaled(y, *scaling).astype(dtype)
    settings = {"epochs": 5, "batch_size": 7, "optimizer": "adam", "shuffle": True}
    network.train(x, y, validation_data=(x[:9], y[:9]), **settings)
    plain.train(x, scaled, validation_data=(x[:9], scaled[:9]), **settings)
    assert networks.bits(network) == networks.bits(plain)
    assert network.history.loss == plain.history.loss
    assert network.history.validation_loss == plain.history.validation_loss
    expected = oracle.unscaled(plain.predict(x).astype(float), *scaling).astype(dtype)
    np.testing.assert_array_equal(network.predict(x), expected)
    assert_within(expected, bounds)


@pytest.mark.parametrize("bounds", ENDS[:2], ids=str)
def test_quantiles_of_one_level(bounds):
    network, plain, scaling = pair(bounds, "quantile(0.9)")
    x, y = np.random.default_rng(0).normal(size=(50, 4)), targets(bounds, (50, 2))
    for some, numbers in ((network, y), (plain, oracle.scaled(y, *scaling))):
        some.train(x, numbers, epochs=5)
    np.testing.assert_array_equal(network.predict(x), oracle.unscaled(plain.predict(x), *scaling))


@pytest.mark.parametrize(("bounds", "factor"), list(zip(ENDS, (9.5, 1, 1), strict=True)), ids=str)
def test_how_a_loss_is_read(bounds, factor):
    x, y = np.random.default_rng(0).normal(size=(50, 4)), targets(bounds, (50, 2))
    for loss, power in (("mse", 2), ("mae", 1)):
        network, *_ = pair(bounds, loss)
        residual = np.abs(network.predict(x) - y) ** power
        assert network.evaluate(x, y) * factor**power == pytest.approx(residual.mean(), rel=1e-12)


@pytest.mark.parametrize("bounds", ENDS, ids=str)
def test_gradients_and_derivatives_for_inputs(bounds, isa):
    network, *_ = pair(bounds)
    x, y = np.random.default_rng(0).normal(size=(9, 4)), targets(bounds, (9, 2))
    assert check_gradients(network, x, y)
    for i in range(4):
        step = np.zeros(4)
        step[i] = 1e-6
        difference = (network.predict(x + step) - network.predict(x - step)) / 2e-6
        np.testing.assert_allclose(network.jacobian(x)[:, :, i], difference, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("bounds", [(-3, 3.5), (-3, None), (None, 3)], ids=str)
def test_it_learns(bounds):
    """A curve that reaches its bounds, through inputs far from 1."""
    x = np.linspace(1000, 1400, 200)[:, None]
    curve = 4 * np.sin((x - 1000) / 70)
    low, high = bounds
    y = np.clip(curve, low, high)
    network = NeuralNetwork([1, 30, 1], activation="tanh", bounds=bounds, scale_inputs="standard", seed=1)
    network.train(x, y, epochs=400, batch_size=20, optimizer="adam", learning_rate=0.02)
    assert np.mean((network.predict(x) - y) ** 2) < 0.02 * np.var(y)


# ---- predictions stay within ----

finite = st.floats(-1e30, 1e30, allow_subnormal=False)
numbers = st.one_of(finite, st.floats(-10, 10, allow_subnormal=False))


@st.composite
def pairs_of_bounds(draw):
    low, high = sorted((draw(numbers), draw(numbers)))
    return draw(st.sampled_from([(low, high), (low, None), (None, high)]))


@given(bounds=pairs_of_bounds(), size=st.sampled_from([1e-30, 1, 1e3, 1e30]), seed=st.integers(0, 99))
def test_all_predictions_lie_within(bounds, size, seed, dtype):
    """However large the sums, which take sigmoid and softplus to their limits and rounding beyond."""
    low, high = bounds
    if low is not None and high is not None:
        assume(high - low > 1e-300)
        assume(np.nextafter(np.nextafter(dtype(low), dtype(high)), dtype(high)) < dtype(high))
    arguments = {"activation": "tanh", "dtype": dtype, "bias_init": "normal", "seed": seed}
    several = NeuralNetwork([3, 5, 2], bounds=bounds, **arguments)
    single = NeuralNetwork([3, 5, 1], bounds=bounds, **arguments)
    x = np.random.default_rng(seed).normal(size=(60, 3))
    for network in (several, single):
        network.layers[-1].weights *= size
        with np.errstate(over="ignore"):
            assert_within(network.predict(x), bounds)
        for row in x[:5]:
            assert_within(network.predict(row), bounds)


@pytest.mark.parametrize("bounds", [(0.1, 0.7), (0.0, None), (None, 0.1), (-1.0, 1.0)], ids=str)
def test_saturated_outputs_stop_one_number_before_the_bound(bounds, dtype):
    """float32 has no 0.1: its nearest number is above."""
    network = NeuralNetwork([1, 1], bounds=bounds, dtype=dtype, seed=1)
    network.layers[0].weights = [[1]]
    huge = 1e4
    for sign, end in zip((-1, 1), bounds, strict=True):
        if end is None:
            continue
        turned = -sign if bounds[0] is None else sign
        found = np.array(network.predict([turned * huge])).astype(dtype)
        assert_within(found, bounds)
        beyond = np.nextafter(found, dtype(sign * np.inf))
        assert float(beyond) >= end if sign > 0 else float(beyond) <= end


def test_what_is_no_number_stays_none():
    network = NeuralNetwork([1, 1], bounds=(0, 1), seed=1)
    network.layers[0].weights[...] = np.nan
    assert np.isnan(network.predict([1.0]))


# ---- copies ----


@pytest.mark.parametrize("bounds", ENDS, ids=str)
def test_copies_keep_their_bounds(bounds, tmp_path):
    network, *_ = pair(bounds)
    x, y = np.random.default_rng(0).normal(size=(20, 4)), targets(bounds, (20, 2))
    network.train(x, y, epochs=2)
    network.save(tmp_path / "model.snn")
    for other in (network.copy(), pickle.loads(pickle.dumps(network)), load(tmp_path / "model.snn")):
        assert other.bounds == network.bounds
        assert other.predict(x).tobytes() == network.predict(x).tobytes()
        assert repr(other) == repr(network)
        np.testing.assert_array_equal(other.target_scaling, network.target_scaling)
    half = network.copy(dtype="float32")
    assert_within(half.predict(x), bounds)
    assert f"bounds={network.bounds}" in repr(network)


def test_bounds_that_float32_has_no_number_between():
    network = NeuralNetwork([1, 1], bounds=(1, 1 + 1e-12), seed=1)
    with pytest.raises(ValueError, match=r"bounds are 1.0 and 1.000000000001; float32 has no number between them"):
        network.copy(dtype="float32")


# ---- what is refused ----


@pytest.mark.parametrize(
    ("bounds", "error", "message"),
    [
        (5, TypeError, r"bounds are 5; expected \(low, high\), of which one may be None"),
        ("01", TypeError, "bounds are '01'; expected"),
        ((1,), TypeError, r"bounds are \(1,\); expected"),
        ((1, 2, 3), TypeError, "expected"),
        (("0", 1), TypeError, r"bounds are \('0', 1\); expected two numbers, of which one may be None"),
        ((0, True), TypeError, "expected two numbers"),
        ((0, [1, 2]), TypeError, "expected two numbers"),
        ((0, 10**400), TypeError, "expected two numbers"),
        ((1, 0), ValueError, "bounds are 1 and 0; expected a low below a high"),
        ((1, 1), ValueError, "bounds are 1 and 1; expected a low below a high"),
        ((0, np.nan), ValueError, "bounds are 0 and nan; expected a low below a high"),
        ((np.nan, None), ValueError, "bounds are nan and inf; expected a low below a high"),
        ((np.inf, None), ValueError, "bounds are inf and inf; expected a low below a high"),
        ((None, None), ValueError, "bounds are both infinite; expected a finite one, or no bounds"),
        ((-np.inf, np.inf), ValueError, "bounds are both infinite"),
        ((-1e308, 1e308), ValueError, r"bounds are -1e\+308 and 1e\+308, too far apart or too close"),
        ((0, 5e-324), ValueError, "too far apart or too close"),
        ((1, np.nextafter(1, 2)), ValueError, "float64 has no number between them"),
    ],
    ids=str,
)
def test_bounds_that_are_none(bounds, error, message):
    with pytest.raises(error, match=message):
        NeuralNetwork([2, 1], bounds=bounds, seed=1)


@pytest.mark.parametrize("end", [(1e300, None), (None, -1e300)], ids=str)
def test_bounds_beyond_float32(end):
    with pytest.raises(ValueError, match="float32 has no number between them"):
        NeuralNetwork([2, 1], bounds=end, dtype="float32", seed=1)
    NeuralNetwork([2, 1], bounds=(-1e300, 5), dtype="float32", seed=1)


@pytest.mark.parametrize("loss", WITH_A_LINK)
def test_losses_with_an_output_activation_of_their_own(loss):
    with pytest.raises(
        ValueError, match=rf"bounds are given, but the loss .* has the output activation '{losses.get(loss).link}'"
    ):
        networks.make([3, 6], "tanh", loss, np.float64, bounds=(0, 1))


def test_a_loss_that_may_tell_above_from_below():
    with pytest.raises(
        ValueError, match=r"bounds with a high alone .* 'quantile\(0.9\)' may tell above from below; give a low"
    ):
        NeuralNetwork([3, 1], loss="quantile(0.9)", bounds=(None, 1))


@pytest.mark.parametrize("bounds", ENDS, ids=str)
def test_other_output_activations(bounds):
    needed = oracle.bounded(*bounds)[0]
    message = rf"bounds need the output activation '{needed}'; 'identity' was given"
    for arguments in ({"output_activation": "identity"}, {"activation": ["tanh", "identity"]}):
        with pytest.raises(ValueError, match=message):
            NeuralNetwork([3, 4, 1], bounds=bounds, **arguments)
    for arguments in ({"output_activation": needed}, {"activation": ["tanh", needed]}, {"activation": "sigmoid"}):
        network = NeuralNetwork([3, 4, 1], bounds=bounds, **arguments)
        assert network.layers[-1].activation == needed


def test_a_scaling_beside_bounds():
    with pytest.raises(ValueError, match="scale_targets and bounds are both given"):
        NeuralNetwork([3, 1], bounds=(0, 1), scale_targets="standard")


@pytest.mark.parametrize(("bounds", "wrong"), list(zip(ENDS, (7.25, 2.75, 3.5), strict=True)), ids=str)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_targets_outside(bounds, wrong, kind):
    network, *_ = pair(bounds)
    x, y = np.random.default_rng(0).normal(size=(20, 4)), targets(bounds, (20, 2)).astype(kind)
    before = networks.bits(network)
    low, high = network.bounds
    for method in (network.train, network.evaluate, network.gradients):
        method(x, y, **({"epochs": 0} if method == network.train else {}))
        y[13, 1] = wrong
        with pytest.raises(
            ValueError, match=rf"^y\[13, 1\] is {wrong}; the network's bounds are {low:g} and {high:g}$"
        ):
            method(x, y)
        y[13, 1] = 3
    y_wrong = y.copy()
    y_wrong[13, 1] = wrong
    with pytest.raises(ValueError, match=r"validation y\[13, 1\] is "):
        network.train(x, y, validation_data=(x, y_wrong))
    assert networks.bits(network) == before
    single = NeuralNetwork([4, 1], bounds=bounds, seed=1)
    with pytest.raises(ValueError, match=rf"^y\[0\] is {wrong}; the network's bounds"):
        single.train(x, np.full(20, wrong, kind))


def test_targets_of_float32_may_reach_a_bound_that_it_rounds():
    network = NeuralNetwork([1, 1], bounds=(0.7, 1.1), seed=1)
    y = np.float32([0.7, 1.1])
    assert float(y[0]) < 0.7
    assert float(y[1]) > 1.1
    network.train([[0], [1]], y, epochs=1)
    network.train([[0], [1]], np.ones(2, np.uint8), epochs=1)
    with pytest.raises(ValueError, match=r"y\[1\] is 2; the network's bounds are 0.7 and 1.1"):
        network.train([[0], [1]], np.array([1, 2], np.uint8))
