"""Networks of scikit-learn's estimators and of our own, and networks as scikit-learn's estimators."""

import re

import numpy as np
import pytest

import scratchnn
from scratchnn import NeuralNetwork

neural_network = pytest.importorskip("sklearn.neural_network")

pytestmark = pytest.mark.filterwarnings("ignore")  # a few epochs are too few to converge

N = 80
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, 4))
LABELS = {
    "three": RNG.integers(3, size=N),
    "two": RNG.integers(2, size=N),
    "words": np.array(["wine", "beer", "milk"])[RNG.integers(3, size=N)],
    "two words": np.array(["yes", "no"])[RNG.integers(2, size=N)],
    "labels": RNG.integers(2, size=(N, 3)),
}
NUMBERS = {"one": RNG.standard_normal(N), "several": RNG.standard_normal((N, 3))}


def tolerance(dtype):
    """1e-12 relative in float64, as much in units of rounding in float32."""
    return 1e-12 if dtype == np.float64 else 4e-6


def assert_equal(found, expected, dtype):
    found = np.asarray(found).reshape(len(expected), -1)
    expected = np.asarray(expected).reshape(len(expected), -1)
    np.testing.assert_allclose(found, expected, rtol=tolerance(dtype), atol=tolerance(dtype) * 1e-2)


def probabilities(estimator, x):
    """As a network gives them: of two classes that of the second alone."""
    given = estimator.predict_proba(x)
    return given[:, 1:] if given.shape[1] == 2 and len(estimator.classes_) == 2 else given


@pytest.mark.parametrize("module", [neural_network, scratchnn], ids=["theirs", "ours"])
@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_classifiers_there_and_back(module, kind, activation, dtype):
    x, y = X.astype(dtype), LABELS[kind]
    estimator = module.MLPClassifier((7, 5), activation, max_iter=3, random_state=0).fit(x, y)
    network = NeuralNetwork.from_sklearn(estimator)
    assert network.dtype == dtype
    assert network.loss == ("cross_entropy" if kind in ("three", "words") else "summed_binary_cross_entropy")
    assert network.metadata == {"task": "classification", "classes": estimator.classes_.tolist()}
    assert_equal(network.predict(x), probabilities(estimator, x), dtype)
    back = network.to_sklearn()
    assert type(back) is neural_network.MLPClassifier
    assert_equal(back.predict_proba(x), estimator.predict_proba(x), dtype)
    np.testing.assert_array_equal(back.predict(x), estimator.predict(x))
    np.testing.assert_array_equal(back.classes_, estimator.classes_)
    assert (back.activation, back.hidden_layer_sizes, back.out_activation_) == (
        activation,
        (7, 5),
        estimator.out_activation_,
    )


@pytest.mark.parametrize("module", [neural_network, scratchnn], ids=["theirs", "ours"])
@pytest.mark.parametrize("kind", NUMBERS)
def test_regressors_there_and_back(module, kind, dtype):
    x, y = X.astype(dtype), NUMBERS[kind]
    estimator = module.MLPRegressor(hidden_layer_sizes=(7,), max_iter=3, random_state=0).fit(x, y)
    network = NeuralNetwork.from_sklearn(estimator)
    assert network.loss == "half_squared_error"
    assert network.metadata == {"task": "regression", "classes": None}
    assert_equal(network.predict(x), estimator.predict(x), dtype)
    back = network.to_sklearn()
    assert type(back) is neural_network.MLPRegressor
    assert back.predict(x).shape == estimator.predict(x).shape
    assert_equal(back.predict(x), estimator.predict(x), dtype)


def test_poisson_there_and_back(dtype):
    if "loss" not in neural_network.MLPRegressor().get_params():
        pytest.skip("scikit-learn before 1.7 has no loss 'poisson'")
    x, y = X.astype(dtype), RNG.poisson(2, N)
    for module in (neural_network, scratchnn):
        estimator = module.MLPRegressor("poisson", hidden_layer_sizes=(5,), max_iter=3, random_state=0).fit(x, y)
        network = NeuralNetwork.from_sklearn(estimator)
        assert network.loss == "poisson_deviance"
        assert_equal(network.predict(x), estimator.predict(x), dtype)
        back = network.to_sklearn()
        assert (back.loss, back.out_activation_) == ("poisson", "exp")
        assert_equal(back.predict(x), estimator.predict(x), dtype)


