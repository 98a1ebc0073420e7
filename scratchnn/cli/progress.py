"""Show how a training comes along: a bar in a terminal, a plain line now and then anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from ..history import History
    from ..network import NeuralNetwork

__all__ = ["Progress", "duration", "with_prefix"]

REDRAW = 0.1  # seconds between two states of the bar
FIRST_LINE = 2.0  # seconds until the first line of a log; most trainings are over by then
LAST_PAUSE = 60.0  # seconds between two lines of a log, at the most


class Progress:
    """A callback for `NeuralNetwork.train`, and a context manager around it.

    The score is computed only when it is shown.

    Parameters
    ----------
    epochs : int
        How many are to come, at the most.
    n_rows : int
        Training rows, to tell the samples per second.
    score : callable, optional
        Returns the score of a network on the held-out rows.
    score_name : str
        What it is called.
    file : text file
        Where to show; standard error by default.
    """

    def __init__(
        self,
        epochs: int,
        n_rows: int,
        score: Callable[[NeuralNetwork], float] | None = None,
        score_name: str = "",
        file: TextIO | None = None,
    ) -> None:
        self._epochs = epochs
        self._n_rows = n_rows
        self._score = score
        self._score_name = score_name
        self._file = sys.stderr if file is None else file
        self._bar: Any = None
        self._latest: tuple[NeuralNetwork, History] | None = None

    def __enter__(self) -> Progress:
        self._start = time.perf_counter()
        self._pause = FIRST_LINE
        if self._file.isatty():
            from tqdm import tqdm

            self._pause = REDRAW
            self._bar = tqdm(
                total=self._epochs,
                file=self._file,
                dynamic_ncols=True,
                mininterval=0,
                bar_format="epoch {n_fmt}/{total_fmt} {bar} {remaining} left{postfix}",
            )
        self._next = self._start + self._pause
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            if self._latest is not None and kind is None:
                self._draw(*self._latest)  # as the training left the network
            self._bar.close()

    def __call__(self, network: NeuralNetwork, epoch: int, history: History) -> None:
        self._latest = network, history
        if time.perf_counter() < self._next and (self._bar is None or self._bar.n):
            return
        if self._bar is not None:
            self._draw(network, history)
        else:
            state = self._state(network, history)
            print(f"epoch {history.epochs}/{self._epochs}: {state}", file=self._file, flush=True)
            self._pause = min(1.5 * self._pause, LAST_PAUSE)
        self._next = time.perf_counter() + self._pause

    def _draw(self, network: NeuralNetwork, history: History) -> None:
        self._bar.n = history.epochs
        self._bar.set_postfix_str(self._state(network, history))

    def _state(self, network: NeuralNetwork, history: History) -> str:
        rate = history.epochs * self._n_rows / (time.perf_counter() - self._start)
        score = "" if self._score is None else f", {self._score_name} {self._score(network):.4f}"
        return f"loss {history.loss[-1]:.3g}{score}, {with_prefix(rate)} samples/s"


def with_prefix(rate: float) -> str:
    """Return a rate with three digits: "987", "12.3 k", "1.25 M"."""
    for prefix in ("", " k", " M"):
        if rate < 999.5:
            return f"{rate:.3g}{prefix}"
        rate /= 1000
    return f"{rate:.3g} G"


def duration(seconds: float) -> str:
    """Return a time for people: "4.8 ms", "2.68 s"."""
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{1000 * seconds:.1f} ms"
