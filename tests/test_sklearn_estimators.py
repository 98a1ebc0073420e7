"""The estimators among scikit-learn's tools, and where they go beyond its own."""

import inspect
import pickle
import re
import signal
import sys
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

import sklearn
from scipy import sparse
from sklearn import datasets, neural_network
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, StackingClassifier, VotingRegressor
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

import scratchnn
from scratchnn import MLPClassifier, MLPRegressor
from scratchnn.estimators.compatibility import SKLEARN

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def iris():
    X, y = datasets.load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def numbers():
    X, y = datasets.make_regression(120, 5, noise=5, random_state=0)
    return X, y / 50


def parameters(estimator):
    return {name: array.tobytes() for name, array in estimator.network_.get_state()[1].items()}


# ---- scikit-learn's own checks ----


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [MLPClassifier(max_iter=100), MLPClassifier(solver="sgd"), MLPRegressor(max_iter=100), MLPRegressor(solver="sgd")]
)
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.mark.skipif(SKLEARN < (1, 6), reason="check_estimator returns what it found since scikit-learn 1.6")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", [MLPClassifier(max_iter=20), MLPRegressor(max_iter=20)], ids=repr)
def test_no_check_is_excepted(estimator):
    results = check_estimator(estimator, on_skip=None)
    assert {result["status"] for result in results} <= {"passed", "skipped"}
    skipped = {result["check_name"] for result in results if result["status"] == "skipped"}
    optional = {"check_array_api_input", "check_classifiers_multilabel_output_format_decision_function"}
    assert skipped <= optional


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_every_parameter_is_there_in_its_order_with_its_default(name):
    theirs = inspect.signature(getattr(neural_network, name)).parameters
    ours = inspect.signature(getattr(scratchnn, name)).parameters
    if SKLEARN < (1, 7):
        ours = {key: value for key, value in ours.items() if key != "loss"}
    shared = [key for key in ours if key in theirs]
    assert shared == list(theirs)
    assert list(ours)[: len(shared)] == shared, "what is new comes last"
    for key in shared:
        assert (ours[key].default, ours[key].kind) == (theirs[key].default, theirs[key].kind), key


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_every_attribute_and_method_is_there(name):
    X, y = iris()
    fitted = [getattr(module, name)(max_iter=2).fit(X, y) for module in (scratchnn, neural_network)]
    ours, theirs = ({attribute for attribute in dir(model) if not attribute.startswith("_")} for model in fitted)
    assert theirs <= ours


def test_docstrings_are_whole():
    for cls in (MLPClassifier, MLPRegressor):
        assert "{" not in cls.__doc__.replace("{array", "").split("Parameters")[0]
        for name in inspect.signature(cls).parameters:
            assert f"{name} :" in cls.__doc__ or f"{name}, beta_2 :" in cls.__doc__ or f", {name} :" in cls.__doc__


# ---- its tools ----


def test_search_pipeline_and_cross_validation():
    X, y = iris()
    search = GridSearchCV(
        make_pipeline(StandardScaler(), MLPClassifier(random_state=0, max_iter=50)),
        {"mlpclassifier__hidden_layer_sizes": [(5,), (30,)], "mlpclassifier__alpha": [0, 1e-2]},
        cv=3,
    ).fit(X, y)
    assert search.best_score_ > 0.8
    assert cross_val_score(MLPRegressor(random_state=0, max_iter=300), *numbers()).mean() > 0.5


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_joblib(backend):
    joblib = pytest.importorskip("joblib")
    X, y = iris()
    model = MLPClassifier(random_state=0, max_iter=20)
    alone = cross_val_score(model, X, y, cv=3)
    with joblib.parallel_backend(backend, n_jobs=2):
        together = cross_val_score(model, X, y, cv=3)
    np.testing.assert_array_equal(alone, together)


def test_ensembles():
    X, y = iris()
    model = MLPClassifier(random_state=0, max_iter=60)
    assert BaggingClassifier(model, 3, random_state=0).fit(X, y).score(X, y) > 0.8
    stack = StackingClassifier([("mlp", model), ("logistic", LogisticRegression())], cv=3).fit(X, y)
    assert stack.score(X, y) > 0.9
    assert CalibratedClassifierCV(model, cv=3).fit(X, y).predict_proba(X).shape == (150, 3)
    assert MultiOutputClassifier(model).fit(X, np.c_[y, y > 1]).predict(X).shape == (150, 2)
    Xn, yn = numbers()
    regressor = MLPRegressor(random_state=0, max_iter=300)
    assert BaggingRegressor(regressor, 3, random_state=0).fit(Xn, yn).score(Xn, yn) > 0.5
    assert VotingRegressor([("one", regressor), ("two", regressor)]).fit(Xn, yn).score(Xn, yn) > 0.5
    importance = permutation_importance(regressor.fit(Xn, yn), Xn, yn, n_repeats=3, random_state=0)
    assert importance.importances_mean.max() > 0.1