def test_our_estimators_bring_all_of_their_network():
    estimator = scratchnn.MLPRegressor(
        "quantile(0.1, 0.9)", hidden_layer_sizes=(6,), activation="silu", normalization="batch",
        scale_inputs="standard", scale_targets="standard", dropout=0.2, max_iter=3, random_state=0,
    ).fit(X, NUMBERS["one"])  # fmt: skip
    network = NeuralNetwork.from_sklearn(estimator)
    np.testing.assert_array_equal(network.predict(X), estimator.predict_all(X))
    assert (network.optimizer.name, network.history.epochs) == ("adamhat", 3)
    network.layers[0].weights[0, 0] += 1  # a copy
    assert network.layers[0].weights[0, 0] != estimator.network_.layers[0].weights[0, 0]
    assert NeuralNetwork.from_sklearn(estimator, seed=5).seed == 5


def test_metadata_go_into_a_model_file(tmp_path):
    estimator = neural_network.MLPClassifier((3,), max_iter=2).fit(X, LABELS["words"])
    NeuralNetwork.from_sklearn(estimator, seed=1).save(tmp_path / "model.snn")
    assert scratchnn.load(tmp_path / "model.snn").metadata["classes"] == ["beer", "milk", "wine"]


def test_a_network_goes_on_with_what_it_was_made_of():
    """Training with our AdamHat from scikit-learn's weights is scikit-learn's warm start with a new optimizer."""
    y = LABELS["three"]
    theirs = neural_network.MLPClassifier((5,), "tanh", alpha=0.0, shuffle=False, max_iter=2, random_state=0).fit(X, y)
    network = NeuralNetwork.from_sklearn(theirs, seed=1)
    del theirs._optimizer
    theirs.partial_fit(X, y)
    network.train(X, y, epochs=1, batch_size="full", optimizer="adamhat", learning_rate=0.001)
    assert_equal(network.predict(X), theirs.predict_proba(X), np.float64)


@pytest.mark.parametrize("kind", LABELS)
def test_what_is_made_goes_on(kind):
    """partial_fit takes one step from these weights, and a warm start goes on; both as a new estimator's would."""
    y = LABELS[kind]
    fitted = neural_network.MLPClassifier((5,), max_iter=3, random_state=0).fit(X, y)
    made = NeuralNetwork.from_sklearn(fitted).to_sklearn()
    assert (made.n_iter_, made.t_, made.loss_curve_) == (0, 0, [])
    before = [weights.copy() for weights in made.coefs_]
    made.partial_fit(X, y)
    # The first step of Adam is of the size of the learning rate, whatever the gradient.
    steps = np.concatenate([(new - old).ravel() for new, old in zip(made.coefs_, before, strict=True)])
    assert 0.0005 < np.abs(steps).max() < 0.00101
    made.set_params(warm_start=True, max_iter=40, learning_rate_init=0.01)
    loss = made.loss_
    made.fit(X, y)
    assert made.loss_ < loss
    assert made.predict(X).shape == y.shape


def test_what_is_made_of_a_regressor_goes_on():
    made = NeuralNetwork([4, 6, 1], activation="tanh", seed=1).to_sklearn()
    y = X[:, 0] * X[:, 1]
    before = ((made.predict(X) - y) ** 2).mean()
    made.set_params(warm_start=True, max_iter=200, learning_rate_init=0.02).fit(X, y)
    assert ((made.predict(X) - y) ** 2).mean() < before / 2
    made.partial_fit(X, y)


def test_two_outputs_of_softmax_become_one():
    network = NeuralNetwork([4, 5, 2], activation="relu", loss="cross_entropy", bias_init="normal", seed=1)
    for classes in (["a", "b"], ["b", "a"]):
        network.metadata = {"classes": classes}
        made = network.to_sklearn()
        assert made.classes_.tolist() == ["a", "b"]
        order = [classes.index(label) for label in ("a", "b")]
        assert_equal(made.predict_proba(X), network.predict(X)[:, order], np.float64)
        assert (made.predict(X) == np.array(classes)[network.predict(X).argmax(axis=1)]).all()


@pytest.mark.parametrize("classes", [["b", "c", "a"], [3, 1, 2], [3.0, -1.0, 2.0]])
def test_classes_in_another_order(classes):
    network = NeuralNetwork([4, 3], loss="cross_entropy", bias_init="normal", seed=1)
    network.metadata = {"classes": classes}
    made = network.to_sklearn()
    assert made.classes_.tolist() == sorted(classes)
    assert (made.predict(X) == np.array(classes)[network.predict(X).argmax(axis=1)]).all()


