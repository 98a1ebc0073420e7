"""Bad input: every refusal says what was given and what was expected, and changes nothing.

Unusual but good input (strides, orders, read-only and memory-mapped files) gives the same bits.
"""

import pickle
from contextlib import contextmanager

import numpy as np
import pytest

from scratchnn import DivergenceError, NeuralNetwork, Neuron, check_gradients, losses, mse_loss, optimizers
from scratchnn.callbacks import Checkpoint
from scratchnn.core import updates

X = np.random.default_rng(0).standard_normal((20, 3))
Y = np.column_stack([X.sum(axis=1), X[:, 0] - X[:, 1]])
LABELS = np.arange(20) % 4


def bits(network):
    """Everything that training changes, as bytes and plain values."""
    state, arrays = network.get_state()
    return repr(state), {name: (array.shape, array.tobytes()) for name, array in arrays.items()}


@contextmanager
def refused(network, match, errors=ValueError):
    """Check that the block raises, and leaves parameters, optimizer state and history as they were."""
    before = bits(network)
    with pytest.raises(errors, match=match):
        yield
    assert bits(network) == before


def with_value(array, place, value):
    array = np.array(array, float)
    array[place] = value
    return array


@pytest.fixture
def network():
    """A network that has been trained, so that there is a history and optimizer state to keep."""
    network = NeuralNetwork([3, 5, 2], activation="tanh", seed=1)
    network.train(X, Y, epochs=2, batch_size=6, optimizer="adam", validation_data=(X[:4], Y[:4]))
    return network


@pytest.fixture
def classifier():
    network = NeuralNetwork([3, 5, 4], activation="relu", loss="cross_entropy", seed=1)
    network.train(X, LABELS, epochs=2, batch_size=6, optimizer="momentum")
    return network


# ---- data ----

USES_OF_X = {
    "predict": lambda network, x: network.predict(x),
    "feedforward": lambda network, x: network.feedforward(x),
    "train": lambda network, x: network.train(x, Y, epochs=1),
    "validate": lambda network, x: network.train(X, Y, epochs=1, validation_data=(x, Y)),
    "evaluate": lambda network, x: network.evaluate(x, Y),
    "gradients": lambda network, x: network.gradients(x, Y),
    "check_gradients": lambda network, x: check_gradients(network, x, Y),
}
BAD_X = {
    "too few columns": (np.ones((20, 2)), r"\(20, 2\).* 3 inputs .*\(n_samples, 3\)"),
    "too many columns": (np.ones((20, 4)), r"\(20, 4\).*\(n_samples, 3\)"),
    "transposed": (X.T, r"\(3, 20\).*\(n_samples, 3\)"),
    "one sample of the wrong size": (np.ones(4), r"\(4,\).*\(n_samples, 3\)"),
    "three dimensions": (np.ones((20, 3, 1)), r"\(20, 3, 1\)"),
    "a number": (3.0, r"shape \(\)"),
    "no rows": (np.ones((0, 3)), r"is empty: shape \(0, 3\)"),
    "no columns": (np.ones((20, 0)), r"\(20, 0\)"),
    "nothing": ([], r"\(0,\)"),
    "text": (np.full((20, 3), "a"), "dtype <U1; expected numbers"),
    "numbers as text": (np.full((20, 3), "1.5"), "dtype <U3; expected numbers"),
    "objects": (np.full((20, 3), None), "dtype object; expected numbers"),
    "numbers as objects": (np.ones((20, 3), object), "dtype object; expected numbers"),
    "complex": (np.ones((20, 3), complex), "dtype complex128; expected numbers"),
    "dates": (np.zeros((20, 3), "M8[s]"), r"dtype datetime64\[s\]; expected numbers"),
    "bytes": (b"abc", r"dtype \|S3"),
    "records": (np.zeros(20, [("a", float)]), "dtype .*; expected numbers"),
    "masked": (np.ma.masked_array(X, X > 1), "masked values"),
    "ragged": ([[1.0, 2.0, 3.0]] * 19 + [[1.0]], "no rectangular array|inhomogeneous"),
    "NaN": (with_value(X, (17, 1), np.nan), r"\[17, 1\] is nan; expected finite"),
    "infinity": (with_value(X, (3, 2), np.inf), r"\[3, 2\] is inf; expected finite"),
    "minus infinity": (with_value(X, (0, 0), -np.inf), r"\[0, 0\] is -inf; expected finite"),
    "infinity in the middle of many": (
        with_value(np.ones((9999, 3)), (5000, 1), np.inf),
        r"\[5000, 1\] is inf",
    ),
    "None": (None, "dtype object"),
    "a dict": ({"a": 1}, "dtype object"),
}


