"""Scaling of inputs and targets inside a network: the same bits as NumPy's scaling of the data beforehand."""

import pickle
import signal
import time

import layouts
import networks
import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchnn import (
    DivergenceError,
    NeuralNetwork,
    Regularization,
    check_gradients,
    find_learning_rate,
    load,
    losses,
    threads,
)
from scratchnn.core import statistics
from scratchnn.core.data import Source
from scratchnn.holdout import hold_out

# Tiny, one beside it, the tutorials' kind, and larger than a block of rows.
SIZES = ([2, 3, 1], [8, 9, 2], [33, 17, 4], [100, 130, 10])
NUMBERS = [name for name in oracle.SPELLINGS if losses.get(name).scales_targets]
RULES = {"standard": oracle.standard, "minmax": oracle.minmax}


def column_scaling(n, seed=0):
    """Numbers for n columns, none like another, and none a power of two."""
    rng = np.random.default_rng(seed)
    return rng.normal(3, 50, n), np.exp(rng.normal(-2, 1, n))


def by_hand(values, scaling, dtype):
    """What a network's steps see."""
    values = np.asarray(values)
    return oracle.scaled(values.astype(np.float64), *scaling).astype(dtype)


def back_by_hand(outputs, scaling):
    return oracle.unscaled(outputs.astype(np.float64), *scaling).astype(outputs.dtype)


def pair(sizes, loss="mean_squared_error", dtype=np.float64, targets=True, **arguments):
    """A network that scales, and the same that does not; inputs and targets for the first."""
    plain = networks.make(sizes, "tanh", loss, dtype)
    numbers = {"scale_inputs": column_scaling(plain.n_inputs)}
    if targets:
        numbers["scale_targets"] = column_scaling(plain.n_targets, 1)
    network = networks.make(sizes, "tanh", loss, dtype, **(numbers | arguments))
    rng = np.random.default_rng(2)
    x = rng.normal(3, 50, (65, plain.n_inputs))
    y = rng.normal(3, 50, (65, plain.n_targets)) if targets else networks.data(plain, 65)[1]
    return network, plain, x, y


def assert_same(network, plain, x, y, **arguments):
    """Trained on x and y, the network has the bits of the plain one, trained on what NumPy makes of them."""
    settings = {"epochs": 3, "batch_size": 10, "optimizer": "adam", "learning_rate": 0.01, **arguments}
    network.train(x, y, **settings)
    dense = x.toarray() if hasattr(x, "toarray") else x
    scaled_x = by_hand(dense, network.input_scaling, network.dtype)
    scaled_y = y if network.target_scaling is None else by_hand(y, network.target_scaling, network.dtype)
    plain.train(scaled_x, scaled_y, **settings)
    for ours, theirs in zip(networks.arrays(network), networks.arrays(plain), strict=True):
        assert ours.tobytes() == theirs.tobytes()
    assert network.history.loss == plain.history.loss
    assert network.evaluate(x, y) == plain.evaluate(scaled_x, scaled_y)
    for (dw, db), (other_dw, other_db) in zip(
        network.gradients(x, y), plain.gradients(scaled_x, scaled_y), strict=True
    ):
        assert dw.tobytes() == other_dw.tobytes()
        assert db.tobytes() == other_db.tobytes()
    return scaled_x


def assert_same_predictions(network, plain, x, scaled_x):
    expected = plain.predict(scaled_x)
    if network.target_scaling is not None:
        expected = back_by_hand(expected, network._loss.of_outputs(*network.target_scaling))
    found = network.predict(x)
    assert found.dtype == network.dtype
    assert found.tobytes() == expected.tobytes()


# ---- what a step gets ----


@pytest.mark.pairs
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("arrange", layouts.LAYOUTS, ids=lambda f: f.__name__)
def test_rows_are_scaled_in_float64_and_rounded_once(arrange, kind, isa, dtype):
    if kind == np.uint8 and arrange is layouts.window:
        pytest.skip("a window lies among NaN, of which uint8 has none")
    for n in (1, 7, 16, 33):
        x = arrange((100 + np.random.default_rng(n).uniform(0, 100, (13, n))).astype(kind))
        scaling = column_scaling(n)
        source = Source(x)
        source.scale_columns(*scaling)
        whole = by_hand(x, scaling, dtype)
        assert source.read(0, 13, dtype).tobytes() == whole.tobytes()
        assert source.read(5, 3, dtype).tobytes() == whole[5:8].tobytes()


def test_a_large_offset_leaves_its_digits_to_float32():
    """Seconds since 1970 lie 128 apart in float32."""
    seconds = 1.7e9 + np.arange(1000.0)[:, None]
    network = NeuralNetwork([1, 3, 1], dtype="float32", scale_inputs="standard", seed=1)
    network.train(seconds, seconds % 2, epochs=1, batch_size="full")
    assert len(np.unique(network.predict(seconds))) > 900
    as_integers = seconds.astype(np.int64)
    assert network.predict(as_integers).tobytes() == network.predict(seconds).tobytes()


