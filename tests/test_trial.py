"""The number of threads that a training settles on, with made-up times for its steps."""

import networks
import numpy as np
import pytest

from scratchnn.core import trial
from scratchnn.core.trial import Trial

WORK = 1e6  # little enough to be tried
N_THREADS = 4


def trained(one, many, seconds, changed=None):
    """Seconds spent in one thread and in many, where a step takes `one` or `many`, or `changed` in the second half."""
    attempt = Trial(N_THREADS, WORK)
    spent = {1: 0.0, N_THREADS: 0.0}
    while sum(spent.values()) < seconds:
        late = changed is not None and sum(spent.values()) > seconds / 2
        a_step = dict(zip((1, N_THREADS), changed if late else (one, many), strict=True))[attempt.n_threads]
        spent[attempt.n_threads] += attempt.n_steps * a_step
        attempt.record(a_step)
    return spent[1], spent[N_THREADS]


@pytest.mark.parametrize("a_step", [1e-6, 1e-4, 1e-3])
def test_the_faster_number_gets_nearly_all_of_the_time(a_step):
    of_one, of_many = trained(2 * a_step, a_step, 10)
    assert of_one < 0.05 * of_many
    of_one, of_many = trained(a_step, 3 * a_step, 10)
    assert of_many < 0.05 * of_one


def test_it_changes_when_the_machine_does():
    of_one, of_many = trained(2e-5, 1e-5, 20, changed=(2e-5, 5e-5))
    assert of_many == pytest.approx(of_one, rel=0.4)
    of_one, of_many = trained(2e-5, 5e-5, 20, changed=(2e-5, 1e-5))
    assert of_many == pytest.approx(of_one, rel=0.4)


def test_one_thread_is_enough_where_neither_is_faster():
    of_one, of_many = trained(1e-5, 1e-5, 10)
    assert of_many < 0.05 * of_one


def test_what_nobody_measured_decides_nothing():
    """Steps whose time is unknown, or that a clock that was set says took less than none."""
    attempt = Trial(N_THREADS, WORK)
    for seconds in (0, -1, 0, -1, 0, 0):
        attempt.record(seconds)
        assert attempt.n_threads in (1, N_THREADS)
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
