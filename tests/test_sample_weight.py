"""Sample weights: against the oracle (docs/math.md, eq. 24, 104 and 105), and what follows from the definition."""

from functools import cache

import layouts
import networks
import numpy as np
import oracle
import pytest
from test_bad_input import refused
from test_updates import OTHER_SETTINGS

from scratchnn import check_gradients, optimizers
from scratchnn.holdout import hold_out

LOSSES = tuple(oracle.NETWORK_LOSSES)
every_loss = pytest.mark.parametrize("loss", LOSSES)

# A network that would be tiny, few rows at a time, a narrow output, rows in two groups; outputs in columns and in rows
# for cross-entropy.
SHAPES = (
    ((2, 3, 2), 1),
    ((3, 8, 7, 2), 5),
    ((37, 30, 3), 3),
    ((65, 30, 15), 77),
    ((96, 515, 20), 100),
    ((17, 20, 3), 1030),
)
EPOCHS = 3


def weights_for(n, dtype=np.float64):
    """From 0 to 4, a third of them 0, and equal in both dtypes."""
    rng = np.random.default_rng(3)
    return (np.float32(4 * rng.uniform(size=n)) * (rng.uniform(size=n) > 1 / 3)).astype(dtype)


def settings_for(loss, shape):
    sizes, batch_size = shape
    of_sum, n_outputs = batch_size * sizes[-1], sizes[-1]
    steep = {
        "half_sum_squared_error": of_sum,
        "half_squared_error": n_outputs,
        "summed_binary_cross_entropy": n_outputs,
        "poisson": 5,
        "poisson_deviance": 20 * n_outputs,
        "gaussian": 20,
    }.get(loss, 1)
    return {**OTHER_SETTINGS["momentum"], "learning_rate": 0.1 / steep}


def network_and_data(sizes, n_samples, loss, dtype):
    """The same numbers in both dtypes, targets of one column for each output."""
    network = networks.make(sizes, "tanh", loss, np.float32)
    x, y = networks.data(network, n_samples)
    return network.copy(dtype), x.astype(dtype), networks.targets_of(network, y).astype(dtype)


@cache
def reference(shape, loss):
    """The oracle's layers after shuffled epochs of weighted batches, and the epochs' losses."""
    sizes, batch_size = shape
    n, losses = 2 * batch_size + batch_size // 2, []
    network, x, y = network_and_data(sizes, n, loss, np.float64)
    draws = oracle.Generator(1, stream=1)
    layers = oracle.train(
        networks.layers_of(network), x, y, loss, "momentum", EPOCHS, batch_size, sample_weight=weights_for(n),
        orders=[draws.permutation(n) for _ in range(EPOCHS)], losses=losses, **settings_for(loss, shape),
    )  # fmt: skip
    return layers, losses


def trained(shape, loss, dtype, n_threads=1):
    sizes, batch_size = shape
    n = 2 * batch_size + batch_size // 2
    network, x, y = network_and_data(sizes, n, loss, dtype)
    network.train(
        x, y, epochs=EPOCHS, batch_size=batch_size, shuffle=True, sample_weight=weights_for(n), n_threads=n_threads,
        optimizer=optimizers.Momentum(**settings_for(loss, shape)),
    )  # fmt: skip
    return network


@pytest.mark.pairs
@every_loss
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_steps(shape, loss, isa, dtype):
    layers, losses = reference(shape, loss)
    network = trained(shape, loss, dtype)
    eps = np.finfo(dtype).eps
    for layer, (weights, biases, _) in zip(network.layers, layers, strict=True):
        for ours, theirs in ((layer.weights, weights), (layer.biases, biases)):
            assert np.all(np.abs(ours - theirs) <= 50 * eps * np.maximum(1, np.abs(theirs)))
    assert network.history.loss == pytest.approx(losses, rel=float(100 * eps))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("loss", ["cross_entropy", "huber", "half_sum_squared_error"])
def test_any_number_of_threads(shape, loss, isa, dtype, threads_as_asked):
    alone = trained(shape, loss, dtype)
    for n_threads in (2, 3, 7):
        shared = trained(shape, loss, dtype, n_threads)
        assert networks.bits(shared) == networks.bits(alone)
        assert shared.history.loss == alone.history.loss


@every_loss
@pytest.mark.parametrize("shape", SHAPES[1:4], ids=str)
def test_instruction_sets_agree(shape, loss, dtype, same_bits_everywhere):
    def compute():
        network = trained(shape, loss, dtype)
        return *network.get_state()[1].values(), np.array(network.history.loss)

    same_bits_everywhere(compute)


