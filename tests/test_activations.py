"""Activations, slopes and softmax against the oracle (docs/math.md, eq. 5 to 23), in ULP."""

from functools import cache

import numpy as np
import oracle
import pytest
from hypothesis import given
from layouts import LAYOUTS, SIZES, layouts, sizes, writable_layouts

from scratchnn.core import activations

NAMES = tuple(oracle.ACTIVATIONS)
every_activation = pytest.mark.parametrize("name", NAMES)

needs_long_double = pytest.mark.skipif(
    np.finfo(np.longdouble).eps >= np.finfo(np.float64).eps,
    reason="np.longdouble is no wider than float64 here, so there is no reference",
)

# Largest error of a value in units in the last place (ULP): float32, float64.
VALUE_ULP = {
    "identity": (0, 0),
    "sigmoid": (3, 3),
    "tanh": (4, 2),
    "relu": (0, 0),
    "leaky_relu": (1, 1),
    "elu": (2, 2),
    "selu": (4, 4),
    "softplus": (3, 3),
    "silu": (4, 4),
    "gelu": (10, 10),
    "softsign": (2, 2),
    "exp": (2, 2),
    "hard_sigmoid": (1, 1),
    "hard_tanh": (0, 0),
    "hard_silu": (2, 2),
    "relu6": (0, 0),
}

# Largest error of a slope in machine epsilons, absolute where the slope is below 1. In eq. 13
# rounding 1 - sigmoid(z) counts z times, up to the z where it is 0: 17 and 37.
SLOPE_EPS = {"silu": (10, 20)}
SLOPE_EPS_OF_OTHERS = (2, 2)


@cache
def grid(dtype):
    """Dense where functions bend, every magnitude down to the denormals, values around kinks."""
    rng = np.random.default_rng(7)
    info = np.finfo(dtype)
    small = np.exp2(rng.uniform(np.log2(info.smallest_subnormal), 3, 6000))
    kinks = np.array([0.0, 1, 3, 6], dtype)
    z = np.concatenate(
        [
            np.linspace(-120, 120, 12001),
            np.linspace(-6.5, 6.5, 12001),
            rng.uniform(-0.25, 0.25, 30000),
            np.linspace(-780, 780, 6001),
            kinks,
            np.nextafter(kinks, dtype(np.inf)),
            np.nextafter(kinks, dtype(-np.inf)),
            [info.tiny, info.smallest_subnormal, info.eps, 1e4, 1e10, info.max / 2, info.max],
            small,
        ]
    ).astype(dtype)
    return np.concatenate([z, -z])


@cache
def reference(name, which, dtype):
    with np.errstate(all="ignore"):
        return oracle.ACTIVATIONS[name][which](grid(dtype).astype(np.longdouble))


def allowed_error(name, z, exact):
    """The bound of VALUE_ULP as a number, with the exceptions that formulas have."""
    dtype = z.dtype.type
    info = np.finfo(dtype)
    bound = np.full(z.shape, max(0.5, VALUE_ULP[name][dtype is np.float64]), np.longdouble)
    size = np.minimum(np.abs(exact), info.max / 2).astype(dtype)
    if name.startswith("hard_"):
        size = np.maximum(size, 1)  # z / 6 + 1/2 cancels near -3
    if name == "gelu":  # rounding z / sqrt(2) moves exp(-z^2 / 2), which is 0 beyond 40
        bound += 2 * np.clip(z, -40, 0) ** 2
    allowed = bound * np.spacing(size)
    if name in ("sigmoid", "silu"):  # 1 + exp(-z) overflows before its inverse underflows
        allowed = np.maximum(allowed, info.tiny * np.clip(np.abs(z), 1, 1000))
    return allowed


def rounded(exact, dtype):
    with np.errstate(over="ignore"):
        return exact.astype(dtype)


def spelling(name):
    return f"{name}(0.3)" if name in ("leaky_relu", "elu") else name


