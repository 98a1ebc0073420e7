"""Learning-rate schedules: their formulas, their names, and that a training that goes on has the rates of one call."""

import copy
import math
import pickle

import networks
import numpy as np
import pytest

from scratchnn import NeuralNetwork, schedules
from scratchnn.callbacks import Run
from scratchnn.schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseScaling,
    OneCycle,
    Pace,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
    WarmUp,
)


@pytest.fixture(autouse=True)
def names_of_one_test(monkeypatch):
    monkeypatch.setattr(Schedule, "registry", dict(Schedule.registry))


# ---- the formulas, written step by step from docs/math.md ----


def half_cosine(x):
    return (1 + math.cos(math.pi * x)) / 2


def cosine(t, n, _, epochs, final=0.0):
    return final + (1 - final) * half_cosine(min(t / (epochs * n), 1))


def cosine_restarts(t, n, _, epochs, growth=1.0, final=0.0):
    length = epochs * n
    while t >= max(1, round(length)):
        t -= max(1, round(length))
        length *= growth
    return final + (1 - final) * half_cosine(t / max(1, round(length)))


def one_cycle(t, n, _, epochs, rise=0.3, start=0.04, final=4e-6):
    x = t / (epochs * n)
    if x < rise:
        return start + (1 - start) * half_cosine(1 - x / rise)
    return final + (1 - final) * half_cosine(min((x - rise) / (1 - rise), 1))


def warm_up(t, n, n_samples, epochs, then=None):
    length = max(1, round(epochs * n))
    if t < length:
        return (t + 1) / length
    return 1.0 if then is None else share_of(then, t - length, n, n_samples)


