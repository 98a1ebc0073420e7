"""The products of scratchnn.core.linalg against the oracle (docs/math.md, eq. 2, 3, 35 to 39)."""

import re

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layouts import TRIPLES, layouts, sizes, writable_layouts

from scratchnn.core import kernels, linalg

# Operation, shapes of its arguments in letters, shape of its result. The letter that the result
# lacks is the one summed over.
PRODUCTS = (
    ("matvec", ("kn", "k"), "n"),
    ("matvec", ("kn", "k", "n"), "n"),
    ("affine", ("mk", "kn"), "mn"),
    ("affine", ("mk", "kn", "n"), "mn"),
    ("grad_weights", ("mk", "mn"), "kn"),
    ("grad_biases", ("mn",), "n"),
    ("grad_inputs", ("mn", "kn"), "mk"),
)
products = pytest.mark.parametrize(
    ("name", "inputs", "output"), PRODUCTS, ids=[f"{p[0]}-{','.join(p[1])}" for p in PRODUCTS]
)

# Each product as x W + b, whose every bit the oracle knows.
CHAINS = {
    "matvec": lambda weights, x, biases=None: oracle.affine_chain(x[None, :], weights, biases)[0],
    "affine": oracle.affine_chain,
    "grad_weights": lambda x, dz: oracle.affine_chain(x.T, dz),
    "grad_biases": lambda dz: oracle.affine_chain(np.ones((1, len(dz)), dz.dtype), dz)[0],
    "grad_inputs": lambda dz, weights: oracle.affine_chain(dz, weights.T),
}


def shape_of(letters, m, k, n):
    return tuple({"m": m, "k": k, "n": n}[letter] for letter in letters)


def arguments(rng, inputs, m, k, n, dtype):
    return [rng.standard_normal(shape_of(letters, m, k, n)).astype(dtype) for letters in inputs]


def assert_close(got, name, args, dtype):
    """Every element within the rounding of its chain, eq. 39, doubled for the oracle's own."""
    exact = [a.astype(np.longdouble) for a in args]
    product = getattr(oracle, name)
    n_terms = args[0].shape[-1] if name in ("affine", "grad_inputs") else args[0].shape[0]
    bound = (n_terms + 1) * np.finfo(dtype).eps * product(*map(np.abs, exact))
    assert got.dtype == dtype
    assert np.all(np.abs(got - product(*exact)) <= bound)


@pytest.mark.parametrize("name", kernels.compiled())
def test_every_compiled_instruction_set_can_be_used(name):
    if name not in kernels.available():
        pytest.skip(f"{name} is in this build, but this machine cannot run it")
    previous = kernels.use(name)
    try:
        assert kernels.isa() == name
    finally:
        assert kernels.use(previous) == name


def test_unknown_instruction_set_is_refused():
    before = kernels.isa()
    with pytest.raises(ValueError, match="avx1024"):
        kernels.use("avx1024")
    assert kernels.isa() == before
    assert set(kernels.available()) <= set(kernels.compiled())
    assert "portable" in kernels.available()


@products
def test_every_size_in_every_role(name, inputs, output, isa, dtype, rng):
    for triple in TRIPLES:
        args = arguments(rng, inputs, *triple, dtype)
        got = getattr(linalg, name)(*args)
        assert got.shape == shape_of(output, *triple)
        assert_close(got, name, args, dtype)


@products
@pytest.mark.parametrize("triple", [(601, 31, 70), (3, 2100, 45), (2, 45, 2100)], ids=str)
def test_long_dimensions(name, inputs, output, triple, isa, dtype, rng):
    args = arguments(rng, inputs, *triple, dtype)
    assert_close(getattr(linalg, name)(*args), name, args, dtype)


@products
@given(m=sizes, k=sizes, n=sizes, arrange=st.tuples(layouts, layouts, layouts), to=writable_layouts)
def test_any_shapes_and_strides(name, inputs, output, isa, dtype, m, k, n, arrange, to):
    args = arguments(np.random.default_rng(m * k * n), inputs, m, k, n, dtype)
    args = [layout(a) for layout, a in zip(arrange, args, strict=False)]
    contiguous = [np.ascontiguousarray(a) for a in args]
    got = getattr(linalg, name)(*args)
    assert_close(got, name, contiguous, dtype)
    assert np.array_equal(got, getattr(linalg, name)(*contiguous))

    out = to(np.full(shape_of(output, m, k, n), np.nan, dtype))
    assert getattr(linalg, name)(*args, out=out) is out
    assert np.array_equal(out, got)


@products
def test_a_strided_out_leaves_its_neighbours_alone(name, inputs, output, isa, dtype, rng):
    for triple in TRIPLES:
        args = arguments(rng, inputs, *triple, dtype)
        shape = shape_of(output, *triple)
        wide = np.full((*(s + 2 for s in shape[:-1]), 2 * shape[-1] + 40), 7, dtype)
        for columns in (slice(20, 20 + shape[-1]), slice(20, 20 + 2 * shape[-1], 2)):
            wide[...] = 7
            out = wide[(slice(1, -1),) * (len(shape) - 1) + (columns,)]
            getattr(linalg, name)(*args, out=out)
            assert_close(out, name, args, dtype)
            out[...] = 7
            assert np.all(wide == 7)


@products
@pytest.mark.parametrize("triple", [(5, 37, 18), (17, 3, 7), (7, 16, 1)], ids=str)
def test_each_element_is_one_chain_of_fused_multiply_adds(name, inputs, output, triple, fused_isa, dtype, rng):
    args = arguments(rng, inputs, *triple, dtype)
    assert np.array_equal(getattr(linalg, name)(*args), CHAINS[name](*args))