def test_metadata_routing():
    X, y = iris()
    weights = np.ones(len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        model = make_pipeline(scaler, MLPClassifier(max_iter=5).set_fit_request(sample_weight=True))
        model.fit(X, y, sample_weight=weights)
        assert MLPClassifier().set_partial_fit_request(sample_weight=True, classes=True) is not None


def test_clone_and_pickle():
    X, y = iris()
    model = MLPClassifier(random_state=0, max_iter=20, class_weight={0: 2.0}, early_stopping=True).fit(X, y)
    assert clone(model).get_params() == model.get_params()
    assert not hasattr(clone(model), "coefs_")
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    assert copy.loss_curve_ == model.loss_curve_
    copy.coefs_[0][:] = 0
    assert not np.array_equal(copy.predict_proba(X), model.predict_proba(X)), "coefs_ are views of the copy's network"


def test_coefs_can_be_assigned():
    X, y = iris()
    model, other = (MLPClassifier(random_state=seed, max_iter=5).fit(X, y) for seed in (0, 1))
    other.coefs_, other.intercepts_ = model.coefs_, model.intercepts_
    np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X))
    with pytest.raises(ValueError, match="shape"):
        other.coefs_ = [np.zeros((4, 3)), np.zeros((3, 3))]


# ---- data of every kind ----


@pytest.mark.parametrize("kind", ["csr_matrix", "csc_matrix", "coo_matrix", "csr_array"])
@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"shuffle": False}], ids=str)
def test_sparse_input_gives_the_bits_of_dense_input(kind, settings):
    X, y = iris()
    X[X < 0] = 0
    matrix = getattr(sparse, kind)(X)
    dense, thin = (MLPClassifier(random_state=0, max_iter=10, **settings).fit(x, y) for x in (X, matrix))
    assert parameters(dense) == parameters(thin)
    np.testing.assert_array_equal(dense.predict_proba(X), thin.predict_proba(matrix))
    np.testing.assert_array_equal(thin.predict(matrix.tocsr()[:1]), dense.predict(X[:1]))


def test_a_sparse_matrix_with_repeated_elements():
    matrix = sparse.csr_matrix((np.ones(4), [0, 0, 1, 2], [0, 2, 4]), shape=(2, 3))
    network = scratchnn.NeuralNetwork([3, 2], seed=0)
    np.testing.assert_array_equal(network.predict(matrix), network.predict(matrix.toarray()))
    assert matrix.nnz == 4, "the caller's matrix stays as it is"


def test_broken_sparse_matrices_are_refused():
    network = scratchnn.NeuralNetwork([3, 2], seed=0)
    good = sparse.csr_matrix(np.eye(3))
    for change, message in (
        (lambda m: m.indices.__setitem__(0, 7), "column 7"),
        (lambda m: m.indices.__setitem__(0, -1), "column -1"),
        (lambda m: m.indptr.__setitem__(1, 9), "ascending order"),
        (lambda m: m.data.__setitem__(1, np.nan), r"x\[1, 1\] is nan"),
    ):
        broken = good.copy()
        change(broken)
        with pytest.raises(ValueError, match=message):
            network.predict(broken)
    with pytest.raises(ValueError, match=r"\(3, 4\)"):
        network.predict(sparse.csr_matrix((3, 4)))


def test_frames_and_names_of_columns():
    pandas = pytest.importorskip("pandas")
    X, y = iris()
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = MLPClassifier(random_state=0, max_iter=20).fit(frame, pandas.Series(y))
    assert list(model.feature_names_in_) == list("abcd")
    np.testing.assert_array_equal(
        model.predict_proba(frame), MLPClassifier(random_state=0, max_iter=20).fit(X, y).predict_proba(X)
    )
    with pytest.warns(UserWarning, match="valid feature names"):
        model.predict(X)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename(columns={"a": "z"}))


def test_polars():
    polars = pytest.importorskip("polars")
    X, y = iris()
    frame = polars.DataFrame(X, schema=list("abcd"))
    model = MLPClassifier(random_state=0, max_iter=20).fit(frame, y)
    assert list(model.feature_names_in_) == list("abcd")
    assert model.predict(frame).shape == (150,)


# ---- beyond ----


def test_class_weights_are_weights_of_samples():
    X, y = iris()
    weights = np.array([1.0, 3.0, 0.5])
    one = MLPClassifier(random_state=0, max_iter=20, class_weight=dict(enumerate(weights))).fit(X, y)
    two = MLPClassifier(random_state=0, max_iter=20).fit(X, y, sample_weight=weights[y])
    assert parameters(one) == parameters(two)
    three = MLPClassifier(random_state=0, max_iter=20, class_weight={1: 2.0}).fit(X, y, sample_weight=np.full(150, 0.5))
    four = MLPClassifier(random_state=0, max_iter=20).fit(X, y, sample_weight=np.where(y == 1, 1.0, 0.5))
    assert parameters(three) == parameters(four)