def test_reading_refuses_what_is_not_there():
    source = Source(np.zeros((3, 2)))
    for first, n_rows in ((-1, 2), (0, 4), (2, 2), (1, -1)):
        with pytest.raises(ValueError, match="there are 3"):
            source.read(first, n_rows, np.float64)
    with pytest.raises(ValueError, match="a shift and a scale each"):
        source.scale_columns(np.zeros(3), np.ones(3))
    with pytest.raises(ValueError, match="labels are not scaled"):
        Source(np.zeros(3, np.int64), 2).scale_columns(np.zeros(2), np.ones(2))


# ---- training ----


@pytest.mark.parametrize("shuffle", [False, True], ids=["in order", "shuffled"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("n_threads", [1, 2])
def test_training_has_the_bits_of_scaled_data(sizes, shuffle, n_threads, isa, dtype, threads_as_asked):
    network, plain, x, y = pair(sizes, dtype=dtype)
    scaled_x = assert_same(network, plain, x, y, shuffle=shuffle, n_threads=n_threads)
    assert_same_predictions(network, plain, x, scaled_x)


@pytest.mark.parametrize("arrange", layouts.WRITABLE, ids=lambda f: f.__name__)
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8, np.int32, np.float16])
@pytest.mark.parametrize("sizes", [SIZES[0], SIZES[2]], ids=str)
def test_data_of_every_kind(sizes, kind, arrange, dtype):
    if arrange is layouts.window and np.dtype(kind).kind in "iu":
        pytest.skip("a window lies among NaN, of which integers have none")
    network, plain, x, y = pair(sizes, dtype=dtype)
    x, y = (arrange((np.abs(a) % 200).astype(kind)) for a in (x, y))
    scaled_x = assert_same(network, plain, x, y, shuffle=True)
    assert_same_predictions(network, plain, x, scaled_x)


