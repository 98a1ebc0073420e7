"""Fitted estimators as the plots know them, without scikit-learn: what they have, and no more."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np


def estimator(sizes=(4, 3, 2), activation="relu", out_activation="softmax", seed=0, **more):
    """A multilayer perceptron with scikit-learn's attributes."""
    rng = np.random.default_rng(seed)
    return SimpleNamespace(
        coefs_=[rng.normal(size=shape) for shape in pairwise(sizes)],
        intercepts_=[rng.normal(size=n) for n in sizes[1:]],
        activation=activation,
        out_activation_=out_activation,
        **more,
    )


class Unfitted:
    """An estimator before its fit."""

    def fit(self, X, y):
        raise AssertionError("no plot fits a model")


class Slope:
    """A classifier by the first feature alone, P(second class) = 1 / (1 + exp(-x)), that keeps what it has seen."""

    def __init__(self, classes=("no", "yes"), **more):
        self.classes_ = np.array(classes)
        self.seen = []
        vars(self).update(more)

    def predict_proba(self, X):
        self.seen.append(X)
        p = 1 / (1 + np.exp(-np.asarray(X, dtype=object)[:, 0].astype(float)))
        return np.column_stack([1 - p, p])


class Nearest:
    """A classifier of points in a plane: the nearer a class's centre, the likelier it is."""

    def __init__(self, centres, classes):
        self.centres, self.classes_ = np.asarray(centres, dtype=float), np.array(classes)

    def predict_proba(self, X):
        odds = np.exp(-(((np.asarray(X)[:, None] - self.centres) ** 2).sum(axis=-1)))
        return odds / odds.sum(axis=1, keepdims=True)
