"""When training stops: patience and what it watches, scores, budgets; and that it goes on as if it had not."""

import math
import time

import networks
import numpy as np
import pytest

from scratchnn import NeuralNetwork, metrics
from scratchnn.callbacks import Callback
from scratchnn.stopping import EarlyStopping, Plateaus

RNG = np.random.default_rng(0)
X = RNG.standard_normal((50, 4))
Y = np.tanh(X @ RNG.standard_normal((4, 2)))
SETTINGS = {"batch_size": 8, "shuffle": True, "optimizer": "adam", "learning_rate": 0.02}


def network(**arguments):
    return NeuralNetwork([4, 9, 2], **{"activation": "tanh", "seed": 1} | arguments)


def linear(weight=0.0):
    """The smallest network there is: y = w x. A step of HALVING goes half of the way to the target."""
    return NeuralNetwork([1, 1], activation="identity", biases=False, weight_init=[[[weight]]], seed=1)


ONE = (np.ones((1, 1)), np.ones((1, 1)))
HALVING = {"learning_rate": 0.25, "batch_size": "full"}


# ---- what is watched ----


def stop_by_hand(values, patience, min_delta):
    """The last epoch and the best one, from what epochs are judged by (docs/math.md)."""
    for k in range(1, len(values) + 1):
        better = [i for i in range(1, k + 1) if values[i - 1] > max([-math.inf, *values[: i - 1]]) + min_delta]
        if k - max(better, default=0) >= patience:
            break
    return k, 1 + int(np.argmax(values[:k]))