def test_lists_are_data_too():
    network, plain, x, y = pair(SIZES[1])
    assert_same(network, plain, x, y)
    again, *_ = pair(SIZES[1])
    again.train(x.tolist(), y.tolist(), epochs=3, batch_size=10, optimizer="adam", learning_rate=0.01)
    assert networks.bits(again) == networks.bits(network)
    assert again.predict(x.tolist()).tobytes() == network.predict(x).tobytes()
    assert again.predict(x[3].tolist()).tobytes() == network.predict(x)[3].tobytes()


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16])
@pytest.mark.parametrize("rule", [None, *RULES])
@pytest.mark.parametrize("sizes", SIZES[:3], ids=str)
def test_sparse_inputs(sizes, rule, kind, isa, dtype):
    """Zeros are scaled like other numbers."""
    sparse = pytest.importorskip("scipy.sparse")
    network, plain, x, y = pair(sizes, dtype=dtype, **({"scale_inputs": rule} if rule else {}))
    x = np.where(np.abs(x) > 50, x, 0).astype(kind)
    scaled_x = assert_same(network, plain, sparse.csr_matrix(x), y, shuffle=True)
    assert_same_predictions(network, plain, sparse.csc_matrix(x), scaled_x)
    assert network.predict(sparse.coo_matrix(x)).tobytes() == network.predict(x).tobytes()
    if rule:
        for ours, theirs in zip(network.input_scaling, RULES[rule](x.astype(float)), strict=True):
            np.testing.assert_allclose(ours, theirs.astype(float), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("loss", NUMBERS)
def test_every_loss_of_numbers(loss, isa, dtype):
    network, plain, x, y = pair([8, 9, 6], loss, dtype)
    scaled_x = assert_same(network, plain, x, y)
    assert_same_predictions(network, plain, x, scaled_x)


@pytest.mark.parametrize("loss", [name for name in oracle.SPELLINGS if name not in NUMBERS])
def test_other_losses_have_their_inputs_scaled(loss, dtype):
    network, plain, x, y = pair([8, 9, 6], loss, dtype, targets=False)
    scaled_x = assert_same(network, plain, x, y)
    assert_same_predictions(network, plain, x, scaled_x)


@pytest.mark.parametrize("optimizer", [*oracle.OPTIMIZERS, "lbfgs"])
def test_every_optimizer(optimizer, dtype):
    network, plain, x, y = pair(SIZES[1], dtype=dtype)
    arguments = {"learning_rate": None, "batch_size": None} if optimizer == "lbfgs" else {}
    assert_same(network, plain, x, y, optimizer=optimizer, **arguments)


def test_weights_regularization_and_frozen_layers_beside_it(dtype):
    network, plain, x, y = pair(SIZES[2], dtype=dtype)
    for some in (network, plain):
        some.layers[0].trainable = False
    weights = np.random.default_rng(3).random(len(x))
    penalties = Regularization(l2=0.01, max_norm=1.0)
    settings = {"sample_weight": weights, "regularization": penalties, "epochs": 3, "batch_size": 10}
    network.train(x, y, **settings)
    scaled_y = by_hand(y, network.target_scaling, dtype)
    plain.train(by_hand(x, network.input_scaling, dtype), scaled_y, **settings)
    assert [a.tobytes() for a in networks.arrays(network)] == [a.tobytes() for a in networks.arrays(plain)]


def test_it_learns_what_it_could_not():
    """Numbers far from 1, which no learning rate would do for as they are."""
    rng = np.random.default_rng(0)
    x = rng.uniform([1e6, 1e-6], [2e6, 2e-6], (300, 2))
    y = 1e5 + 10 * (x[:, 0] - 1.5e6) * (x[:, 1] - 1.5e-6) * 1e6
    network = NeuralNetwork([2, 20, 1], activation="tanh", scale_inputs="standard", scale_targets="standard", seed=1)
    network.train(x, y, epochs=300, batch_size=20, optimizer="adam", learning_rate=0.01)
    residual = network.predict(x)[:, 0] - y
    assert np.mean(residual**2) < 0.01 * np.var(y)
    np.testing.assert_allclose(network.evaluate(x, y), np.mean((residual * network.target_scaling[1]) ** 2), rtol=1e-9)


def test_the_gradient_is_that_of_the_loss(isa):
    for loss in NUMBERS:
        network, _, x, y = pair([3, 5, 6], loss)
        assert check_gradients(network, x[:7], y[:7])
        rule = networks.make([3, 5, 6], "tanh", loss, np.float64, scale_inputs="standard", scale_targets="minmax")
        assert check_gradients(rule, x[:7] / 100, y[:7] / 100)  # nothing has been measured
        rule.train(x, y, epochs=0)
        assert check_gradients(rule, x[:7], y[:7])


def test_the_callers_data_stay_as_they_are(dtype):
    network, _, x, y = pair(SIZES[1], dtype=dtype, scale_inputs="standard", scale_targets="minmax")
    x, y = x.astype(dtype), y.astype(dtype)
    before = x.copy(), y.copy()
    x.flags.writeable = y.flags.writeable = False
    network.train(x, y, epochs=2, batch_size=7, validation_data=(x, y))
    network.predict(x), network.evaluate(x, y), network.jacobian(x)
    assert x.tobytes() == before[0].tobytes()
    assert y.tobytes() == before[1].tobytes()


def test_the_same_bits_from_every_instruction_set(same_bits_everywhere, dtype):
    def compute():
        network, _, x, y = pair(SIZES[2], dtype=dtype, scale_inputs="standard", scale_targets="standard")
        network.train(x, y, epochs=3, batch_size=10, shuffle=True)
        return [*networks.arrays(network), *network.input_scaling, network.predict(x), network.predict(x[0])]

    same_bits_everywhere(compute)


# ---- predictions ----


@pytest.mark.parametrize("sizes", [[8, 64, 64, 4], [8, 17, 1], [300, 260, 10]], ids=str)
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8])
def test_any_number_of_rows(sizes, kind, dtype, isa):
    """On the stack and on the heap, with the GIL and without."""
    network, plain, *_ = pair(sizes, dtype=dtype)
    x = np.random.default_rng(5).uniform(0, 200, (500, sizes[0])).astype(kind)
    whole = network.predict(x)
    assert_same_predictions(network, plain, x, by_hand(x, network.input_scaling, dtype))
    for n in (1, 2, 23, 24, 25, 240, 241, 499):
        assert network.predict(x[:n]).tobytes() == whole[:n].tobytes()
        assert network.predict(np.asfortranarray(x[-n:])).tobytes() == whole[-n:].tobytes()
        one = network.predict(x[n])
        assert one == whole[n, 0] if sizes[-1] == 1 else one.tobytes() == whole[n].tobytes()
    assert type(network.predict(x[0])) is (float if sizes[-1] == 1 else np.ndarray)


def test_any_number_of_threads(dtype, threads_used, monkeypatch):
    network, plain, *_ = pair([170, 250, 100, 5], dtype=dtype)
    rng = np.random.default_rng(5)
    x, y = rng.normal(3, 50, (1111, 170)), rng.normal(3, 50, (1111, 5))
    alone = network.predict(x), network.evaluate(x, y)
    assert_same_predictions(network, plain, x, by_hand(x, network.input_scaling, dtype))
    for n_threads in (2, 3):
        monkeypatch.setattr(threads, "choose", lambda *_, n=n_threads: n)
        several = networks.make([170, 250, 100, 5], "tanh", "mean_squared_error", dtype)
        several._set_scaling(network._input_scaling, network._target_scaling)
        assert several.predict(x).tobytes() == alone[0].tobytes()
        assert several.evaluate(x, y) == alone[1]