def test_every_activation_has_an_oracle_and_the_reverse():
    assert sorted(activations.names()) == sorted(NAMES)
    assert len(VALUE_ULP) == len(NAMES)


# --- accuracy --------------------------------------------------------------------------------


@needs_long_double
@every_activation
def test_values_to_the_last_places(name, isa, dtype):
    z, exact = grid(dtype), reference(name, 0, dtype)
    got = activations.get(name)(z)
    with np.errstate(all="ignore"):
        error = np.where(got == rounded(exact, dtype), 0, np.abs(got - exact))
        excess = error / allowed_error(name, z, exact)
    worst = np.argmax(excess)
    assert got.dtype == dtype
    assert excess[worst] <= 1, f"{name}({z[worst]!r}) is {got[worst]!r}"


@pytest.mark.parametrize("name", ["exp", "tanh", "sigmoid"])
def test_every_4001st_float32_to_the_last_places(name, isa):
    """A million numbers of every sign, exponent and kind of mantissa, against float64."""
    z = np.arange(0, 2**32, 4001).astype(np.uint32).view(np.float32)
    z = z[np.isfinite(z)]
    with np.errstate(all="ignore"):
        exact = oracle.ACTIVATIONS[name][0](z.astype(np.float64))
        got = activations.get(name)(z)
        error = np.where(got == rounded(exact, np.float32), 0, np.abs(got - exact))
        excess = error / allowed_error(name, z, exact)
    worst = np.argmax(excess)
    assert excess[worst] <= 1, f"{name}({z[worst]!r}) is {got[worst]!r}"


@needs_long_double
@every_activation
def test_slopes_to_rounding(name, isa, dtype):
    z, exact = grid(dtype), reference(name, 1, dtype)
    got = activations.get(name).slope(z)
    eps = np.finfo(dtype).eps
    bound = SLOPE_EPS.get(name, SLOPE_EPS_OF_OTHERS)[dtype is np.float64]
    with np.errstate(all="ignore"):
        error = np.abs(got - exact) / np.maximum(1, exact)
    error[got == rounded(exact, dtype)] = 0
    for kink in oracle.KINKS.get(name, ()):
        error[np.abs(z - kink) <= 2 * eps * abs(kink)] = 0
    worst = np.argmax(error)
    assert got.dtype == dtype
    assert error[worst] <= bound * eps, f"the slope of {name} at {z[worst]!r} is {got[worst]!r}"


@every_activation
def test_slopes_are_the_derivatives_of_the_values(name, isa):
    """By central differences of the library's own values, in float64 (eq. 56)."""
    act, h = activations.get(spelling(name)), 1e-5
    z = np.linspace(-8.03, 8.01, 1001)
    z = z[[all(abs(t - kink) > 2 * h for kink in oracle.KINKS.get(name, ())) for t in z]]
    measured = (act(z + h) - act(z - h)) / (2 * h)
    assert act.slope(z) == pytest.approx(measured, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("name", oracle.KINKS)
def test_at_a_kink_the_slope_is_one_of_the_two(name, isa, dtype):
    act = activations.get(spelling(name))
    for kink in oracle.KINKS[name]:
        beside = np.array([kink, kink - 1e-3, kink + 1e-3], dtype)
        here, left, right = act.slope(beside)
        assert np.isclose(here, left, rtol=2e-3) or np.isclose(here, right, rtol=2e-3)
    if name == "relu":
        assert list(act.slope(np.array([0.0, -0.0], dtype))) == [0, 0]


@every_activation
def test_the_infinities_give_the_limits(name, isa, dtype):
    z = np.array([-np.inf, np.inf], dtype)
    value, slope = oracle.ACTIVATIONS[name]
    with np.errstate(invalid="ignore"):
        expected_value, expected_slope = value(z), slope(z)
    assert activations.get(name)(z) == pytest.approx(expected_value, rel=1e-6)
    assert activations.get(name).slope(z) == pytest.approx(expected_slope, rel=1e-6)


@every_activation
def test_zeros(name, isa, dtype):
    z = np.array([0.0, -0.0], dtype)
    got = activations.get(name)(z)
    assert got == pytest.approx(oracle.ACTIVATIONS[name][0](z), rel=1e-6, abs=0)
    if name not in ("sigmoid", "exp", "softplus", "hard_sigmoid"):
        assert not np.signbit(got[0])


@every_activation
def test_nan_stays_nan_in_every_lane(name, isa, dtype):
    act = activations.get(name)
    for n in (1, 5, 16, 33):
        for i in range(n):
            z = np.linspace(-2, 2, n).astype(dtype)
            clean = act(z)
            z[i] = np.nan
            got = act(z)
            assert np.isnan(got[i])
            assert np.array_equal(np.delete(got, i), np.delete(clean, i))
            assert np.isnan(act.backward(got, z)[i])


@every_activation
def test_instruction_sets_agree(name, dtype, same_bits_everywhere):
    act, z = activations.get(spelling(name)), grid(dtype)
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], dtype)
    da = np.linspace(-3, 2, z.size).astype(dtype)
    same_bits_everywhere(lambda: [act(z), act(special), act.slope(z), act.slope(special), act.backward(da, z)])