@pytest.mark.parametrize("use", USES_OF_X)
@pytest.mark.parametrize("bad", BAD_X)
def test_inputs(network, use, bad):
    x, message = BAD_X[bad]
    with refused(network, message, (ValueError, TypeError)):
        USES_OF_X[use](network, x)


def test_inputs_beyond_float32():
    network = NeuralNetwork([3, 2], dtype="float32", seed=1)
    with refused(network, r"\[4, 0\] is 1e\+300, beyond the largest float32"):
        network.predict(with_value(X, (4, 0), 1e300))
    with refused(network, r"y\[4, 1\] is -1e\+39, beyond the largest float32"):
        network.train(X, with_value(Y, (4, 1), -1e39))


USES_OF_Y = {
    "train": lambda network, y: network.train(X, y, epochs=1),
    "validate": lambda network, y: network.train(X, network.predict(X), epochs=1, validation_data=(X, y)),
    "evaluate": lambda network, y: network.evaluate(X, y),
    "gradients": lambda network, y: network.gradients(X, y),
    "check_gradients": lambda network, y: check_gradients(network, X, y),
}
BAD_Y = {
    "too few": (Y[:19], r"\(19, 2\), .* 20 rows"),
    "too many": (np.ones((21, 2)), r"\(21, 2\), .* 20 rows"),
    "too few columns": (Y[:, :1], r"\(20, 1\).* 2 outputs .*\(n_samples, 2\)"),
    "one column for two outputs": (Y[:, 0], r"\(20,\).*\(n_samples, 2\)"),
    "too many columns": (np.ones((20, 3)), r"\(20, 3\).*\(n_samples, 2\)"),
    "transposed": (Y.T, r"\(2, 20\), .* 20 rows"),
    "three dimensions": (Y[:, :, None], r"\(20, 2, 1\)"),
    "a number": (1.0, r"shape \(\)"),
    "nothing": ([], r"\(0,\)"),
    "text": (np.full((20, 2), "a"), "dtype <U1; expected numbers"),
    "objects": (np.full((20, 2), None), "dtype object; expected numbers"),
    "complex": (Y + 1j, "dtype complex128; expected numbers"),
    "ragged": ([[1.0, 2.0]] * 19 + [[1.0]], "no rectangular array|inhomogeneous"),
    "NaN": (with_value(Y, (11, 0), np.nan), r"\[11, 0\] is nan; expected finite"),
    "infinity": (with_value(Y, (0, 1), np.inf), r"\[0, 1\] is inf; expected finite"),
    "None": (None, r"shape \(\)"),
}


@pytest.mark.parametrize("use", USES_OF_Y)
@pytest.mark.parametrize("bad", BAD_Y)
def test_targets(network, use, bad):
    y, message = BAD_Y[bad]
    with refused(network, message, (ValueError, TypeError)):
        USES_OF_Y[use](network, y)


ONE_HOT = np.eye(4)[LABELS]
BAD_CLASSES = {
    "a label too high": (LABELS + 1, r"label 4; .* 4 outputs are 0 \.\.\. 3"),
    "a label below 0": (LABELS - 1, r"label -1; .* 0 \.\.\. 3"),
    "a huge label": (with_value(LABELS, 3, 2**40).astype(np.int64), "label 1099511627776"),
    "a huge unsigned label": (
        np.where(LABELS == 3, 2**64 - 1, LABELS.astype(np.uint64)),
        "label 18446744073709551615",
    ),
    "labels with a fraction": (LABELS + 0.5, "dtype float64; class labels are integers"),
    "labels as floats": (LABELS * 1.0, "dtype float64; class labels are integers"),
    "labels as text": (np.array(["a", "b", "c", "d"] * 5), "dtype <U1; class labels are integers"),
    "too few labels": (LABELS[:7], r"\(7,\), .* 20 rows"),
    "probabilities for too many": (np.full((20, 5), 0.2), r"\(20, 5\).*\(n_samples, 4\)"),
    "labels in a column": (LABELS[:, None], r"\(20, 1\).*\(n_samples, 4\)"),
    "rows that sum to 2": (
        2 * with_value(ONE_HOT / 2, 0, 0.5),
        r"\[0\] sums to 4|expects numbers from 0 to 1",
    ),
    "a row that sums to 0": (with_value(ONE_HOT, 7, 0.0), r"\[7\] sums to 0; .* sum to 1"),
    "above 1": (with_value(ONE_HOT, (0, 0), 1.5), "expects numbers from 0 to 1"),
    "below 0": (with_value(ONE_HOT, (0, 0), -0.5), "expects numbers from 0 to 1"),
    "NaN": (with_value(ONE_HOT, (5, 2), np.nan), r"\[5, 2\] is nan"),
}