def test_a_normal_distribution_and_quantiles_in_units_of_the_data():
    x = np.linspace(-1, 1, 50)[:, None]
    y = 1000 + 100 * np.sin(3 * x)
    shift, scale = 1000.0, 0.01
    gaussian = NeuralNetwork([1, 2], loss="gaussian", scale_targets=(shift, scale), seed=1)
    plain = NeuralNetwork([1, 2], loss="gaussian", seed=1)
    for network, targets in ((gaussian, y), (plain, (y - shift) * scale)):
        network.train(x, targets, epochs=5, batch_size=10)
    found, expected = gaussian.predict(x), plain.predict(x)
    np.testing.assert_allclose(found[:, 0], expected[:, 0] / scale + shift, rtol=1e-13)
    np.testing.assert_allclose(found[:, 1], expected[:, 1] / scale, rtol=1e-13)
    for ours, theirs in zip(gaussian.predict_interval(x, 0.8), plain.predict_interval(x, 0.8), strict=True):
        np.testing.assert_allclose(ours, theirs / scale + shift, rtol=1e-13)

    quantiles = NeuralNetwork([1, 3], loss="quantile(0.1, 0.5, 0.9)", scale_targets="standard", seed=1)
    quantiles.train(x, y, epochs=50, batch_size=10)
    low, high = quantiles.predict_interval(x, 0.8)
    assert (low <= high).all()
    assert 900 < low.mean() < high.mean() < 1100


def test_before_it_is_measured_nothing_is_scaled():
    network = NeuralNetwork([3, 4, 2], activation="tanh", scale_inputs="standard", scale_targets="minmax", seed=1)
    plain = NeuralNetwork([3, 4, 2], activation="tanh", seed=1)
    x, y = networks.data(plain, 9)
    assert network.input_scaling is network.target_scaling is None
    assert network.predict(x).tobytes() == plain.predict(x).tobytes()
    assert network.evaluate(x, y) == plain.evaluate(x, y)
    assert network.jacobian(x).tobytes() == plain.jacobian(x).tobytes()
    half = network.copy(dtype="float32")
    with pytest.raises(ValueError, match=r"x\[0, 0\] is 1e\+300, beyond the largest float32"):
        half.predict(np.full((1, 3), 1e300))


# ---- derivatives ----