@every_activation
def test_a_result_does_not_depend_on_its_place(name, isa, dtype, rng):
    act = activations.get(spelling(name))
    z = (4 * rng.standard_normal(67)).astype(dtype)
    for function in (act, act.slope):
        whole = function(z)
        for start, n in ((1, 1), (3, 7), (2, 16), (5, 33), (0, 66)):
            assert np.array_equal(function(z[start : start + n]), whole[start : start + n])


@pytest.mark.parametrize("alpha", [0, 0.2, 1.0, 2.5])
@pytest.mark.parametrize("name", ["leaky_relu", "elu"])
def test_alpha(name, alpha, isa, dtype):
    act = activations.get(f"{name}({alpha})")
    z = grid(dtype)[:24001]
    value, slope = oracle.activation(f"{name}({alpha})")
    exact = z.astype(np.longdouble)
    kink = z == 0
    eps = np.finfo(dtype).eps
    assert act.alpha == alpha
    assert np.all(np.abs(act(z) - value(exact)) <= 4 * eps * np.maximum(1, np.abs(value(exact))))
    assert np.all((np.abs(act.slope(z) - slope(exact)) <= 4 * eps * max(1, alpha)) | kink)


# --- arrays ----------------------------------------------------------------------------------


@every_activation
@given(rows=sizes, columns=sizes, arrange=layouts, arrange_da=layouts, to=writable_layouts)
def test_any_shapes_and_strides(name, isa, dtype, rows, columns, arrange, arrange_da, to):
    act = activations.get(name)
    rng = np.random.default_rng(rows * columns)
    z = arrange(rng.standard_normal((rows, columns)).astype(dtype))
    da = arrange_da(rng.standard_normal((rows, columns)).astype(dtype))
    plain_z, plain_da = np.ascontiguousarray(z), np.ascontiguousarray(da)
    for function, args, plain in (
        (act, (z,), (plain_z,)),
        (act.slope, (z,), (plain_z,)),
        (act.backward, (da, z), (plain_da, plain_z)),
    ):
        expected = function(*plain)
        assert expected.shape == z.shape
        assert np.array_equal(function(*args), expected)
        out = to(np.full(z.shape, np.nan, dtype))
        assert function(*args, out=out) is out
        assert np.array_equal(out, expected)
    slope = act.slope(plain_z)
    assert np.all(np.abs(act.backward(da, z) - da * slope) <= np.spacing(np.abs(da * slope)))


@every_activation
def test_a_strided_out_leaves_its_neighbours_alone(name, isa, dtype, rng):
    act = activations.get(name)
    for columns in SIZES:
        z = rng.standard_normal((3, columns)).astype(dtype)
        wide = np.full((5, 2 * columns + 40), 7, dtype)
        for place in (slice(20, 20 + columns), slice(20, 20 + 2 * columns, 2)):
            for function in (act, act.slope):
                function(z, out=wide[1:4, place])
                assert np.array_equal(wide[1:4, place], function(z))
                wide[1:4, place] = 7
                assert np.all(wide == 7)


