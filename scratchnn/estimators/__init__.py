"""scikit-learn's multilayer perceptrons on this package's trainer: change one import line.

They need scikit-learn 1.5 or newer: ``pip install "scratchnn[sklearn]"``. ``scratchnn.MLPClassifier`` and
``scratchnn.MLPRegressor`` are the same classes.
"""

try:
    import sklearn
except ImportError as error:
    raise ImportError(
        'MLPClassifier and MLPRegressor need scikit-learn: pip install "scratchnn[sklearn]"', name="sklearn"
    ) from error

from .classifier import MLPClassifier
from .regressor import MLPRegressor

del sklearn

__all__ = ["MLPClassifier", "MLPRegressor"]
