"""The progress of a training: a bar in a terminal, a few lines in a log."""

import io
from types import SimpleNamespace

import pytest

from scratchnn.cli import progress as module
from scratchnn.cli.progress import Progress, duration, with_prefix


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(module.time, "perf_counter", lambda: now.seconds)
    return now


def run(progress, clock, epochs, seconds):
    """Let epochs of so many seconds pass."""
    history = SimpleNamespace(loss=[], epochs=0)
    with progress:
        for epoch in range(1, epochs + 1):
            clock.seconds += seconds
            history.loss.append(1 / epoch)
            history.epochs = epoch
            assert progress("network", epoch, history) is None


def test_a_log_gets_a_line_now_and_then(clock):
    log = io.StringIO()
    scored = []
    progress = Progress(1000, 500, lambda network: scored.append(network) or 0.75, "accuracy", log)
    run(progress, clock, 1000, 1.0)
    lines = log.getvalue().splitlines()
    assert lines[0] == "epoch 2/1000: loss 0.5, accuracy 0.7500, 500 samples/s"
    assert lines[1].startswith("epoch 5/1000: ")
    assert 20 < len(lines) < 30  # ever rarer, and at least one a minute
    assert scored == ["network"] * len(lines)


def test_a_short_training_leaves_no_line(clock):
    log = io.StringIO()
    run(Progress(100, 500, file=log), clock, 100, 0.01)
    assert log.getvalue() == ""


def test_a_terminal_gets_a_bar_that_ends_at_the_last_epoch(clock):
    terminal = Terminal()
    scored = []
    run(Progress(200, 500, lambda network: scored.append(network) or 0.5, "R²", terminal), clock, 50, 0.01)
    last = terminal.getvalue().rstrip().rsplit("\r", 1)[-1]
    assert "epoch 50/200" in last
    assert "loss 0.02, R² 0.5000, 50 k samples/s" in last
    assert len(scored) == 6  # the first epoch, four tenths of a second, and the end


def test_without_a_score(clock):
    terminal = Terminal()
    run(Progress(1, 500, file=terminal), clock, 1, 1.0)
    assert "loss 1, 500 samples/s" in terminal.getvalue()


def test_an_error_closes_the_bar_and_scores_no_more(clock):
    terminal = Terminal()
    scored = []

    def interrupt():
        with Progress(9, 500, scored.append, "", terminal):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert scored == []
    assert terminal.getvalue().endswith("\n")


def test_a_bar_without_an_epoch(clock):
    terminal = Terminal()
    run(Progress(9, 500, file=terminal), clock, 0, 0)
    assert "epoch 0/9" in terminal.getvalue()


@pytest.mark.parametrize(
    ("rate", "text"),
    [(0.5, "0.5"), (987.4, "987"), (999.7, "1 k"), (12_345, "12.3 k"), (1.25e6, "1.25 M"), (3e9, "3 G")],
)
def test_rates(rate, text):
    assert with_prefix(rate) == text


def test_durations():
    assert [duration(t) for t in (0.0048, 0.0999, 0.1, 2.678)] == ["4.8 ms", "99.9 ms", "0.10 s", "2.68 s"]
