"""Show how a training comes along: a bar in a terminal or a notebook, a plain line now and then anywhere else."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, TextIO

from .base import Callback, Run

if TYPE_CHECKING:
    from ..history import History
    from ..network import NeuralNetwork

__all__ = ["ProgressBar", "duration", "with_prefix"]

REDRAW = 0.1  # seconds between two states of the bar
FIRST_LINE = 2.0  # seconds until the first line of a log; most trainings are over by then
LAST_PAUSE = 60.0  # seconds between two lines of a log, at the most
BAR = "epoch {n_fmt}/{total_fmt} {bar} {remaining} left{postfix}"


class ProgressBar(Callback):
    """Show epoch, losses, score and samples per second, to people and in logs.

    A terminal and a notebook get a bar of tqdm's (``pip install scratchnn[progress]``). Files, pipes, and terminals
    where there is no tqdm, get a line after two seconds, and then ever rarer ones, at least one a minute.

    Parameters
    ----------
    score : callable, optional
        Returns one more number for a network. It is called only when there is something to show.
    score_name : str
        What that number is called.
    file : text file, optional
        Where to show; standard error by default.

    Examples
    --------
    >>> from scratchnn import NeuralNetwork
    >>> from scratchnn.callbacks import ProgressBar
    >>> network = NeuralNetwork([2, 3, 1], seed=1)
    >>> network.train([[0, 1], [1, 0]], [0, 1], epochs=10, callback=ProgressBar())
    History(epochs=10, loss=0.25..., stopped='completed')
    """

    def __init__(
        self,
        score: Callable[[NeuralNetwork], float] | None = None,
        score_name: str = "score",
        file: TextIO | None = None,
    ) -> None:
        self._score = score
        self._score_name = score_name
        self._given_file = file
        self._bar: Any = None

    def on_train_begin(self, network: NeuralNetwork, run: Run) -> None:
        self._file = sys.stderr if self._given_file is None else self._given_file
        self._n_samples = run.n_samples
        self._first = network.history.epochs
        self._last = self._first + run.epochs
        self._start = time.perf_counter()
        self._bar = self._new_bar()
        self._pause = FIRST_LINE if self._bar is None else REDRAW
        self._next = self._start + self._pause

    def _new_bar(self) -> Any:
        notebook = self._given_file is None and _in_notebook()
        if not notebook and not (self._file is not None and self._file.isatty()):
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a notebook without widgets, where the bar is text
                library: Any = import_module("tqdm.auto" if notebook else "tqdm")
        except ImportError:
            return None
        return library.tqdm(
            initial=self._first,
            total=self._last,
            file=self._file,
            dynamic_ncols=True,
            mininterval=0,
            bar_format=BAR,
        )

    def on_epoch_end(self, network: NeuralNetwork, epoch: int, history: History) -> None:
        if time.perf_counter() < self._next and (self._bar is None or epoch > self._first + 1):
            return
        if self._bar is not None:
            self._draw(network, history)
        elif self._file is not None:
            state = self._state(network, history)
            print(f"epoch {epoch}/{self._last}: {state}", file=self._file, flush=True)
            self._pause = min(1.5 * self._pause, LAST_PAUSE)
        self._next = time.perf_counter() + self._pause

    def on_train_end(self, network: NeuralNetwork, history: History) -> None:
        if self._bar is None:
            return
        if history.epochs > self._first and history.stopped not in ("interrupted", "diverged"):
            self._draw(network, history)  # as the training left the network
        self._bar.close()
        self._bar = None

    def _draw(self, network: NeuralNetwork, history: History) -> None:
        self._bar.n = history.epochs
        self._bar.set_postfix_str(self._state(network, history))

    def _state(self, network: NeuralNetwork, history: History) -> str:
        figures = [f"loss {history.loss[-1]:.3g}"]
        if len(history.validation_loss) == history.epochs:
            figures.append(f"validation loss {history.validation_loss[-1]:.3g}")
        if len(history.validation_score) == history.epochs:
            figures.append(f"validation score {history.validation_score[-1]:.4g}")
        if self._score is not None:
            figures.append(f"{self._score_name} {self._score(network):.4f}")
        seconds = max(time.perf_counter() - self._start, 1e-9)
        rate = (history.epochs - self._first) * self._n_samples / seconds
        return ", ".join([*figures, f"{with_prefix(rate)} samples/s"])


def _in_notebook() -> bool:
    """Whether this is the kernel of a notebook, rather than IPython in a terminal."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and "IPKernelApp" in shell.config


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
