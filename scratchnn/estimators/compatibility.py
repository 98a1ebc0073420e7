"""What older versions of scikit-learn have under other names, or not at all."""

from __future__ import annotations

from typing import Any

import sklearn
from sklearn.utils import validation

try:  # since 1.9
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """There are no callbacks to support."""

    def with_callbacks(method: Any) -> Any:
        """Return the method as it is."""
        return method


__all__ = ["SKLEARN", "CallbackSupportMixin", "validate_data", "with_callbacks"]

SKLEARN = tuple(int(part) for part in sklearn.__version__.split(".")[:2])


def validate_data(estimator: Any, *arrays: Any, **settings: Any) -> Any:
    """Check data against what `estimator` was fitted with, or keep what they are (scikit-learn's function)."""
    if hasattr(validation, "validate_data"):  # since 1.6
        return validation.validate_data(estimator, *arrays, **settings)
    return estimator._validate_data(*arrays, **settings)