@every_activation
def test_in_place_and_overlapping(name, isa, dtype, rng):
    act = activations.get(name)
    z = rng.standard_normal((4, 33)).astype(dtype)
    value, slope = act(z), act.slope(z)
    in_place = z.copy()
    assert act(in_place, out=in_place) is in_place
    assert np.array_equal(in_place, value)
    in_place = z.copy()
    assert np.array_equal(act.slope(in_place, out=in_place), slope)
    for shift in (1, -1, 7):
        line = z.ravel().copy()
        source, target = line[abs(shift) :], line[: -abs(shift)]
        if shift < 0:
            source, target = target, source
        expected = act(source.copy())
        assert act(source, out=target) is target
        assert np.array_equal(target, expected)
    da = rng.standard_normal(z.shape).astype(dtype)
    expected = act.backward(da, z)
    for overwritten in (0, 1):
        args = [da.copy(), z.copy()]
        assert act.backward(*args, out=args[overwritten]) is args[overwritten]
        assert np.array_equal(args[overwritten], expected)


@every_activation
def test_scalars_lists_integers_and_other_dimensions(name, isa):
    act = activations.get(name)
    at_half = act(np.array([0.5]))[0]
    for scalar in (0.5, np.float64(0.5)):
        assert np.ndim(act(scalar)) == 0
        assert not isinstance(act(scalar), np.ndarray)
        assert act(scalar) == at_half
        assert act.slope(scalar) == act.slope(np.array([0.5]))[0]
        assert act.backward(2.0, scalar) == 2 * act.slope(scalar)
    assert isinstance(act(2), float)
    assert np.asarray(act(np.float32(0.5))).dtype == np.float32
    for integers in ([1, 2, 3], np.array([1, 2, 3]), np.array([1, 2, 3], np.int8)):
        assert act(integers).dtype == np.float64
        assert np.array_equal(act(integers), act(np.array([1.0, 2, 3])))
    cube = np.linspace(-3, 3, 2 * 3 * 5).reshape(2, 3, 5)
    for z in (cube, cube.transpose(2, 0, 1), cube[:, ::-1, ::2]):
        assert act(z).shape == z.shape
        assert np.array_equal(act(z), act(z.ravel()).reshape(z.shape))
    for empty in ((0,), (0, 3), (3, 0)):
        assert act(np.zeros(empty)).shape == empty
        assert act.slope(np.zeros(empty)).shape == empty


def test_refusals(isa, dtype):
    act = activations.sigmoid
    other = np.float64 if dtype is np.float32 else np.float32
    z = np.zeros((3, 4), dtype)
    for wrong in (other, np.int64):
        with pytest.raises(TypeError):
            act(z, out=np.zeros((3, 4), wrong))
        with pytest.raises(TypeError):
            act.slope(z, out=np.zeros((3, 4), wrong))
    with pytest.raises(TypeError):
        act.backward(z.astype(other), z)
    for wrong in (np.array(["a"]), np.array([object()]), np.array([1j])):
        with pytest.raises((TypeError, ValueError)):
            act(wrong)
    for shape in ((4, 3), (3, 1), (12,), (1, 3, 4)):
        for call in (act, act.slope):
            with pytest.raises(ValueError, match=r"\(3, 4\)") as refused:
                call(z, out=np.zeros(shape, dtype))
            assert str(shape) in str(refused.value)
        with pytest.raises(ValueError, match=r"\(3, 4\)") as refused:
            act.backward(np.zeros(shape, dtype), z)
        assert str(shape) in str(refused.value)
    frozen = LAYOUTS[-1](z)
    with pytest.raises(ValueError, match=r"read-only|writ"):
        act(z, out=frozen)