def test_balanced_classes():
    X, y = datasets.make_classification(600, weights=[0.95], class_sep=0.5, random_state=0)
    plain, balanced = (
        MLPClassifier(random_state=0, max_iter=50, class_weight=weight).fit(X, y) for weight in (None, "balanced")
    )
    found = [np.mean(model.predict(X)[y == 1] == 1) for model in (plain, balanced)]
    assert found[1] > found[0] + 0.2
    counts = np.bincount(y)
    weighted = MLPClassifier(random_state=0, max_iter=50).fit(X, y, sample_weight=(600 / (2 * counts))[y])
    assert parameters(balanced) == parameters(weighted)


def test_balanced_classes_so_far_in_partial_fit():
    X, y = iris()
    model = MLPClassifier(random_state=0, class_weight="balanced")
    same = MLPClassifier(random_state=0)
    order = np.random.default_rng(0).permutation(150)
    seen = np.zeros(3)
    for rows in np.array_split(order, 4):
        seen += np.bincount(y[rows], minlength=3)
        weights = seen.sum() / (np.count_nonzero(seen) * seen[y[rows]])
        model.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
        same.partial_fit(X[rows], y[rows], sample_weight=weights, classes=[0, 1, 2])
    assert parameters(model) == parameters(same)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"solver": "sgd", "learning_rate": "invscaling"},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1},
        {"normalization": "batch", "dropout": 0.2, "input_noise": 0.1, "scale_inputs": "minmax"},
    ],
    ids=str,
)
def test_ten_epochs_and_ten_more_are_twenty(settings):
    X, y = iris()
    settings = {"random_state": 0, "n_iter_no_change": 3, **settings}
    whole = MLPClassifier(max_iter=20, **settings).fit(X, y)
    parts = MLPClassifier(max_iter=10, warm_start=True, **settings).fit(X, y)
    parts = pickle.loads(pickle.dumps(parts)).fit(X, y)
    assert parameters(whole) == parameters(parts)
    assert whole.loss_curve_ == parts.loss_curve_


def test_warm_start_keeps_the_validation_data_apart():
    X, y = iris()
    model = MLPClassifier(random_state=0, max_iter=5, warm_start=True, early_stopping=True).fit(X, y)
    first = model._draws.parts
    model.fit(X, y)
    for before, after in zip(first, model._draws.parts, strict=True):
        np.testing.assert_array_equal(before, after)
    assert len(model.validation_scores_) == 10


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_layer_sizes", (6,)),
        ("activation", "tanh"),
        ("loss", "huber(1.0)"),
        ("normalization", ["layer"]),
        ("scale_inputs", (np.zeros(5), np.ones(5))),
        ("scale_targets", "standard"),
        ("bounds", (-100, None)),
        ("output_activation", "softplus"),
    ],
)
def test_warm_start_cannot_change_the_network(name, value):
    X, y = numbers()
    model = MLPRegressor(hidden_layer_sizes=[5], max_iter=2, warm_start=True, random_state=0).fit(X, y)
    before, old = parameters(model), getattr(model, name)
    with pytest.raises(ValueError, match=f"{name} is .*, the fitted network has .*; a fit that goes on cannot change"):
        model.set_params(**{name: value}).fit(X, y)
    assert parameters(model) == before
    model.set_params(**{name: old}, dropout=0.5, alpha=1.0, n_threads=1).fit(X, y)
    assert model.t_ == 4 * len(X)
    assert model.network_.layers[0].dropout == 0.5
    fresh = MLPRegressor(
        hidden_layer_sizes=[5], max_iter=2, random_state=0, **({} if name == "hidden_layer_sizes" else {name: value})
    )
    assert fresh.fit(X, y).predict(X).shape == y.shape


# ---- what the network is made of ----


def test_scaling_within_is_scaling_before():
    X, y = datasets.load_breast_cancer(return_X_y=True)
    settings = {"max_iter": 20, "random_state": 0}
    within = MLPClassifier(scale_inputs="standard", **settings).fit(X, y)
    before = make_pipeline(StandardScaler(), MLPClassifier(**settings)).fit(X, y)
    np.testing.assert_allclose(within.loss_curve_, before[-1].loss_curve_, rtol=1e-10)
    np.testing.assert_allclose(within.predict_proba(X), before.predict_proba(X), rtol=1e-9)


def test_scaling_of_targets_within_is_scaling_before():
    X, y = numbers()
    y = 1000 * np.c_[y, 3 - y]
    settings = {"max_iter": 20, "random_state": 0}
    within = MLPRegressor(scale_targets="standard", **settings).fit(X, y)
    before = TransformedTargetRegressor(MLPRegressor(**settings), transformer=StandardScaler()).fit(X, y)
    np.testing.assert_allclose(within.predict(X), before.predict(X), rtol=1e-9)
    watched = MLPRegressor(scale_targets="standard", early_stopping=True, **settings).fit(X, y)
    held_out = watched._draws.parts[1]
    best = max(watched.validation_scores_)
    assert watched.score(X[held_out], y[held_out]) == pytest.approx(best), "scores are in the units of the data"


