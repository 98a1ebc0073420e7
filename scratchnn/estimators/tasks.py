"""scikit-learn's callbacks (1.9 and newer): a task for the fit, and one in it for each epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Tasks"]


class Tasks:
    """Calls the hooks of the callbacks that ``set_callbacks`` has given an estimator.

    Parameters
    ----------
    estimator : estimator
    n_epochs : int
        The most there can be.
    data : dict
        X, y and metadata, as the hooks take them.
    fitted : callable
        Returns the attributes that make a copy of the estimator ready to predict.
    """

    def __init__(
        self, estimator: Any, n_epochs: int, data: dict[str, Any], fitted: Callable[[], dict[str, Any]]
    ) -> None:
        self.estimator, self.data, self.fitted = estimator, data, fitted
        self.whole = estimator._init_callback_context(max_subtasks=n_epochs)
        self.whole.call_on_fit_task_begin(estimator=estimator, **data)
        self.epoch: Any = None

    def begin_epoch(self) -> None:
        self.epoch = self.whole.subcontext(task_name="epoch")
        self.epoch.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def end_epoch(self) -> bool:
        """End the epoch, and say whether a callback wants to stop."""
        return self._end(self.epoch)

    def end(self) -> None:
        self._end(self.whole)

    def _end(self, context: Any) -> bool:
        return bool(
            context.call_on_fit_task_end(estimator=self.estimator, reconstruction_attributes=self.fitted, **self.data)
        )