@pytest.mark.parametrize("use", USES_OF_Y)
@pytest.mark.parametrize("bad", BAD_CLASSES)
def test_classes(classifier, use, bad):
    y, message = BAD_CLASSES[bad]
    with refused(classifier, message, (ValueError, TypeError)):
        USES_OF_Y[use](classifier, y)


@pytest.mark.parametrize(
    ("loss", "value", "message"),
    [
        (
            "binary_cross_entropy",
            1.5,
            "from -?[0-9.]+ to 1.5; .*'binary_cross_entropy' expects numbers from 0 to 1",
        ),
        ("binary_cross_entropy", -0.1, "expects numbers from 0 to 1"),
        ("poisson", -1.0, "reaches from -1.0 to .*'poisson' expects numbers >= 0"),
    ],
)
@pytest.mark.parametrize("use", USES_OF_Y)
def test_targets_that_do_not_fit_the_loss(loss, value, message, use):
    network = NeuralNetwork([3, 4, 2], loss=loss, seed=1)
    with refused(network, message):
        USES_OF_Y[use](network, with_value(np.zeros((20, 2)), (3, 1), value))


def test_mse_loss():
    with pytest.raises(ValueError, match=r"\(4,\), y_pred \(4, 1\)"):
        mse_loss(np.ones(4), np.ones((4, 1)))
    with pytest.raises(ValueError, match="empty"):
        mse_loss([], [])


# ---- hyper-parameters ----

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        *[({"epochs": v}, f"epochs is {v!r}; expected an integer >= 0") for v in (-1, 1.5, NAN, "10", None, True)],
        *[({"batch_size": v}, f"batch_size is {v!r}; expected") for v in (0, -1, 1.5, NAN, "ful", False)],
        *[({"learning_rate": v}, f"learning_rate is {v!r}; expect") for v in (-0.1, 0, NAN, INF, "0.1")],
        *[({"learning_rate": v}, "learning_rate is ") for v in ([0.1], np.array([0.1, 0.2]), 10**400, 1j)],
        ({"optimizer": "adm"}, r"unknown optimizer 'adm'. Did you mean 'adam'\?"),
        ({"optimizer": "gradient descent"}, "Known: .*sgd"),
        ({"optimizer": 3}, "optimizer is int; expected a name"),
        ({"optimizer": None}, "optimizer is NoneType; expected a name"),
        *[({"schedule": v}, "unknown schedule .*Did you mean 'cosine'") for v in ("cosin", "cosin(5)", "cosine 5")],
        ({"schedule": "cosine"}, r"'epochs'; it takes \(epochs, final=0.0\)"),
        ({"schedule": "cosine(-3)"}, "epochs is -3; expected a finite number > 0"),
        ({"schedule": 3}, "schedule is int; expected a text"),
        ({"scorer": "accuracy"}, "scorer is 'accuracy', but there is no validation_data to score"),
        ({"scorer": "acuracy", "validation_data": (X, Y)}, r"unknown scorer 'acuracy'. Did you mean 'accuracy'\?"),
        ({"scorer": 3, "validation_data": (X, Y)}, "scorer is 3; expected a name"),
        ({"scorer": dict, "validation_data": (X, Y)}, "scorer is .*expected a name"),
        *[({"validation_fraction": v}, f"validation_fraction is {v!r}; expected a") for v in (0, 1, -0.5, NAN, "0.1")],
        ({"validation_fraction": True}, "validation_fraction is True; expected a"),
        ({"validation_fraction": 0.1, "validation_data": (X, Y)}, "are both given; expected one of them"),
        *[({"min_delta": v}, f"min_delta is {v!r}; expected a finite number >= 0") for v in (-1, NAN, INF, "0", None)],
        *[({"max_steps": v}, f"max_steps is {v!r}; expected an integer >= 1") for v in (0, -1, 1.5, NAN, "9")],
        *[({"max_seconds": v}, f"max_seconds is {v!r}; expected a finite number > 0") for v in (0, -1, NAN, INF, "9")],
        *[({"patience": v, "validation_data": (X, Y)}, "patience is .*expected") for v in (0, -1, 1.5, NAN, "3")],
        ({"validation_data": X}, r"validation_data is ndarray; expected \(X, y\) or \(X, y, sample_weight\)"),
        ({"validation_data": (X,)}, "validation_data has 1 part; expected"),
        ({"validation_data": (X, Y, None, Y)}, "validation_data has 4 parts; expected"),
        ({"validation_data": (X, Y, Y)}, r"validation sample_weight has shape \(20, 2\); expected \(20,\)"),
        ({"validation_data": 0.2}, "validation_data is float; expected"),
        ({"n_threads": 2**40}, "n_threads"),
        *[({"callback": v}, "callback is int; expected a Callback") for v in (3, [3], [print, 3])],
        ({"callback": Checkpoint}, "callback is Checkpoint; expected a Callback"),
        *[({"n_threads": v}, f"n_threads is {v!r}; expected an integer >= 1") for v in (0, -1, 1.5, NAN, "2")],
    ],
    ids=lambda value: str(value)[:40],
)
def test_arguments_of_train(network, arguments, message):
    with refused(network, message, (ValueError, TypeError)):
        network.train(X, Y, **{"epochs": 1, "optimizer": "sgd"} | arguments)


