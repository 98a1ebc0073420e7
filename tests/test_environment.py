"""The process around the package: threads, instruction set, random numbers, floating point, configuration."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import networks
import numpy as np
import pytest

import scratchnn
from scratchnn import DivergenceError, NeuralNetwork, config, threads
from scratchnn.core import kernels


def run(code, **variables):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SCRATCHNN_")} | variables
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


# ---- instruction sets ----


@pytest.mark.parametrize("name", kernels.available())
def test_the_variable_for_the_instruction_set_is_obeyed(name):
    ran = run("import scratchnn; scratchnn.show_config()", SCRATCHNN_ISA=name)
    assert ran.returncode == 0, ran.stderr
    assert f"{name} (SCRATCHNN_ISA)" in ran.stdout


@pytest.mark.parametrize(
    ("name", "message"),
    [("sse9", "unknown instruction set 'sse9'; this build has "), ("AVX2", "unknown"), (" ", "unknown")]
    + [(name, "this machine cannot run") for name in kernels.compiled() if name not in kernels.available()],
)
def test_the_variable_for_the_instruction_set_is_refused(name, message):
    ran = run("import scratchnn", SCRATCHNN_ISA=name)
    assert ran.returncode == 1
    assert f"ImportError: SCRATCHNN_ISA={name}: {message}" in ran.stderr


def test_the_best_instruction_set_is_the_default():
    for variables in ({}, {"SCRATCHNN_ISA": ""}):
        ran = run("from scratchnn.core import kernels; print(kernels.isa())", **variables)
        assert ran.stdout.strip() == kernels.available()[0]


def test_use_switches_and_returns_the_previous():
    before = kernels.isa()
    try:
        for name in kernels.available():
            previous = kernels.isa()
            assert kernels.use(name) == previous
            assert kernels.isa() == name
            with pytest.raises(ValueError, match=r"unknown instruction set 'sse'; this build has .*portable"):
                kernels.use("sse")
            assert kernels.isa() == name
    finally:
        kernels.use(before)


# ---- threads ----


@pytest.fixture
def eight_cpus(monkeypatch, tmp_path):
    """Eight CPUs, and no container but the one whose files the test writes to the path that it gets."""
    for name in ("SCRATCHNN_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    files = [[str(tmp_path / Path(path).name) for path in paths] for paths in threads.CGROUP_FILES]
    monkeypatch.setattr(threads, "CGROUP_FILES", files)
    return tmp_path


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "300000 100000\n"}, 3),
        ({"cpu.max": "250000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "9900000 100000\n"}, 8),
        ({"cpu.max": "nonsense\n"}, 8),
        ({"cpu.max": "300000 0\n"}, 8),
        ({"cpu.cfs_quota_us": "400000\n", "cpu.cfs_period_us": "100000\n"}, 4),
        ({"cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n"}, 8),
        ({"cpu.cfs_quota_us": "400000\n"}, 8),
    ],
)
def test_cpus_are_those_of_the_container(files, cpus, eight_cpus):
    for name, text in files.items():
        (eight_cpus / name).write_text(text)
    assert threads.available_cpus() == cpus


def test_cpus_where_there_is_no_affinity(monkeypatch, eight_cpus):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert threads.available_cpus() == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert threads.available_cpus() == 1


def test_threads_are_as_many_as_have_enough_work(eight_cpus, monkeypatch):
    work, start = threads.THREAD_WORK, threads.START_WORK
    some = (0, 0.9, 1, 2.5, 8, 1e9)
    assert [threads.choose(None, n * work, 10**6) for n in some] == [1, 1, 1, 2, 8, 8]
    assert [threads.choose(None, n * start) for n in some] == [1, 1, 1, 2, 8, 8]
    assert [threads.choose(None, 9 * work, n) for n in (1, start // work, 2 * start // work, 10**6)] == [1, 8, 8, 8]
    assert [threads.choose(3, n * work, 10**6) for n in some] == [1, 1, 1, 2, 3, 3]
    monkeypatch.setenv("SCRATCHNN_NUM_THREADS", "5")
    assert [threads.choose(None, n * work, 10**6) for n in some] == [1, 1, 1, 2, 5, 5]
    assert threads.choose(2, 8 * start) == 2
    assert threads.choose(20, 1e9 * start) == 20
    assert config.configuration()["threads"] == "up to 5"
    monkeypatch.setenv("SCRATCHNN_NUM_THREADS", "")
    assert threads.choose(None, 1e9 * start) == 8


@pytest.mark.parametrize(
    ("value", "expected"), [("1", 1), ("3", 3), ("3,2,1", 3), (" 2", 2), ("99", 8), ("", 8), ("0", 8), ("all", 8)]
)
def test_the_variable_of_others_is_a_limit_too(value, expected, eight_cpus, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert threads.choose(None, 1e20) == expected
    assert threads.choose(5, 1e20) == 5
    monkeypatch.setenv("SCRATCHNN_NUM_THREADS", "4")
    assert threads.choose(None, 1e20) == 4


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", " ", "0x2", "1025"])
def test_bad_values_of_the_variable_for_threads(value, monkeypatch):
    monkeypatch.setenv("SCRATCHNN_NUM_THREADS", value)
    network = NeuralNetwork([2, 1], seed=1)
    with pytest.raises(ValueError, match=f"SCRATCHNN_NUM_THREADS is '{value}'; expected an integer"):
        network.train(*networks.data(network, 4))
    assert network.history.epochs == 0


# ---- what training leaves alone ----


def test_no_global_random_state_is_touched():
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()  # noqa: NPY002
    network = NeuralNetwork([5, 4, 2])
    x, y = networks.data(network, 10)
    network.train(x, y, epochs=3, shuffle=True, optimizer="adam")
    after = np.random.get_state()  # noqa: NPY002
    assert before[0] == after[0]
    np.testing.assert_array_equal(before[1], after[1])
    assert before[2:] == after[2:]


def denormals_work():
    tiny = np.array([2.0**-1060, 2.0**-1074])
    return (tiny / 2 * 2 == [2.0**-1060, 0]).all() and (tiny + tiny > tiny).all() and tiny[1] * 1.0 > 0


def test_denormal_numbers_work_after_training_and_within_callbacks(threads_used):
    network = NeuralNetwork([30, 40, 2], seed=1)
    x, y = networks.data(network, 60)
    assert denormals_work()
    for n_threads in (1, 3):
        network.train(x, y, epochs=2, batch_size=50, n_threads=n_threads)
        assert threads_used.pop() == n_threads
        assert denormals_work()
    inside = []
    network.train(x, y, epochs=2, callback=lambda *_: inside.append(denormals_work()))
    assert inside == [True, True]
    with pytest.raises(DivergenceError):
        NeuralNetwork([2, 1], activation="identity", seed=1).train([[1e200, 0]], [1e200], epochs=3)
    assert denormals_work()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers")
def test_denormal_numbers_work_in_the_handler_of_a_signal():
    network = NeuralNetwork([50, 50, 1], seed=1)
    x, y = networks.data(network, 300)
    inside = []
    previous = signal.signal(signal.SIGALRM, lambda *_: inside.append(denormals_work()))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        end = time.monotonic() + 10
        while len(inside) < 5 and time.monotonic() < end:
            network.train(x, y, epochs=100, learning_rate=1e-3)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert len(inside) >= 5
    assert all(inside)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers")
def test_an_exception_in_the_handler_of_a_signal_ends_training_after_a_whole_batch():
    def expire(*_):
        raise TimeoutError("mine")

    network = NeuralNetwork([50, 50, 1], seed=1)
    x, y = networks.data(network, 300)
    previous = signal.signal(signal.SIGALRM, expire)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(TimeoutError, match="mine"):
            network.train(x, y, epochs=10**6, learning_rate=1e-3)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert network.history.stopped == "interrupted"
    assert network.history.samples == 300 * network.history.epochs <= network.get_state()[0]["steps"]


def test_denormal_numbers_do_not_slow_training_down(dtype):
    """Adam's moments decay to them where inputs have fallen silent; unflushed, each would cost ten others."""
    network = networks.make([200, 100, 1], "identity", "mean_squared_error", dtype)
    settings = {"epochs": 200, "optimizer": "adam", "learning_rate": 1e-6}
    x, y = np.zeros((1, 200), dtype), np.zeros((1, 1), dtype)
    network.train(x, y, **settings)
    state, arrays = network.get_state()
    tiny = np.finfo(dtype).tiny / 2
    decayed = {name: a if name.count(".") == 2 else np.full_like(a, tiny) for name, a in arrays.items()}

    def seconds(arrays):
        network = NeuralNetwork.from_state(state, arrays)
        start = time.perf_counter()
        network.train(x, y, **settings)
        return time.perf_counter() - start

    assert min(seconds(decayed) for _ in range(5)) < 3 * min(seconds(arrays) for _ in range(5))


# ---- configuration ----


def test_show_config(capsys):
    scratchnn.show_config()
    printed = capsys.readouterr().out
    entries = config.configuration()
    assert len(printed.splitlines()) == len(entries)
    for name, value in entries.items():
        assert any(line.startswith(name) and line.endswith(value) for line in printed.splitlines())
    for expected in (scratchnn.__version__, np.__version__, *kernels.compiled(), kernels.isa(), "float32"):
        assert expected in printed
