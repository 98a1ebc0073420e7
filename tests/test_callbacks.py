"""Callbacks: when they are called, what they see and may change, what they cost, and checkpoints."""

import os
import signal
import subprocess
import sys
import textwrap

import networks
import numpy as np
import pytest

from scratchnn import DivergenceError, NeuralNetwork
from scratchnn.callbacks import Callback, Checkpoint, Run

RNG = np.random.default_rng(0)
X = RNG.standard_normal((20, 3))
Y = RNG.standard_normal((20, 2))
SETTINGS = {"batch_size": 6, "shuffle": True, "optimizer": "adam", "learning_rate": 0.01}


def network():
    return NeuralNetwork([3, 7, 2], activation="tanh", seed=1)


class Recorder(Callback):
    """Writes down every call."""

    def __init__(self, log=None, name="", stop=None):
        self.log = [] if log is None else log
        self.name = name
        self.stop = stop

    def on_train_begin(self, network, run):
        self.log.append((self.name, "begin", run))

    def on_batch_end(self, network, step, loss):
        assert step == network.get_state()[0]["steps"]
        self.log.append((self.name, "batch", step, loss))
        return ("batch", step) == self.stop

    def on_epoch_end(self, network, epoch, history):
        assert network.history is history
        assert epoch == history.epochs == len(history.loss)
        self.log.append((self.name, "epoch", epoch, history.loss[-1]))
        return np.bool_(("epoch", epoch) == self.stop)

    def on_train_end(self, network, history):
        self.log.append((self.name, "end", history.stopped))


# ---- calls ----


def test_the_order_of_calls():
    """Four batches an epoch; the losses of batches, weighted by their sizes, are that of the epoch."""
    trained, recorder = network(), Recorder()
    for epochs in (2, 1):
        trained.train(X, Y, epochs=epochs, callback=recorder, **SETTINGS)
    calls = [call[1:3] for call in recorder.log]
    epochs = [[("batch", 4 * i + j) for j in range(1, 5)] + [("epoch", i + 1)] for i in range(3)]
    first, second = ("begin", Run(2, 20, 6, "loss")), ("begin", Run(1, 20, 6, "loss"))
    end = ("end", "completed")
    assert calls == [first, *epochs[0], *epochs[1], end, second, *epochs[2], end]
    losses = np.array([call[3] for call in recorder.log if call[1] == "batch"]).reshape(3, 4)
    np.testing.assert_allclose(losses @ [6, 6, 6, 2] / 20, trained.history.loss)


def test_all_are_called_in_order_and_end_in_the_reverse():
    log = []
    names = ("a", "b")
    callbacks = [*(Recorder(log, name) for name in names), lambda *seen: log.append(("function", "epoch", seen[1]))]
    network().train(X, Y, epochs=1, batch_size="full", callback=callbacks)
    assert [(name, what) for name, what, *_ in log] == [
        *((name, "begin") for name in names),
        *((name, "batch") for name in names),
        *((name, "epoch") for name in (*names, "function")),
        ("b", "end"),
        ("a", "end"),
    ]


def test_one_that_stops_keeps_none_from_being_called():
    log = []
    callbacks = (Recorder(log, "a", ("epoch", 2)), Recorder(log, "b"))
    history = network().train(X, Y, epochs=9, callback=callbacks, **SETTINGS)
    assert (history.epochs, history.stopped) == (2, "callback")
    assert [name for name, what, *_ in log if what == "epoch"] == ["a", "b"] * 2


@pytest.mark.parametrize("answer", [True, np.True_])
def test_a_batch_may_stop_training_and_the_next_call_goes_on_there(answer):
    class Stop(Callback):
        def on_batch_end(self, network, step, loss):
            return answer if step in (3, 9) else None

    once, parts = network(), network()
    once.train(X, Y, epochs=5, **SETTINGS)
    for epochs, done, steps in ((5, 0, 3), (5, 2, 9), (3, 5, 20)):
        history = parts.train(X, Y, epochs=epochs, callback=Stop(), **SETTINGS)
        assert history.epochs == done
        assert history.stopped == ("callback" if steps < 20 else "completed")
        assert parts.get_state()[0]["steps"] == steps
    assert networks.bits(parts) == networks.bits(once)
    assert parts.history.loss == once.history.loss


