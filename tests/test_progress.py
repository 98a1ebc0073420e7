"""The progress of a training: a bar in a terminal or a notebook, a few lines in a log."""

import io
import sys
from types import ModuleType, SimpleNamespace

import pytest

from scratchnn import NeuralNetwork
from scratchnn.callbacks import ProgressBar, Run
from scratchnn.callbacks import progress as module
from scratchnn.callbacks.progress import duration, with_prefix


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(module.time, "perf_counter", lambda: now.seconds)
    return now


@pytest.fixture
def tqdm():
    return pytest.importorskip("tqdm")


def run(progress, clock, epochs, seconds, *, total=None, before=0, stopped="completed"):
    """Let epochs of so many seconds pass, after those before."""
    history = SimpleNamespace(
        loss=[1.0] * before, epochs=before, validation_loss=[], validation_score=[], stopped=stopped
    )
    network = SimpleNamespace(history=history)
    progress.on_train_begin(network, Run(total or epochs, 500, 10, "loss"))
    for epoch in range(before + 1, before + epochs + 1):
        clock.seconds += seconds
        history.loss.append(1 / epoch)
        history.epochs = epoch
        assert progress.on_epoch_end(network, epoch, history) is None
    progress.on_train_end(network, history)


def test_a_log_gets_a_line_now_and_then(clock):
    log = io.StringIO()
    scored = []
    progress = ProgressBar(lambda network: scored.append(network) or 0.75, "accuracy", log)
    run(progress, clock, 1000, 1.0)
    lines = log.getvalue().splitlines()
    assert lines[0] == "epoch 2/1000: loss 0.5, accuracy 0.7500, 500 samples/s"
    assert lines[1].startswith("epoch 5/1000: ")
    assert 20 < len(lines) < 30  # ever rarer, and at least one a minute
    assert len(scored) == len(lines)
    assert "\r" not in log.getvalue()


def test_a_short_training_leaves_no_line(clock):
    log = io.StringIO()
    run(ProgressBar(file=log), clock, 100, 0.01)
    assert log.getvalue() == ""


def test_a_terminal_gets_a_bar_that_ends_at_the_last_epoch(clock, tqdm):
    terminal = Terminal()
    scored = []
    run(ProgressBar(lambda network: scored.append(network) or 0.5, "R²", terminal), clock, 50, 0.01, total=200)
    last = terminal.getvalue().rstrip().rsplit("\r", 1)[-1]
    assert "epoch 50/200" in last
    assert "loss 0.02, R² 0.5000, 50 k samples/s" in last
    assert len(scored) == 6  # the first epoch, four tenths of a second, and the end


def test_a_second_training_goes_on_counting(clock, tqdm):
    terminal, log = Terminal(), io.StringIO()
    for file in (terminal, log):
        run(ProgressBar(file=file), clock, 10, 1.0, before=30)
    assert "epoch 40/40" in terminal.getvalue().rstrip().rsplit("\r", 1)[-1]
    assert log.getvalue().startswith("epoch 32/40: loss 0.0312, 500 samples/s\n")


def test_a_terminal_without_tqdm_gets_lines(clock, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    terminal = Terminal()
    run(ProgressBar(file=terminal), clock, 3, 1.0)
    assert terminal.getvalue() == "epoch 2/3: loss 0.5, 500 samples/s\n"


def test_an_error_closes_the_bar_and_scores_no_more(clock, tqdm):
    terminal = Terminal()
    scored = []
    run(ProgressBar(scored.append, "", terminal), clock, 0, 1.0, total=9, stopped="interrupted")
    assert scored == []
    assert terminal.getvalue().endswith("\n")


def test_a_bar_without_an_epoch(clock, tqdm):
    terminal = Terminal()
    run(ProgressBar(file=terminal), clock, 0, 0, total=9)
    assert "epoch 0/9" in terminal.getvalue()


def test_a_notebook_gets_the_bar_that_tqdm_chooses_for_it(clock, monkeypatch, tqdm):
    """In a kernel, standard error is no terminal."""
    shell = SimpleNamespace(config={"IPKernelApp": {}})
    ipython = ModuleType("IPython")
    ipython.get_ipython = lambda: shell
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    made = []
    automatic = ModuleType("tqdm.auto")
    automatic.tqdm = lambda **arguments: made.append(arguments) or tqdm.tqdm(**arguments)
    monkeypatch.setitem(sys.modules, "tqdm.auto", automatic)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    run(ProgressBar(), clock, 5, 1.0)
    assert len(made) == 1
    assert "epoch 5/5" in sys.stderr.getvalue()
    shell.config = {}  # IPython in a terminal: standard error decides
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    run(ProgressBar(), clock, 5, 1.0)
    assert len(made) == 1
    assert "\r" not in sys.stderr.getvalue()


def test_no_standard_error(clock, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    run(ProgressBar(), clock, 5, 1.0)


def test_a_training_shows_losses_and_score(clock, monkeypatch):
    seconds = iter(range(10_000))
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(seconds))
    log = io.StringIO()
    network = NeuralNetwork([2, 3, 1], seed=1)
    data = ([[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0])
    network.train(*data, epochs=30, validation_data=data, scorer="accuracy", callback=ProgressBar(file=log))
    first = log.getvalue().splitlines()[0]
    epoch = int(first.removeprefix("epoch ").split("/")[0])
    assert f"/30: loss {network.history.loss[epoch - 1]:.3g}, validation loss " in first
    assert "validation score 0.5, " in first


def test_verbose(monkeypatch, tqdm):
    """Standard error shows it, among other callbacks."""
    epochs = []
    monkeypatch.setattr(sys, "stderr", Terminal())
    network = NeuralNetwork([2, 3, 1], seed=1)
    network.train([[0, 1]], [1], epochs=7, callback=lambda *seen: epochs.append(seen[1]), verbose=True)
    assert epochs == [1, 2, 3, 4, 5, 6, 7]
    assert "epoch 7/7" in sys.stderr.getvalue()
    monkeypatch.setattr(sys, "stderr", Terminal())
    network.train([[0, 1]], [1], epochs=7)
    assert sys.stderr.getvalue() == ""


@pytest.mark.parametrize(
    ("rate", "text"),
    [(0.5, "0.5"), (987.4, "987"), (999.7, "1 k"), (12_345, "12.3 k"), (1.25e6, "1.25 M"), (3e9, "3 G")],
)
def test_rates(rate, text):
    assert with_prefix(rate) == text


def test_durations():
    assert [duration(t) for t in (0.0048, 0.0999, 0.1, 2.678)] == ["4.8 ms", "99.9 ms", "0.10 s", "2.68 s"]
