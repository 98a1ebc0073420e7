"""The estimators beside scikit-learn's own: from one seed the same weights, splits, shuffles, curves and results."""

import re
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn import datasets, neural_network
from sklearn.preprocessing import StandardScaler

import scratchnn
from scratchnn.estimators.compatibility import SKLEARN

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


needs_weights = pytest.mark.skipif(SKLEARN < (1, 7), reason="scikit-learn's MLP has sample_weight since 1.7")


def digits():
    X, y = datasets.load_digits(return_X_y=True)
    return X[:500] / 16, y[:500]


def cancer():
    X, y = datasets.load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def labels():
    return datasets.make_multilabel_classification(200, random_state=0)


def words():
    X, y = digits()
    return X, np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])[y]


def diabetes():
    X, y = datasets.load_diabetes(return_X_y=True)
    return X * 10, y / 50


def several():
    return datasets.make_regression(100, 7, n_targets=3, random_state=0)


CLASSIFIERS = {
    "adam": (digits, {}),
    "adam, early stopping": (digits, {"early_stopping": True, "n_iter_no_change": 3}),
    "sgd, adaptive": (digits, {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.5, "tol": 1e-2}),
    "sgd, invscaling": (digits, {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5}),
    "sgd, no Nesterov": (digits, {"solver": "sgd", "nesterovs_momentum": False, "activation": "logistic"}),
    "sgd, no momentum": (digits, {"solver": "sgd", "momentum": 0, "activation": "tanh"}),
    "adam, other moments": (digits, {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3, "activation": "identity"}),
    "in order": (digits, {"shuffle": False, "batch_size": 37}),
    "deep, strong penalty": (digits, {"hidden_layer_sizes": (30, 20, 10), "alpha": 1.0}),
    "no hidden layer": (digits, {"hidden_layer_sizes": ()}),
    "one number": (digits, {"hidden_layer_sizes": 7, "activation": "logistic"}),
    "words": (words, {}),
    "binary": (cancer, {}),
    "binary, early stopping": (cancer, {"early_stopping": True, "activation": "tanh", "validation_fraction": 0.3}),
    "labels": (labels, {"hidden_layer_sizes": (20,)}),
    "labels, early stopping": (labels, {"early_stopping": True}),
}
REGRESSORS = {
    "adam": (diabetes, {}),
    "adam, early stopping": (diabetes, {"early_stopping": True, "learning_rate_init": 0.01}),
    "sgd, adaptive": (diabetes, {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.1}),
    "several outputs": (several, {"hidden_layer_sizes": (10, 5)}),
    "several outputs, early stopping": (several, {"early_stopping": True, "learning_rate_init": 0.05}),
    "poisson": (diabetes, {"loss": "poisson"}),
}
CASES = [
    *(pytest.param("MLPClassifier", *case, id=f"classifier, {name}") for name, case in CLASSIFIERS.items()),
    *(pytest.param("MLPRegressor", *case, id=f"regressor, {name}") for name, case in REGRESSORS.items()),
]


def both(name, data, settings, fit=lambda estimator, X, y: estimator.fit(X, y)):
    """(ours, scikit-learn's, X), fitted alike."""
    X, y = data()
    settings = {"random_state": 3, "max_iter": 40, **settings}
    if settings.get("loss") == "poisson" and SKLEARN < (1, 7):
        pytest.skip("scikit-learn's MLP has loss='poisson' since 1.7")
    return *(fit(getattr(module, name)(**settings), X, y) for module in (scratchnn, neural_network)), X


def assert_alike(ours, theirs, X):
    """Equal but for what rounding leaves after many steps, and for the loss of several outputs."""
    for name in ("coefs_", "intercepts_"):
        for a, b in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)
    for name in ("n_iter_", "n_layers_", "n_outputs_", "out_activation_", "t_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    mean_of_outputs = theirs.n_outputs_ > 1 and getattr(theirs, "loss", "") == "squared_error"
    if not mean_of_outputs:
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-10)
        assert ours.loss_ == ours.loss_curve_[-1]
    for name in ("best_loss_", "best_validation_score_", "validation_scores_"):
        a, b = getattr(ours, name), getattr(theirs, name)
        assert (a is None) == (b is None), name
        if a is not None and not (mean_of_outputs and name == "best_loss_"):
            np.testing.assert_allclose(a, b, rtol=1e-10)
    if hasattr(theirs, "classes_"):
        np.testing.assert_array_equal(ours.classes_, theirs.classes_)
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-9)
        assert ours.predict(X).dtype == theirs.predict(X).dtype
    else:
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(("name", "data", "settings"), CASES)
def test_the_same_numbers(name, data, settings):
    assert_alike(*both(name, data, settings))