@pytest.mark.parametrize("loss", NUMBERS)
def test_derivatives_for_inputs(loss):
    network, plain, x, _ = pair([5, 7, 6], loss)
    scaled_x = by_hand(x, network.input_scaling, np.float64)
    _, input_scale = network.input_scaling
    _, output_scale = network._loss.of_outputs(*network.target_scaling)
    expected = plain.jacobian(scaled_x) * input_scale / output_scale[:, None]
    np.testing.assert_allclose(network.jacobian(x), expected, rtol=1e-12)
    for i in range(5):
        step = np.zeros(5)
        step[i] = 1e-4
        difference = (network.predict(x + step) - network.predict(x - step)) / 2e-4
        np.testing.assert_allclose(network.jacobian(x)[:, :, i], difference, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(network.input_gradient(x, 3), expected[:, 3], rtol=1e-12)


def test_derivatives_of_probabilities_and_of_sparse_inputs():
    sparse = pytest.importorskip("scipy.sparse")
    network, plain, x, _ = pair([5, 7, 4], "cross_entropy", targets=False)
    expected = plain.jacobian(by_hand(x, network.input_scaling, np.float64)) * network.input_scaling[1]
    np.testing.assert_allclose(network.jacobian(x), expected, rtol=1e-12)
    x = np.where(x > 0, x, 0)
    assert network.jacobian(sparse.csr_matrix(x)).tobytes() == network.jacobian(x).tobytes()


# ---- what the rules measure ----


def assert_measured(x, rtol=1e-13):
    for rule, function in RULES.items():
        network = NeuralNetwork([x.shape[1], 1], scale_inputs=rule, seed=1)
        network.train(x, np.zeros(len(x)), epochs=0)
        scale = np.abs(x).max(axis=0).astype(float)
        for ours, theirs in zip(network.input_scaling, function(x.astype(np.float64)), strict=True):
            np.testing.assert_allclose(ours, theirs.astype(float), rtol=rtol, atol=1e-15 * scale.max())
        for values in network.input_scaling:
            assert values.dtype == np.float64
            assert not values.flags.writeable


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("arrange", layouts.LAYOUTS, ids=lambda f: f.__name__)
def test_mean_spread_and_ends(arrange, kind):
    if kind == np.uint8 and arrange is layouts.window:
        pytest.skip("a window lies among NaN, of which uint8 has none")
    rng = np.random.default_rng(0)
    for shape in ((1, 1), (2, 3), (1000, 1), (4097, 3), (57, 300), (3, 5000)):
        assert_measured(arrange((100 + 50 * rng.random(shape)).astype(kind)), rtol=1e-12)


def test_a_spread_much_smaller_than_the_mean():
    rng = np.random.default_rng(0)
    x = 1e9 + rng.normal(0, 1, (10000, 3))
    x[0, 1:] = 0, 2e9
    mean, deviation, least, greatest = statistics.column_statistics(Source(x))
    exact = x.astype(np.longdouble)
    np.testing.assert_allclose(deviation, exact.std(axis=0).astype(float), rtol=1e-13)
    np.testing.assert_allclose(mean, exact.mean(axis=0).astype(float), rtol=1e-14)
    np.testing.assert_array_equal((least, greatest), (x.min(axis=0), x.max(axis=0)))


@given(st.lists(st.floats(-1e100, 1e100), min_size=1, max_size=40), st.integers(1, 50))
def test_any_numbers(numbers, times):
    x = np.repeat(np.array(numbers)[:, None], times, axis=0)
    mean, deviation, least, greatest = statistics.column_statistics(Source(x))
    size = np.abs(x).max()
    assert least[0] == x.min()
    assert greatest[0] == x.max()
    np.testing.assert_allclose(mean, x.mean(axis=0), atol=1e-13 * size)
    np.testing.assert_allclose(deviation, x.std(axis=0), atol=1e-13 * size)


def test_columns_without_spread_get_the_scale_one():
    x = np.column_stack([np.full(1000, 0.1), np.full(1000, 1e300), np.zeros(1000), np.arange(1000) % 3])
    x = np.column_stack([x, 1 + np.finfo(float).eps * (np.arange(1000) % 2), 5e-324 * (np.arange(1000) % 2)])
    for rule in RULES:
        network = NeuralNetwork([6, 1], scale_inputs=rule, seed=1)
        network.train(x, x[:, 3], epochs=1)
        shift, scale = network.input_scaling
        np.testing.assert_array_equal(scale[[0, 1, 2, 4, 5]], 1)
        np.testing.assert_array_equal(shift[:3], x[0, :3])
        assert scale[3] != 1
        assert np.isfinite(network.predict(x)).all()


def test_memory_mapped_data_are_measured_block_by_block(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    x = np.memmap(tmp_path / "x", np.float32, "w+", shape=(50_000, 7))
    x[...] = rng.normal(50, 9, x.shape)
    read_only = np.memmap(tmp_path / "x", np.float32, "r", shape=x.shape)
    network = NeuralNetwork([7, 1], scale_inputs="standard", scale_targets="standard", seed=1)
    network.train(read_only, read_only[:, 0], epochs=1, batch_size=1000)
    exact = x.astype(np.longdouble)
    np.testing.assert_allclose(network.input_scaling[0], exact.mean(axis=0).astype(float), rtol=1e-13)
    np.testing.assert_allclose(network.input_scaling[1], 1 / exact.std(axis=0).astype(float), rtol=1e-12)
    for ours, theirs in zip(network.target_scaling, network.input_scaling, strict=True):
        assert ours[0] == theirs[0]
    assert x.size > 10 * statistics.BLOCK


def test_weights_of_samples_do_not_count():
    network, _, x, y = pair(SIZES[1], scale_inputs="standard", scale_targets="standard")
    other, *_ = pair(SIZES[1], scale_inputs="standard", scale_targets="standard")
    network.train(x, y, epochs=1)
    other.train(x, y, epochs=1, sample_weight=np.arange(65.0))
    for kind in ("input_scaling", "target_scaling"):
        np.testing.assert_array_equal(getattr(network, kind), getattr(other, kind))


def test_a_signal_while_measuring():
    class AlarmError(Exception):
        pass

    def handler(*_):
        raise AlarmError

    rows = np.broadcast_to(np.arange(4.0), (1 << 31, 4))
    previous = signal.signal(signal.SIGALRM, handler)
    start = time.monotonic()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(AlarmError):
            statistics.column_statistics(Source(rows))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert time.monotonic() - start < 5


# ---- going on ----


def copies(tmp_path):
    def through_a_file(network):
        network.save(tmp_path / "model.snn")
        return load(tmp_path / "model.snn")

    return {
        "itself": lambda network: network,
        "a copy": NeuralNetwork.copy,
        "pickle": lambda network: pickle.loads(pickle.dumps(network)),
        "a file": through_a_file,
    }


@pytest.mark.parametrize("way", ["itself", "a copy", "pickle", "a file"])
@pytest.mark.parametrize("rule", RULES)
def test_ten_epochs_and_ten_more_are_twenty(way, rule, tmp_path, dtype):
    """What was measured stays, whatever the data of later calls."""
    networks_ = [pair(SIZES[2], dtype=dtype, scale_inputs=rule, scale_targets=rule)[0] for _ in range(2)]
    _, _, x, y = pair(SIZES[2])
    settings = {"batch_size": 10, "shuffle": True, "optimizer": "adam"}
    networks_[0].train(x, y, epochs=10, **settings)
    scaling = networks_[0].input_scaling
    resumed = copies(tmp_path)[way](networks_[0])
    resumed.train(x, y, epochs=10, **settings)
    networks_[1].train(x, y, epochs=20, **settings)
    assert networks.bits(resumed) == networks.bits(networks_[1])
    assert resumed.history.loss == networks_[1].history.loss
    assert resumed.predict(x).tobytes() == networks_[1].predict(x).tobytes()
    resumed.train(2 * x + 5, y - 1, epochs=1)
    np.testing.assert_array_equal(resumed.input_scaling, scaling)


@pytest.mark.parametrize("way", ["a copy", "pickle", "a file"])
@pytest.mark.parametrize("arguments", [{"scale_inputs": "standard"}, {"scale_targets": "minmax"}, {}], ids=str)
def test_a_rule_that_is_still_to_be_measured_is_kept(way, arguments, tmp_path):
    network = NeuralNetwork([3, 4, 2], activation="tanh", seed=1, **arguments)
    other = copies(tmp_path)[way](network)
    assert repr(other) == repr(network)
    x, y = np.random.default_rng(0).normal(5, 2, (2, 20, 3))
    for some in (network, other):
        some.train(x, y[:, :2], epochs=2)
    assert networks.bits(other) == networks.bits(network)
    for kind in ("input_scaling", "target_scaling"):
        if getattr(network, kind) is None:
            assert getattr(other, kind) is None
        else:
            np.testing.assert_array_equal(getattr(other, kind), getattr(network, kind))


def test_a_copy_in_another_dtype_scales_alike():
    network, _, x, y = pair(SIZES[2], scale_inputs="standard", scale_targets="standard")
    network.train(x, y, epochs=3)
    half = network.copy(dtype="float32")
    np.testing.assert_array_equal(half.input_scaling, network.input_scaling)
    np.testing.assert_allclose(half.predict(x), network.predict(x), rtol=1e-4, atol=1e-3)
    assert network.input_scaling[0] is not half.input_scaling[0]


def test_validation_data_are_scaled_as_the_samples_are():
    network, plain, x, y = pair(SIZES[2], scale_inputs="standard", scale_targets="minmax")
    network.train(x[:40], y[:40], epochs=4, validation_data=(x[40:], y[40:]), patience=3)
    scaled_x, scaled_y = by_hand(x, network.input_scaling, float), by_hand(y, network.target_scaling, float)
    np.testing.assert_allclose(network.input_scaling[0], x[:40].mean(axis=0), rtol=1e-12)
    plain.train(scaled_x[:40], scaled_y[:40], epochs=4, validation_data=(scaled_x[40:], scaled_y[40:]), patience=3)
    assert network.history.validation_loss == plain.history.validation_loss
    assert networks.bits(network)["layers.0.weights"] == networks.bits(plain)["layers.0.weights"]


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_rows_held_out_are_scaled_too_and_not_measured(kind):
    network, plain, x, y = pair(SIZES[2], scale_inputs="standard", scale_targets="minmax")
    if kind == "sparse":
        given = pytest.importorskip("scipy.sparse").csr_matrix(x)
    else:
        given = x
    settings = {"epochs": 4, "validation_fraction": 0.3, "patience": 4}
    network.train(given, y, **settings)
    training, _ = hold_out(len(x), 0.3, network.seed)
    np.testing.assert_allclose(network.input_scaling[0], x[training].mean(axis=0), rtol=1e-12)
    np.testing.assert_array_equal(network.target_scaling[0], y[training].min(axis=0))
    plain.train(by_hand(x, network.input_scaling, float), by_hand(y, network.target_scaling, float), **settings)
    assert network.history.validation_loss == plain.history.validation_loss
    assert networks.bits(network)["layers.0.weights"] == networks.bits(plain)["layers.0.weights"]
    network.train(given, y, **settings)
    plain.train(by_hand(x, network.input_scaling, float), by_hand(y, network.target_scaling, float), **settings)
    assert network.history.validation_loss == plain.history.validation_loss


def test_scores_are_in_units_of_the_data():
    network, _, x, y = pair(SIZES[2], scale_inputs="standard", scale_targets="standard")
    seen = []

    def scorer(network, X, y_true):
        seen.append((X, y_true))
        return -np.mean((network.predict(X) - y_true) ** 2)

    network.train(x, y, epochs=1, validation_data=(x[:9], y[:9]), scorer=scorer)
    assert seen[0][0].tobytes() == x[:9].tobytes()
    assert network.history.validation_score == [-np.mean((network.predict(x[:9]) - y[:9]) ** 2)]


def test_a_loss_of_pythons_gets_what_is_scaled():
    def square(y_true, y_pred):
        error = y_pred - y_true
        return (error**2).sum(axis=1) / 2, error  # twice, of two outputs, the mean of squares

    network, plain, x, y = pair(SIZES[1], loss=square, scale_inputs="standard", scale_targets="standard")
    scaled_x = assert_same(network, plain, x, y)
    assert_same_predictions(network, plain, x, scaled_x)
    usual, *_ = pair(SIZES[1], scale_inputs="standard", scale_targets="standard")
    usual.train(x, y, epochs=3, batch_size=10, optimizer="adam", learning_rate=0.01)
    np.testing.assert_allclose(network.predict(x), usual.predict(x), rtol=1e-9)


def test_a_diagnosis_looks_at_what_training_gets():
    x, y = 1e4 + np.random.default_rng(0).normal(0, [1, 1e-6, 100], (50, 3)), np.linspace(1000, 2000, 50)
    kinds = {"large inputs", "different spreads", "targets out of reach"}
    arguments = {"activation": "tanh", "output_activation": "tanh", "seed": 1}
    plain = NeuralNetwork([3, 4, 1], **arguments)
    assert kinds <= {finding.kind for finding in plain.diagnose(x, y)}
    network = NeuralNetwork([3, 4, 1], scale_inputs="standard", scale_targets="minmax", **arguments)
    assert kinds.isdisjoint({finding.kind for finding in network.diagnose(x, y)})
    assert network.input_scaling is None
    network.train(x, y, epochs=1)
    assert kinds.isdisjoint({finding.kind for finding in network.diagnose(x, y)})


def test_a_search_for_a_learning_rate_measures_for_itself():
    network, _, x, y = pair(SIZES[1], scale_inputs="standard", scale_targets="standard")
    assert find_learning_rate(network, x, y, batch_size=10).losses[0] < 10
    assert network.input_scaling is network.target_scaling is None


@pytest.mark.parametrize("way", ["a copy", "pickle", "a file"])
def test_an_epoch_left_unfinished_is_finished_alike(way, tmp_path):
    parts, whole = (pair(SIZES[2], scale_inputs="minmax", scale_targets="standard")[0] for _ in range(2))
    _, _, x, y = pair(SIZES[2])
    settings = {"batch_size": 10, "shuffle": True, "optimizer": "adam"}
    parts.train(x, y, epochs=5, max_steps=17, **settings)
    parts = copies(tmp_path)[way](parts)
    parts.train(x, y, epochs=3, **settings)
    whole.train(x, y, epochs=5, **settings)
    assert networks.bits(parts) == networks.bits(whole)


def test_another_network_takes_over_what_was_measured():
    first, _, x, y = pair(SIZES[1], scale_inputs="standard", scale_targets="standard")
    first.train(x, y, epochs=1)
    second = NeuralNetwork([8, 3, 2], scale_inputs=first.input_scaling, scale_targets=first.target_scaling, seed=1)
    np.testing.assert_array_equal(second.input_scaling, first.input_scaling)
    np.testing.assert_array_equal(second.target_scaling, first.target_scaling)


# ---- what is asked of the constructor ----


def test_numbers_for_all_columns():
    network = NeuralNetwork([3, 2], scale_inputs=(0, 1 / 255), scale_targets=([1, 2], 4), seed=1)
    np.testing.assert_array_equal(network.input_scaling, [[0, 0, 0], [1 / 255] * 3])
    np.testing.assert_array_equal(network.target_scaling, [[1, 2], [4, 4]])


def test_the_representation_says_it():
    text = repr(NeuralNetwork([3, 2], scale_inputs="minmax", scale_targets=(0, 2), seed=1))
    assert "scale_inputs='minmax', scale_targets=(shift, scale), " in text
    assert "scal" not in repr(NeuralNetwork([3, 2], seed=1))


def test_scaled_targets_get_outputs_of_any_size():
    assert NeuralNetwork([3, 2, 1], scale_targets="standard").layers[-1].activation == "identity"
    assert NeuralNetwork([3, 2, 1], scale_inputs="standard").layers[-1].activation == "sigmoid"
    chosen = NeuralNetwork([3, 2, 1], scale_targets="minmax", output_activation="sigmoid")
    assert chosen.layers[-1].activation == "sigmoid"


VECTORS = (np.zeros(3), np.ones(3))
REFUSED = {
    "standart": (ValueError, "unknown rule of scale_inputs 'standart'. Did you mean 'standard'"),
    "": (ValueError, "unknown rule of scale_inputs ''"),
    True: (TypeError, "scale_inputs is True; expected None, 'standard', 'minmax' or"),
    3.5: (TypeError, "scale_inputs is 3.5; expected"),
    (1,): (TypeError, r"scale_inputs is \(1,\); expected"),
    (0, 0): (ValueError, "scale_inputs: the scale of column 0 is 0; expected a finite number > 0"),
    (0, -2): (ValueError, "the scale of column 0 is -2; expected a finite number > 0"),
    (0, np.inf): (ValueError, "the scale of column 0 is inf; expected a finite number > 0"),
    (0, np.nan): (ValueError, "the scale of column 0 is nan"),
    (np.nan, 1): (ValueError, "the shift of column 0 is nan; expected a finite number$"),
    (0, (1, 2, 0)): (ValueError, "the scale of column 2 is 0"),
    ((0, -np.inf, 0), 1): (ValueError, "the shift of column 1 is -inf"),
    ((0, 0), 1): (ValueError, r"scale_inputs\[0\] has shape \(2,\); expected a number, or \(3,\), one for each column"),
    (0, ((1, 1, 1),)): (ValueError, r"scale_inputs\[1\] has shape \(1, 3\)"),
    ("a", 1): (TypeError, r"scale_inputs\[0\] has dtype <U1; expected numbers"),
    (None, 1): (TypeError, r"scale_inputs\[0\] has dtype object; expected numbers"),
}


@pytest.mark.parametrize("value", REFUSED, ids=repr)
def test_scalings_that_are_none(value):
    error, message = REFUSED[value]
    with pytest.raises(error, match=message):
        NeuralNetwork([3, 2], scale_inputs=value, seed=1)
    with pytest.raises(error, match=message.replace("scale_inputs", "scale_targets")):
        NeuralNetwork([2, 3], scale_targets=value, seed=1)


@pytest.mark.parametrize("loss", [name for name in oracle.SPELLINGS if name not in NUMBERS])
@pytest.mark.parametrize("value", ["standard", (0, 1)], ids=str)
def test_targets_that_mean_what_they_are(loss, value):
    with pytest.raises(ValueError, match=r"scale_targets is given, but to the loss '.*' targets mean what they are"):
        networks.make([3, 6], "tanh", loss, np.float64, scale_targets=value)
    assert {"cross_entropy", "binary_cross_entropy", "focal", "binary_focal", "poisson"}.isdisjoint(NUMBERS)


# ---- data that do not fit ----


def unmeasured():
    network, _, x, y = pair(SIZES[1], scale_inputs="standard", scale_targets="standard")
    return network, x, y


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": -1}, "epochs"),
        ({"optimizer": "adamm"}, "adam"),
        ({"validation_data": ([[1.0]], [1.0])}, "validation X"),
        ({"sample_weight": [1.0]}, "sample_weight"),
        ({"patience": 0}, "patience"),
    ],
    ids=str,
)
def test_a_call_that_is_refused_measures_nothing(arguments, message):
    network, x, y = unmeasured()
    before = networks.bits(network)
    with pytest.raises((ValueError, TypeError), match=message):
        network.train(x, y, **arguments)
    assert network.input_scaling is network.target_scaling is None
    assert networks.bits(network) == before