@every_loss
@pytest.mark.parametrize("n_outputs", [2, 20])
def test_evaluate_and_gradients(n_outputs, loss, isa, dtype):
    network, x, y = network_and_data((5, 9, n_outputs), 50, loss, dtype)
    weights = weights_for(50, dtype)
    value, gradients = oracle.backpropagate(
        networks.layers_of(network), x.astype(float), y.astype(float), loss, weights.astype(float)
    )
    rel = 2e-5 if dtype == np.float32 else 1e-13
    assert network.evaluate(x, y, sample_weight=weights) == pytest.approx(value, rel=rel)
    for ours, theirs in zip(network.gradients(x, y, sample_weight=weights), gradients, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, 0, rel * max(1, np.abs(b).max()))


@every_loss
def test_check_gradients(loss, isa, dtype):
    network, x, y = network_and_data((3, 9, 5, 2), 6, loss, dtype)
    check = check_gradients(network, x, y, sample_weight=[0, 1, 2.5, 0, 0.1, 3])
    assert check, str(check)


# ---- what follows from the definition ----


@pytest.mark.pairs
@every_loss
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_ones_are_no_weights(shape, loss, isa, dtype):
    sizes, batch_size = shape
    n = 2 * batch_size + batch_size // 2
    network, x, y = network_and_data(sizes, n, loss, dtype)
    weighted, validation = network.copy(), (x[:3], y[:3])
    settings = {"epochs": 2, "batch_size": batch_size, "learning_rate": 0.01 / batch_size, "shuffle": True}
    network.train(x, y, validation_data=validation, **settings)
    weighted.train(x, y, sample_weight=np.ones(n), validation_data=(*validation, np.ones(min(n, 3))), **settings)
    assert networks.bits(weighted) == networks.bits(network)
    assert weighted.history.loss == network.history.loss
    assert weighted.history.validation_loss == network.history.validation_loss
    assert weighted.evaluate(x, y, sample_weight=np.ones(n)) == network.evaluate(x, y)


@every_loss
@pytest.mark.parametrize("n_outputs", [2, 20])
def test_a_weight_of_0_leaves_the_sample_out(n_outputs, loss, isa, dtype):
    network, x, y = network_and_data((5, 9, n_outputs), 60, loss, dtype)
    weights = weights_for(60, dtype)
    there, without = weights > 0, network.copy()
    assert 10 < there.sum() < 50
    settings = {"epochs": 3, "batch_size": "full", "learning_rate": 0.01, "optimizer": "adam"}
    network.train(x, y, sample_weight=weights, **settings)
    without.train(x[there], y[there], sample_weight=weights[there], **settings)
    assert networks.bits(network) == networks.bits(without)
    assert network.history.loss == pytest.approx(without.history.loss, rel=1e-14)
    ours = network.evaluate(x, y, sample_weight=weights)
    assert ours == pytest.approx(without.evaluate(x[there], y[there], sample_weight=weights[there]), rel=1e-14)


@every_loss
def test_a_whole_weight_repeats_the_sample(loss, isa, dtype):
    network, x, y = network_and_data((5, 9, 2), 20, loss, dtype)
    weights = np.arange(20) % 4
    rows, repeated = np.repeat(np.arange(20), weights), network.copy()
    settings = {"epochs": 5, "batch_size": "full", "learning_rate": 0.1 / (20 if "sum" in loss else 1)}
    network.train(x, y, sample_weight=weights, **settings)
    repeated.train(x[rows], y[rows], **settings)
    rel = 2e-5 if dtype == np.float32 else 1e-13
    for ours, theirs in zip(networks.arrays(network), networks.arrays(repeated), strict=True):
        np.testing.assert_allclose(ours, theirs, 0, rel)
    assert network.history.loss == pytest.approx(repeated.history.loss, rel=rel)


@pytest.mark.parametrize("loss", sorted(set(LOSSES) - {"half_sum_squared_error"}))
@pytest.mark.parametrize("factor", [2.0**-40, 2.0**50])
def test_only_ratios_of_weights_matter_to_a_mean(loss, factor, dtype):
    """By a power of two, which is exact, in every bit."""
    results = []
    for scale in (1, factor):
        network, x, y = network_and_data((5, 9, 2), 60, loss, dtype)
        weights = scale * weights_for(60, dtype)
        network.train(x, y, epochs=3, batch_size=7, sample_weight=weights, validation_data=(x, y, weights))
        results.append((networks.bits(network), network.history.loss, network.history.validation_loss))
    assert results[0] == results[1]


