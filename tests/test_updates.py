"""Optimizer steps against the oracle (docs/math.md, eq. 40 to 49 and 74)."""

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layouts import SIZES, layouts, sizes, writable_layouts

from scratchnn.core import updates

NAMES = tuple(oracle.OPTIMIZERS)
every_update = pytest.mark.parametrize("name", NAMES)
N_STEPS = 10

# Settings far from the defaults, so that no constant can be built in.
OTHER_SETTINGS = {
    "sgd": {"learning_rate": 0.3},
    "momentum": {"learning_rate": 0.2, "momentum": 0.5},
    "nesterov": {"learning_rate": 0.2, "momentum": 0.5},
    "rmsprop": {"learning_rate": 0.02, "decay": 0.7, "epsilon": 1e-3},
    "adagrad": {"learning_rate": 0.2, "epsilon": 1e-2},
    "adam": {"learning_rate": 0.02, "beta1": 0.7, "beta2": 0.95, "epsilon": 1e-2},
    "adamhat": {"learning_rate": 0.02, "beta1": 0.7, "beta2": 0.95, "epsilon": 1e-2},
    "adamw": {
        "learning_rate": 0.02,
        "beta1": 0.7,
        "beta2": 0.95,
        "epsilon": 1e-2,
        "weight_decay": 0.5,
    },
    "nadam": {"learning_rate": 0.02, "beta1": 0.7, "beta2": 0.95, "epsilon": 1e-2},
}


def counts_steps(name):
    return oracle.STATES[name] == ("m", "v")


def library_step(name, w, g, state, t, out=None, **settings):
    """One step of the library, with the step's number where it takes one."""
    step = (t,) if counts_steps(name) else ()
    return getattr(updates, name)(w, g, *state, *step, out=out, **settings)


def start(name, shape, dtype, seed=5):
    rng = np.random.default_rng(seed)
    w, g = rng.standard_normal((2, *shape)).astype(dtype)
    return w, g, [np.zeros(shape, dtype) for _ in oracle.STATES[name]]


def assert_close(got, expected, dtype, n_steps=1):
    """Each step rounds some ten times, on numbers of the size of 1."""
    tolerance = 10 * n_steps * np.finfo(dtype).eps
    assert got.dtype == dtype
    assert np.all(np.abs(got - expected) <= tolerance * np.maximum(1, np.abs(expected)))


def test_every_update_has_an_oracle_and_the_reverse():
    assert sorted(updates.names()) == sorted(NAMES)


@every_update
@pytest.mark.parametrize("other", [False, True], ids=["defaults", "other settings"])
def test_ten_steps(name, other, isa, dtype, rng):
    settings = OTHER_SETTINGS[name] if other else {}
    for n in SIZES:
        w, _, state = start(name, (n,), dtype)
        expected, expected_state = w.astype(np.float64), tuple(s.astype(float) for s in state)
        for t in range(1, N_STEPS + 1):
            g = (rng.standard_normal(n) * 10.0 ** rng.integers(-3, 1)).astype(dtype)
            expected, expected_state = oracle.OPTIMIZERS[name](
                expected, g.astype(np.float64), expected_state, t, **settings
            )
            assert library_step(name, w, g, state, t, **settings) is w
        assert_close(w, expected, dtype, N_STEPS)
        for ours, theirs in zip(state, expected_state, strict=True):
            assert_close(ours, theirs, dtype, N_STEPS)


@every_update
@given(
    rows=sizes,
    columns=sizes,
    arrange=st.tuples(*[writable_layouts] * 4),
    arrange_g=layouts,
    t=st.sampled_from([1, 2, 1000]),
)
def test_any_shapes_and_strides(name, isa, dtype, rows, columns, arrange, arrange_g, t):
    w, g, state = start(name, (rows, columns), dtype)
    g = arrange_g(g)
    plain_w, plain_state = w.copy(), [s.copy() for s in state]
    library_step(name, plain_w, np.ascontiguousarray(g), plain_state, t)

    out = arrange[2](np.full_like(w, np.nan))
    laid_out = [layout(s) for layout, s in zip(arrange[:2], state, strict=False)]
    before = arrange[3](w)
    assert library_step(name, before, g, laid_out, t, out=out) is out
    assert np.array_equal(before, w), "with out= the old weights stay"
    assert np.array_equal(out, plain_w)

    in_place, laid_out = arrange[2](w), [f(s) for f, s in zip(arrange[:2], state, strict=False)]
    assert library_step(name, in_place, g, laid_out, t) is in_place
    for ours, theirs in zip([in_place, *laid_out], [plain_w, *plain_state], strict=True):
        assert np.array_equal(ours, theirs)


@every_update
def test_other_dimensions(name, isa, dtype):
    for shape in ((), (0,), (0, 3), (2, 3, 5)):
        w, g, state = start(name, shape, dtype)
        w = np.asarray(w)
        flat = [np.reshape(a, -1).copy() for a in (w, g, *state)]
        library_step(name, flat[0], flat[1], flat[2:], 1)
        library_step(name, w, np.asarray(g), state, 1)
        assert np.array_equal(np.reshape(w, -1), flat[0])


@every_update
def test_instruction_sets_agree(name, dtype, same_bits_everywhere):
    def compute():
        w, g, state = start(name, (1003,), dtype)
        for t in range(1, N_STEPS + 1):
            library_step(name, w, g * dtype(1 / t), state, t)
        return w, *state

    same_bits_everywhere(compute)


