"""Neural networks from scratch, trained fast on CPUs.

The first steps are ``Neuron`` and ``NeuralNetwork``; ``scratchnn.core`` has the operations they are made of.
"""

from . import core, losses, optimizers
from ._version import __version__
from .config import show_config
from .errors import DivergenceError, ModelFileError
from .functions import relu, relu_derivative, sigmoid, sigmoid_derivative, softmax, tanh, tanh_derivative
from .gradcheck import GradientCheck, check_gradients
from .history import History
from .losses import mse_loss
from .network import NeuralNetwork, load
from .neuron import Neuron
from .regularization import Regularization

__all__ = [
    "DivergenceError",
    "GradientCheck",
    "History",
    "ModelFileError",
    "NeuralNetwork",
    "Neuron",
    "Regularization",
    "__version__",
    "check_gradients",
    "core",
    "load",
    "losses",
    "mse_loss",
    "optimizers",
    "relu",
    "relu_derivative",
    "show_config",
    "sigmoid",
    "sigmoid_derivative",
    "softmax",
    "tanh",
    "tanh_derivative",
]