def test_values_that_are_not_finite():
    network, x, y = unmeasured()
    for value in (np.nan, np.inf, -np.inf):
        wrong = x.copy()
        wrong[40, 2] = value
        with pytest.raises(ValueError, match=rf"X\[40, 2\] is {value}; expected finite numbers"):
            network.train(wrong, y)
        with pytest.raises(ValueError, match=rf"y\[40, 1\] is {value}; expected finite numbers"):
            network.train(x, wrong[:, 1:3])
    assert network.input_scaling is None
    network.train(x, y, epochs=1)
    wrong[40, 2] = np.nan
    for method in (network.predict, network.jacobian):
        with pytest.raises(ValueError, match=r"\[40, 2\] is nan; expected finite numbers"):
            method(wrong)
    with pytest.raises(ValueError, match=r"\[0, 2\] is nan; expected finite numbers"):
        network.predict(wrong[40])


@pytest.mark.parametrize("rule", RULES)
def test_data_that_reach_too_far(rule):
    network = NeuralNetwork([2, 1], scale_inputs=rule, seed=1)
    x = np.array([[0.0, -1.5e308], [1.0, 1.5e308]])
    with pytest.raises(ValueError, match=rf"X\[:, 1\] reaches from -1.5e\+308 to 1.5e\+308, too far .*{rule}"):
        network.train(x, [0, 1])
    assert network.input_scaling is None