def test_scaling_is_measured_once():
    X, y = numbers()
    model = MLPRegressor(scale_inputs="minmax", random_state=0).partial_fit(X[:60], y[:60])
    shift, scale = model.network_.input_scaling
    np.testing.assert_allclose(shift, X[:60].min(axis=0))
    np.testing.assert_allclose(1 / scale, np.ptp(X[:60], axis=0))
    model.partial_fit(X[60:], y[60:])
    np.testing.assert_array_equal(model.network_.input_scaling[0], shift)
    given = MLPRegressor(scale_inputs=[shift, scale], random_state=0).partial_fit(X[:60], y[:60])
    assert given.network_.layers[0].weights.tobytes() != model.network_.layers[0].weights.tobytes()
    assert given.partial_fit(X[60:], y[60:]).predict(X).tobytes() == model.predict(X).tobytes()


def test_bounds_and_output_activations():
    X, y = numbers()
    for bounds, name in (
        ((y.min(), y.max()), "logistic"),
        ([y.min(), None], "softplus"),
        ((None, y.max()), "softplus"),
    ):
        model = MLPRegressor(bounds=bounds, random_state=0).fit(X, y)
        low, high = (-np.inf if bounds[0] is None else bounds[0]), (np.inf if bounds[1] is None else bounds[1])
        far = model.predict(1e6 * X)
        assert low < far.min() <= far.max() < high
        assert model.out_activation_ == name
        assert model.score(X, y) > 0.5
    with pytest.raises(ValueError, match=r"y\[\d+, 0\] is .*; the network's bounds are 0 and 1"):
        MLPRegressor(bounds=(0, 1)).fit(X, y)
    assert MLPRegressor(output_activation="softplus", max_iter=2).fit(X, y).predict(X).min() > 0
    assert MLPRegressor(output_activation="logistic", max_iter=2).fit(X, y).out_activation_ == "logistic"
    with pytest.raises(ValueError, match=r"'output_activation' parameter of MLPRegressor is 'softpls'.*'softplus'"):
        MLPRegressor(output_activation="softpls").fit(X, y)
    with pytest.raises(ValueError, match="needs the output activation 'exp'; 'relu' was given"):
        MLPRegressor("poisson", output_activation="relu").fit(X, np.abs(y))


def test_normalization_and_noise():
    X, y = iris()
    settings = {"hidden_layer_sizes": (30, 20), "random_state": 0, "learning_rate_init": 0.01}
    made = {
        "normalization": ["batch", "layer"],
        "dropout": [0.1, 0.2],
        "input_dropout": 0.05,
        "input_noise": 0.1,
    }
    model = MLPClassifier(**settings, **made).fit(X, y)
    assert model.score(X, y) > 0.9
    layers = model.network_.layers
    assert [(layer.normalization, layer.dropout) for layer in layers] == [("batch", 0.1), ("layer", 0.2), (None, 0.0)]
    assert (model.network_.input_dropout, model.network_.input_noise) == (0.05, 0.1)
    assert [biases.shape for biases in model.intercepts_] == [(30,), (20,), (3,)]
    probabilities = model.predict_proba(X)
    model.intercepts_ = [np.array(biases) for biases in model.intercepts_]
    assert model.predict_proba(X).tobytes() == probabilities.tobytes()
    assert parameters(MLPClassifier(**settings, **made, n_threads=1).fit(X, y)) == parameters(model)
    other = MLPClassifier(**{**settings, "random_state": 1}, **made).fit(X, y)
    assert other.network_.seed != model.network_.seed, "what is dropped goes by random_state"
    for wrong, message in (
        ({"normalization": "bach"}, "Did you mean 'batch'"),
        ({"dropout": [0.1]}, "dropout has 1 rates; expected one for each of 2"),
        ({"dropout": 1.0}, "'dropout' parameter of MLPClassifier must be a float in the range"),
        ({"input_noise": -1}, "'input_noise' parameter of MLPClassifier must be a float in the range"),
        ({"scale_inputs": "std"}, "Did you mean 'standard'"),
        ({"dropout": 0.1, "solver": "lbfgs"}, "lbfgs minimises one function"),
        ({"normalization": "batch", "batch_size": 149}, "leave one alone"),
    ):
        with pytest.raises(ValueError, match=message):
            MLPClassifier(**{**settings, **wrong}).fit(X, y)


