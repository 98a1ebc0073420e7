"""Metrics and scorers, beside scikit-learn's where it is installed."""

import math

import numpy as np
import pytest

from scratchnn import NeuralNetwork, metrics

RNG = np.random.default_rng(0)
LABELS, ANSWERS = RNG.integers(4, size=(2, 60))
NUMBERS, PREDICTIONS = RNG.standard_normal((2, 60))
MATRIX, MATRIX_PREDICTIONS = RNG.standard_normal((2, 60, 3))
THEIRS = {"accuracy": "accuracy_score", "balanced_accuracy": "balanced_accuracy_score", "r2": "r2_score"}


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy"])
def test_classes_as_scikit_learn_has_them(name):
    sklearn = pytest.importorskip("sklearn.metrics")
    theirs, ours = getattr(sklearn, THEIRS[name]), getattr(metrics, name)
    for y, prediction in ((LABELS, ANSWERS), (LABELS, LABELS), (LABELS % 2 == 1, ANSWERS % 2 == 1)):
        assert ours(y, prediction) == pytest.approx(theirs(y, prediction), abs=1e-15)
    if name == "accuracy":
        labels, answers = np.eye(4)[LABELS], np.eye(4)[ANSWERS]
        assert ours(labels, answers) == pytest.approx(theirs(labels, answers))


@pytest.mark.parametrize("name", ["r2", "mean_squared_error", "root_mean_squared_error", "mean_absolute_error"])
def test_numbers_as_scikit_learn_has_them(name):
    sklearn = pytest.importorskip("sklearn.metrics")
    theirs, ours = getattr(sklearn, THEIRS.get(name, name)), getattr(metrics, name)
    for y, prediction in (
        (NUMBERS, PREDICTIONS),
        (MATRIX, MATRIX_PREDICTIONS),
        (MATRIX * [1, 10, 100], MATRIX_PREDICTIONS),
        (NUMBERS, NUMBERS),
        (np.ones(5), np.ones(5)),
        (np.ones(5), np.zeros(5)),
        (np.column_stack([np.ones(60), NUMBERS]), MATRIX_PREDICTIONS[:, :2]),
    ):
        assert ours(y, prediction) == pytest.approx(theirs(y, prediction), rel=1e-12)
        assert type(ours(y, prediction)) is float


def test_by_hand():
    assert metrics.accuracy([0, 1, 2, 2], [0, 1, 1, 2]) == 0.75
    assert metrics.balanced_accuracy([0, 0, 0, 1], [0, 0, 0, 0]) == 0.5
    assert metrics.r2([1, 2, 3], [1, 2, 4]) == pytest.approx(0.5)
    assert metrics.mean_squared_error([1, 2], [2, 4]) == 2.5
    assert metrics.root_mean_squared_error([[1, 0], [1, 0]], [[4, 0], [5, 2]]) == (math.sqrt(12.5) + math.sqrt(2)) / 2
    assert metrics.mean_absolute_error([1, 2], [2, 4]) == 1.5
    assert metrics.root_mean_squared_error([1e200], [-1e200]) == 2e200


@pytest.mark.parametrize("name", metrics.__all__)
def test_bad_input(name):
    metric = getattr(metrics, name)
    if name in ("SCORERS", "Scorer", "classes", "scorer"):
        return
    with pytest.raises(ValueError, match=r"y_true has shape \(3,\), y_pred \(3, 1\); expected one shape"):
        metric(np.ones(3), np.ones((3, 1)))
    with pytest.raises(ValueError, match="empty"):
        metric([], [])


def test_balanced_accuracy_is_of_one_class_a_sample():
    with pytest.raises(ValueError, match=r"y_true has shape \(2, 2\); balanced accuracy"):
        metrics.balanced_accuracy(np.eye(2), np.eye(2))


# ---- of networks ----


def fixed(outputs, loss="mean_squared_error"):
    """A network of one input that gives these outputs for the inputs 0, 1, 2, …"""
    outputs = np.asarray(outputs, float)
    n, k = outputs.shape

    class Fixed(NeuralNetwork):
        def predict(self, X):
            return outputs[np.asarray(X, int)[:, 0]]

    return Fixed([1, k], loss=loss, seed=1), np.arange(n)[:, None]


PROBABILITIES = [[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1]]


