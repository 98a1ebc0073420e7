"""The classifier: labels to outputs, and back."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils._param_validation import InvalidParameterError, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels

from .. import losses
from ..core.names import name_and_parameter, unknown
from ..losses import Loss
from .base import BaseMLP
from .compatibility import validate_data, with_callbacks
from .documentation import documented

__all__ = ["MLPClassifier"]

Array = npt.NDArray[Any]


@documented
class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]
    """Classify with a multilayer perceptron: scikit-learn's estimator of this name, trained by this package.

    Two classes have one output with the logistic function, more classes softmax, and several labels at once (y of
    (n_samples, n_labels), of zeros and ones) an output with the logistic function for each. The loss is cross-entropy,
    averaged over samples and summed over labels (docs/math.md, "Losses"); it is not cut off where a probability
    is close to 0, as scikit-learn's is.

    Parameters
    ----------
    {parameters}
    loss : str or Loss, default="log_loss"
        "log_loss", with label smoothing "log_loss(0.1)" (Szegedy et al. 2016), "focal" with its gamma as in
        "focal(1.5)" (Lin et al. 2017), or a loss of ``scratchnn.losses`` with softmax, for two classes or labels with
        sigmoid.
    class_weight : dict, "balanced", list of dict or None, default=None
        Weights of the classes, by which those of the samples are multiplied; "balanced" is
        ``n_samples / (n_classes * count)``, and in `partial_fit` by the counts of all calls so far.
    {architecture}
    {added}

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    {attributes}

    See Also
    --------
    MLPRegressor : For numbers.
    scratchnn.NeuralNetwork : What it is made of.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier(random_state=1, max_iter=1000).fit(X, y)
    >>> classifier.score(X, y) > 0.95
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseMLP._parameter_constraints,
        "loss": [str, Loss],
        "class_weight": [StrOptions({"balanced"}), dict, list, None],
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        loss: Any = "log_loss",
        class_weight: Any = None,
        normalization: Any = None,
        dropout: Any = 0.0,
        input_dropout: float = 0.0,
        input_noise: float = 0.0,
        scale_inputs: Any = None,
        regularization: Any = None,
        scoring: Any = None,
        schedule: Any = None,
        callbacks: Any = None,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        diagnose: bool = False,
        n_threads: int | None = None,
    ) -> None:
        self._set_parameters(locals())

    @with_callbacks  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> Self:
        """Train from the beginning, or with `warm_start` go on.

        Parameters
        ----------
        X : array-like or sparse matrix (n_samples, n_features)
            float32 stays float32, with about twice the speed; other numbers become float64.
        y : array-like (n_samples,) or (n_samples, n_labels)
            Classes of any type; or zeros and ones for several labels at once.
        sample_weight : array-like (n_samples,), optional
            Weights >= 0.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Scored after every epoch; what `early_stopping` watches, in place of a part of X and y.

        Returns
        -------
        MLPClassifier
            Itself.

        Raises
        ------
        ValueError
            If a parameter or the data do not fit, or training leaves the finite numbers.
        """
        return self._fit(X, y, sample_weight, validation_data)

    @available_if(BaseMLP._is_stochastic)  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one epoch on these data.

        Parameters
        ----------
        X, y, sample_weight
            As for :meth:`fit`.
        classes : array-like, optional
            All classes that will ever come; required in the first call.

        Returns
        -------
        MLPClassifier
            Itself.
        """
        if _check_partial_fit_first_call(self, classes):
            multilabel = type_of_target(y).startswith("multilabel")
            self._label_binarizer = LabelBinarizer().fit(y if multilabel else classes)
            self._class_counts = np.zeros(len(self.classes_))
        return self._fit(X, y, sample_weight, incremental=True)

    # ---- labels ----

    def _validate_input(self, X: Any, y: Any, *, incremental: bool, reset: bool) -> tuple[Any, Array]:
        X, y = validate_data(
            self, X, y, accept_sparse="csr", multi_output=True, dtype=(np.float64, np.float32), reset=reset
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
            self._class_counts = np.zeros(len(self.classes_))
            return X, y
        classes = unique_labels(y)
        if self.warm_start and set(classes) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. Previously "
                f"got {self.classes_}, `y` has {classes}"
            )
        if not self.warm_start and len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}."
            )
        return X, y

    def _validate_known(self, X: Any, y: Any) -> tuple[Any, Array]:
        X, y = validate_data(
            self, X, y, accept_sparse="csr", multi_output=True, dtype=(np.float64, np.float32), reset=False
        )
        unknown = np.setdiff1d(unique_labels(y), self.classes_)
        if unknown.size:
            raise ValueError(f"validation_data has classes {unknown} that y has not: {self.classes_}")
        return X, y

    @property
    def _is_multiclass(self) -> bool:
        return bool(self._label_binarizer.y_type_ == "multiclass")

    def _targets(self, y: Array) -> Array:
        if self._is_multiclass:
            return np.asarray(np.searchsorted(self.classes_, y))
        return np.asarray(self._label_binarizer.transform(y), np.uint8)

    def _output(self, targets: Array) -> tuple[int, Loss]:
        if self._is_multiclass:
            return len(self.classes_), self._loss(losses.CrossEntropy, losses.Focal, "softmax")
        return targets.shape[1], self._loss(losses.SummedBinaryCrossEntropy, losses.BinaryFocal, "sigmoid")

    def _output_settings(self, loss: Loss, dtype: np.dtype[Any]) -> dict[str, Any]:
        return {"output_activation": loss.link}

    def _loss(self, log_loss: type[Loss], focal: type[Loss], link: str) -> Loss:
        """Return the loss of the parameter's name for outputs with this link."""
        if isinstance(self.loss, Loss):
            if self.loss.link != link:
                raise InvalidParameterError(
                    f"The 'loss' parameter of MLPClassifier is {self.loss!r}; these classes need one with {link}"
                )
            return self.loss
        name, parameter = name_and_parameter(self.loss)
        known = {"log_loss": log_loss, "focal": focal}
        if name not in known:
            raise InvalidParameterError(
                f"The 'loss' parameter of MLPClassifier is {self.loss!r}: " + unknown("loss", name, known)
            )
        return losses.get(known[name].name if parameter is None else f"{known[name].name}({parameter})")

    def _stratify(self, targets: Array) -> Array | None:
        return targets if targets.ndim == 2 and targets.shape[1] == 1 else None

    def _weights(self, y: Array, sample_weight: Array | None, *, incremental: bool) -> Array | None:
        if self.class_weight is None:
            return sample_weight
        if incremental and self.class_weight == "balanced":
            weights = self._balanced_so_far(y)
        else:
            weights = compute_sample_weight(self.class_weight, y)
        return weights if sample_weight is None else weights * sample_weight

    def _balanced_so_far(self, y: Array) -> Array:
        """Return balanced weights by the counts of the classes in all calls of partial_fit."""
        if y.ndim == 2:
            raise ValueError("class_weight='balanced' is for a single output in partial_fit; give a dict or weights")
        labels = np.searchsorted(self.classes_, y)
        self._class_counts += np.bincount(labels, minlength=len(self.classes_))
        seen = np.count_nonzero(self._class_counts)
        return np.asarray(self._class_counts.sum() / (seen * self._class_counts[labels]))

    def _labels(self, outputs: Array) -> Array:
        if self._is_multiclass:
            return np.asarray(self.classes_.take(outputs.argmax(axis=1)))
        if outputs.shape[1] == 1:
            outputs = outputs.ravel()
            if len(self.classes_) == 2:
                return np.asarray(self.classes_.take(outputs > 0.5))
        return np.asarray(self._label_binarizer.inverse_transform(outputs))

    def _score_outputs(self, y: Array, outputs: Array, sample_weight: Array | None) -> float:
        right = self._labels(outputs) == y
        return float(np.average(right.all(axis=1) if right.ndim == 2 else right, weights=sample_weight))

    # ---- predict ----

    def predict(self, X: Any) -> Array:
        """Return the most probable class of each row; each label whose probability is above 1/2.

        Parameters
        ----------
        X : array-like or sparse matrix (n_samples, n_features)

        Returns
        -------
        (n_samples,) or (n_samples, n_labels) array
        """
        return self._labels(self._outputs(X))

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, in the order of ``classes_``.

        Parameters
        ----------
        X : array-like or sparse matrix (n_samples, n_features)

        Returns
        -------
        (n_samples, n_classes) array
        """
        outputs = self._outputs(X)
        return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of :meth:`predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