def test_losses_of_classes():
    X, y = iris()
    for loss in ("log_loss(0.1)", "focal", "focal(1.5)", scratchnn.losses.Focal(1.0)):
        assert MLPClassifier(random_state=0, max_iter=100, loss=loss).fit(X, y).score(X, y) > 0.9
        two = loss if isinstance(loss, str) else scratchnn.losses.BinaryFocal(1.0)
        model = MLPClassifier(random_state=0, max_iter=100, loss=two).fit(X, y == 2)
        assert model.score(X, y == 2) > 0.9
        assert model.network_.loss.startswith(("summed_binary_cross_entropy(0.1)", "binary_focal"))
    labels = np.c_[y == 0, y > 0].astype(int)
    assert MLPClassifier(random_state=0, max_iter=100, loss="focal").fit(X, labels).score(X, labels) > 0.9


def test_losses_of_numbers():
    X, y = numbers()
    for loss in ("absolute_error", "huber(0.5)", "quantile", scratchnn.losses.Huber(2.0)):
        model = MLPRegressor(loss, random_state=0, max_iter=500).fit(X, y)
        assert model.score(X, y) > 0.8, loss
    model = MLPRegressor(lambda y, a: (0.5 * (a - y)[:, 0] ** 2, a - y), random_state=0, max_iter=500).fit(X, y)
    same = MLPRegressor(random_state=0, max_iter=500).fit(X, y)
    np.testing.assert_allclose(model.predict(X), same.predict(X), rtol=1e-6, atol=1e-9)
    targets = np.c_[y, -y]
    model = MLPRegressor("gaussian", random_state=0, max_iter=500).fit(X, targets)
    assert model.score(X, targets) > 0.8
    assert model.predict(X).shape == (120, 2)
    assert model.predict_all(X).shape == (120, 2, 2)
    np.testing.assert_array_equal(model.predict_all(X)[:, :, 0], model.predict(X))
    lower, upper = model.predict_interval(X[:3], 0.5)
    assert lower.shape == upper.shape == (3, 2)


def test_quantiles():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (2000, 1))
    y = X[:, 0] + rng.standard_normal(2000) * (0.1 + 0.3 * (X[:, 0] > 0))
    settings = {"random_state": 0, "max_iter": 100, "hidden_layer_sizes": (30,), "learning_rate_init": 0.01}
    model = MLPRegressor("quantile(0.05, 0.5, 0.95)", **settings).fit(X, y)
    lower, upper = model.predict_interval(X)
    assert np.mean((lower <= y) & (y <= upper)) == pytest.approx(0.9, abs=0.04)
    quantiles = model.predict_all(X)
    assert (np.diff(quantiles) >= 0).all(), "they never cross"
    np.testing.assert_array_equal(model.predict(X), quantiles[:, 1])
    assert np.mean(upper - lower, where=X[:, 0] > 0) > 2 * np.mean(upper - lower, where=X[:, 0] < 0)
    with pytest.raises(ValueError, match=r"needs the levels 0.25 and 0.75; the network has 0.05, 0.5, 0.95"):
        model.predict_interval(X, 0.5)


def test_unknown_losses_name_the_nearest():
    X, y = iris()
    with pytest.raises(ValueError, match="Did you mean 'focal'"):
        MLPClassifier(loss="focall").fit(X, y)
    with pytest.raises(ValueError, match="need one with softmax"):
        MLPClassifier(loss=scratchnn.losses.BinaryFocal()).fit(X, y)
    with pytest.raises(ValueError, match="Did you mean 'squared_error'"):
        MLPRegressor("squared_eror").fit(X, y)
    with pytest.raises(ValueError, match="a loss of classes"):
        MLPRegressor("cross_entropy").fit(X, y)
    with pytest.raises(ValueError, match="delta"):
        MLPRegressor("huber(-1)").fit(X, y)


def test_validation_data_of_ones_own():
    X, y = iris()
    apart = np.arange(150) % 3 == 0
    held_out = X[apart], y[apart]
    model = MLPClassifier(random_state=0, max_iter=12).fit(X[~apart], y[~apart], validation_data=held_out)
    plain = MLPClassifier(random_state=0, max_iter=12).fit(X[~apart], y[~apart])
    assert parameters(model) == parameters(plain), "they are watched, and change nothing"
    assert model.validation_scores_[-1] == model.score(*held_out)
    assert model.validation_loss_curve_[-1] == model.network_.evaluate(*held_out)
    stopping = MLPClassifier(random_state=0, max_iter=500, early_stopping=True, n_iter_no_change=5)
    stopping.fit(X[~apart], y[~apart], validation_data=held_out)
    assert stopping.n_iter_ < 500
    assert stopping.score(*held_out) == stopping.best_validation_score_ == max(stopping.validation_scores_)
    weights = np.where(held_out[1] == 0, 0.0, 1.0)
    model.fit(X[~apart], y[~apart], validation_data=(*held_out, weights))
    assert model.validation_scores_[-1] == model.score(*held_out, sample_weight=weights)
    with pytest.raises(ValueError, match=r"classes \[7\] that y has not"):
        model.fit(X, y, validation_data=(X[:2], [7, 0]))
    with pytest.raises(ValueError, match="features"):
        model.fit(X, y, validation_data=(X[:2, :2], y[:2]))