@pytest.mark.parametrize("loss", ["cross_entropy", "mean_squared_error"])
@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy"])
def test_the_largest_output_is_the_class(name, loss):
    network, X = fixed(PROBABILITIES, loss)
    labels = np.array([1, 0, 0, 1])
    expected = {"accuracy": 0.75, "balanced_accuracy": 0.75}[name]
    score = metrics.scorer(name)
    assert score(network, X, labels) == expected
    assert score(network, X, labels.tolist()) == expected
    assert score(network, X, np.eye(3)[labels]) == expected  # rows with a single 1


def test_probabilities_as_targets_of_cross_entropy():
    network, X = fixed(PROBABILITIES, "cross_entropy")
    assert metrics.scorer("accuracy")(network, X, np.array(PROBABILITIES)[[0, 2, 2, 0]]) == 0.75


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_one_output_answers_above_a_half(shape):
    network, X = fixed([[0.2], [0.5], [0.51], [3.0]], "binary_cross_entropy")
    assert metrics.scorer("accuracy")(network, X, np.reshape([0, 0, 1, 0], shape)) == 0.75
    assert metrics.scorer("balanced_accuracy")(network, X, np.reshape([0, 0, 0, 1], shape)) == pytest.approx(5 / 6)


def test_labels_of_their_own():
    """Rows of 0 and 1 with more or fewer than a single 1: a row is right where all of it is."""
    network, X = fixed([[0.9, 0.8], [0.2, 0.7], [0.2, 0.1]], "binary_cross_entropy")
    assert metrics.scorer("accuracy")(network, X, [[1, 1], [1, 1], [0, 0]]) == pytest.approx(2 / 3)


@pytest.mark.parametrize("y", [[0.5, 1, 0], [[0.2, 0.8], [1, 0], [0, 1]], [-1, 1, 1]])
def test_targets_that_are_no_classes(y):
    y = np.array(y)
    network, X = fixed(np.ones((3, 1 if y.ndim == 1 else 2)))
    with pytest.raises(ValueError, match=r"y reaches from .*; a score of classes expects 0 and 1, or labels"):
        metrics.scorer("accuracy")(network, X, y)


@pytest.mark.parametrize("name", [name for name in metrics.SCORERS if not name.endswith("accuracy")])
def test_numbers(name):
    """Of one output and of several, and of probabilities against labels; errors are negative, since more is better."""
    metric = getattr(metrics, name.removeprefix("neg_"))
    sign = -1 if name.startswith("neg_") else 1
    score = metrics.scorer(name)
    network, X = fixed(MATRIX_PREDICTIONS)
    assert score(network, X, MATRIX) == sign * metric(MATRIX, MATRIX_PREDICTIONS)
    network, X = fixed(PREDICTIONS[:, None])
    for y in (NUMBERS, NUMBERS[:, None], NUMBERS.tolist()):
        assert score(network, X, y) == sign * metric(NUMBERS, PREDICTIONS)
    network, X = fixed(PROBABILITIES, "cross_entropy")
    assert score(network, X, [1, 0, 0, 1]) == sign * metric(np.eye(3)[[1, 0, 0, 1]], np.array(PROBABILITIES))


def test_a_real_network():
    """One sample, a vector for one input, a sparse matrix."""
    network = NeuralNetwork([1, 3], loss="cross_entropy", seed=1)
    x = np.array([-2.0, 0.5, 3.0])
    expected = metrics.accuracy([0, 1, 2], network.predict(x[:, None]).argmax(axis=1))
    assert metrics.scorer("accuracy")(network, x, [0, 1, 2]) == expected
    assert metrics.scorer("accuracy")(network, x[:1], [network.predict(x[:1, None]).argmax()]) == 1
    sparse = pytest.importorskip("scipy.sparse")
    assert metrics.scorer("accuracy")(network, sparse.csr_array(x[:, None]), [0, 1, 2]) == expected


def test_names():
    given = lambda network, X, y: 1.0  # noqa: E731
    assert metrics.scorer(given) is given
    with pytest.raises(ValueError, match=r"unknown scorer 'acuracy'. Did you mean 'accuracy'\? Known: accuracy, bal"):
        metrics.scorer("acuracy")
    for wrong in (3, None, dict):
        with pytest.raises(TypeError, match="expected a name such as 'accuracy' or a callable"):
            metrics.scorer(wrong)