@needs_weights
@pytest.mark.parametrize(("name", "data", "settings"), CASES)
def test_the_same_numbers_with_weights(name, data, settings):
    weights = np.random.default_rng(0).random(len(data()[1]))
    weights[::5] = 0
    assert_alike(*both(name, data, settings, lambda estimator, X, y: estimator.fit(X, y, sample_weight=weights)))


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize(("name", "data"), [("MLPClassifier", digits), ("MLPRegressor", diabetes)])
def test_the_same_numbers_from_partial_fit(name, data, solver):
    def fit(estimator, X, y):
        classes = {"classes": np.unique(y)} if name == "MLPClassifier" else {}
        for part in range(6):
            estimator.partial_fit(X[part::6], y[part::6], **(classes if part == 0 else {}))
        return estimator

    assert_alike(*both(name, data, {"solver": solver, "learning_rate": "invscaling"}, fit))


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu"])
def test_lbfgs_ends_as_well_as_scipys(name, activation):
    """Its steps are others after some iterations; the loss at the end is as small, and the curve is there."""
    data = cancer if name == "MLPClassifier" else diabetes
    settings = {"solver": "lbfgs", "activation": activation, "hidden_layer_sizes": (10,), "alpha": 0.5}
    ours, theirs, X = both(name, data, {**settings, "max_iter": 2000, "max_fun": 10000})
    assert ours.loss_ <= theirs.loss_ * 1.05
    assert ours.loss_ == ours.loss_curve_[-1] == ours.best_loss_ == min(ours.loss_curve_)
    assert len(ours.loss_curve_) == ours.n_iter_
    assert (np.diff(ours.loss_curve_) <= 0).all()
    assert ours.score(X, data()[1]) >= theirs.score(X, data()[1]) - 0.03


def test_lbfgs_begins_as_scipys():
    ours, theirs, _ = both("MLPClassifier", cancer, {"solver": "lbfgs", "activation": "tanh", "max_iter": 3})
    assert ours.n_iter_ == theirs.n_iter_ == 3
    for a, b in zip(ours.coefs_, theirs.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-9)


def test_float32_stays_float32_and_learns_as_well():
    X, y = digits()
    ours, theirs, X = both("MLPClassifier", lambda: (X.astype(np.float32), y), {"max_iter": 100})
    assert {a.dtype for a in (*ours.coefs_, *ours.intercepts_)} == {np.dtype(np.float32)}
    assert ours.predict_proba(X).dtype == theirs.predict_proba(X).dtype == np.float32
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-3)


def test_the_loss_of_several_outputs_is_the_one_whose_gradient_is_followed():
    """scikit-learn averages the squared error over outputs, and its gradient sums it."""
    ours, theirs, X = both("MLPRegressor", several, {"alpha": 0.0, "max_iter": 5})
    np.testing.assert_allclose(ours.loss_curve_, 3 * np.array(theirs.loss_curve_), rtol=1e-10)
    _, y = several()
    network = ours.network_
    difference = scratchnn.check_gradients(network, X[:5], y[:5])
    assert difference, str(difference)
    half = 0.5 * np.mean(np.sum((network.predict(X) - y) ** 2, axis=1))
    assert network.evaluate(X, y) == pytest.approx(half, rel=1e-12)


@pytest.mark.parametrize(
    "settings",
    [
        {"max_iter": 200, "tol": 0.05, "n_iter_no_change": 2},
        {"early_stopping": True, "tol": 0.1, "n_iter_no_change": 2},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1, "n_iter_no_change": 1, "max_iter": 100},
    ],
    ids=["loss", "score", "adaptive"],
)
def test_the_same_lines_are_printed(settings, capsys):
    lines = []
    for module in (scratchnn, neural_network):
        X, y = digits()
        module.MLPClassifier(random_state=1, verbose=True, **settings).fit(X, y)
        lines.append(re.sub(r"\d{4}$", "", capsys.readouterr().out, flags=re.MULTILINE))  # digits that rounding moves
    assert lines[0] == lines[1]
    assert "consecutive epochs" in lines[0]


@pytest.mark.parametrize(
    ("settings", "number"),
    [({"batch_size": 1000, "max_iter": 2}, 2), ({"solver": "lbfgs", "max_iter": 2}, 1), ({"tol": 10.0}, 0)],
    ids=str,
)
def test_the_same_warnings(settings, number):
    messages = []
    for module in (scratchnn, neural_network):
        X, y = digits()
        with warnings.catch_warnings(record=True) as record:
            warnings.simplefilter("always")
            module.MLPClassifier(random_state=1, **settings).fit(X, y)
        messages.append([(warning.category, str(warning.message)) for warning in record])
    assert len(messages[0]) == number
    if SKLEARN >= (1, 8) or settings.get("solver") != "lbfgs":  # it was worded otherwise before
        assert messages[0] == messages[1]