@pytest.mark.parametrize("min_delta", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("patience", [1, 2, 4])
@pytest.mark.parametrize("seed", range(5))
def test_scores(seed, patience, min_delta):
    values = np.round(np.cumsum(np.random.default_rng(seed).normal(0.02, 0.1, 60)), 2).tolist()
    scores = iter(values)
    weights = []

    def score(network, X, y):
        weights.append(network.layers[0].weights[0, 0])
        return next(scores)

    trained = linear()
    history = trained.train(
        *ONE, epochs=60, patience=patience, min_delta=min_delta, validation_data=ONE, scorer=score, **HALVING
    )
    last, best = stop_by_hand(values, patience, min_delta)
    assert (history.epochs, history.stopped) == (last, "patience" if last < 60 else "completed")
    assert history.validation_score == values[:last]
    assert history.best_epoch == best
    assert trained.layers[0].weights[0, 0] == weights[best - 1]


def test_the_training_loss_is_watched_where_there_is_nothing_else():
    """Each step halves what is left, so the loss falls to a quarter; the sixth is the first to gain less than 0.01."""
    history = linear().train(*ONE, epochs=100, patience=1, min_delta=0.01, **HALVING)
    assert history.loss == [1, 1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 1024]
    assert history.stopped == "patience"
    assert history.best_epoch is None


def test_the_best_of_the_training_loss_is_restored():
    trained = linear()
    history = trained.train(*ONE, epochs=3, patience=2, learning_rate=1.5, batch_size="full")
    assert history.loss == [1, 4, 16]
    assert trained.layers[0].weights[0, 0] == 3  # after the first epoch, whose loss was the lowest


def test_the_validation_loss_is_watched_without_a_scorer():
    history = linear().train(*ONE, epochs=100, patience=2, min_delta=0.01, validation_data=ONE, **HALVING)
    assert (history.epochs, history.stopped) == (6, "patience")
    assert history.validation_loss == [4.0**-k for k in range(1, 7)]
    assert history.validation_score == []


def test_a_score_that_is_no_number():
    for answer, message in (
        (None, "the scorer returned None"),
        ("good", "returned 'good'"),
        (math.nan, "returned NaN"),
    ):
        trained = linear()
        with pytest.raises((TypeError, ValueError), match=message):
            trained.train(*ONE, epochs=3, validation_data=ONE, scorer=lambda *_, answer=answer: answer)
        assert trained.history.epochs == 1
        assert trained.history.stopped == "interrupted"
    assert linear().train(*ONE, epochs=2, validation_data=ONE, scorer=lambda *_: np.float32(0.5)).epochs == 2


def test_scores_stand_beside_the_losses():
    """From the epoch on that has one."""
    trained = network()
    trained.train(X, Y, epochs=2)
    history = trained.train(X, Y, epochs=2, validation_data=(X, Y), scorer="r2")
    assert [math.isnan(score) for score in history.validation_score] == [True, True, False, False]
    assert history.validation_score[-1] == metrics.r2(Y, trained.predict(X))
    assert history.best_epoch == 4
    assert repr(history).endswith(f"validation_score={history.validation_score[-1]:.6g}, stopped='completed')")


def test_a_scorer_gets_what_the_caller_gave():
    class Rows(list):
        pass

    rows, targets, seen = Rows([[1.0]]), Rows([1.0]), []
    linear().train(*ONE, epochs=1, validation_data=(rows, targets), scorer=lambda *given: seen.append(given[1:]) or 1)
    assert seen[0][0] is rows
    assert seen[0][1] is targets


def test_early_stopping_by_itself():
    parameters = np.zeros(2)
    for restore_best, expected in ((True, [1, 1]), (False, [4, 4])):
        early = EarlyStopping(parameters, 3, 0.0, restore_best)
        over = []
        for i, value in enumerate([math.nan, 5, 4, 5, math.nan]):
            parameters[:] = i
            early.see(value)
            over.append(early.is_over)
        assert over == [False, False, False, False, True]
        assert early.finish() is restore_best
        assert parameters.tolist() == expected


def test_no_plateau_without_a_schedule():
    plateaus = Plateaus(None, [1, 1, 1])
    plateaus.see(1)
    assert plateaus.number == 0


# ---- a share of the data ----


def test_a_share_of_the_rows_is_held_out():
    """The same rows for the same seed, in every call, and as if they were given."""
    by_fraction, by_hand = network(), network()
    held_out = []

    def score(network, X, y):
        held_out.append((X, y))
        return 1

    for epochs in (2, 3):
        by_fraction.train(X, Y, epochs=epochs, validation_fraction=0.2, scorer=score, **SETTINGS)
    assert len(held_out[0][0]) == 10
    for x, y in held_out:
        np.testing.assert_array_equal(x, held_out[0][0])
        np.testing.assert_array_equal(y, held_out[0][1])
    kept = ~(X[:, None] == held_out[0][0]).all(axis=2).any(axis=1)
    assert kept.sum() == 40
    by_hand.train(X[kept], Y[kept], epochs=5, validation_data=held_out[0], **SETTINGS)
    assert networks.bits(by_fraction) == networks.bits(by_hand)
    assert by_fraction.history.validation_loss == by_hand.history.validation_loss
    assert by_fraction.history.samples == 200


def test_another_seed_holds_out_other_rows():
    seen = []
    for seed in (1, 2):
        network(seed=seed).train(X, Y, epochs=1, validation_fraction=0.2, scorer=lambda _, x, y: seen.append(x) or 0)
    assert not np.array_equal(*seen)


@pytest.mark.parametrize("kind", ["labels", "one-hot", "logistic"])
def test_classes_are_held_out_in_proportion(kind):
    labels = np.repeat([0, 1], [40, 10]) if kind == "logistic" else np.repeat([0, 1, 2], [25, 15, 10])
    y = {"labels": labels, "one-hot": np.eye(3)[labels % 3], "logistic": labels}[kind]
    loss = "binary_cross_entropy" if kind == "logistic" else "cross_entropy"
    trained = NeuralNetwork([4, 1 if kind == "logistic" else 3], loss=loss, seed=1)
    seen = []
    trained.train(X, y, epochs=1, validation_fraction=0.2, scorer=lambda _, x, y: seen.append(y) or 0)
    held_out = seen[0].argmax(axis=1) if kind == "one-hot" else seen[0]
    assert np.bincount(held_out).tolist() == ([8, 2] if kind == "logistic" else [5, 3, 2])


def test_weights_are_held_out_with_their_samples():
    weights = np.arange(1.0, 51)
    seen = []
    trained, by_hand = network(), network()
    trained.train(
        X, Y, epochs=2, sample_weight=weights, validation_fraction=0.2, scorer=lambda _, x, y: seen.append(x) or 0
    )
    kept = ~(X[:, None] == seen[0]).all(axis=2).any(axis=1)
    by_hand.train(
        X[kept],
        Y[kept],
        epochs=2,
        sample_weight=weights[kept],
        validation_data=(X[~kept], Y[~kept], weights[~kept]),
    )
    assert networks.bits(trained) == networks.bits(by_hand)
    assert trained.history.validation_loss == by_hand.history.validation_loss


def test_a_sparse_matrix_is_split():
    sparse = pytest.importorskip("scipy.sparse")
    x = np.where(X > 0.7, X, 0)
    x[3] = 0
    kinds, seen = (x, sparse.csr_matrix(x), sparse.coo_array(x)), []
    trained = [network() for _ in kinds]
    for each, inputs in zip(trained, kinds, strict=True):
        each.train(inputs, Y, epochs=2, validation_fraction=0.3, scorer=lambda _, X, y: seen.append(X) or 0, **SETTINGS)
    for each in trained[1:]:
        assert networks.bits(each) == networks.bits(trained[0])
        assert each.history.validation_loss == trained[0].history.validation_loss
    np.testing.assert_array_equal(seen[2].toarray(), seen[0])
    scores = [each.train(inputs, Y, epochs=1, validation_fraction=0.3, scorer="r2").validation_score[-1]
              for each, inputs in zip(trained, kinds, strict=True)]  # fmt: skip
    assert scores[0] == scores[1] == scores[2]


def test_a_frame_is_split_into_frames():
    pandas = pytest.importorskip("pandas")
    seen = []
    frame = pandas.DataFrame(X, index=np.arange(100, 150))
    trained, plain = network(), network()
    trained.train(frame, Y, epochs=1, validation_fraction=0.1, scorer=lambda _, X, y: seen.append(X) or 0)
    plain.train(X, Y, epochs=1, validation_fraction=0.1)
    assert isinstance(seen[0], pandas.DataFrame)
    assert trained.history.validation_loss == plain.history.validation_loss


def test_rows_that_cannot_be_spared():
    before = networks.bits(untrained := network())
    with pytest.raises(ValueError, match="there is one row only: none can be held out"):
        untrained.train(X[:1], Y[:1], epochs=1, validation_fraction=0.1)
    assert networks.bits(untrained) == before


# ---- budgets ----


@pytest.mark.parametrize("sizes", [[4, 2], [4, 5, 2], [4, 20, 2]], ids=["one layer", "tiny", "small"])
@pytest.mark.parametrize("shuffle", [False, True, lambda epoch: np.roll(np.arange(50), epoch)], ids=str)
def test_steps(sizes, shuffle, isa, dtype):
    """7 steps an epoch, the last of 2 samples: any parts of them are the whole, bit for bit."""
    once, parts = (networks.make(sizes, "tanh", "huber", dtype) for _ in range(2))
    x, y = networks.data(once, 50)
    settings = SETTINGS | {"shuffle": shuffle, "validation_data": (x[:9], y[:9]), "schedule": "cosine(6)"}
    once.train(x, y, epochs=6, **settings)
    epochs, total = 6, 0
    for steps in (1, 5, 1, 7, 8, 13, 100):
        history = parts.train(x, y, epochs=epochs - parts.history.epochs, max_steps=steps, **settings)
        total = min(total + steps, 42)
        assert parts.get_state()[0]["steps"] == total
        assert history.epochs == len(history.loss) == len(history.validation_loss) == total // 7
        assert history.samples == 50 * history.epochs
        assert history.stopped == ("max_steps" if total < 42 else "completed")
    assert networks.bits(parts) == networks.bits(once)
    for series in ("loss", "validation_loss", "learning_rate"):
        assert getattr(parts.history, series) == getattr(once.history, series)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_steps_in_threads(n_threads, threads_as_asked):
    once, parts = (NeuralNetwork([4, 30, 2], seed=1) for _ in range(2))
    once.train(X, Y, epochs=6, n_threads=n_threads, **SETTINGS)
    for _ in range(14):
        parts.train(X, Y, epochs=6 - parts.history.epochs, max_steps=3, n_threads=n_threads, **SETTINGS)
    assert networks.bits(parts) == networks.bits(once)
    assert parts.history.loss == once.history.loss


def test_steps_with_weights_and_penalties():
    from scratchnn import Regularization

    settings = {"sample_weight": np.arange(1.0, 51), "regularization": Regularization(l2=0.1, clip_norm=1.0)}
    once, parts = network(), network()
    once.train(X, Y, epochs=3, **settings, **SETTINGS)
    for _ in range(7):
        parts.train(X, Y, epochs=3 - parts.history.epochs, max_steps=3, **settings, **SETTINGS)
    assert networks.bits(parts) == networks.bits(once)
    assert parts.history.loss == once.history.loss


def test_an_epoch_is_finished_only_with_its_own_batches():
    """Another size of batches, other data or another optimizer begin a new one; the steps that were done stay done."""
    for change in ({"batch_size": 9}, {"shuffle": False}, {"optimizer": "sgd"}, {"data": (X[:49], Y[:49])}):
        trained = network()
        trained.train(X, Y, epochs=2, max_steps=9, **SETTINGS)
        data = change.pop("data", (X, Y))
        history = trained.train(*data, epochs=1, **SETTINGS | change)
        assert history.epochs == 2
        assert history.samples == 50 + len(data[0])
        steps = 6 if "batch_size" in change else 7
        assert trained.get_state()[0]["steps"] == steps + (0 if "optimizer" in change else 9)


def test_an_epoch_belongs_to_its_optimizer():
    """Even where a call in between has trained nothing."""
    trained, other = network(), network()
    trained.train(X, Y, epochs=1, max_steps=3, **SETTINGS)
    for each in (trained, other):
        for layer, source in zip(each.layers, trained.copy().layers, strict=True):
            layer.weights, layer.biases = source.weights, source.biases
    trained.train(X, Y, epochs=0, **SETTINGS | {"optimizer": "sgd"})
    for each in (trained, other):
        each.train(X, Y, epochs=1, **SETTINGS | {"optimizer": "sgd"})
    assert networks.bits(trained) == networks.bits(other)
    assert trained.history.loss == other.history.loss


def test_budgets_end_with_the_best_parameters_too():
    trained = network()
    settings = SETTINGS | {"learning_rate": 0.5}
    history = trained.train(X, Y, epochs=50, max_steps=30, patience=50, validation_data=(X, Y), **settings)
    assert history.stopped == "max_steps"
    assert trained.evaluate(X, Y) == min(history.validation_loss)
    assert trained.get_state()[0]["unfinished_epoch"] is None  # it is not that of these parameters


def test_a_budget_that_just_suffices():
    history = network().train(X, Y, epochs=2, max_steps=14, **SETTINGS)
    assert (history.epochs, history.stopped) == (2, "completed")


@pytest.mark.parametrize("watched", [{}, {"callback": lambda *_: None}], ids=["alone", "watched"])
def test_seconds(watched):
    """In the midst of an epoch that takes longer, or among epochs that take microseconds; and it goes on exactly."""
    x = np.random.default_rng(1).standard_normal((60_000, 4))
    for data, settings in (((x, x[:, :2]), SETTINGS), ((X, Y), SETTINGS)):
        trained, once = network(), network()
        start = time.perf_counter()
        history = trained.train(*data, epochs=10**6, max_seconds=0.1, **settings, **watched)
        assert 0.1 <= time.perf_counter() - start < 5
        assert history.stopped == "max_seconds"
        history = trained.train(*data, epochs=1, **settings)
        once.train(*data, epochs=history.epochs, **settings)
        assert networks.bits(trained) == networks.bits(once)
        assert history.loss == once.history.loss


def test_a_clock_that_jumps_ends_nothing(monkeypatch):
    """The engine's clock is the system's, which may be set; time is up by one that nobody sets."""
    from scratchnn import training

    monkeypatch.setattr(training.time, "perf_counter", lambda: 0.0)  # which stands still here
    trained, once = network(), network()
    trained.train(X, Y, epochs=3000, max_seconds=0.03, **SETTINGS)
    once.train(X, Y, epochs=3000, **SETTINGS)
    assert trained.history.stopped == "completed"
    assert networks.bits(trained) == networks.bits(once)
    assert trained.history.loss == once.history.loss


# ---- L-BFGS, whose iterations are steps and epochs ----


def test_lbfgs_and_budgets():
    once, parts = network(), network()
    full = {"optimizer": "lbfgs"}
    once.train(X, Y, epochs=5, **full)
    history = parts.train(X, Y, epochs=100, max_steps=5, **full)
    assert (history.epochs, history.stopped) == (5, "max_steps")
    assert networks.bits(parts) == networks.bits(once)
    assert history.learning_rate == []
    history = parts.train(X, Y, epochs=10**6, max_seconds=1e-6, **full)
    assert history.stopped == "max_seconds"
    x = np.random.default_rng(1).standard_normal((60_000, 4))
    start = time.perf_counter()
    history = network().train(x, x[:, :2], epochs=10**6, max_seconds=0.1, optimizer="lbfgs")
    assert 0.1 <= time.perf_counter() - start < 5
    assert history.stopped == "max_seconds"
    assert history.samples > 0


def test_lbfgs_and_patience():
    history = network().train(X, Y, epochs=500, patience=2, min_delta=0.01, validation_data=(X, Y), optimizer="lbfgs")
    assert history.stopped == "patience"
    assert history.epochs == len(history.validation_loss) < 100


def test_lbfgs_and_callbacks():
    seen = []

    class Look(Callback):
        def on_batch_end(self, network, step, loss):
            seen.append((step, loss))
            return step == 4

    watched, alone = network(), network()
    history = watched.train(X, Y, epochs=9, optimizer="lbfgs", callback=Look())
    alone.train(X, Y, epochs=4, optimizer="lbfgs")
    assert history.stopped == "callback"
    assert seen == list(enumerate(history.loss, 1))
    assert networks.bits(watched) == networks.bits(alone)
    assert watched.learning_rate is None
    with pytest.raises(ValueError, match=r"learning_rate is 0\.1, but lbfgs has none"):
        watched.learning_rate = 0.1
    with pytest.raises(ValueError, match=r"schedule is Cosine\(.*\), but lbfgs has no learning rate: leave it out"):
        watched.train(X, Y, optimizer="lbfgs", schedule="cosine(3)")
