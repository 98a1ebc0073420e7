"""A loss that a Python function computes: as right as a kernel's, and nothing is left half done where it fails."""

import os
import pickle
import signal

import networks
import numpy as np
import pytest

from scratchnn import DivergenceError, NeuralNetwork, Regularization, check_gradients, load
from scratchnn.losses import CustomLoss, Huber, get


def squared(y_true, y_pred):
    """The mean over outputs of squares: the kernel's bits where their number is a power of two."""
    error = y_pred - y_true
    n = y_pred.dtype.type(y_pred.shape[1])
    return (error * error).sum(axis=1) / n, 2 * error / n


def log_cosh(y_true, y_pred):
    error = y_pred - y_true
    return np.log(np.cosh(error)).sum(axis=1), np.tanh(error)


def pinball(y_true, y_pred):
    """Three quantiles of each target, which may cross."""
    levels = np.tile([0.1, 0.5, 0.9], y_true.shape[1])
    error = np.repeat(y_true, 3, axis=1) - y_pred
    return np.maximum(levels * error, (levels - 1) * error).sum(axis=1), (error < 0) - levels


def pair(sizes, dtype, loss=squared, **arguments):
    """A network with a Python loss, and one with the kernel that computes the same."""
    settings = {"activation": "tanh", "output_activation": "identity", "dtype": dtype, "seed": 1, **arguments}
    return NeuralNetwork(sizes, loss=loss, **settings), NeuralNetwork(sizes, loss="mse", **settings)