@pytest.mark.parametrize("sizes", [[3, 2], [3, 5, 2], [3, 20, 2]], ids=["one layer", "tiny", "small"])
@pytest.mark.parametrize("shuffle", [False, True, lambda epoch: np.roll(np.arange(20), epoch)], ids=str)
def test_looking_at_batches_changes_nothing(shuffle, sizes, dtype):
    alone, watched = (networks.make(sizes, "tanh", "huber", dtype) for _ in range(2))
    x, y = networks.data(alone, 20)
    settings = {**SETTINGS, "shuffle": shuffle, "epochs": 5, "schedule": "one_cycle(5)", "validation_data": (x, y)}
    alone.train(x, y, **settings)
    watched.train(x, y, callback=Recorder(), **settings)
    assert networks.bits(watched) == networks.bits(alone)
    for series in ("loss", "validation_loss", "learning_rate", "samples"):
        assert getattr(watched.history, series) == getattr(alone.history, series)


def test_batches_in_threads(threads_used):
    alone, watched = (NeuralNetwork([3, 40, 2], seed=1) for _ in range(2))
    for trained, callback in ((alone, None), (watched, Recorder())):
        trained.train(X, Y, epochs=5, n_threads=3, callback=callback, **SETTINGS)
    assert threads_used == [3, 3]
    assert networks.bits(watched) == networks.bits(alone)


def test_only_who_looks_at_batches_has_training_return_after_each(monkeypatch):
    from scratchnn.training import Plan

    class Epochs(Callback):
        def on_epoch_end(self, network, epoch, history):
            pass

    runs = []
    advance = Plan._advance
    monkeypatch.setattr(Plan, "_advance", lambda *arguments: runs.append(1) or advance(*arguments))
    for callback, expected in ((None, 1), (Callback(), 1), (Epochs(), 5), (lambda *_: None, 5), (Recorder(), 20)):
        runs.clear()
        network().train(X, Y, epochs=5, callback=callback, **SETTINGS)
        assert len(runs) == expected


# ---- what they may change ----


def test_the_learning_rate_from_the_next_epoch_on():
    def halve(network, epoch, history):
        if epoch == 2:
            network.learning_rate /= 2

    changed, by_hand = network(), network()
    changed.train(X, Y, epochs=5, callback=halve, **SETTINGS)
    by_hand.train(X, Y, epochs=2, **SETTINGS)
    by_hand.train(X, Y, epochs=3, **SETTINGS | {"learning_rate": 0.005})
    assert networks.bits(changed) == networks.bits(by_hand)
    assert changed.history.learning_rate == [0.01, 0.01, 0.005, 0.005, 0.005]
    assert changed.learning_rate == changed.optimizer.learning_rate == 0.005


def test_the_learning_rate_from_the_next_batch_on():
    class Halve(Callback):
        def on_batch_end(self, network, step, loss):
            if step == 6:
                network.learning_rate /= 2

    changed, by_hand = network(), network()
    changed.train(X, Y, epochs=3, callback=Halve(), **SETTINGS)
    by_hand.train(X, Y, epochs=3, max_steps=6, **SETTINGS)
    by_hand.train(X, Y, epochs=2, **SETTINGS | {"learning_rate": 0.005})
    assert networks.bits(changed) == networks.bits(by_hand)
    assert changed.history.learning_rate == [0.01, 0.005, 0.005]


def test_the_learning_rate_that_a_schedule_multiplies():
    def halve(network, epoch, history):
        network.learning_rate /= 2

    changed = network()
    changed.train(X, Y, epochs=3, callback=halve, schedule="exponential(0.1)", **SETTINGS)
    assert changed.history.learning_rate == pytest.approx([0.01, 0.0005, 0.000025])


def test_the_learning_rate_is_part_of_what_is_saved(tmp_path):
    def halve(network, epoch, history):
        network.learning_rate /= 2
        network.save(tmp_path / "network.snn")

    trained = network()
    trained.train(X, Y, epochs=2, callback=halve, **SETTINGS)
    loaded = NeuralNetwork.load(tmp_path / "network.snn")
    assert loaded.learning_rate == 0.0025
    for each in (trained, loaded):
        each.train(X, Y, epochs=2, batch_size=6, shuffle=True, optimizer=each.optimizer)
    assert networks.bits(loaded) == networks.bits(trained)
    assert loaded.history.learning_rate == [0.01, 0.005, 0.0025, 0.0025]


def test_the_learning_rate_of_a_network_that_was_never_trained():
    untrained = network()
    assert untrained.learning_rate is None
    with pytest.raises(ValueError, match=r"learning_rate is 0\.5, but the network has no optimizer"):
        untrained.learning_rate = 0.5
    untrained.train(X, Y, epochs=1)
    for wrong in (0, -1, np.nan, "0.1", None):
        with pytest.raises(ValueError, match=r"learning_rate is .*expected a finite number > 0"):
            untrained.learning_rate = wrong
    assert untrained.learning_rate == 0.1