@pytest.mark.parametrize("scoring", ["neg_log_loss", "f1_macro", "loss", lambda model, X, y: -np.ptp(model.predict(X))])
def test_stopping_on_any_score(scoring):
    X, y = iris()
    model = MLPClassifier(random_state=0, max_iter=300, early_stopping=True, n_iter_no_change=3, scoring=scoring)
    model.fit(X, y)
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert len(model.validation_loss_curve_) == len(model.validation_scores_) == len(model.loss_curve_)
    if scoring == "loss":
        np.testing.assert_array_equal(model.validation_scores_, np.negative(model.validation_loss_curve_))
    with pytest.raises(ValueError, match="f1_macr"):
        model.set_params(scoring="f1_macr").fit(X, y)


def test_regularization_in_place_of_alpha():
    X, y = iris()
    same = scratchnn.Regularization(l2=0.5, per_sample=True)
    one = MLPClassifier(random_state=0, max_iter=10, alpha=0.5).fit(X, y)
    two = MLPClassifier(random_state=0, max_iter=10, regularization=same).fit(X, y)
    assert parameters(one) == parameters(two)
    bound = scratchnn.Regularization(max_norm=0.5)
    model = MLPClassifier(random_state=0, max_iter=10, regularization=bound).fit(X, y)
    assert max(np.linalg.norm(weights, axis=0).max() for weights in model.coefs_) <= 0.5 + 1e-12
    assert clone(model).regularization == bound


def test_every_activation_and_one_for_each_layer():
    X, y = iris()
    for name in scratchnn.core.activations.names():
        MLPClassifier(activation=name, max_iter=2, hidden_layer_sizes=(4,)).fit(X, y)
    model = MLPClassifier(activation=["leaky_relu(0.2)", "gelu"], hidden_layer_sizes=(6, 4), max_iter=2).fit(X, y)
    assert [layer.activation for layer in model.network_.layers] == ["leaky_relu(0.2)", "gelu", "softmax"]


def test_the_network_inside_can_be_saved(tmp_path):
    X, y = iris()
    model = MLPClassifier(random_state=0, max_iter=20).fit(X, y)
    model.network_.save(tmp_path / "iris.snn")
    np.testing.assert_array_equal(scratchnn.load(tmp_path / "iris.snn").predict(X), model.predict_proba(X))


def test_threads_change_no_bit():
    X, y = datasets.load_digits(return_X_y=True)
    one, two = (MLPClassifier(random_state=0, max_iter=5, n_threads=n).fit(X, y) for n in (1, 2))
    assert parameters(one) == parameters(two)


def test_schedules_change_the_rate_step_by_step():
    X, y = iris()
    model = MLPClassifier(random_state=0, max_iter=5, schedule="cosine(5)").fit(X, y)
    rates = model.network_.history.learning_rate
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 5 * rates[-1]
    two = MLPClassifier(random_state=0, max_iter=2, warm_start=True, schedule="cosine(5)").fit(X, y)
    assert parameters(two.set_params(max_iter=3).fit(X, y)) == parameters(model)


def test_callbacks_of_this_package():
    X, y = iris()
    seen = []
    MLPClassifier(max_iter=3, callbacks=lambda network, epoch, history: seen.append((epoch, history.loss[-1]))).fit(
        X, y
    )
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    model = MLPClassifier(callbacks=[lambda network, epoch, history: epoch == 2]).fit(X, y)
    assert model.n_iter_ == 2

    class Steps(scratchnn.callbacks.Callback):
        def on_batch_end(self, network, step, loss):
            seen.append(step)

    seen.clear()
    MLPClassifier(max_iter=2, batch_size=50, callbacks=Steps()).fit(X, y)
    assert seen == [1, 2, 3, 4, 5, 6]


def test_a_budget_of_seconds():
    X, y = datasets.load_digits(return_X_y=True)
    model = MLPClassifier(max_iter=10**6, tol=0, n_iter_no_change=10**6, max_seconds=0.05).fit(X, y)
    assert model.n_iter_ < 10**5
    assert model.network_.history.stopped == "max_seconds"


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_budget_of_steps_goes_on_in_the_midst_of_an_epoch(solver, shuffle):
    X, y = iris()
    settings = {"solver": solver, "shuffle": shuffle, "batch_size": 40, "random_state": 0, "n_iter_no_change": 99}
    whole = MLPClassifier(max_iter=10, **settings).fit(X, y)
    parts = MLPClassifier(max_iter=10, warm_start=True, max_steps=7, **settings).fit(X, y)
    assert (parts.network_.history.stopped, parts.n_iter_) == ("max_steps", 1)
    parts = pickle.loads(pickle.dumps(parts)).set_params(max_steps=None, max_iter=9).fit(X, y)
    assert parts.loss_curve_ == whole.loss_curve_
    assert parameters(parts) == parameters(whole)


