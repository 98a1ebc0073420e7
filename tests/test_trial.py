"""The number of threads that a training settles on, with made-up times for its steps."""

import networks
import numpy as np
import pytest

from scratchnn.core import trial
from scratchnn.core.trial import Trial

WORK = 1e6  # little enough to be tried


def shares(seconds, *step_seconds):
    """The share of the time that each number of threads gets; `step_seconds` are dicts, each of a part of the time."""
    attempt = Trial(max(step_seconds[0]), WORK)
    spent = dict.fromkeys(step_seconds[0], 0.0)
    for part, takes in enumerate(step_seconds, 1):
        while sum(spent.values()) < part * seconds / len(step_seconds):
            spent[attempt.n_threads] += attempt.n_steps * takes[attempt.n_threads]
            attempt.record(takes[attempt.n_threads])
    return {n: time / sum(spent.values()) for n, time in spent.items()}


@pytest.mark.parametrize("step", [1e-6, 1e-4, 1e-3])
@pytest.mark.parametrize(
    "takes",
    [
        {1: 2, 2: 1},
        {1: 1, 2: 3},
        {1: 1, 2: 1.1, 3: 1.2},
        {1: 8, 2: 4, 4: 2, 7: 1},
        {1: 3, 2: 1, 4: 2, 8: 3, 12: 5},
        {1: 3, 2: 2, 4: 1, 8: 1.5, 16: 9},
    ],
    ids=str,
)
def test_the_fastest_number_gets_nearly_all_of_the_time(takes, step):
    got = shares(10, {n: factor * step for n, factor in takes.items()})
    assert got[min(takes, key=takes.get)] > 0.94


def test_it_changes_when_the_machine_does():
    near, far = {1: 2e-5, 2: 1.2e-5, 4: 1e-5}, {1: 2e-5, 2: 4e-5, 4: 5e-5}
    for first, second in ((near, far), (far, near)):
        got = shares(20, first, second)
        assert got[1] == pytest.approx(0.5, abs=0.15)
        assert got[4] == pytest.approx(0.5, abs=0.15)


def test_one_thread_is_enough_where_none_are_faster():
    assert shares(10, {1: 1e-5, 2: 1e-5, 4: 1e-5})[1] > 0.94


def test_what_nobody_measured_decides_nothing():
    """Steps whose time is unknown, or that a clock that was set says took less than none."""
    attempt = Trial(4, WORK)
    for seconds in (0, -1, 0, -1, 0, 0, 0, -1, 0):
        attempt.record(seconds)
        assert attempt.n_threads in (1, 2, 4)
        assert 1 <= attempt.n_steps < 10


@pytest.mark.parametrize(("n_threads", "work"), [(1, WORK), (2, 2 * trial.ALWAYS), (8, 1e12)])
def test_there_may_be_nothing_to_try(n_threads, work):
    attempt = Trial(n_threads, work)
    for _ in range(3):
        assert attempt.n_threads == n_threads
        assert attempt.n_steps > 1 << 30
        attempt.record(1.0)


def test_a_change_of_threads_changes_no_bit(threads_as_asked, rng):
    """Some thousand steps are time enough to try both; the second epochs go on within a stretch."""
    x, y = rng.standard_normal((70, 6)), rng.standard_normal((70, 2))
    results = []
    for n_threads in (1, 3):
        network = networks.NeuralNetwork([6, 20, 2], activation="tanh", seed=1)
        network.train(x, y, epochs=300, batch_size=8, optimizer="adam", n_threads=n_threads)
        results.append((network.history.loss, network.layers[0].weights.copy()))
    assert results[0][0] == results[1][0]
    assert np.array_equal(results[0][1], results[1][1])