ORACLE = {
    Constant: lambda t, n, n_samples: 1.0,
    StepDecay: lambda t, n, n_samples, epochs, factor=0.1: factor ** (t // n // epochs),
    Exponential: lambda t, n, n_samples, factor=0.95: factor ** (t // n),
    InverseScaling: lambda t, n, n_samples, power=0.5: (1 + t // n * n_samples) ** -power,
    Cosine: cosine,
    CosineRestarts: cosine_restarts,
    WarmUp: warm_up,
    OneCycle: one_cycle,
}


def share_of(schedule, t, n, n_samples):
    return ORACLE[type(schedule)](t, n, n_samples, **schedule.parameters())


EXAMPLES = [
    Constant(),
    StepDecay(1),
    StepDecay(3, 0.5),
    Exponential(),
    Exponential(0.3),
    InverseScaling(),
    InverseScaling(1),
    InverseScaling(0.3),
    Cosine(5),
    Cosine(2.5, final=0.1),
    Cosine(0.01),
    CosineRestarts(2),
    CosineRestarts(0.4, growth=1.5, final=0.2),
    CosineRestarts(1, growth=2),
    WarmUp(2),
    WarmUp(0.5, Cosine(3)),
    WarmUp(1, InverseScaling()),
    WarmUp(0.001, "exponential(0.5)"),
    WarmUp(100),
    OneCycle(6),
    OneCycle(3, rise=0.5, start=0.1, final=0),
    OneCycle(0.05),
]


def test_every_schedule_has_an_oracle_and_an_example():
    ours = {kind for kind in Schedule.registry.values() if kind.__module__ == "scratchnn.schedules"}
    assert ours == {*ORACLE, ReduceOnPlateau}
    assert {type(schedule) for schedule in EXAMPLES} == set(ORACLE)


@pytest.mark.parametrize("steps_per_epoch", [1, 7, 64])
@pytest.mark.parametrize("schedule", EXAMPLES, ids=repr)
def test_formula(schedule, steps_per_epoch):
    n_samples = 10 * steps_per_epoch - 3
    shares = schedule.shares(np.arange(600), Pace(steps_per_epoch, n_samples))
    expected = [share_of(schedule, t, steps_per_epoch, n_samples) for t in range(600)]
    assert shares.dtype == np.float64
    np.testing.assert_allclose(shares, expected, rtol=1e-13, atol=1e-15)
    assert shares.min() >= 0
    assert shares.max() <= 1


@pytest.mark.parametrize("schedule", [*EXAMPLES, ReduceOnPlateau(0.5)], ids=repr)
def test_a_share_depends_on_nothing_but_its_step(schedule):
    """Bit for bit, however many are asked for at a time."""
    pace = Pace(7, 65, 3)
    whole = schedule.shares(np.arange(1000), pace)
    for size in (1, 3, 100):
        parts = [schedule.shares(np.arange(i, min(i + size, 1000)), pace) for i in range(0, 1000, size)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_far_out():
    """After some ten million steps."""
    steps = np.array([3 * 10**7, 3 * 10**7 + 7])
    for schedule in EXAMPLES:
        expected = [share_of(schedule, int(t), 10, 95) for t in steps]
        np.testing.assert_allclose(schedule.shares(steps, Pace(10, 95)), expected, rtol=1e-9, atol=1e-15)


def test_ends_and_corners():
    pace, steps = Pace(10, 95), np.arange(100)
    np.testing.assert_array_equal(Cosine(3).shares(steps, pace)[[0, 30, 99]], [1, 0, 0])
    np.testing.assert_array_equal(OneCycle(5).shares(steps, pace)[[0, 15, 50, 99]], [0.04, 1, 4e-6, 4e-6])
    np.testing.assert_array_equal(CosineRestarts(1, 2).shares(steps, pace)[[0, 10, 30, 70]], [1, 1, 1, 1])
    np.testing.assert_array_equal(WarmUp(1).shares(steps, pace)[[0, 9, 10]], [0.1, 1, 1])
    np.testing.assert_array_equal(StepDecay(2, 0.5).shares(steps, pace)[[0, 19, 20, 40]], [1, 1, 0.5, 0.25])


# ---- plateaus ----


def rates_by_hand(values, factor, patience, min_delta, lowest):
    """The share of each epoch, from what the epochs before were judged by."""
    shares, best, waited, share = [], -math.inf, 0, 1.0
    for value in values:
        shares.append(max(share, lowest))
        waited = 0 if value > best + min_delta else waited + 1
        best = max(best, value) if value == value else best
        if waited == patience:
            share, waited = share * factor, 0
    return shares


@pytest.mark.parametrize("min_delta", [0.0, 0.05])
@pytest.mark.parametrize("patience", [1, 3])
def test_reduce_on_plateau(patience, min_delta):
    scores = iter(np.round(np.sin(np.arange(40) / 3) + np.arange(40) / 60, 2))
    seen = []

    def score(network, X, y):
        seen.append(float(next(scores)))
        return seen[-1]

    network = NeuralNetwork([1, 1], seed=1)
    schedule = ReduceOnPlateau(0.5, patience, min_delta, lowest=0.01)
    arguments = {"schedule": schedule, "learning_rate": 0.25, "validation_data": ([[1]], [1]), "scorer": score}
    for epochs in (1, 17, 22):
        network.train([[1]], [1], epochs=epochs, **arguments)
    expected = rates_by_hand(seen, 0.5, patience, min_delta, 0.01)
    assert network.history.learning_rate == [0.25 * share for share in expected]
    assert len(set(expected)) > 3


def test_what_a_plateau_is_of():
    """The score, without one the validation loss, without that the training loss."""
    x, y = np.ones((1, 1)), np.ones((1, 1))
    train = {"epochs": 6, "schedule": "reduce_on_plateau(0.5, 1)", "learning_rate": 0.25}
    falling = NeuralNetwork([1, 1], activation="identity", biases=False, weight_init=[[[0.0]]], seed=1)
    by_loss, by_validation, by_score = (falling.copy() for _ in range(3))
    by_loss.train(x, y, **train)  # falls
    by_validation.train(x, y, validation_data=(x, 0 * y), **train)  # rises from the first epoch on
    by_score.train(x, y, validation_data=(x, 0 * y), scorer=lambda network, X, y: network.history.epochs, **train)
    assert by_loss.history.learning_rate == by_score.history.learning_rate == [0.25] * 6
    assert by_validation.history.learning_rate == [0.25, 0.25, 0.125, 0.0625, 0.03125, 0.015625]


def test_a_warm_up_before_plateaus():
    network = NeuralNetwork([1, 1], seed=1)
    schedule = WarmUp(2, ReduceOnPlateau(0.5, 3))
    network.train(
        [[1]],
        [1],
        epochs=8,
        schedule=schedule,
        learning_rate=1,
        validation_data=([[1]], [1]),
        scorer=lambda *_: 0.0,
    )
    assert network.history.learning_rate == [0.5, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]


# ---- training with them ----

DECREASING = [schedule for schedule in EXAMPLES if type(schedule) is not Constant]


@pytest.mark.pairs
@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("sizes", [[3, 2], [3, 5, 2], [3, 20, 2]], ids=["one layer", "tiny", "small"])
@pytest.mark.parametrize("schedule", EXAMPLES, ids=repr)
def test_every_step_takes_its_rate(schedule, sizes, n_threads, dtype, threads_as_asked):
    """The same bits as a call for each step, whose learning rate is the step's."""
    network, stepped = (networks.make(sizes, "tanh", "huber", dtype) for _ in range(2))
    x, y = networks.data(network, 20)
    network.train(x, y, epochs=4, batch_size=6, learning_rate=0.3, schedule=schedule, n_threads=n_threads)
    rates = 0.3 * schedule.shares(np.arange(16), Pace(4, 20))
    for t, rate in enumerate(rates):
        batch = slice(t % 4 * 6, t % 4 * 6 + 6)
        if rate > 0:
            stepped.train(x[batch], y[batch], epochs=1, batch_size="full", learning_rate=rate)
    assert [a.tobytes() for a in networks.arrays(network)] == [a.tobytes() for a in networks.arrays(stepped)]
    assert network.history.learning_rate == rates[3::4].tolist()


@pytest.mark.parametrize("optimizer", ["momentum", "adam", "adamw", "nadam"])
@pytest.mark.parametrize("sizes", [[3, 2], [3, 5, 2], [3, 20, 2]], ids=["one layer", "tiny", "small"])
def test_rates_of_optimizers_with_a_state(optimizer, sizes, isa, dtype):
    """What a callback sets after each batch is what a schedule hands over at once."""
    network, stepped = (networks.make(sizes, "tanh", "huber", dtype) for _ in range(2))
    x, y = networks.data(network, 20)
    schedule = OneCycle(4)
    rates = 0.3 * schedule.shares(np.arange(17), Pace(4, 20))
    network.train(x, y, epochs=4, batch_size=6, learning_rate=0.3, schedule=schedule, optimizer=optimizer)
    for t in range(16):
        stepped.train(x, y, batch_size=6, epochs=1, max_steps=1, optimizer=optimizer, learning_rate=rates[t])
    assert networks.bits(network) == networks.bits(stepped)
    assert network.history.loss == stepped.history.loss
    assert network.history.learning_rate == stepped.history.learning_rate


def test_more_steps_than_are_handed_over_at_once(monkeypatch):
    """Some epochs at a time; and where an epoch has more steps than that, a part of one."""
    from scratchnn import rates

    network = NeuralNetwork([2, 3, 1], seed=1)
    x, y = networks.data(network, 50)
    arguments = {"epochs": 30, "batch_size": 7, "schedule": "cosine(30)", "shuffle": True, "optimizer": "adam"}
    whole = network.copy()
    whole.train(x, y, **arguments)
    for at_a_time in (1, 5, 8, 20):
        monkeypatch.setattr(rates, "STEPS_AT_A_TIME", at_a_time)
        parts = network.copy()
        parts.train(x, y, **arguments)
        assert networks.bits(parts) == networks.bits(whole)
        assert parts.history.loss == whole.history.loss
        assert parts.history.learning_rate == whole.history.learning_rate
        assert parts.history.stopped == "completed"


RESUMED = [*EXAMPLES, ReduceOnPlateau(0.5, 2), WarmUp(3, ReduceOnPlateau(0.5, 1, min_delta=0.01))]


@pytest.mark.parametrize("way", ["memory", "copy", "pickle", "file"])
@pytest.mark.parametrize("schedule", RESUMED, ids=repr)
def test_ten_epochs_and_ten_more_are_twenty(schedule, way, tmp_path):
    """Bit for bit, and 3 steps and 6 epochs and 1 more in between, through whatever keeps a network."""
    once, network = (networks.make([3, 7, 2], "tanh", "huber", np.float64) for _ in range(2))
    x, y = networks.data(once, 20)
    arguments = {
        "batch_size": 6,
        "shuffle": True,
        "optimizer": "adam",
        "learning_rate": 0.05,
        "schedule": schedule,
        "validation_data": (x[:5], y[:5]),
    }
    once.train(x, y, epochs=20, **arguments)
    for epochs, steps in ((4, None), (9, 3), (6, None), (1, 2), (10, None)):
        network.train(x, y, epochs=epochs, max_steps=steps, **arguments)
        if way == "copy":
            network = copy.deepcopy(network)
        elif way == "pickle":
            network = pickle.loads(pickle.dumps(network))
        elif way == "file":
            network.save(tmp_path / "network.snn")
            network = NeuralNetwork.load(tmp_path / "network.snn")
    assert network.history.epochs == 20
    assert networks.bits(network) == networks.bits(once)
    for series in ("loss", "validation_loss", "learning_rate", "samples"):
        assert getattr(network.history, series) == getattr(once.history, series)
    assert network.schedule == schedule


def test_another_schedule_starts_at_its_beginning():
    network = NeuralNetwork([1, 1], seed=1)
    train = {"epochs": 2, "learning_rate": 1}
    for schedule in ("step_decay(2)", "step_decay(2)", "step_decay(1)", None, "step_decay(1)"):
        network.train([[1], [2]], [1, 2], schedule=schedule, **train)
    assert network.history.learning_rate == pytest.approx([1, 1, 0.1, 0.1, 1, 0.1, 1, 1, 1, 0.1])
    network.train([[1], [2]], [1, 2], schedule="step_decay(1)", optimizer="momentum", **train)
    assert network.history.learning_rate[-2:] == [1, pytest.approx(0.1)]


def test_a_divergence_returns_to_the_rates_of_the_last_finite_epoch():
    """And training goes on from there as if it had stopped there."""
    x, y = np.ones((4, 1)), np.zeros((4, 1))

    class Explode(Schedule):
        name = "test_explode"

        def shares(self, steps, pace):
            return np.where(steps < 18, 0.1, 1e200)

    network, whole = (NeuralNetwork([1, 1], activation="identity", weight_init=[[[1.0]]], seed=1) for _ in range(2))
    with pytest.raises(FloatingPointError, match="diverged in epoch 5"):
        network.train(x, y, epochs=50, learning_rate=1, schedule=Explode())
    whole.train(x, y, epochs=4, learning_rate=0.1)
    assert network.history.loss == whole.history.loss
    assert network.history.learning_rate == [0.1] * 4
    assert network.get_state()[0]["steps"] == 16
    assert networks.bits(network) == networks.bits(whole)


@pytest.mark.parametrize("share", [-0.1, math.nan, math.inf])
def test_rates_that_are_none(share):
    class Wrong(Schedule):
        name = "test_wrong"

        def shares(self, steps, pace):
            return np.full(len(steps), share)

    network = NeuralNetwork([1, 1], seed=1)
    before = networks.bits(network)
    with pytest.raises(
        ValueError, match=r"Wrong\(\) gives 3 steps rates from .*expected a finite number >= 0 for each"
    ):
        network.train([[1]], [1], epochs=3, schedule=Wrong())
    assert networks.bits(network) == before
    assert network.history.epochs == 0


def test_too_few_rates():
    class Wrong(Schedule):
        name = "test_wrong"

        def shares(self, steps, pace):
            return np.ones(len(steps) - 1)

    with pytest.raises(ValueError, match=r"in shape \(2,\); expected a finite number"):
        NeuralNetwork([1, 1], seed=1).train([[1]], [1], epochs=3, schedule=Wrong())


def test_a_schedule_of_ones_own_is_known_by_its_name(tmp_path):
    class Halves(Schedule):
        name = "test_halves"

        def __init__(self, of=2):
            self._set(of=of)

        def shares(self, steps, pace):
            return np.full(len(steps), 1 / self.of)

    network = NeuralNetwork([1, 1], seed=1)
    network.train([[1]], [1], epochs=1, schedule="warm_up(1, test_halves(4))", learning_rate=1)
    network.save(tmp_path / "network.snn")
    network = NeuralNetwork.load(tmp_path / "network.snn")
    assert network.schedule == WarmUp(1, Halves(4))
    network.train([[1]], [1], epochs=1, schedule="warm_up(1, test_halves(4))", learning_rate=1)
    assert network.history.learning_rate == [1, 0.25]
    with pytest.raises(TypeError, match="'test_halves' is taken by Halves"):
        type("Other", (Schedule,), {"name": "test_halves"})
    Again = type("Halves", (Schedule,), {"name": "test_halves", "__qualname__": Halves.__qualname__})  # typed again
    assert Schedule.registry["test_halves"] is Again
    for nameless in ({}, {"name": ""}, {"name": "two words"}):
        with pytest.raises(TypeError, match=r"the name of the schedule Other is .*expected a word of its own"):
            type("Other", (Halves,), nameless)


# ---- names and values ----


@pytest.mark.parametrize("schedule", [*EXAMPLES, ReduceOnPlateau(), ReduceOnPlateau(0.5, 3, 1e-4, 0.01)], ids=repr)
def test_a_schedule_in_words_and_as_data(schedule):
    assert Schedule.from_dict(schedule.to_dict()) == schedule
    parameters = {k: v for k, v in schedule.parameters().items() if not isinstance(v, Schedule)}
    if len(parameters) == len(schedule.parameters()):
        words = f"{schedule.name}({', '.join(f'{k}={v}' for k, v in parameters.items())})"
        assert schedules.get(words) == schedule
        assert schedules.get(f" {schedule.name}({', '.join(map(str, parameters.values()))}) ") == schedule
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    assert hash(copy.deepcopy(schedule)) == hash(schedule)
    assert eval(repr(schedule)) == schedule


def test_words():
    assert schedules.get("constant") == schedules.get("constant()") == Constant()
    assert schedules.get("warm_up(5, cosine(45, final=0.1))") == WarmUp(5, Cosine(45, 0.1))
    assert schedules.get("warm_up(5, then=exponential)") == WarmUp(5, Exponential())
    given = Cosine(3)
    assert schedules.get(given) is given


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("cosine(50", "unknown schedule 'cosine"),
        ("", "unknown schedule ''. Known: constant"),
        ("3", "unknown schedule '3'"),
        ("step(5)", r"unknown schedule 'step'. Did you mean 'step_decay'\?"),
        ("cosine(1, 2, 3)", r"too many positional arguments; it takes \(epochs, final=0.0\)"),
        ("cosine(epoch=3)", "'epochs'; it takes"),
        ("cosine(3, warm=1)", "unexpected keyword argument 'warm'; it takes"),
        ("cosine(**{})", "'cosine"),
        ("cosine([3])", r"schedule is 'cosine\(\[3\]\)'; expected a name and its parameters"),
        ("__import__('os')", "expected a name and its parameters"),
        ("cosine(3).name", "expected a name and its parameters"),
        ("warm_up(1, 3)", "schedule is int; expected a text"),
        ("cosine('3')", "expected a name and its parameters"),
        ("warm_up(1, warm_up(1, cosin(3)))", r"unknown schedule 'cosin'. Did you mean 'cosine'\?"),
        ("x" * 10_000, "unknown schedule"),
        ("cosine(" * 5_000, "unknown schedule"),
        ("constant\0", "unknown schedule"),
    ],
)
def test_words_that_are_none(words, message):
    with pytest.raises((ValueError, TypeError), match=message):
        schedules.get(words)


NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("kind", "name", "values"),
    [
        (StepDecay, "epochs", (0, -1, 1.5, NAN, "3", None, True)),
        *[
            (kind, "factor", (0, -1, 1.1, NAN, INF, "0.5", None, True))
            for kind in (StepDecay, Exponential, ReduceOnPlateau)
        ],
        (InverseScaling, "power", (0, -1, NAN, INF, "1")),
        *[(kind, "epochs", (0, -1, NAN, INF, "3", None, True)) for kind in (Cosine, CosineRestarts, WarmUp, OneCycle)],
        *[(kind, "final", (-0.1, 1.1, NAN, "0", None)) for kind in (Cosine, CosineRestarts, OneCycle)],
        (CosineRestarts, "growth", (0.9, 0, -1, NAN, INF)),
        (OneCycle, "rise", (0, 1, -1, NAN)),
        (OneCycle, "start", (-0.1, 1.1, NAN)),
        (ReduceOnPlateau, "patience", (0, -1, 1.5, "3", True)),
        (ReduceOnPlateau, "min_delta", (-1, NAN, INF, "0")),
        (ReduceOnPlateau, "lowest", (-0.1, 1.1, NAN)),
    ],
)
def test_parameters(kind, name, values):
    needed = (
        {"epochs": 3} if "epochs" in kind(**({} if kind is ReduceOnPlateau else _needed(kind))).parameters() else {}
    )
    for value in values:
        with pytest.raises((ValueError, TypeError), match=f"{name} is {value!r}; expected"):
            kind(**needed | {name: value})


def _needed(kind):
    return {} if kind in (Constant, Exponential, InverseScaling) else {"epochs": 3}


def test_schedules_do_not_change():
    schedule = Cosine(3)
    with pytest.raises(AttributeError, match="make another with epochs=4"):
        schedule.epochs = 4
    assert schedule != Cosine(4)
    assert schedule != OneCycle(3)
    assert repr(schedule) == "Cosine(epochs=3.0, final=0.0)"


def test_a_run_tells_what_is_watched():
    history = NeuralNetwork([1, 1], seed=1).history
    history.loss, history.validation_loss, history.validation_score = [3.0, 2.0], [5.0], [math.nan, 0.5]
    assert Run(1, 1, 1, "loss").values(history) == [-3, -2]
    assert Run(1, 1, 1, "validation_loss").latest(history) == -5
    assert Run(1, 1, 1, "validation_score").latest(history) == 0.5