def test_parameters_that_a_batch_spoils():
    class Spoil(Callback):
        def on_batch_end(self, network, step, loss):
            if step == 10:
                network.layers[0].weights[0, 0] = np.nan

    spoilt, whole = network(), network()
    with pytest.raises(DivergenceError, match="diverged in epoch 3") as caught:
        spoilt.train(X, Y, epochs=5, callback=Spoil(), **SETTINGS)
    assert caught.value.epoch == 3
    whole.train(X, Y, epochs=2, **SETTINGS)
    assert networks.bits(spoilt) == networks.bits(whole)
    assert spoilt.history.stopped == "diverged"
    for each in (spoilt, whole):
        each.train(X, Y, epochs=2, **SETTINGS)
    assert networks.bits(spoilt) == networks.bits(whole)


# ---- errors ----


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt])
@pytest.mark.parametrize("when", ["begin", "batch", "epoch"])
def test_an_error_leaves_everything_in_order(when, error):
    class Fail(Recorder):
        def on_train_begin(self, network, run):
            super().on_train_begin(network, run)
            if when == "begin":
                raise error("mine")

        def on_batch_end(self, network, step, loss):
            if (when, step) == ("batch", 6):
                raise error("mine")

        def on_epoch_end(self, network, epoch, history):
            if (when, epoch) == ("epoch", 2):
                raise error("mine")

    failed, once = network(), network()
    failing, other, late = Fail(), Recorder(), Recorder()
    with pytest.raises(error, match="mine"):
        failed.train(X, Y, epochs=5, callback=[other, failing, late], **SETTINGS)
    assert failed.history.stopped == "interrupted"
    for recorder in (other, failing):
        assert recorder.log[-1][1:] == ("end", "interrupted")
    assert bool(late.log) == (when != "begin")  # what has not begun does not end
    once.train(X, Y, epochs=5, **SETTINGS)
    failed.train(X, Y, epochs=5 - failed.history.epochs, **SETTINGS)
    assert networks.bits(failed) == networks.bits(once)
    assert failed.history.loss == once.history.loss


def test_an_error_at_the_end_keeps_none_from_ending():
    class Fail(Callback):
        def on_train_end(self, network, history):
            raise LookupError("mine")

    first, trained = Recorder(), network()
    with pytest.raises(LookupError, match="mine"):
        trained.train(X, Y, epochs=2, callback=[first, Fail()], **SETTINGS)
    assert first.log[-1][1:] == ("end", "completed")
    assert trained.history.stopped == "completed"


def test_the_end_sees_the_best_parameters():
    seen = []

    class Look(Callback):
        def on_train_end(self, network, history):
            seen.append(network.evaluate(X, Y))

    trained = network()
    trained.train(X, Y, epochs=3, patience=1, validation_data=(X, Y), learning_rate=3, callback=Look())
    assert seen == [min(trained.history.validation_loss)]


# ---- checkpoints ----


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_checkpoints_of_some_epochs(tmp_path):
    trained = network()
    for epochs in (3, 4):
        trained.train(X, Y, epochs=epochs, callback=Checkpoint(tmp_path / "{epoch:03d}.snn", every=2), **SETTINGS)
    assert files(tmp_path) == ["002.snn", "004.snn", "006.snn"]
    assert NeuralNetwork.load(tmp_path / "004.snn").history.epochs == 4


def test_the_last_checkpoints_are_kept(tmp_path):
    (tmp_path / "1.snn").write_text("another's")
    checkpoint = Checkpoint(str(tmp_path / "{epoch}.snn"), keep_last=2)
    trained = network()
    trained.train(X, Y, epochs=5, callback=checkpoint, **SETTINGS)
    assert files(tmp_path) == ["4.snn", "5.snn"]
    (tmp_path / "4.snn").unlink()
    trained.train(X, Y, epochs=2, callback=checkpoint, **SETTINGS)
    assert files(tmp_path) == ["6.snn", "7.snn"]


def test_a_checkpoint_with_one_name_is_replaced(tmp_path):
    path = tmp_path / "network.snn"
    network().train(X, Y, epochs=5, callback=Checkpoint(path), **SETTINGS)
    assert NeuralNetwork.load(path).history.epochs == 5
    assert files(tmp_path) == ["network.snn"]


LOSSES = [4.0, 3.0, 5.0, 1.0, 2.0, 0.5]
SCORES = [1, 1, 2, 0, 2, 3]


