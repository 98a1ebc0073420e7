"""The estimators' parameters in random combinations: threads, a fit in two parts, pickles, clones, files, gradients."""

import pickle
import warnings

import networks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sklearn")

from sklearn.base import clone

from scratchnn import MLPClassifier, MLPRegressor, NeuralNetwork, Regularization, check_gradients

N_SAMPLES = 48

OF_REGRESSOR = [
    {},
    {"scale_targets": "standard"},
    {"loss": "huber(0.5)", "bounds": (-9, 9)},
    {"loss": "absolute_error", "bounds": (None, 9)},
    {"output_activation": "tanh"},
    {"loss": "quantile(0.1, 0.5, 0.9)"},
    {"loss": "gaussian", "scale_targets": "minmax"},
    {"loss": "poisson"},
]
OF_CLASSIFIER = [
    {},
    {"loss": "log_loss(0.1)"},
    {"loss": "focal(1.5)"},
    {"class_weight": "balanced"},
]


def one_of(*values):
    return st.sampled_from(values)


@st.composite
def cases(draw):
    """(an estimator, how to make its data)."""
    n_hidden = draw(st.integers(1, 2))
    shared = {
        "hidden_layer_sizes": draw(st.lists(one_of(1, 3, 8), min_size=n_hidden, max_size=n_hidden)),
        "activation": draw(one_of("tanh", "logistic", ["gelu", "softplus"][:n_hidden])),
        "solver": draw(one_of("adam", "adam", "sgd")),
        "learning_rate": draw(one_of("constant", "invscaling", "adaptive")),
        "nesterovs_momentum": draw(st.booleans()),
        "batch_size": draw(one_of("auto", 8, 16)),
        "shuffle": draw(st.booleans()),
        "early_stopping": draw(st.booleans()),
        "validation_fraction": 0.25,
        "normalization": draw(one_of(None, "batch", "layer", ["layer", None][:n_hidden])),
        "dropout": draw(one_of(0.0, 0.25, [0.5, 0.25][:n_hidden])),
        "input_dropout": draw(one_of(0.0, 0.25)),
        "input_noise": draw(one_of(0.0, 0.3)),
        "scale_inputs": draw(one_of(None, "standard", "minmax")),
        "alpha": draw(one_of(1e-4, 0.1)),
        "regularization": draw(one_of(None, Regularization(l1=0.01, weight_decay=0.1, clip_norm=1.0))),
        "schedule": draw(one_of(None, "cosine(12)", "warm_up(2)")),
        "random_state": draw(st.integers(0, 2**32 - 1)),
        "n_iter_no_change": 100,
    }
    classifies = draw(st.booleans())
    cls, own = (MLPClassifier, OF_CLASSIFIER) if classifies else (MLPRegressor, OF_REGRESSOR)
    data = {
        "dtype": draw(one_of("float32", "float64")),
        "n_classes": draw(one_of(2, 3)) if classifies else None,
        "several": draw(st.booleans()),
        "weighted": draw(st.booleans()),
    }
    return cls(**shared, **draw(st.sampled_from(own))), data


def data_of(dtype, n_classes, several, weighted):
    """X, y and weights: of classes or numbers, one or several outputs."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_SAMPLES, 4)).astype(dtype)
    shape = (N_SAMPLES, 2) if several else N_SAMPLES
    y = rng.uniform(0, 5, shape) if n_classes is None else rng.integers(0, 2 if several else n_classes, shape)
    return X, y, rng.uniform(0.1, 2, N_SAMPLES) if weighted else None


@settings(max_examples=100)
@given(case=cases())
def test_one_fit_whatever_threads_parts_pickles_and_files(case, threads_as_asked, tmp_path_factory):
    estimator, data = case
    X, y, weights = data_of(**data)
    whole = clone(estimator).set_params(max_iter=6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole.fit(X, y, weights)
        threads = clone(whole).set_params(n_threads=3).fit(X, y, weights)
        parts = clone(estimator).set_params(max_iter=3, warm_start=True)
        if not estimator.early_stopping:  # whose fits end with the best weights
            parts = pickle.loads(pickle.dumps(parts.fit(X, y, weights))).fit(X, y, weights)
            assert parts.loss_curve_ == whole.loss_curve_
            assert networks.bits(parts.network_) == networks.bits(whole.network_)
    assert networks.bits(threads.network_) == networks.bits(whole.network_)
    assert threads.loss_curve_ == whole.loss_curve_
    assert threads.validation_scores_ == whole.validation_scores_
    assert whole.n_iter_ == 6
    predicted = whole.predict(X)
    assert predicted.shape == y.shape
    assert pickle.loads(pickle.dumps(whole)).predict(X).tobytes() == predicted.tobytes()
    path = tmp_path_factory.getbasetemp() / "estimator.snn"
    whole.network_.save(path)
    assert NeuralNetwork.load(path).predict(X).tobytes() == whole.network_.predict(X).tobytes()


@settings(max_examples=100)
@given(case=cases())
def test_gradients_of_what_was_fitted(case):
    estimator, data = case
    X, y, weights = data_of(**data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = estimator.set_params(max_iter=2).fit(X, y, weights)
    targets = fitted._targets(y)
    for training in (True, False):
        check = check_gradients(fitted.network_, X[:9], targets[:9], training=training)
        assert check, str(check)