def data(sizes, n_samples, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    shapes = (n_samples, sizes[0]), (n_samples, sizes[-1])
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


# ---- it is the kernel's ----


@pytest.mark.parametrize("sizes", [[3, 8, 2], [2, 1], [5, 40, 33, 4], [4, 32, 16, 4]], ids=str)
@pytest.mark.parametrize(("n_samples", "batch_size"), [(13, 1), (29, 7), (700, "full"), (5000, 4500)])
def test_the_bits_are_the_kernel_s(sizes, n_samples, batch_size, isa, dtype):
    ours, theirs = pair(sizes, dtype)
    x, y = data(sizes, n_samples, dtype)
    for network in (ours, theirs):
        network.train(x, y, epochs=2, batch_size=batch_size, optimizer="adam", validation_data=(x[::2], y[::2]))
    assert networks.bits(ours) == networks.bits(theirs)
    assert ours.history.loss == pytest.approx(theirs.history.loss, rel=1e-6 if dtype == np.float32 else 1e-14)
    assert ours.history.validation_loss == pytest.approx(theirs.history.validation_loss, rel=1e-6)
    for pairs in zip(ours.gradients(x, y), theirs.gradients(x, y), strict=True):
        for a, b in zip(*pairs, strict=True):
            assert np.array_equal(a, b)


@pytest.mark.parametrize("optimizer", ["sgd", "lbfgs"])
def test_with_everything_that_a_training_may_have(optimizer, dtype):
    sizes = [3, 8, 2]
    x, y = data(sizes, 50, dtype)
    weight = np.random.default_rng(1).uniform(0, 2, 50)
    penalties = {"l2": 0.01} if optimizer == "lbfgs" else {"l2": 0.01, "max_norm": 1.5, "clip_norm": 0.3}
    arguments = {"batch_size": 8, "shuffle": True, "learning_rate": 0.1} if optimizer == "sgd" else {}
    results = []
    for network in pair(sizes, dtype):
        network.train(
            x, y, epochs=5, optimizer=optimizer, sample_weight=weight, regularization=Regularization(**penalties),
            **arguments,
        )  # fmt: skip
        results.append((networks.bits(network), network.evaluate(x, y, sample_weight=weight)))
    assert results[0][0] == results[1][0]
    assert results[0][1] == pytest.approx(results[1][1], rel=1e-6)


@pytest.mark.parametrize("activation", ["tanh", "softplus", "leaky_relu(0.3)"])
def test_check_gradients(activation, dtype):
    """Predictions are outputs, so the last activation's slope comes in."""
    network = NeuralNetwork([3, 7, 2], activation=[activation] * 2, loss=log_cosh, dtype=dtype, seed=1)
    check = check_gradients(network, *data([3, 7, 2], 9))
    assert check, str(check)


def test_check_gradients_finds_a_wrong_function():
    network = NeuralNetwork([3, 7, 2], loss=lambda t, p: (((p - t) ** 2).sum(axis=1), p - t), seed=1)
    check = check_gradients(network, *data([3, 7, 2], 9))
    assert not check
    assert check.max_relative_error == pytest.approx(0.5)


def test_several_outputs_for_a_target(dtype):
    ours = NeuralNetwork([3, 8, 6], loss=CustomLoss(pinball, 3), output_activation="identity", dtype=dtype, seed=1)
    assert ours.n_targets == 2
    x, y = data([3, 2], 40, dtype)
    expected = np.mean(pinball(y, ours.predict(x))[0])
    assert ours.evaluate(x, y) == pytest.approx(expected, rel=1e-5)
    before = ours.evaluate(x, y)
    ours.train(x, y, epochs=50, batch_size=10, optimizer="adam", learning_rate=0.01)
    assert ours.evaluate(x, y) < 0.8 * before
    with pytest.raises(ValueError, match=r"has 4 outputs; the loss 'custom.pinball.' expects 3 for each target"):
        NeuralNetwork([3, 4], loss=CustomLoss(pinball, 3))


# ---- what the function is given ----


def test_the_function_may_keep_and_change_its_arguments(dtype):
    kept = []

    def greedy(y_true, y_pred):
        result = squared(y_true, y_pred)
        kept.append((y_true, y_pred, y_true.copy(), y_pred.copy()))
        assert y_true.dtype == y_pred.dtype == dtype
        assert y_true.flags.writeable
        assert y_pred.flags.c_contiguous
        y_true[:], y_pred[:] = np.nan, np.inf
        return result

    ours, theirs = pair([3, 8, 2], dtype, greedy)
    x, y = data([3, 8, 2], 20, dtype)
    x_before, y_before = x.copy(), y.copy()
    for network in (ours, theirs):
        network.train(x, y, epochs=2, batch_size=6)
    assert networks.bits(ours) == networks.bits(theirs)
    assert np.array_equal(x, x_before)
    assert np.array_equal(y, y_before)
    assert len(kept) == 8
    for y_true, y_pred, _, _ in kept:
        assert np.isnan(y_true).all()
        assert np.isinf(y_pred).all()
    assert np.array_equal(np.concatenate([y_true for _, _, y_true, _ in kept[:4]]), y)


def test_it_gets_all_rows_of_a_batch_once_whatever_the_threads(threads_used):
    rows = []

    def counting(y_true, y_pred):
        rows.append(y_true[:, 0].copy())
        return squared(y_true, y_pred)

    x, y = data([3, 40, 2], 2000)
    bits = []
    for n_threads in (1, 3):
        rows.clear()
        network, _ = pair([3, 40, 2], np.float64, counting)
        network.train(x, y, epochs=1, batch_size="full", n_threads=n_threads)
        assert np.array_equal(np.concatenate(rows), y[:, 0])
        bits.append(networks.bits(network))
        rows.clear()
        network.evaluate(x, y)
        assert np.array_equal(np.concatenate(rows), y[:, 0])
    assert bits[0] == bits[1]
    assert threads_used == [1, 1]


def test_numbers_of_other_kinds_are_converted(dtype):
    x, y = data([3, 8, 2], 20, dtype)
    y = np.round(y)

    def of_integers(y_true, y_pred):
        return [3] * len(y_pred), np.sign(y_pred - y_true).astype(int).tolist()

    def of_floats(y_true, y_pred):
        return np.full(len(y_pred), 3.0), np.sign(y_pred - y_true)

    found = []
    for function in (of_integers, of_floats):
        network, _ = pair([3, 8, 2], dtype, function)
        network.train(x, y, epochs=2, batch_size=6)
        found.append(networks.bits(network))
    assert found[0] == found[1]


def test_denormals_are_kept_in_it_and_flushed_around_it():
    seen = []

    def look(y_true, y_pred):
        seen.append(np.full(1, 5e-324) * 1.0)
        return squared(y_true, y_pred)

    network, _ = pair([3, 8, 2], np.float64, look)
    x, y = data([3, 8, 2], 20)
    network.train(x, y, epochs=1, batch_size=10)
    network.train(x, y, epochs=1, optimizer="lbfgs")
    network.evaluate(x, y)
    network.gradients(x, y)
    assert len(seen) >= 5
    assert all(value == 5e-324 for value in seen)


# ---- where it fails ----

X, Y = data([3, 8, 2], 40)
USES = {
    "train": lambda network: network.train(X, Y, epochs=2, batch_size=10),
    "train in order": lambda network: network.train(X, Y, epochs=2, batch_size=10, shuffle=True),
    "train on all": lambda network: network.train(X, Y, epochs=2, optimizer="lbfgs"),
    "evaluate": lambda network: network.evaluate(X, Y),
    "gradients": lambda network: network.gradients(X, Y),
    "check_gradients": lambda network: check_gradients(network, X, Y),
}
every_use = pytest.mark.parametrize("use", USES)


def none(y_true, y_pred):
    return None


def too_many(y_true, y_pred):
    return (*squared(y_true, y_pred), 1)


def one_loss(y_true, y_pred):
    losses, gradient = squared(y_true, y_pred)
    return losses.mean(), gradient


def loss_of_elements(y_true, y_pred):
    return (y_pred - y_true) ** 2, 2 * (y_pred - y_true)


def gradient_of_rows(y_true, y_pred):
    losses, gradient = squared(y_true, y_pred)
    return losses, gradient[:, 0]


def complex_gradient(y_true, y_pred):
    losses, gradient = squared(y_true, y_pred)
    return losses, gradient + 0j


def text(y_true, y_pred):
    losses, gradient = squared(y_true, y_pred)
    return losses.astype(str), gradient


def ragged(y_true, y_pred):
    return squared(y_true, y_pred)[0], [[1, 2], [3]]


def nan_loss(y_true, y_pred):
    losses, gradient = squared(y_true, y_pred)
    losses[5] = np.nan
    return losses, gradient


def infinite_gradient(y_true, y_pred):
    losses, gradient = squared(y_true, y_pred)
    gradient[3, 1] = -np.inf
    return losses, gradient


WRONG = [
    (none, TypeError, "returned NoneType; expected a pair, the loss of each row and the gradient"),
    (too_many, TypeError, "returned 3 items; expected a pair"),
    (one_loss, ValueError, r"returned losses of shape \(\); expected \(\d+,\)"),
    (loss_of_elements, ValueError, r"returned losses of shape \(\d+, 2\); expected \(\d+,\)"),
    (gradient_of_rows, ValueError, r"returned a gradient of shape \(\d+,\); expected \(\d+, 2\)"),
    (complex_gradient, TypeError, "returned a gradient of dtype complex128; expected floats"),
    (text, TypeError, "returned losses of dtype <U32; expected floats"),
    (ragged, ValueError, "a gradient is no rectangular array of numbers"),
    (nan_loss, ValueError, "returned losses with nan in row 5; expected finite numbers"),
    (infinite_gradient, ValueError, "returned a gradient with -inf in row 3; expected finite numbers"),
]


@every_use
@pytest.mark.parametrize(("function", "error", "message"), WRONG, ids=lambda value: getattr(value, "__name__", ""))
def test_what_a_function_returns_wrongly_is_told(function, error, message, use):
    network, _ = pair([3, 8, 2], np.float64, function)
    before = networks.arrays(network.copy())
    with pytest.raises(error, match=message):
        USES[use](network)
    for a, b in zip(networks.arrays(network), before, strict=True):
        assert np.array_equal(a, b)
    assert network.history.loss == []


def test_a_number_that_float32_does_not_hold():
    network, _ = pair([3, 8, 2], np.float32, lambda t, p: (np.zeros(len(p)), np.full(p.shape, 1e300)))
    with pytest.raises(ValueError, match=r"a gradient with 1e\+300 in row 0; expected finite numbers in float32"):
        network.evaluate(X, Y)


@every_use
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit, StopIteration])
def test_an_exception_is_the_caller_s_own(error, use):
    raised = error("from within")

    def fail(y_true, y_pred):
        try:
            {}["nothing"]
        except KeyError as cause:
            raise raised from cause

    network, _ = pair([3, 8, 2], np.float64, fail)
    with pytest.raises(error) as caught:
        USES[use](network)
    assert caught.value is raised
    assert isinstance(caught.value.__cause__, KeyError)
    assert "fail" in [entry.name for entry in caught.traceback]