@pytest.mark.parametrize(
    ("watched", "saved"), [("validation_loss", [1, 2, 4, 6]), ("validation_score", [1, 3, 6]), ("loss", None)]
)
def test_the_best_only(tmp_path, watched, saved, monkeypatch):
    """Of all epochs, those of earlier calls among them."""
    trained = network()
    losses, scores = iter(LOSSES), iter(SCORES)
    monkeypatch.setattr(trained, "_evaluate", lambda *_: next(losses))
    settings = SETTINGS | {"learning_rate": 0.5}
    if watched != "loss":
        settings["validation_data"] = (X, Y)
    if watched == "validation_score":
        settings["scorer"] = lambda *_: next(scores)
    for epochs in (2, 4):
        checkpoint = Checkpoint(tmp_path / "{epoch}.snn", best_only=True)
        trained.train(X, Y, epochs=epochs, callback=checkpoint, **settings)
    if watched == "loss":
        loss = trained.history.loss
        saved = [i + 1 for i in range(6) if loss[i] < min([np.inf, *loss[:i]])]
        assert saved != [1, 2, 3, 4, 5, 6]
    assert files(tmp_path) == [f"{epoch}.snn" for epoch in saved]


RESUMED = """
import os, signal, sys
import numpy as np
from scratchnn import NeuralNetwork, load
from scratchnn.callbacks import Callback, Checkpoint

rng = np.random.default_rng(0)
X = rng.standard_normal((50, 4))
Y = np.tanh(X[:, :2])
path = sys.argv[1]
settings = dict(
    batch_size=8, shuffle=True, optimizer="adam", learning_rate=0.02, schedule="warm_up(2, reduce_on_plateau(0.5, 2))",
    validation_fraction=0.2, scorer="r2",
)

class Kill(Callback):
    def on_batch_end(self, network, step, loss):
        if step == 33:
            os.kill(os.getpid(), signal.SIGKILL)

network = load(path) if os.path.exists(path) else NeuralNetwork([4, 9, 2], activation="tanh", seed=3)
callbacks = [Checkpoint(path, every=2)]
if sys.argv[2] == "killed":
    callbacks.append(Kill())
network.train(X, Y, epochs=20 - network.history.epochs, callback=callbacks, **settings)
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX only")
def test_a_training_that_was_killed_goes_on_from_its_checkpoint(tmp_path):
    """Shuffles, Adam's moments, the schedule, and what it makes of the scores, bit for bit."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(RESUMED), encoding="utf-8")

    def run(path, how):
        return subprocess.run(
            [sys.executable, script, tmp_path / path, how], capture_output=True, text=True, timeout=60
        )

    assert run("once.snn", "whole").returncode == 0
    killed = run("parts.snn", "killed")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert NeuralNetwork.load(tmp_path / "parts.snn").history.epochs == 6
    assert run("parts.snn", "whole").returncode == 0
    once, parts = (NeuralNetwork.load(tmp_path / name) for name in ("once.snn", "parts.snn"))
    assert networks.bits(parts) == networks.bits(once)
    for series in ("loss", "validation_loss", "validation_score", "learning_rate", "samples", "stopped"):
        assert getattr(parts.history, series) == getattr(once.history, series)
    assert once.history.learning_rate[-1] == 0.005  # after two plateaus
    assert files(tmp_path) == ["once.snn", "parts.snn", "script.py"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": "a.snn", "keep_last": 3}, r"keep_last is 3, but every file has the name 'a.snn'; put {epoch} in it"),
        ({"path": "{step}.snn"}, r"path is '{step}.snn'; expected {epoch} as its only field"),
        ({"path": "{}.snn"}, "path is '{}.snn'; expected"),
        ({"path": "{epoch.snn"}, "path is '{epoch.snn'; expected"),
        ({"path": "{epoch.real.x}"}, "path is .*; expected"),
        ({"path": "{epoch:s}"}, "path is .*; expected"),
        ({"path": "{epoch}", "every": 0}, "every is 0; expected an integer >= 1"),
        ({"path": "{epoch}", "keep_last": 0}, "keep_last is 0; expected an integer >= 1"),
        ({"path": 3}, "expected str, bytes or os.PathLike object"),
    ],
)
def test_arguments_of_a_checkpoint(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Checkpoint(**arguments)


def test_a_checkpoint_that_cannot_be_written_ends_the_training(tmp_path):
    trained = network()
    with pytest.raises(OSError, match="missing"):
        trained.train(X, Y, epochs=5, callback=Checkpoint(tmp_path / "missing" / "a.snn"), **SETTINGS)
    assert (trained.history.epochs, trained.history.stopped) == (1, "interrupted")
