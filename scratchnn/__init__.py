"""Neural networks from scratch, trained fast on CPUs.

The first steps are ``Neuron`` and ``NeuralNetwork``; ``scratchnn.core`` has the operations they are made of.
"""

from typing import TYPE_CHECKING, Any

from . import callbacks, core, losses, metrics, optimizers, schedules
from ._version import __version__
from .config import show_config
from .diagnosis import Finding, TrainingWarning
from .errors import DivergenceError, ModelFileError
from .finder import LearningRateSearch, find_learning_rate
from .functions import relu, relu_derivative, sigmoid, sigmoid_derivative, softmax, tanh, tanh_derivative
from .gradcheck import GradientCheck, check_gradients
from .history import History
from .losses import mse_loss
from .network import NeuralNetwork, load
from .neuron import Neuron
from .regularization import Regularization

if TYPE_CHECKING:
    from .embedding import Engine, get_include
    from .estimators import MLPClassifier, MLPRegressor

__all__ = [
    "DivergenceError",
    "Engine",
    "Finding",
    "GradientCheck",
    "History",
    "LearningRateSearch",
    "MLPClassifier",
    "MLPRegressor",
    "ModelFileError",
    "NeuralNetwork",
    "Neuron",
    "Regularization",
    "TrainingWarning",
    "__version__",
    "callbacks",
    "check_gradients",
    "core",
    "find_learning_rate",
    "get_include",
    "load",
    "losses",
    "metrics",
    "mse_loss",
    "optimizers",
    "relu",
    "relu_derivative",
    "schedules",
    "show_config",
    "sigmoid",
    "sigmoid_derivative",
    "softmax",
    "tanh",
    "tanh_derivative",
]


def __getattr__(name: str) -> Any:
    """Import what few need once it is asked for: the estimators, which need scikit-learn, and engines."""
    if name in ("MLPClassifier", "MLPRegressor"):
        from . import estimators

        return getattr(estimators, name)
    if name in ("Engine", "get_include"):
        from . import embedding

        return getattr(embedding, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