# --- names -----------------------------------------------------------------------------------


@every_activation
def test_names_and_attributes(name):
    act = activations.get(name)
    assert act.name == name
    assert getattr(activations, name)(0.5) == act(0.5)
    assert activations.get(str(act))(-0.5) == act(-0.5)


def test_spellings():
    assert str(activations.get("leaky_relu(0.2)")) == "leaky_relu(0.2)"
    assert activations.get("leaky_relu(0.2)").name == "leaky_relu"
    assert activations.get("leaky_relu").alpha == 0.01
    assert activations.get("elu").alpha == 1.0
    assert str(activations.get("tanh")) == "tanh"
    assert activations.get("leaky_relu(0.2)")(-1.0) == -0.2


@pytest.mark.parametrize(("wrong", "nearest"), [("sigmiod", "sigmoid"), ("Relu", "relu")])
def test_an_unknown_name_gets_the_nearest(wrong, nearest):
    with pytest.raises(ValueError, match=f"{wrong}.*{nearest}"):
        activations.get(wrong)


@pytest.mark.parametrize(
    "wrong",
    ["", "relu(2)", "elu(-1)", "elu(nan)", "elu(inf)", "elu()", "elu(1", "elu(1)x", "elu(1, 2)"],
)
def test_malformed_spellings_are_refused(wrong):
    with pytest.raises(ValueError, match=r"activation|parameter"):
        activations.get(wrong)


# --- softmax ---------------------------------------------------------------------------------


@given(rows=sizes, columns=sizes, arrange=layouts, to=writable_layouts)
def test_softmax_of_any_shape_and_strides(isa, dtype, rows, columns, arrange, to):
    rng = np.random.default_rng(rows * columns)
    z = arrange((5 * rng.standard_normal((rows, columns))).astype(dtype))
    p = activations.softmax(z)
    expected = oracle.softmax(z.astype(np.longdouble))
    eps = np.finfo(dtype).eps
    assert p.dtype == dtype
    assert p.shape == z.shape
    # z - max rounds to eps/2 of at most 40, exp turns that into a relative error.
    assert np.all(np.abs(p - expected) <= (24 + columns) * eps * expected)
    out = to(np.full(z.shape, np.nan, dtype))
    assert activations.softmax(z, out=out) is out
    assert np.array_equal(out, p)
    assert np.array_equal(activations.softmax(z[0]), p[0])


def test_softmax_at_the_edges(isa, dtype):
    softmax = activations.softmax
    huge = np.array([[1e30, 0, -1e30], [-1e30, -1e30, -1e30], [1000, 1000, 1000]], dtype)
    third = 1 / 3
    assert softmax(huge) == pytest.approx(np.array([[1, 0, 0], [third] * 3, [third] * 3]), rel=1e-6)
    assert np.array_equal(softmax(np.array([[0, -np.inf]], dtype)), [[1, 0]])
    with_nan = softmax(np.array([[1, np.nan, 2], [1, 2, 3]], dtype))
    assert np.isnan(with_nan[0]).all()
    assert np.isfinite(with_nan[1]).all()
    assert np.array_equal(softmax(np.array([3], dtype)), [1])
    z = np.array([[1, 2, 3]], dtype)
    assert softmax(z, out=z) is z
    assert z.sum() == pytest.approx(1)
    assert softmax([1, 1]).tolist() == [0.5, 0.5]


def test_instruction_sets_agree_on_softmax(dtype, rng, same_bits_everywhere):
    cases = [(3 * rng.standard_normal((3, n))).astype(dtype) for n in SIZES]
    same_bits_everywhere(lambda: [activations.softmax(z) for z in cases])


def test_softmax_refuses(dtype):
    z = np.zeros((3, 4), dtype)
    with pytest.raises(ValueError, match=r"\(3, 4\)"):
        activations.softmax(z, out=np.zeros((4, 3), dtype))
    with pytest.raises(TypeError):
        activations.softmax(z, out=np.zeros((3, 4), np.int64))