def test_the_sum_of_squares_is_weighed_and_not_divided():
    network, x, y = network_and_data((3, 2), 10, "half_sum_squared_error", np.float64)
    weights = weights_for(10)
    expected = 0.5 * np.sum(weights[:, None] * (network.predict(x) - y) ** 2)
    assert network.evaluate(x, y, sample_weight=weights) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("loss", ["mean_squared_error", "half_sum_squared_error"])
def test_a_batch_without_weight_has_no_loss_and_no_gradient(loss, isa, dtype):
    """The optimizer goes on: its velocity fades and carries the weights further."""
    network, x, y = network_and_data((5, 9, 2), 8, loss, dtype)
    settings = {"epochs": 1, "batch_size": 4, "optimizer": optimizers.Momentum(learning_rate=0.01, momentum=0.5)}
    first = network.copy()
    network.train(x, y, sample_weight=[1, 1, 1, 1, 0, 0, 0, 0], **settings)
    first.train(x[:4], y[:4], **settings)
    ours, before = network.get_state()[1], first.get_state()[1]
    for name in ("layers.0.weights", "layers.0.biases", "layers.1.weights", "layers.1.biases"):
        velocity = dtype(0.5) * before[f"{name}.velocity"]
        assert np.array_equal(ours[f"{name}.velocity"], velocity)
        assert np.array_equal(ours[name], before[name] + velocity)
    assert network.get_state()[0]["steps"] == 2
    share = 0.5 if loss == "mean_squared_error" else 1
    assert network.history.loss == pytest.approx([share * first.history.loss[0]], rel=1e-14)


def test_sgd_does_not_move_for_a_batch_without_weight(isa, dtype):
    network, x, y = network_and_data((5, 9, 2), 12, "mean_squared_error", dtype)
    whole = network.copy()
    settings = {"epochs": 3, "batch_size": 4, "learning_rate": 0.1}
    network.train(x, y, sample_weight=np.repeat([1, 0, 2], 4), **settings)
    there = np.r_[:4, 8:12]
    whole.train(x[there], y[there], sample_weight=np.repeat([1, 2], 4), **settings)
    assert networks.bits(network) == networks.bits(whole)
    assert network.get_state()[0]["steps"] == 9
    assert network.history.loss == pytest.approx([loss * 2 / 3 for loss in whole.history.loss], rel=1e-14)


def test_the_loss_of_an_epoch_counts_batches_by_their_samples():
    """Eq. 105, written out."""
    network, x, y = network_and_data((3, 9, 2), 20, "huber", np.float64)
    weights, stepped, total = weights_for(20), network.copy(), 0.0
    settings = {"epochs": 1, "learning_rate": 0.1}
    network.train(x, y, batch_size=8, sample_weight=weights, **settings)
    for rows in (slice(0, 8), slice(8, 16), slice(16, 20)):
        batch = x[rows], y[rows]
        total += len(batch[0]) / 20 * stepped.evaluate(*batch, sample_weight=weights[rows])
        stepped.train(*batch, batch_size="full", sample_weight=weights[rows], **settings)
    assert network.history.loss == [pytest.approx(total, rel=1e-14)]
    assert [a.tobytes() for a in networks.arrays(network)] == [a.tobytes() for a in networks.arrays(stepped)]


def test_validation_weights():
    network, x, y = network_and_data((3, 9, 2), 20, "huber", np.float64)
    weights = weights_for(20)
    history = network.train(x, y, epochs=2, validation_data=(x[:9], y[:9], weights[:9]))
    assert history.validation_loss[-1] == network.evaluate(x[:9], y[:9], sample_weight=weights[:9])
    assert history.validation_loss[-1] != network.evaluate(x[:9], y[:9])
    network.train(x, y, epochs=1, validation_data=[x[:9], y[:9], None])
    assert history.validation_loss[-1] == network.evaluate(x[:9], y[:9])


# ---- where they come from ----


@pytest.mark.parametrize("arrange", layouts.LAYOUTS, ids=lambda f: f.__name__)
def test_weights_of_any_layout(arrange, dtype):
    network, x, y = network_and_data((5, 9, 2), 20, "huber", dtype)
    given = arrange(weights_for(20)[None, :] + 0.5)[0]
    results = []
    for weights in (given, np.ascontiguousarray(given), given.tolist()):
        other = network.copy()
        other.train(x, y, epochs=2, batch_size=7, shuffle=True, sample_weight=weights)
        results.append((networks.bits(other), other.evaluate(x, y, sample_weight=weights)))
    assert results[0] == results[1] == results[2]