def test_partial_fit_begins_an_epoch():
    X, y = iris()
    settings = {"batch_size": 40, "random_state": 0}
    model = MLPClassifier(warm_start=True, max_steps=2, **settings).fit(X, y)
    before = model.network_.history.epochs
    assert model.network_._unfinished is not None
    model.set_params(max_steps=None).partial_fit(X, y)
    assert model.network_.history.epochs == before + 1
    assert model.network_._steps == 2 + 4


def test_a_restored_network_begins_an_epoch():
    X, y = iris()
    model = MLPClassifier(early_stopping=True, batch_size=40, warm_start=True, max_steps=9, random_state=0).fit(X, y)
    assert model.network_._unfinished is None
    assert model.network_.evaluate(*[part[model._draws.parts[1]] for part in (X, y)]) == pytest.approx(
        model.validation_loss_curve_[int(np.argmax(model.validation_scores_))]
    )


def test_mistakes_are_warned_of_where_asked_for():
    X, y = datasets.load_breast_cancer(return_X_y=True)
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        MLPClassifier(max_iter=20, diagnose=True).fit(X, y)
    found = [str(warning.message) for warning in record if warning.category is scratchnn.TrainingWarning]
    assert [message for message in found if message.startswith("large inputs: inputs reach")]


def test_mistakes_are_warned_of_where_a_fit_diverges():
    X, y = numbers()
    model = MLPRegressor(solver="sgd", learning_rate_init=1e3, diagnose=True, random_state=0)
    with pytest.warns(scratchnn.TrainingWarning) as record, pytest.raises(ValueError, match="non-finite"):
        model.fit(100 * X, y)
    assert any(str(warning.message).startswith("large inputs") for warning in record)