@every_update
def test_a_result_does_not_depend_on_its_place(name, isa, dtype):
    w, g, state = start(name, (67,), dtype)
    first = [a.copy() for a in (w, g, *state)]
    library_step(name, w, g, state, 3)
    for begin, n in ((1, 1), (3, 7), (2, 16), (5, 33), (0, 66)):
        part = [a[begin : begin + n].copy() for a in first]
        library_step(name, part[0], part[1], part[2:], 3)
        for ours, whole in zip((part[0], *part[2:]), (w, *state), strict=True):
            assert np.array_equal(ours, whole[begin : begin + n])


@every_update
def test_strided_weights_and_states_leave_their_neighbours_alone(name, isa, dtype):
    for n in SIZES:
        for place in (slice(20, 20 + n), slice(20, 20 + 2 * n, 2)):
            w, g, state = start(name, (n,), dtype)
            wides = [np.full(2 * n + 40, 7, dtype) for _ in (w, *state)]
            for wide, a in zip(wides, (w, *state), strict=True):
                wide[place] = a
            library_step(name, wides[0][place], g, [wide[place] for wide in wides[1:]], 1)
            library_step(name, w, g, state, 1)
            for wide, a in zip(wides, (w, *state), strict=True):
                assert np.array_equal(wide[place], a)
                wide[place] = 7
                assert np.all(wide == 7)


@every_update
def test_an_out_may_overlap_an_input(name, isa, dtype):
    w, g, state = start(name, (40,), dtype)
    expected = library_step(name, w.copy(), g, [s.copy() for s in state], 1)
    for position in range(2):
        args = [w.copy(), g.copy()]
        states = [s.copy() for s in state]
        assert library_step(name, *args, states, 1, out=args[position]) is args[position]
        assert np.array_equal(args[position], expected)
    for position in range(2 + len(state)):
        args = [w.copy(), g.copy(), *(s.copy() for s in state)]
        line = np.concatenate([args[position], args[position][:1]])
        args[position] = line[:-1]
        out = line[1:]
        library_step(name, args[0], args[1], args[2:], 1, out=out)
        assert np.array_equal(out, expected)


@every_update
def test_nan_spreads_and_stays_in_its_lane(name, isa, dtype):
    w, g, state = start(name, (33,), dtype)
    g[[0, 20]] = np.nan
    library_step(name, w, g, state, 1)
    for a in (w, *state):
        assert np.flatnonzero(np.isnan(a)).tolist() == [0, 20]


@every_update
def test_a_gradient_of_0_leaves_fresh_weights_alone(name, isa, dtype):
    w, _, state = start(name, (17,), dtype)
    before = w.copy()
    settings = {"weight_decay": 0.0} if name == "adamw" else {}
    library_step(name, w, np.zeros_like(w), state, 1, **settings)
    assert np.array_equal(w, before)


def test_weight_decay_is_apart_from_the_gradient(isa, dtype):
    """Eq. 48: with a gradient of 0 AdamW only shrinks."""
    w, _, state = start("adamw", (17,), dtype)
    before = w.astype(np.float64)
    updates.adamw(w, np.zeros_like(w), *state, 1, learning_rate=0.5, weight_decay=0.25)
    assert_close(w, before * (1 - 0.5 * 0.25), dtype)


def test_epsilon_hat_is_that_of_adam_after_the_correction(isa, dtype):
    """Adam's epsilon grows from its hat, times sqrt(1 - b2^t), to the whole."""
    for t in (1, 10, 1000):
        w, g, (m, v) = start("adam", (33,), dtype)
        m, v = m + g, v + g**2
        hat, adam = (
            step(w.copy(), g, m.copy(), v.copy(), t, beta2=0.99, epsilon=epsilon)
            for step, epsilon in ((updates.adamhat, 1e-2), (updates.adam, 1e-2 / (1 - 0.99**t) ** 0.5))
        )
        assert np.max(np.abs(hat - adam)) <= 2 * np.finfo(dtype).eps * np.max(np.abs(w))
        assert not np.array_equal(hat, updates.adam(w, g, m, v, 1, beta2=0.99, epsilon=1e-2))


@pytest.mark.parametrize("name", ["momentum", "nesterov"])
def test_momentum_that_never_fades(name, dtype):
    """At 1, the end of its range, the velocity is the sum of all steps."""
    w, velocity = np.zeros(3, dtype), np.zeros(3, dtype)
    for t in range(1, 4):
        getattr(updates, name)(w, np.ones(3, dtype), velocity, learning_rate=0.5, momentum=1)
        assert np.array_equal(velocity, np.full(3, -0.5 * t))


@every_update
def test_refusals(name, dtype):
    other = np.float64 if dtype is np.float32 else np.float32
    w, g, state = start(name, (3, 4), dtype)
    arrays = [w, g, *state]

    def call(args, **settings):
        return library_step(name, args[0], args[1], args[2:], 1, **settings)

    for position in range(len(arrays)):
        for wrong in (other, np.int64):
            mixed = [a.astype(wrong) if i == position else a for i, a in enumerate(arrays)]
            with pytest.raises(TypeError):
                call(mixed)
        for shape in ((4, 3), (3, 1), (12,)):
            wrong = [np.zeros(shape, dtype) if i == position else a for i, a in enumerate(arrays)]
            with pytest.raises(ValueError, match=r"\(3, 4\)") as refused:
                call(wrong)
            assert str(shape) in str(refused.value)
        if position != 1:
            frozen = [a.copy() for a in arrays]
            frozen[position].flags.writeable = False
            with pytest.raises(ValueError, match=r"read-only|writ"):
                call(frozen)
    with pytest.raises(TypeError):
        call(arrays, out=np.zeros((3, 4), other))
    with pytest.raises(ValueError, match=r"\(4, 3\)"):
        call(arrays, out=np.zeros((4, 3), dtype))
    frozen = np.zeros((3, 4), dtype)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match=r"read-only|writ"):
        call(arrays, out=frozen)
    assert not any(s.any() for s in state), "a refused step changes nothing"
