"""What scikit-learn 1.5 has under other names than its successors."""

from __future__ import annotations

from typing import Any

import sklearn
from sklearn.utils import validation

__all__ = ["SKLEARN", "validate_data"]

SKLEARN = tuple(int(part) for part in sklearn.__version__.split(".")[:2])


def validate_data(estimator: Any, *arrays: Any, **settings: Any) -> Any:
    """Check data against what `estimator` was fitted with, or keep what they are (scikit-learn's function)."""
    if hasattr(validation, "validate_data"):  # since 1.6
        return validation.validate_data(estimator, *arrays, **settings)
    return estimator._validate_data(*arrays, **settings)