class Recorder:
    """A callback of scikit-learn's protocol that stops at an epoch."""

    def __init__(self, last):
        self.last, self.calls, self.scores = last, [], []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None):
        self.calls.append(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.calls.append(f"end {context.task_name} {context.task_id}")
        self.scores.append(fitted_estimator.score(X, y))
        return context.task_name == "epoch" and context.task_id == self.last


@pytest.mark.skipif(SKLEARN < (1, 9), reason="scikit-learn has callbacks since 1.9")
def test_callbacks_of_scikit_learn():
    X, y = iris()
    recorder = Recorder(last=1)
    model = MLPClassifier(random_state=0).set_callbacks(recorder).fit(X, y)
    epochs = ["begin epoch 0", "end epoch 0", "begin epoch 1", "end epoch 1"]
    assert recorder.calls == ["setup", "begin fit 0", *epochs, "end fit 0", "teardown"]
    assert model.n_iter_ == 2
    assert recorder.scores[0] == MLPClassifier(random_state=0, max_iter=1).fit(X, y).score(X, y)
    assert recorder.scores[-1] == model.score(X, y)


@pytest.mark.skipif(SKLEARN < (1, 9), reason="scikit-learn has callbacks since 1.9")
def test_a_callback_that_raises_is_torn_down():
    X, y = iris()
    recorder = Recorder(last=None)
    recorder.on_fit_task_end = lambda estimator, context: 1 / 0
    with pytest.raises(ZeroDivisionError):
        MLPClassifier(random_state=0).set_callbacks(recorder).fit(X, y)
    assert recorder.calls[-1] == "teardown"


# ---- when something is wrong ----


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer of the system")
def test_ctrl_c_ends_a_fit_with_a_warning():
    X, y = datasets.load_digits(return_X_y=True)
    model = MLPClassifier(max_iter=10**6, tol=0, n_iter_no_change=10**6, hidden_layer_sizes=(300,))
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.warns(UserWarning, match="Training interrupted by user"):
            model.fit(X, y)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert model.predict(X).shape == y.shape
    assert 0 < model.n_iter_ == len(model.loss_curve_)


def test_divergence():
    X, y = numbers()
    message = "Solver produced non-finite parameter weights"
    for module in (scratchnn, neural_network):
        with np.errstate(all="ignore"), pytest.raises(ValueError, match=message):
            module.MLPRegressor(solver="sgd", learning_rate_init=1e10, max_iter=50).fit(X * 1e10, y)


REFUSED = [
    {"hidden_layer_sizes": -1},
    {"hidden_layer_sizes": (5, 0)},
    {"hidden_layer_sizes": "a"},
    {"activation": "ghost"},
    {"activation": 3},
    {"solver": "newton"},
    {"alpha": -1},
    {"batch_size": 0},
    {"learning_rate": "ghost"},
    {"learning_rate_init": 0},
    {"power_t": -1},
    {"max_iter": 0},
    {"max_iter": 1.5},
    {"shuffle": "yes"},
    {"random_state": "seed"},
    {"tol": -1e-3},
    {"momentum": 1.5},
    {"nesterovs_momentum": "no"},
    {"early_stopping": 1.5},
    {"validation_fraction": 1},
    {"validation_fraction": -0.1},
    {"beta_1": 1},
    {"beta_2": -0.5},
    {"epsilon": 0},
    {"n_iter_no_change": 0},
    {"max_fun": 0},
]
if SKLEARN >= (1, 6):
    REFUSED.append({"early_stopping": True, "validation_fraction": 1e-3})


@pytest.mark.parametrize("settings", REFUSED, ids=str)
def test_what_scikit_learn_refuses_is_refused_with_its_exception(settings):
    X, y = iris()
    raised = []
    for module in (scratchnn, neural_network):
        with pytest.raises(Exception) as info:  # noqa: PT011
            module.MLPClassifier(**settings).fit(X, y)
        raised.append(info.value)
    ours, theirs = raised
    assert type(ours) is type(theirs)
    if "activation" not in settings:  # of which there are more here
        words = [sorted(re.findall(r"[\w.]+", str(error))) for error in raised]
        assert words[0] == words[1]  # what may be given is listed in any order


DATA = [
    (np.full((10, 2), np.nan), np.arange(10) % 2),
    (np.full((10, 2), np.inf), np.arange(10) % 2),
    (np.ones((10, 2)), np.arange(9) % 2),
    (np.ones(10), np.arange(10) % 2),
    (np.ones((0, 2)), np.ones(0)),
    (np.ones((10, 0)), np.arange(10) % 2),
    (np.ones((10, 2)), np.full(10, np.nan)),
    (np.ones((10, 2)), np.linspace(0, 1, 10)),
    (np.ones((10, 2)), np.ones((10, 2, 2))),
    ([["a", "b"]] * 10, np.arange(10) % 2),
    (np.ones((10, 2)) * 1j, np.arange(10) % 2),
]


@pytest.mark.parametrize("index", range(len(DATA)))
def test_data_that_scikit_learn_refuses_are_refused_with_its_exception(index):
    raised = []
    for module in (scratchnn, neural_network):
        with pytest.raises(Exception) as info:  # noqa: PT011
            module.MLPClassifier().fit(*DATA[index])
        raised.append((type(info.value), str(info.value)))
    assert raised[0] == raised[1]


def test_refusals_after_a_fit():
    X, y = iris()
    for module in (scratchnn, neural_network):
        model = module.MLPClassifier(max_iter=2)
        with pytest.raises(sklearn.exceptions.NotFittedError):
            model.predict(X)
        with pytest.raises(AttributeError):
            model.coefs_  # noqa: B018
        with pytest.raises(ValueError, match="classes must be passed on the first call"):
            model.partial_fit(X, y)
        model.fit(X, y)
        with pytest.raises(ValueError, match="features"):
            model.predict(X[:, :2])
        with pytest.raises(ValueError, match="NaN"):
            model.predict(np.full((1, 4), np.nan))
        with pytest.raises(ValueError, match="classes not in"):
            model.partial_fit(X, y + 1)
        with pytest.raises(ValueError, match="does not support early_stopping"):
            model.set_params(early_stopping=True).partial_fit(X, y)
        with pytest.raises(AttributeError, match="partial_fit"):
            model.set_params(solver="lbfgs").partial_fit  # noqa: B018


def test_an_unknown_scorer_names_the_nearest():
    X, y = iris()
    with pytest.raises(ValueError, match=r"'scoring' parameter of MLPClassifier is 'acuracy'.*Did you mean 'accuracy'"):
        MLPClassifier(scoring="acuracy").fit(X, y)


def test_validation_data_of_another_form():
    X, y = iris()
    for wrong, kind, message in (
        ((X,), ValueError, "validation_data has 1 part; expected"),
        (X, TypeError, "validation_data is ndarray; expected"),
        ((X[:, :2], y), ValueError, "X has 2 features"),
        ((X, y + 1), ValueError, "validation_data has classes"),
    ):
        with pytest.raises(kind, match=message):
            MLPClassifier().fit(X, y, validation_data=wrong)


def test_an_unknown_activation_names_the_nearest():
    X, y = iris()
    with pytest.raises(ValueError, match="leaky_relu"):
        MLPClassifier(activation="leaky_rellu").fit(X, y)
    with pytest.raises(ValueError, match="2 names for 1 hidden"):
        MLPClassifier(activation=["relu", "tanh"]).fit(X, y)


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("scratchnn.estimators")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(scratchnn, "estimators", raising=False)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r'pip install "scratchnn\[sklearn\]"'):
        scratchnn.MLPClassifier  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'MLPTransformer'"):
        scratchnn.MLPTransformer  # noqa: B018