@pytest.mark.parametrize("fails_at", [0, 1, 6, 8, 13])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_a_training_that_fails_ends_after_a_whole_step(fails_at, shuffle, n_threads, dtype):
    """And goes on from there as if nothing had happened: four steps make an epoch."""
    calls = [0]

    def fail_once(y_true, y_pred):
        calls[0] += 1
        if calls[0] == fails_at + 1:
            raise OSError("out of reach")
        return squared(y_true, y_pred)

    x, y = data([3, 8, 2], 40, dtype)
    arguments = {"batch_size": 10, "optimizer": "adam", "shuffle": shuffle, "n_threads": n_threads}
    network, whole = pair([3, 8, 2], dtype, fail_once)
    with pytest.raises(OSError, match="out of reach"):
        network.train(x, y, epochs=4, **arguments)
    n_epochs = fails_at // 4
    assert network.history.stopped == "interrupted"
    assert network.history.epochs == n_epochs == len(network.history.loss)
    assert network.get_state()[0]["steps"] == fails_at
    if fails_at:
        whole.train(x, y, max_steps=fails_at, **arguments)
        assert networks.bits(network) == networks.bits(whole)
    network.train(x, y, epochs=4 - n_epochs, **arguments)
    whole.train(x, y, epochs=4 - n_epochs, **arguments)
    assert networks.bits(network) == networks.bits(whole)