def test_what_is_beyond_float32_only_as_it_is():
    network = NeuralNetwork([2, 1], dtype="float32", scale_inputs="standard", seed=1)
    x = 1e200 * np.random.default_rng(0).random((20, 2))
    with pytest.raises(ValueError, match="too far"):  # squares are beyond float64
        network.train(x, np.zeros(20))
    x /= 1e100
    network.train(x, np.zeros(20), epochs=2)
    assert np.isfinite(network.predict(x)).all()


def test_what_is_beyond_float32_once_it_is_scaled():
    network = NeuralNetwork([2, 1], dtype="float32", scale_inputs=(0, 1e37), seed=1)
    message = r"\[1, 0\] is 250.*, which scaled is beyond the largest float32$"
    for kind in (np.float32, np.float64, np.uint8, np.int64):
        x = np.array([[1, 2], [250, 3], [4, 5]], kind)
        for method in (network.predict, lambda x, network=network: network.train(x, [0, 1, 0])):
            with pytest.raises(ValueError, match=message):
                method(x)
        assert np.isfinite(network.predict(x[[0]]))


def test_sparse_values_that_scaled_are_beyond_float32():
    sparse = pytest.importorskip("scipy.sparse")
    network = NeuralNetwork([2, 1], dtype="float32", scale_inputs=((0, 1e39), 1), seed=1)
    with pytest.raises(ValueError, match=r"x\[0, 1\] is 0.0, which is scaled; expected finite numbers of float32"):
        network.predict(sparse.csr_matrix((3, 2)))


def test_a_divergence_keeps_what_was_measured():
    network = NeuralNetwork([8, 9, 2], scale_inputs="standard", scale_targets="standard", seed=1)
    _, x, y = unmeasured()
    with pytest.raises(DivergenceError):
        network.train(x, y, epochs=5, learning_rate=1e300)
    np.testing.assert_allclose(network.input_scaling[0], x.mean(axis=0), rtol=1e-12)
    network.train(x, y, epochs=1, learning_rate=1e-3)
