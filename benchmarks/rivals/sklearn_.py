"""scikit-learn: a whole ``fit`` for training, ``predict`` or ``predict_proba`` for prediction.

It stops for no reason but the number of epochs, shuffles nothing and has no penalty. Two conventions differ, and show
in the digits of the loss alone: its squared error is half the sum over outputs, a factor that Adam divides out again,
and it adds Adam's epsilon before the correction of the bias.
"""

import warnings

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from . import UnsuitableError

DISTRIBUTION = "scikit-learn"
MODULE = "sklearn.neural_network"

OUTPUTS = {"softmax": MLPClassifier, "identity": MLPRegressor}


def version():
    return sklearn.__version__


def variants(workload, n_threads, short):
    if workload.output_activation not in OUTPUTS:
        raise UnsuitableError(f"a {workload.output_activation} output with a squared error cannot be expressed")
    return {"fit": Training} if workload.kind == "train" else {"predict": Prediction}


def model(workload, parameters, epochs):
    """Return an estimator that starts from `parameters`."""

    class Model(OUTPUTS[workload.output_activation]):
        def _init_coef(self, fan_in, fan_out, dtype):
            weights, biases = next(self.start)
            assert weights.shape == (fan_in, fan_out)
            return weights.astype(dtype), biases.astype(dtype)

    estimator = Model(
        hidden_layer_sizes=workload.sizes[1:-1],
        activation={"sigmoid": "logistic"}.get(workload.activation, workload.activation),
        solver="adam",
        alpha=0,
        batch_size=workload.batch_size,
        learning_rate_init=workload.learning_rate,
        max_iter=epochs,
        shuffle=False,
        tol=0,
        n_iter_no_change=epochs + 1,
    )
    estimator.start = iter(parameters)
    return estimator


class Training:
    def __init__(self, workload, X, y, parameters, n_threads):
        warnings.simplefilter("ignore", ConvergenceWarning)
        self.workload, self.X, self.start = workload, X, parameters
        self.y = y.ravel() if workload.sizes[-1] == 1 else y

    def reset(self):
        pass

    def run(self, epochs):
        self.model = model(self.workload, self.start, epochs).fit(self.X, self.y)

    def result(self):
        return list(zip(self.model.coefs_, self.model.intercepts_, strict=True))


class Prediction:
    def __init__(self, workload, X, y, parameters, n_threads):
        n_inputs, n_outputs = workload.sizes[0], workload.sizes[-1]
        few = np.zeros((2 * n_outputs, n_inputs), workload.dtype)
        if workload.output_activation == "softmax":
            targets = np.arange(len(few)) % n_outputs
        else:
            targets = np.zeros((len(few), n_outputs), workload.dtype)
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "Got `batch_size`")
        self.X = X
        fitted = model(workload, parameters, 1).fit(few, targets)
        fitted.coefs_ = [weights.astype(workload.dtype) for weights, _ in parameters]
        fitted.intercepts_ = [biases.astype(workload.dtype) for _, biases in parameters]
        self.predict = fitted.predict_proba if workload.output_activation == "softmax" else fitted.predict

    def reset(self):
        pass

    def run(self, calls):
        predict, X = self.predict, self.X
        for _ in range(calls):
            self.output = predict(X)

    def result(self):
        return self.output