def test_a_failure_in_the_evaluation_between_epochs():
    def fail_for_many(y_true, y_pred):
        if len(y_true) > 10:
            raise OSError("too many")
        return squared(y_true, y_pred)

    network, whole = pair([3, 8, 2], np.float64, fail_for_many)
    with pytest.raises(OSError, match="too many"):
        network.train(X, Y, epochs=3, batch_size=10, validation_data=(X, Y))
    assert network.history.epochs == 1
    assert network.history.validation_loss == []
    whole.train(X, Y, epochs=1, batch_size=10)
    assert networks.arrays(network)[0].tobytes() == networks.arrays(whole)[0].tobytes()


def test_a_line_search_that_fails_keeps_the_last_iteration():
    calls = [0]

    def fail_at_last(y_true, y_pred):
        calls[0] += 1
        if calls[0] == 12:
            raise OSError("enough")
        return squared(y_true, y_pred)

    network, whole = pair([3, 8, 2], np.float64, fail_at_last)
    with pytest.raises(OSError, match="enough"):
        network.train(X, Y, epochs=1000, optimizer="lbfgs")
    n = network.history.epochs
    assert n > 2
    whole.train(X, Y, epochs=n, optimizer="lbfgs")
    assert network.history.loss == pytest.approx(whole.history.loss, rel=1e-14)
    for a, b in zip(networks.arrays(network), networks.arrays(whole), strict=True):
        assert np.array_equal(a, b)


def test_a_network_that_diverges_is_no_fault_of_the_function():
    def finite_only(y_true, y_pred):
        assert np.isfinite(y_pred).all()
        return squared(y_true, y_pred)

    network, twin = pair([3, 8, 2], np.float64, finite_only, activation="relu")
    errors = []
    for each in (network, twin):
        with pytest.raises(DivergenceError) as caught:
            each.train(1e100 * X, Y, epochs=100, batch_size=10, learning_rate=1e100)
        errors.append(caught.value.epoch)
    assert errors[0] == errors[1]
    assert np.isfinite(network.predict(X)).all()