@pytest.mark.parametrize("argument", ["epoch", "lr", "validation", "verbos"])
def test_unknown_arguments(network, argument):
    with refused(network, argument, TypeError):
        network.train(X, Y, **{argument: 1})


@pytest.mark.parametrize("threads", ["0", "-1", "many", "1.5"])
def test_the_variable_for_threads(network, monkeypatch, threads):
    monkeypatch.setenv("SCRATCHNN_NUM_THREADS", threads)
    with refused(network, f"SCRATCHNN_NUM_THREADS is '{threads}'; expected an integer >= 1"):
        network.train(X, Y, epochs=1, optimizer="momentum")


def test_epochs_without_end_need_no_memory(network):
    history = network.train(X, Y, epochs=2**60, callback=lambda network, epoch, history: epoch == 3)
    assert (history.epochs, history.stopped) == (3, "callback")


def test_a_batch_larger_than_the_data_is_all_of_them(network):
    whole = network.copy()
    whole.train(X, Y, epochs=2, batch_size="full")
    network.train(X, Y, epochs=2, batch_size=10**30)
    assert bits(network)[1] == bits(whole)[1]


HYPERPARAMETERS = [
    (cls, name, value)
    for cls in map(optimizers.Optimizer.registry.get, updates.names())
    for name in cls().hyperparameters()
    for value in (
        -0.5,
        NAN,
        INF,
        -INF,
        "0.5",
        None,
        *([1.0] if name in ("decay", "beta1", "beta2") else []),
        *([1.001] if name == "momentum" else []),
    )
]


@pytest.mark.parametrize(("cls", "name", "value"), HYPERPARAMETERS)
def test_hyperparameters(cls, name, value):
    with pytest.raises(ValueError, match=f"^{name} is {value!r}; expected a finite number >=? 0"):
        cls(**{name: value})


@pytest.mark.parametrize("arguments", [{"epsilon": 0}, {"tolerance": -1}, {"epsilon": NAN}])
def test_arguments_of_check_gradients(network, arguments):
    with refused(network, "expected a finite number > 0"):
        check_gradients(network, X, Y, **arguments)


