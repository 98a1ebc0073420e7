"""Fixtures that every test file shares."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

os.environ["MPLBACKEND"] = "Agg"  # before anything imports matplotlib: no windows
sys.path.insert(0, str(Path(__file__).parent))  # for `import oracle`, whatever the import mode

import pairs

from scratchnn import threads, training
from scratchnn.core import kernels
from scratchnn.core.team import Team

FUSED = tuple(name for name in kernels.available() if name != "portable")

# The same examples on every run. `isa` and `dtype` do not change between examples, so the
# warning about fixtures under @given does not concern them.
settings.register_profile(
    "scratchnn",
    derandomize=True,
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.register_profile("few", settings.get_profile("scratchnn"), max_examples=3)
settings.load_profile("scratchnn")


def pytest_addoption(parser):
    parser.addoption("--all-combinations", action="store_true", help="run all that tests/pairs.py would leave out")
    parser.addoption("--one-in", type=int, default=1, metavar="N", help="run each N-th test, where they are slow")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--all-combinations"):
        items[:], dispensable = pairs.parted(items)
        config.hook.pytest_deselected(items=dispensable)
    one_in = config.getoption("--one-in")
    config.hook.pytest_deselected(items=[item for i, item in enumerate(items) if i % one_in])
    items[:] = items[::one_in]


def use(request):
    previous = kernels.use(request.param)
    yield request.param
    kernels.use(previous)


# Each instruction set of this machine in turn, in use during the test; the second without
# portable, which has no fused multiply-add.
isa = pytest.fixture(use, params=kernels.available(), name="isa")
fused_isa = pytest.fixture(use, params=FUSED, name="fused_isa")


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request):
    """Both dtypes, as NumPy scalar types."""
    return request.param


@pytest.fixture
def threads_as_asked(monkeypatch):
    """Have n_threads= obeyed however little work there is for each, and one thread where it is not given."""
    monkeypatch.setattr(threads, "choose", lambda n_threads, *_: n_threads or 1)


@pytest.fixture
def rng():
    """A generator of the test's own."""
    return np.random.default_rng(42)


@pytest.fixture
def figures():
    """Close pyplot's figures after the test."""
    yield
    from matplotlib import pyplot

    pyplot.close("all")


@pytest.fixture
def threads_used(monkeypatch):
    """As many threads as are asked for, however small the work; a list of how many each training ran in."""
    used = []

    class Recorded(Team):
        def __exit__(self, *exception):
            used.append(self.n_threads)
            super().__exit__(*exception)

    monkeypatch.setattr(threads, "THREAD_WORK", 1e-3)
    monkeypatch.setattr(threads, "START_WORK", 1e-3)
    monkeypatch.setattr(training, "Team", Recorded)
    return used


@pytest.fixture
def same_bits_everywhere():
    """Check that a function of no arguments gives the same bits on every FMA instruction set."""
    if len(FUSED) < 2:
        pytest.skip(f"needs two of avx512, avx2, neon; this machine runs {FUSED or 'none'}")

    def check(compute):
        previous = kernels.isa()
        results = {}
        try:
            for name in FUSED:
                kernels.use(name)
                results[name] = [np.array(a) for a in compute()]
        finally:
            kernels.use(previous)
        for name in FUSED[1:]:
            for ours, theirs in zip(results[FUSED[0]], results[name], strict=True):
                differ = bits(ours) != bits(theirs)
                where = np.argwhere(differ)[:5].tolist()
                assert not differ.any(), f"{FUSED[0]} and {name} differ at {where}"

    return check


def bits(array):
    """The bits of floats as integers, with one NaN for all."""
    canonical = np.where(np.isnan(array), array.dtype.type(np.nan), array)
    return canonical.view(f"u{array.dtype.itemsize}")
