"""Products whose matrices are cut into tiles, panels and copied blocks: every bit as if none of them were.

The limits of csrc/gemm.inc.c: blocks of 128 terms, copies from 48 rows and 64 KiB on, panels of up to 4 vectors,
of which up to 4 are copied together, vectors of 1 to 16 elements.
"""

import numpy as np
import oracle
import pytest

from scratchnn.core import linalg

ROWS = (47, 48, 49)
TERMS = (127, 128, 129, 257)
COLUMNS = (
    *(1, 3, 4, 5, 7, 8, 9, 11, 13, 15, 16, 17, 23, 24, 25, 31, 32, 33, 37, 48, 50, 63, 64, 65, 79, 81, 95, 96, 97),
    *(127, 128, 130, 143, 145, 255, 256, 258, 271, 273),
)
LDB = 600  # B's rows are so far apart that all of it is 64 KiB and more, however few columns are asked for

every_depth = pytest.mark.parametrize("k", TERMS)


def operands(k, dtype, draw):
    """A (rows, k), B (k, columns) as the left of a wider matrix, and biases."""
    a, b, biases = (draw(shape).astype(dtype) for shape in ((max(ROWS), k), (k, LDB), (LDB,)))
    return a, b, biases


def shapes(k):
    return [(m, n) for m in ROWS for n in COLUMNS if len({m, n, k}) == 3]


@every_depth
def test_a_row_alone_has_the_same_bits(k, isa, dtype, rng):
    """A single row is read by one tile: nothing is copied for it, and no other row is there."""
    a, b, biases = operands(k, dtype, rng.standard_normal)
    for n in COLUMNS:
        w, bias = b[:, :n], biases[:n]
        alone = np.concatenate([linalg.affine(row[None], w, bias) for row in a])
        for m in ROWS:
            assert np.array_equal(linalg.affine(a[:m], w, bias), alone[:m])


@every_depth
def test_a_column_alone_has_the_same_bits(k, isa, dtype, rng):
    a, b, biases = operands(k, dtype, rng.standard_normal)
    alone = np.concatenate(
        [linalg.affine(a, b[:, j : j + 1].copy(), biases[j : j + 1]) for j in range(max(COLUMNS))], axis=1
    )
    for m, n in shapes(k):
        assert np.array_equal(linalg.affine(a[:m], b[:, :n], biases[:n]), alone[:m, :n])


@every_depth
def test_the_three_products_are_one(k, isa, dtype, rng):
    """A B, (A')' B and A (B')' have the same chains, though A or B lies otherwise and B' is packed otherwise."""
    a, b, _ = operands(k, dtype, rng.standard_normal)
    for m, n in shapes(k):
        x, w = a[:m], b[:, :n]
        expected = linalg.affine(x, w)
        assert np.array_equal(linalg.grad_weights(x.T.copy(), w), expected)
        assert np.array_equal(linalg.grad_inputs(x, w.T.copy()), expected)


@every_depth
def test_whole_numbers_are_exact(k, isa, dtype, rng):
    """No sum is rounded, so a term that is missing, doubled or another's is seen, whatever the order."""
    a, b, biases = operands(k, dtype, lambda shape: rng.integers(-50, 50, shape))
    expected = a.astype(np.int64) @ b.astype(np.int64)
    for m, n in shapes(k):
        assert np.array_equal(linalg.affine(a[:m], b[:, :n], biases[:n]), expected[:m, :n] + biases[:n])


@every_depth
def test_elements_are_chains_of_fused_multiply_adds(k, fused_isa, dtype, rng):
    a, b, biases = operands(k, dtype, rng.standard_normal)
    for m, n in ((49, 273), (48, 95), (47, 33)):
        z = linalg.affine(a[:m], b[:, :n], biases[:n])
        for i, j in ((0, n - 1), (m - 1, 0), (m - 1, n - 1), (m // 2, n // 2)):
            chain = oracle.affine_chain(a[i : i + 1], b[:, j : j + 1], biases[j : j + 1])
            assert z[i, j] == chain[0, 0]
