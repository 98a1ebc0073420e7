"""What the plots read of a model: a network's layers, or the attributes of scikit-learn's estimators.

This is all that the plots know about models. A new kind of model is taught to them here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..core.names import name_and_parameter

__all__ = ["Classifier", "Layer", "LayerView", "as_classifier", "innermost", "layers_of", "named_features", "type_name"]

Array = npt.NDArray[Any]


class Layer(Protocol):
    """What is drawn of a layer; a network's own layers have it."""

    @property
    def weights(self) -> Array:
        """(n_inputs, n_outputs): column j belongs to neuron j."""

    @property
    def biases(self) -> Array | None: ...

    @property
    def activation(self) -> str: ...


@dataclass(frozen=True)
class LayerView:
    """An estimator's layer, as `Layer` has it."""

    weights: Array
    biases: Array | None
    activation: str


@dataclass(frozen=True)
class Classifier:
    """A model that tells classes apart.

    Attributes
    ----------
    labels : list
        As they stand in y, in the order of the columns of the probabilities.
    probabilities : callable
        Of n_samples rows, (n_samples, n_classes).
    numbered : bool
        Whether the labels are no more than the numbers of outputs, as a network's are. Then y may also be
        one-hot, or hold the classes' names.
    """

    labels: list[Any]
    probabilities: Callable[[Any], Array]
    numbered: bool


def type_name(model: object) -> str:
    return type(model).__name__


def innermost(model: Any) -> Any:
    """Return what a fitted search has found, and the last step of a pipeline."""
    while True:
        if hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif hasattr(model, "steps"):
            model = model.steps[-1][1]
        else:
            return model


def layers_of(model: Any) -> Sequence[Layer]:
    """Return the layers of a network or of a fitted estimator (coefs_, intercepts_, activation).

    Raises
    ------
    TypeError
        If the model is neither.
    ValueError
        If it is an estimator that has not been fitted.
    """
    model = innermost(model)
    if hasattr(model, "coefs_"):
        n = len(model.coefs_)
        hidden = getattr(model, "activation", "")
        names = [hidden] * (n - 1) if isinstance(hidden, str) else list(hidden)[: n - 1]
        names.append(getattr(model, "out_activation_", ""))
        return [
            LayerView(np.asarray(weights), np.asarray(biases), str(name))
            for weights, biases, name in zip(model.coefs_, model.intercepts_, names, strict=True)
        ]
    layers = getattr(model, "layers", ())
    if layers and all(hasattr(layer, "weights") for layer in layers):
        return list(layers)
    raise _unsuitable(model, "a NeuralNetwork, or an estimator with coefs_ and intercepts_")


def as_classifier(model: Any) -> Classifier:
    """Return the model's classes and probabilities: a network's, or those of classes_ and predict_proba.

    A network with one output in [0, 1] gives the probability of its second class; with several that are
    not probabilities already, sigmoids, each counts by its share in their sum.

    Raises
    ------
    TypeError
        If the model has no probabilities.
    ValueError
        If it has not been fitted, or a network's outputs are no probabilities.
    """
    if hasattr(model, "classes_") and hasattr(model, "predict_proba"):
        return Classifier(np.asarray(model.classes_).tolist(), lambda X: np.asarray(model.predict_proba(X)), False)
    layers = getattr(model, "layers", ())
    if not layers or not hasattr(layers[-1], "weights"):
        raise _unsuitable(model, "a NeuralNetwork, or a classifier with classes_ and predict_proba")
    n_outputs = layers[-1].weights.shape[1]
    activation, _ = name_and_parameter(layers[-1].activation)
    if activation not in ("sigmoid", "hard_sigmoid", "softmax"):
        raise ValueError(
            f"the output layer's activation is {activation}, which gives no probabilities of classes; expected sigmoid "
            "or softmax"
        )

    def probabilities(X: Any) -> Array:
        outputs: Array = np.asarray(model.predict(X), dtype=float)
        if n_outputs == 1:
            return np.hstack([1 - outputs, outputs])
        sums = outputs.sum(axis=1, keepdims=True)
        shares: Array = np.where(sums > 0, outputs, 1) / np.where(sums > 0, sums, n_outputs)
        return shares

    return Classifier(list(range(max(n_outputs, 2))), probabilities, True)


def named_features(model: Any, n: int, given: Sequence[Any] | None = None) -> list[str]:
    """Return a name for each of n inputs: those given, the estimator's feature_names_in_, or x1, x2, …

    Raises
    ------
    ValueError
        If there are not n given names.
    """
    if given is not None:
        names = [str(name) for name in given]
        if len(names) != n:
            raise ValueError(f"feature_names has {len(names)} names; expected {n}, one for each input")
        return names
    known = getattr(model, "feature_names_in_", ())
    return [str(name) for name in known] if len(known) == n else [f"x{i + 1}" for i in range(n)]


def _unsuitable(model: Any, expected: str) -> Exception:
    if hasattr(model, "fit") and not hasattr(model, "n_features_in_"):
        return ValueError(f"this {type_name(model)} has not been fitted; call its fit first")
    return TypeError(f"the model is a {type_name(model)}; expected {expected}")