@pytest.mark.skipif(os.name == "nt", reason="POSIX only")
def test_ctrl_c_within_the_function():
    calls = [0]

    def interrupt(y_true, y_pred):
        calls[0] += 1
        if calls[0] == 6:
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(1000):  # Python looks for signals between two instructions
                pass
        return squared(y_true, y_pred)

    network, whole = pair([3, 8, 2], np.float64, interrupt)
    with pytest.raises(KeyboardInterrupt):
        network.train(X, Y, epochs=10**6, batch_size=10)
    assert network.get_state()[0]["steps"] == 5
    whole.train(X, Y, epochs=1, batch_size=10)
    whole.train(X[:10], Y[:10], epochs=1, batch_size=10)
    assert networks.bits(network) == networks.bits(whole)


def test_a_function_that_trains_its_own_network():
    def train(y_true, y_pred):
        network.train(X, Y, epochs=1)

    network, _ = pair([3, 8, 2], np.float64, train)
    with pytest.raises(RuntimeError, match="is being trained already"):
        network.train(X, Y, epochs=1)


def test_a_function_that_predicts(dtype):
    def look(y_true, y_pred):
        assert np.isfinite(network.predict(X)).all()
        assert np.isfinite(other.evaluate(X, Y))
        return squared(y_true, y_pred)

    network, twin = pair([3, 8, 2], dtype, look)
    other, _ = pair([3, 8, 2], dtype)
    for each in (network, twin):
        each.train(X, Y, epochs=2, batch_size=10)
    assert networks.bits(network) == networks.bits(twin)


# ---- names, copies and files ----


def test_names():
    class Mine:
        def __call__(self, y_true, y_pred):
            return squared(y_true, y_pred)

    assert str(get(squared)) == "custom(squared)"
    assert str(get(lambda t, p: None)) == "custom(<lambda>)"
    assert str(CustomLoss(Mine(), 2)) == "custom(Mine)"
    assert get(squared).function is squared
    assert repr(CustomLoss(squared, 2)) == f"CustomLoss({squared!r}, 2)"
    network = NeuralNetwork([3, 2], loss=squared, seed=1)
    assert network.loss == "custom(squared)"
    assert "loss='custom(squared)'" in repr(network)
    assert network.layers[-1].activation == "sigmoid"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: get(Huber), TypeError, r"loss is the class Huber; expected a loss, such as Huber\(\)"),
        (lambda: get(dict), TypeError, "loss is the class dict; expected a loss"),
        (lambda: CustomLoss("mse"), TypeError, "function is 'mse'; expected a callable"),
        (lambda: CustomLoss(dict), TypeError, "function is <class 'dict'>; expected a callable"),
        (lambda: CustomLoss(squared, 0), ValueError, "outputs_per_target is 0; expected an integer >= 1"),
        (lambda: CustomLoss(squared, 1.5), TypeError, "outputs_per_target is 1.5; expected an integer >= 1"),
        (lambda: CustomLoss(squared, True), TypeError, "outputs_per_target is True; expected an integer >= 1"),
        (lambda: get("custom(squared)"), ValueError, "unknown loss"),
        (
            lambda: NeuralNetwork([3, 2], loss=squared, output_activation="softmax"),
            ValueError,
            "'softmax' needs the loss .*; 'custom.squared.' was given",
        ),
        (
            lambda: NeuralNetwork([3, 2], loss=squared, seed=1).predict_interval(X),
            ValueError,
            "the loss 'custom.squared.' has no intervals",
        ),
    ],
)
def test_refusals(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_copies_and_pickles(dtype):
    network, _ = pair([3, 8, 2], dtype)
    network.train(X, Y, epochs=1, optimizer="adam")
    copies = [network.copy(), pickle.loads(pickle.dumps(network))]
    for each in copies:
        assert each.loss == network.loss
        assert networks.bits(each) == networks.bits(network)
    for each in (network, *copies):
        each.train(X, Y, epochs=1, optimizer="adam")
    assert len({str(networks.bits(each)) for each in (network, *copies)}) == 1
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(NeuralNetwork([3, 2], loss=lambda t, p: squared(t, p), seed=1))


def test_a_file_cannot_hold_it(tmp_path):
    path = tmp_path / "network.snn"
    network, other = pair([3, 8, 2], np.float64)
    other.save(path)
    with pytest.raises(ValueError, match=r"the loss 'custom.squared.' is a Python function, which a model file cannot"):
        network.save(path)
    assert networks.bits(load(path)) == networks.bits(other)