def test_one_output_of_sigmoid():
    network = NeuralNetwork([4, 3, 1], activation="tanh", loss="bce", bias_init="normal", seed=1)
    for classes in ([0, 1], [1, 0], None):
        network.metadata = {} if classes is None else {"classes": classes}
        made = network.to_sklearn()
        expected = np.array(classes or [0, 1])[(network.predict(X).ravel() > 0.5).astype(int)]
        np.testing.assert_array_equal(made.predict(X), expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"activation": "silu"}, "the activation 'silu'; it has 'identity', 'sigmoid', 'tanh', 'relu'"),
        (
            {"layer_sizes": [4, 3, 3, 1], "activation": ["tanh", "relu", "identity"]},
            "different activations, 'tanh' of layers[0] and 'relu' after it",
        ),
        ({"activation": "tanh", "output_activation": "tanh"}, "the output activation 'tanh'; it has softmax"),
        (
            {"activation": "tanh", "output_activation": "sigmoid"},
            "the loss 'mean_squared_error' of outputs with 'sigmoid'",
        ),
        ({"activation": "tanh", "loss": "mae"}, "the loss 'mean_absolute_error' of outputs with 'identity'"),
        ({"layer_sizes": [4, 3, 2], "activation": "tanh", "loss": "focal"}, "the loss 'focal(2.0)' of outputs with"),
        ({"layer_sizes": [4, 3, 2], "activation": "tanh", "loss": "gaussian"}, "the output activation 'gaussian'"),
        ({"layer_sizes": [4, 3, 1], "activation": "tanh", "loss": "cross_entropy"}, "softmax of a single output"),
        ({"activation": "tanh", "normalization": "layer"}, "normalization='layer', of layers[0]"),
        ({"activation": "tanh", "biases": False}, "layers without biases, as layers[0]"),
        ({"activation": "tanh", "scale_inputs": (1.0, 2.0)}, "scale_inputs"),
        ({"activation": "tanh", "scale_targets": (1.0, 2.0)}, "scale_targets"),
        ({"activation": "tanh", "bounds": (0, 1)}, "bounds"),
    ],
)
def test_what_scikit_learn_cannot_express_is_named(arguments, message):
    network = NeuralNetwork(**{"layer_sizes": [4, 3, 1], "seed": 1, **arguments})
    with pytest.raises(ValueError, match=re.escape(f"scikit-learn cannot express {message}")):
        network.to_sklearn()


@pytest.mark.parametrize("classes", [[1, 2], [1, 1, 2], ["a", 1, 2], "abc", [[1], [2], [3]], 5])
def test_classes_that_are_none(classes):
    network = NeuralNetwork([4, 3], loss="cross_entropy", seed=1)
    network.metadata = {"classes": classes}
    with pytest.raises(ValueError, match="expected 3 different labels, all numbers or all texts"):
        network.to_sklearn()


def test_fractions_are_no_classes_of_scikit_learn():
    network = NeuralNetwork([4, 2], loss="cross_entropy", seed=1)
    network.metadata = {"classes": [0.5, 1.0]}
    with pytest.raises(ValueError, match="scikit-learn cannot express classes that are fractions"):
        network.to_sklearn()


def test_other_estimators_are_refused():
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline

    with pytest.raises(
        TypeError, match="estimator is LinearRegression; expected a fitted MLPClassifier or MLPRegressor"
    ):
        NeuralNetwork.from_sklearn(LinearRegression())
    with pytest.raises(TypeError, match=r"estimator is Pipeline; .* which is the last step of a Pipeline"):
        NeuralNetwork.from_sklearn(make_pipeline(neural_network.MLPClassifier()))
    for module in (neural_network, scratchnn):
        with pytest.raises(ValueError, match="this MLPClassifier is not fitted"):
            NeuralNetwork.from_sklearn(module.MLPClassifier())


def test_without_scikit_learn(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.neural_network", None)
    with pytest.raises(ImportError, match=r'pip install "scratchnn\[sklearn\]"'):
        NeuralNetwork([2, 1]).to_sklearn()
    with pytest.raises(ImportError, match=r'pip install "scratchnn\[sklearn\]"'):
        NeuralNetwork.from_sklearn(None)