def test_weights_of_any_type(dtype):
    network, x, y = network_and_data((5, 9, 2), 20, "huber", dtype)
    results = []
    for other in (bool, np.uint8, np.int64, np.float16, np.float32, np.float64, ">f8", np.longdouble):
        weights = (np.arange(20) % 2).astype(other)
        results.append(network.evaluate(x, y, sample_weight=weights))
    assert len(set(results)) == 1


def test_nobody_changes_weights_during_a_training():
    network, x, y = network_and_data((5, 9, 2), 20, "huber", np.float64)
    weights, alone = weights_for(20), network.copy()
    alone.train(x, y, epochs=3, sample_weight=weights.copy())

    def spoil(*arguments):
        weights[:] = -1

    network.train(x, y, epochs=3, sample_weight=weights, callback=spoil)
    assert networks.bits(network) == networks.bits(alone)


USES = {
    "train": lambda network, x, y, w: network.train(x, y, epochs=1, sample_weight=w),
    "validate": lambda network, x, y, w: network.train(x, y, epochs=1, validation_data=(x, y, w)),
    "evaluate": lambda network, x, y, w: network.evaluate(x, y, sample_weight=w),
    "gradients": lambda network, x, y, w: network.gradients(x, y, sample_weight=w),
    "check_gradients": lambda network, x, y, w: check_gradients(network, x, y, sample_weight=w),
}
ONES = [1.0] * 19
WRONG = {
    "too few": (ONES, r"sample_weight has shape \(19,\); expected \(20,\), a weight for each sample"),
    "too many": (ONES * 2, r"shape \(38,\); expected \(20,\)"),
    "a column": (np.ones((20, 1)), r"shape \(20, 1\); expected \(20,\)"),
    "a number": (2.0, r"shape \(\); expected \(20,\)"),
    "nothing": ([], r"shape \(0,\); expected \(20,\)"),
    "text": (["1"] * 20, "sample_weight has dtype <U1; expected numbers"),
    "objects": ([None] * 20, "dtype object; expected numbers"),
    "complex": (np.ones(20) + 1j, "dtype complex128; expected numbers"),
    "masked": (np.ma.masked_array(np.ones(20), np.arange(20) == 3), "masked values"),
    "ragged": ([[1.0]] * 19 + [[1.0, 2.0]], "no rectangular array|inhomogeneous"),
    "negative": ([*ONES, -0.5], r"sample_weight\[19\] is -0.5; expected a finite number >= 0"),
    "NaN": ([np.nan, *ONES], r"sample_weight\[0\] is nan; expected a finite number >= 0"),
    "infinite": ([*ONES, np.inf], r"sample_weight\[19\] is inf; expected a finite number >= 0"),
    "zeros": ([0] * 20, "sample_weight sums to 0.0; expected a finite number > 0"),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_weights(wrong, use, dtype):
    network, x, y = network_and_data((5, 9, 2), 20, "huber", dtype)
    weights, message = WRONG[wrong]
    with refused(network, ("validation " if use == "validate" else "") + ".*" + message, (ValueError, TypeError)):
        USES[use](network, x, y, weights)


@pytest.mark.parametrize(
    ("dtype", "weight", "message"),
    [
        ("float32", 1e39, r"sample_weight\[3\] is 1e\+39, which float32 cannot hold; expected weights around 1"),
        ("float32", 1e-39, r"sample_weight\[3\] is 1e-39, which float32 cannot hold"),
        ("float32", 1e-300, r"sample_weight\[3\] is 1e-300, which float32 cannot hold"),
        ("float64", 1e-310, r"sample_weight\[3\] is 1e-310, which float64 cannot hold"),
    ],
)
def test_weights_that_would_become_infinite_or_nothing(dtype, weight, message):
    network, x, y = network_and_data((5, 9, 2), 20, "huber", np.dtype(dtype))
    with refused(network, message):
        network.train(x, y, sample_weight=np.where(np.arange(20) == 3, weight, 1))


@pytest.mark.parametrize(("part", "what"), [(0, "trained on"), (1, "held out")])
def test_a_part_of_the_rows_without_weight(part, what):
    network, x, y = network_and_data((5, 9, 2), 20, "huber", np.float64)
    weights = np.ones(20)
    weights[hold_out(20, 0.3, network.seed)[part]] = 0
    with refused(network, f"sample_weight is 0 for all rows that are {what}; expected a weight > 0 among them"):
        network.train(x, y, epochs=1, sample_weight=weights, validation_fraction=0.3)


def test_weights_whose_sum_is_too_large():
    network, x, y = network_and_data((5, 9, 2), 20, "huber", np.float64)
    with refused(network, "sample_weight sums to inf; expected a finite number > 0"):
        network.train(x, y, sample_weight=np.full(20, 1e308))