# ---- construction ----


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([], r"layer_sizes is \[\]; expected at least"),
        ([2], r"layer_sizes is \[2\]; expected at least"),
        ([2, 0, 1], r"layer_sizes\[1\] is 0; expected an integer >= 1"),
        ([2, -3, 1], r"layer_sizes\[1\] is -3"),
        ([2, 1.5], r"layer_sizes\[1\] is 1.5"),
        ([2, NAN], r"layer_sizes\[1\] is nan"),
        ([2, "3"], r"layer_sizes\[1\] is '3'"),
        ([2, None], r"layer_sizes\[1\] is None"),
        ([2, True], r"layer_sizes\[1\] is True"),
        ([[2, 3], [1]], r"layer_sizes\[0\] is \[2, 3\]"),
        ("2-3-1", "layer_sizes is '2-3-1'; expected a sequence"),
        (3, "layer_sizes is 3; expected a sequence"),
        ([10**10, 10**10], "more memory than any machine"),
        ([2, 10**30], "more memory than any machine"),
    ],
)
def test_layer_sizes(sizes, message):
    with pytest.raises((ValueError, TypeError), match=message):
        NeuralNetwork(sizes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"activation": "sigmod"}, r"unknown activation 'sigmod'. Did you mean 'sigmoid'\?"),
        ({"activation": "RELU"}, "Did you mean 'relu'"),
        ({"activation": ""}, "unknown activation ''"),
        ({"activation": 3}, "activation is 3; expected a name, or a list"),
        ({"activation": ["relu", "tanh"], "output_activation": "elu"}, "output_activation says it again"),
        ({"activation": ["tanh"]}, "1 activations; expected one for each of 2 layers"),
        ({"activation": ["tanh"] * 3}, "3 activations; expected one for each of 2 layers"),
        ({"activation": ["softmax", "tanh"]}, "softmax is an output activation"),
        ({"activation": "softmax"}, "softmax|unknown activation"),
        ({"activation": "leaky_relu(-1)"}, "expected a finite number >= 0"),
        ({"activation": "leaky_relu(nan)"}, "expected a finite number >= 0"),
        ({"activation": "elu(inf)"}, "expected a finite number >= 0"),
        ({"activation": "elu(a)"}, "not a number"),
        ({"activation": "relu(0.1)"}, "takes no parameter"),
        ({"output_activation": "sofmax"}, "Did you mean 'softmax'"),
        ({"output_activation": "softmax"}, "needs the loss 'cross_entropy'"),
        (
            {"output_activation": "relu", "loss": "cross_entropy"},
            "needs the output activation 'softmax'; 'relu'",
        ),
        ({"loss": "mean_square_error"}, "Did you mean 'mean_squared_error'"),
        ({"loss": 3}, "loss is int; expected a name"),
        ({"loss": None}, "loss is NoneType; expected a name"),
        ({"loss": "huber(-1)"}, "delta is -1.0; expected a finite number > 0"),
        ({"loss": "huber(nan)"}, "delta is nan; expected a finite number > 0"),
        ({"loss": "huber(x)"}, "delta is 'x'; expected a finite number > 0"),
        ({"loss": "huber(1, 2)"}, r"delta is \[1.0, 2.0\]; expected a finite number > 0"),
        ({"loss": "mse(2)"}, "takes no parameter; 2 was given"),
        ({"loss": "cross_entropy(1)"}, "label_smoothing is 1.0; expected a finite number >= 0 and < 1"),
        ({"loss": "bce(-0.1)"}, "label_smoothing is -0.1; expected a finite number >= 0 and < 1"),
        ({"loss": "focal(-1)"}, "gamma is -1.0; expected a finite number >= 0"),
        ({"loss": "binary_focal(inf)"}, "gamma is inf; expected a finite number >= 0"),
        ({"loss": "quantile(0.1, 1)"}, r"levels\[1\] is 1.0; expected a finite number > 0 and < 1"),
        ({"loss": "quantile(0.5, x)"}, r"levels\[1\] is 'x'; expected a finite number > 0 and < 1"),
        ({"loss": "quantile(0.5, 0.1)"}, "expected each above the one before, but 0.1 follows 0.5"),
        ({"loss": "quantile(0.5, 0.5)"}, "expected each above the one before, but 0.5 follows 0.5"),
        ({"loss": "quantil(0.5)"}, "unknown loss 'quantil.0.5.'. Did you mean 'quantile'"),
        ({"loss": "gausian"}, "Did you mean 'gaussian'"),
        ({"loss": "quantile(0.1, 0.5, 0.9)"}, "has 2 outputs; the loss 'quantile' expects 3 for each target"),
        ({"output_activation": "gaussian"}, "needs the loss 'gaussian'; 'mean_squared_error' was given"),
        ({"output_activation": "quantiles"}, "needs the loss 'quantile'; 'mean_squared_error' was given"),
        ({"loss": "gaussian", "output_activation": "exp"}, "needs the output activation 'gaussian'; 'exp' was given"),
        ({"weight_init": "he_norml"}, "Did you mean 'he_normal'"),
        ({"bias_init": "zeroes"}, "Did you mean 'zeros'"),
        ({"weight_init": [np.ones((3, 5))]}, "expected a name, or a list of 2"),
        ({"weight_init": [np.ones((5, 3)), "zeros"]}, r"layers\[0\].weights: .*\(5, 3\); expected \(3, 5\)"),
        ({"weight_init": ["zeros", np.full((5, 2), NAN)]}, r"layers\[1\].weights: .*NaN"),
        ({"weight_init": ["zeros", np.full((5, 2), "a")]}, r"layers\[1\].weights: .*<U1"),
        ({"bias_init": [np.ones(4), np.ones(2)]}, r"layers\[0\].biases: .*\(4,\); expected \(5,\)"),
        ({"dtype": "float16"}, "dtype is float16; expected float32 or float64"),
        ({"dtype": int}, "dtype is int64; expected float32 or float64"),
        ({"dtype": "double precision"}, "double precision"),
        ({"seed": -1}, "seed is -1; expected an integer >= 0"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"seed": NAN}, "seed is nan"),
        ({"seed": "a"}, "seed is 'a'"),
        ({"seed": 2**64}, f"seed is {2**64}; expected an integer >= 0 and <= {2**64 - 1}"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_arguments_of_a_network(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        NeuralNetwork([3, 5, 2], **arguments)


@pytest.mark.parametrize("delta", [0, -1, NAN, INF, "1", None])
def test_delta(delta):
    with pytest.raises(ValueError, match=f"delta is {delta!r}; expected a finite number > 0"):
        losses.Huber(delta)


def test_levels():
    for levels in ([], (), np.empty(0)):
        with pytest.raises(ValueError, match="0 levels were given; expected 1 to 99"):
            losses.Quantile(levels)
    most = np.arange(1, 101) / 101
    assert len(losses.Quantile(most[:99]).levels) == 99
    with pytest.raises(ValueError, match="100 levels were given; expected 1 to 99"):
        losses.Quantile(most)
    with pytest.raises(ValueError, match=r"levels\[0\] is 'abc'; expected a finite number > 0 and < 1"):
        losses.Quantile("abc")


@pytest.mark.parametrize(
    ("weights", "bias", "activation", "message"),
    [
        ([], 0, "tanh", r"shape \(0,\); expected a vector"),
        (3, 0, "tanh", r"shape \(\); expected a vector"),
        ([[1, 2]], 0, "tanh", r"shape \(1, 2\); expected a vector"),
        (["a"], 0, "tanh", "dtype <U1"),
        ([None], 0, "tanh", "dtype object"),
        ([NAN], 0, "tanh", "NaN"),
        ([INF], 0, "tanh", "infinity"),
        ([1], NAN, "tanh", "bias is nan; expected a finite number"),
        ([1], [1, 2], "tanh", r"bias is \[1, 2\]; expected a finite number"),
        ([1], "1", "tanh", "bias is '1'|bias"),
        ([1], None, "tanh", "bias is None|bias"),
        ([1], 0, "tan", "Did you mean 'tanh'"),
    ],
)
def test_neurons(weights, bias, activation, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Neuron(weights, bias, activation)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([1.0], r"\(1,\); .*\(2,\)"),
        ([1.0, 2.0, 3.0], r"\(3,\); .*\(2,\)"),
        (np.ones((4, 3)), r"\(4, 3\); .*\(2,\)"),
        (1.0, r"\(\); .*\(2,\)"),
        ([], r"\(0,\); .*\(2,\)"),
        (["a", "b"], "dtype <U1; expected numbers"),
        ([None, 1], "dtype object; expected numbers"),
    ],
)
def test_inputs_of_a_neuron(x, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Neuron([0, 1], 4).feedforward(x)


# ---- parameters set by hand ----


def test_parameters_of_the_wrong_shape(network):
    with refused(network, r"weights: values have shape \(5, 3\); expected \(3, 5\)"):
        network.layers[0].weights = np.ones((5, 3))
    with refused(network, r"biases: values have shape \(4,\); expected \(5,\)"):
        network.layers[0].biases = np.ones(4)
    with refused(network, r"weights: values have shape \(2,\); expected \(3,\)"):
        network.h1.weights = [1, 2]
    with refused(network, "bias is nan"):
        network.h1.bias = NAN
    with refused(network, "no neuron h6: the network has 5 hidden", AttributeError):
        _ = network.h6


def test_parameters_that_are_not_finite(network):
    network.layers[1].weights[2, 0] = INF
    with refused(network, r"layers\[1\].weights hold NaN or infinity"):
        network.train(X, Y, epochs=1)


# ---- unusual arrays that are good ----


def memory_mapped(array, tmp_path):
    path = tmp_path / f"{id(array)}.npy"
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def read_only(array, tmp_path):
    array = array.copy()
    array.flags.writeable = False
    return array


def unaligned(array, tmp_path):
    records = np.zeros(len(array), [("skipped", "i1"), ("data", array.dtype, array.shape[1:])])
    records["data"] = array
    return records["data"]


def every_third(array, tmp_path):
    wide = np.full((3 * len(array), *array.shape[1:]), 7, array.dtype)
    wide[::3] = array
    return wide[::3]


LAYOUTS = {
    "Fortran": lambda array, tmp_path: np.asfortranarray(array),
    "rows of a larger array": every_third,
    "columns of a larger array": lambda array, tmp_path: np.repeat(array, 2, axis=-1)[..., ::2],
    "backwards": lambda array, tmp_path: array[::-1].copy()[::-1],
    "columns backwards": lambda array, tmp_path: array[..., ::-1].copy()[..., ::-1],
    "read-only": read_only,
    "memory-mapped": memory_mapped,
    "unaligned": unaligned,
    "the other byte order": lambda array, tmp_path: array.astype(array.dtype.newbyteorder()),
    "a list": lambda array, tmp_path: array.tolist(),
    "a tuple of arrays": lambda array, tmp_path: tuple(array),
    "long double": lambda array, tmp_path: array.astype(np.longdouble),
    "unmasked": lambda array, tmp_path: np.ma.masked_array(array),
}


def outcome(x, y, dtype, **arguments):
    network = NeuralNetwork([3, 5, arguments.pop("n_outputs")], dtype=dtype, seed=1, **arguments)
    network.train(x, y, epochs=3, batch_size=6, shuffle=True, validation_data=(x, y), n_threads=2)
    return (
        bits(network)[1],
        network.history.loss,
        network.history.validation_loss,
        network.predict(x).tobytes(),
        network.evaluate(x, y),
        [dw.tobytes() for dw, _ in network.gradients(x, y)],
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_give_the_same_bits(layout, dtype, tmp_path):
    arrange = LAYOUTS[layout]
    expected = outcome(X, Y, dtype, n_outputs=2)
    x, y = X.copy(), Y.copy()
    assert outcome(arrange(x, tmp_path), arrange(y, tmp_path), dtype, n_outputs=2) == expected
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)


@pytest.mark.parametrize("layout", ["rows of a larger array", "backwards", "read-only", "memory-mapped", "a list"])
def test_layouts_of_labels(layout, tmp_path):
    expected = outcome(X, LABELS, "float64", n_outputs=4, loss="cross_entropy")
    y = LAYOUTS[layout](LABELS, tmp_path)
    assert outcome(X, y, "float64", n_outputs=4, loss="cross_entropy") == expected


@pytest.mark.parametrize("kind", ["i1", "u1", "i4", "u2", "i8", "u8", "f2", "f4", ">i4", "?"])
def test_numbers_of_other_types(kind, dtype):
    x = (np.arange(60).reshape(20, 3) % 7 % 2).astype(kind)
    y = (np.arange(40).reshape(20, 2) % 5 % 2).astype(kind)
    expected = outcome(x.astype(np.float64), y.astype(np.float64), dtype, n_outputs=2)
    assert outcome(x, y, dtype, n_outputs=2) == expected


def test_one_row_repeated_without_memory():
    x, y = np.broadcast_to(X[0], (20, 3)), np.broadcast_to(Y[0], (20, 2))
    assert outcome(x, y, "float64", n_outputs=2) == outcome(x.copy(), y.copy(), "float64", n_outputs=2)


# ---- divergence ----


@pytest.mark.parametrize("optimizer", updates.names())
@pytest.mark.parametrize("watched", [False, True])
def test_divergence(optimizer, watched, dtype):
    """The error names epoch and cause; the network is as a training of the epochs before leaves it."""
    arguments = {"batch_size": 6, "shuffle": True, "optimizer": optimizer, "n_threads": 1}
    arguments["validation_data"] = (X, Y) if watched else None

    def start():
        network = NeuralNetwork([3, 5, 2], activation="elu", dtype=dtype, seed=1)
        network.train(X, Y, epochs=2, learning_rate=1e-3, **arguments)
        return network

    network = start()
    with pytest.raises(DivergenceError, match=r"diverged in epoch \d+: .* is no longer finite") as caught:
        network.train(X, Y, epochs=100_000, learning_rate=1e300, **arguments)
    epoch = caught.value.epoch
    assert f"in epoch {epoch}: " in str(caught.value)
    assert "learning rate than 1e+300" in str(caught.value)
    assert network.history.stopped == "diverged"
    assert network.history.epochs == epoch - 1
    assert np.isfinite(network.history.loss).all()

    whole = start()
    if epoch > 3:
        whole.train(X, Y, epochs=epoch - 3, learning_rate=1e300, **arguments)
    assert bits(network)[1] == bits(whole)[1]
    assert network.history.loss == whole.history.loss
    assert network.history.samples == whole.history.samples

    for layer in network.layers:
        layer.weights[...], layer.biases[...] = 0.1, 0
    network.train(X, Y, epochs=2, batch_size=6, optimizer="sgd", learning_rate=1e-3)
    assert network.history.stopped == "completed"


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_divergence_is_the_same_for_any_number_of_threads(n_threads, threads_used):
    network = NeuralNetwork([3, 50, 2], activation="relu", seed=1)
    with pytest.raises(DivergenceError) as caught:
        network.train(X, Y, epochs=1000, learning_rate=5.0, n_threads=n_threads)
    single = NeuralNetwork([3, 50, 2], activation="relu", seed=1)
    with pytest.raises(DivergenceError) as expected:
        single.train(X, Y, epochs=1000, learning_rate=5.0, n_threads=1)
    assert str(caught.value) == str(expected.value)
    assert bits(network)[1] == bits(single)[1]


@pytest.mark.parametrize("optimizer", updates.names())
def test_divergence_in_the_first_epoch_leaves_no_state(optimizer):
    """Some steps have been made, with an optimizer whose state was new."""
    far = np.array(Y, copy=True)
    far[-1] = 1e200
    arguments = {"batch_size": 2, "optimizer": optimizer, "learning_rate": 0.01}
    network, other = (NeuralNetwork([3, 4, 2], seed=1) for _ in range(2))
    with pytest.raises(DivergenceError, match="in epoch 1"):
        network.train(X, far, epochs=2, **arguments)
    for each in (network, other):
        each.train(X, Y, epochs=3, **arguments)
    assert bits(network)[1] == bits(other)[1]


def test_the_error_passes_between_processes():
    error = pickle.loads(pickle.dumps(DivergenceError("in epoch 3", 3)))
    assert (str(error), error.epoch) == ("in epoch 3", 3)


def test_targets_too_large_for_their_squares():
    network = NeuralNetwork([3, 2], activation="identity", seed=1)
    before = bits(network)[1]
    with pytest.raises(DivergenceError, match=r"in epoch 1: the loss is no longer finite.* from before"):
        network.train(X, 1e200 * Y, epochs=5)
    assert bits(network)[1].keys() == before.keys()
    assert bits(network)[1] == before


def test_divergence_in_the_validation_data_alone_is_recorded():
    network = NeuralNetwork([3, 2], activation="identity", seed=1)
    history = network.train(X, Y, epochs=2, learning_rate=0.01, validation_data=(X, 1e200 * Y), patience=5)
    assert history.validation_loss == [INF, INF]
    assert np.isfinite(network.predict(X)).all()


def test_an_error_in_the_callback_leaves_a_whole_epoch():
    def fail(network, epoch, history):
        if epoch == 3:
            raise LookupError("mine")

    network = NeuralNetwork([3, 5, 2], seed=1)
    with pytest.raises(LookupError, match="mine"):
        network.train(X, Y, epochs=10, optimizer="adam", callback=fail)
    whole = NeuralNetwork([3, 5, 2], seed=1)
    whole.train(X, Y, epochs=3, optimizer="adam")
    assert network.history.loss == whole.history.loss
    assert bits(network)[1] == bits(whole)[1]
    network.train(X, Y, epochs=2, optimizer="adam")
    whole.train(X, Y, epochs=2, optimizer="adam")
    assert bits(network)[1] == bits(whole)[1]


def test_a_callback_that_spoils_the_parameters():
    def spoil(network, epoch, history):
        if epoch == 3:
            network.layers[0].weights[0, 0] = NAN

    network = NeuralNetwork([3, 5, 2], seed=1)
    with pytest.raises(DivergenceError, match="epoch 4: a parameter that a callback has written is no longer finite"):
        network.train(X, Y, epochs=10, callback=spoil)
    assert np.isfinite(network.predict(X)).all()
    assert network.history.epochs == 3


def test_an_unknown_name_suggests_the_nearest_of_all(network):
    for name in ("sdg", "Adamm", "rms_prop", "neterov"):
        with refused(network, "Did you mean"):
            network.train(X, Y, optimizer=name)


def test_values_that_are_infinite_in_the_dtype_of_the_network():
    with pytest.raises(ValueError, match=r"layers\[0\].weights: values hold NaN or infinity in float32"):
        NeuralNetwork([1, 1], dtype="float32", weight_init=[[[1e300]]])
    network = NeuralNetwork([1, 1], dtype="float32", seed=1)
    with refused(network, "weights: values hold NaN or infinity in float32"):
        network.layers[0].weights = [[1e300]]
    with refused(network, "epsilon is 1e-50; expected at least 1.18e-38 for float32"):
        network.train([[1.0]], [1.0], optimizer=optimizers.Adam(epsilon=1e-50))


def test_a_misspelt_dtype():
    with pytest.raises(TypeError, match="dtype is 'flaot32'; expected float32 or float64"):
        NeuralNetwork([1, 1], dtype="flaot32")


def test_optimizers_do_not_change():
    optimizer = optimizers.Adam()
    with pytest.raises(AttributeError, match=r"do not change; make another with \.replace\(beta1=0\.5\)"):
        optimizer.beta1 = 0.5
    assert optimizer.replace(beta1=0.5) == optimizers.Adam(beta1=0.5) != optimizer
    assert len({optimizer, optimizers.Adam(), optimizers.Nadam()}) == 2