@products
def test_instruction_sets_agree(name, inputs, output, dtype, rng, same_bits_everywhere):
    cases = [arguments(rng, inputs, *triple, dtype) for triple in TRIPLES]
    same_bits_everywhere(lambda: [getattr(linalg, name)(*args) for args in cases])


def test_a_row_does_not_depend_on_its_batch(isa, dtype, rng):
    weights, biases = arguments(rng, ("kn", "n"), 0, 37, 67, dtype)
    x, dz = arguments(rng, ("mk", "mn"), 70, 37, 67, dtype)
    z, dx = linalg.affine(x, weights, biases), linalg.grad_inputs(dz, weights)
    for m in (1, 2, 3, 5, 8, 13, 25):
        assert np.array_equal(linalg.affine(x[-m:], weights, biases), z[-m:])
        assert np.array_equal(linalg.grad_inputs(dz[-m:], weights), dx[-m:])
    for i in range(3):
        assert np.array_equal(linalg.matvec(weights, x[i], biases), z[i])


@products
def test_nan_and_infinity_spread_as_in_the_equation(name, inputs, output, isa, dtype, rng):
    for poison in (np.nan, np.inf):
        args = arguments(rng, inputs, 9, 18, 35, dtype)
        args[0].flat[11] = poison
        args[-1].flat[3] = 0
        with np.errstate(invalid="ignore"):
            expected = getattr(oracle, name)(*args)
        got = getattr(linalg, name)(*args)
        unusual = ~np.isfinite(expected)
        assert unusual.any()
        assert np.array_equal(got[unusual], expected[unusual], equal_nan=True)
        assert np.all(np.isfinite(got[~unusual]))


@products
@pytest.mark.parametrize("empty", ["m", "k", "n"])
def test_empty_dimensions(name, inputs, output, empty, isa, dtype):
    triple = {"m": 3, "k": 4, "n": 5} | {empty: 0}
    args = [np.ones(shape_of(letters, **triple), dtype) for letters in inputs]
    expected = getattr(oracle, name)(*args)
    assert np.array_equal(getattr(linalg, name)(*args), expected)
    out = np.full_like(expected, 7)
    assert np.array_equal(getattr(linalg, name)(*args, out=out), expected)


@products
def test_an_out_may_overlap_an_input(name, inputs, output, isa, dtype, rng):
    for triple in ((3, 20, 7), (20, 3, 7), (7, 7, 7), (33, 17, 2)):
        shape = shape_of(output, *triple)
        size = int(np.prod(shape))
        for position in range(len(inputs)):
            for end in (slice(None, size), slice(-size, None)):
                args = arguments(rng, inputs, *triple, dtype)
                expected = getattr(linalg, name)(*args)
                out = args[position].reshape(-1)[end]
                if out.size < size:
                    continue
                out = out.reshape(shape)
                assert getattr(linalg, name)(*args, out=out) is out
                assert np.array_equal(out, expected)


def in_message(shape):
    return re.escape(str(shape))


# --- refusals --------------------------------------------------------------------------------


@products
def test_mixed_and_foreign_dtypes_are_refused(name, inputs, output, dtype, rng):
    operation = getattr(linalg, name)
    other = np.float64 if dtype == np.float32 else np.float32
    args = arguments(rng, inputs, 3, 4, 5, dtype)
    shape = shape_of(output, 3, 4, 5)
    for position in range(len(args)):
        for wrong in (other, np.int64, np.float16, np.longdouble, np.complex64, object):
            if len(args) == 1 and wrong == other:
                continue
            mixed = [a.astype(wrong) if i == position else a for i, a in enumerate(args)]
            with pytest.raises(TypeError, match=r"float32|float64"):
                operation(*mixed)
    swapped = [a.astype(a.dtype.newbyteorder()) for a in args]
    with pytest.raises((TypeError, ValueError)):
        operation(*swapped)
    for wrong in (other, np.int64):
        out = np.zeros(shape, wrong)
        with pytest.raises(TypeError, match=r"float32|float64"):
            operation(*args, out=out)
        assert not out.any()


@products
def test_shapes_that_do_not_fit_are_named(name, inputs, output, dtype):
    operation = getattr(linalg, name)
    sizes_of = {"m": 3, "k": 4, "n": 5}
    good = [np.ones(shape_of(letters, **sizes_of), dtype) for letters in inputs]
    result = shape_of(output, **sizes_of)

    for shape in ((result[0] + 1, *result[1:]), (*result[:-1], 1), (*result, 1), (), result[::-1]):
        if shape == result:
            continue
        out = np.full(shape, 7, dtype)
        with pytest.raises(ValueError, match=in_message(result)) as refused:
            operation(*good, out=out)
        if len(shape) == len(result):
            assert str(shape) in str(refused.value)
        assert np.all(out == 7)

    for position in range(1, len(inputs)):
        wrong = list(good)
        shape = tuple(n + 1 for n in good[position].shape)
        wrong[position] = np.ones(shape, dtype)
        with pytest.raises(ValueError, match=in_message(shape)) as refused:
            operation(*wrong)
        assert any(str(a.shape) in str(refused.value) for a in good[:position])

    for position in range(len(inputs)):
        for reshape in (lambda a: a[None], lambda a: a[0]):
            wrong = list(good)
            wrong[position] = np.asarray(reshape(good[position]))
            with pytest.raises(ValueError, match=r"dimension|shape|-D"):
                operation(*wrong)


@products
def test_a_read_only_out_is_refused(name, inputs, output, dtype):
    args = [np.ones(shape_of(letters, 3, 4, 5), dtype) for letters in inputs]
    out = np.zeros(shape_of(output, 3, 4, 5), dtype)
    out.flags.writeable = False
    with pytest.raises(ValueError, match=r"read-only|writ"):
        getattr(linalg, name)(*args, out=out)
    assert not out.any()
