"""Products whose matrices are cut into tiles, panels and copied blocks: every bit as if none of them were.

The limits of csrc/gemm.inc.c: blocks of 1024 terms, or copies of 128 where A has 48 rows or more and B's are a multiple
of 1024 bytes apart; panels of up to 4 vectors of 1 to 16 elements.
"""

import numpy as np
import oracle
import pytest

from scratchnn.core import linalg

ROWS = (47, 48, 49)
COPIED, IN_PLACE = 512, 280  # columns between B's rows
TERMS = (
    (127, COPIED),
    (128, COPIED),
    (129, COPIED),
    (257, COPIED),
    (1023, IN_PLACE),
    (1024, IN_PLACE),
    (2049, IN_PLACE),
)
COLUMNS = (
    *(1, 3, 4, 5, 7, 8, 9, 11, 13, 15, 16, 17, 23, 24, 25, 31, 32, 33, 37, 48, 50, 63, 64, 65, 79, 81, 95, 96, 97),
    *(127, 128, 130, 143, 145, 255, 256, 258, 271, 273),
)

every_depth = pytest.mark.parametrize(("k", "ldb"), TERMS)


def operands(k, ldb, dtype, draw):
    """A (rows, k), B (k, columns) as the left of a wider matrix, and biases."""
    a, b, biases = (draw(shape).astype(dtype) for shape in ((max(ROWS), k), (k, ldb), (ldb,)))
    return a, b, biases


def shapes(k):
    return [(m, n) for m in ROWS for n in COLUMNS if len({m, n, k}) == 3]


@every_depth
def test_a_row_alone_has_the_same_bits(k, ldb, isa, dtype, rng):
    """A single row is read by one tile: nothing is copied for it, and no other row is there."""
    a, b, biases = operands(k, ldb, dtype, rng.standard_normal)
    for n in COLUMNS:
        w, bias = b[:, :n], biases[:n]
        alone = np.concatenate([linalg.affine(row[None], w, bias) for row in a])
        for m in ROWS:
            assert np.array_equal(linalg.affine(a[:m], w, bias), alone[:m])


@every_depth
def test_a_column_alone_has_the_same_bits(k, ldb, isa, dtype, rng):
    a, b, biases = operands(k, ldb, dtype, rng.standard_normal)
    alone = np.concatenate(
        [linalg.affine(a, b[:, j : j + 1].copy(), biases[j : j + 1]) for j in range(max(COLUMNS))], axis=1
    )
    for m, n in shapes(k):
        assert np.array_equal(linalg.affine(a[:m], b[:, :n], biases[:n]), alone[:m, :n])


@every_depth
def test_the_three_products_are_one(k, ldb, isa, dtype, rng):
    """A B, (A')' B and A (B')' have the same chains, though A or B lies otherwise and B' is packed otherwise."""
    a, b, _ = operands(k, ldb, dtype, rng.standard_normal)
    for m, n in shapes(k):
        x, w = a[:m], b[:, :n]
        expected = linalg.affine(x, w)
        assert np.array_equal(linalg.grad_weights(x.T.copy(), w), expected)
        assert np.array_equal(linalg.grad_inputs(x, w.T.copy()), expected)


@every_depth
def test_whole_numbers_are_exact(k, ldb, isa, dtype, rng):
    """No sum is rounded, so a term that is missing, doubled or another's is seen, whatever the order."""
    a, b, biases = operands(k, ldb, dtype, lambda shape: rng.integers(-50, 50, shape))
    expected = a.astype(np.int64) @ b.astype(np.int64)
    for m, n in shapes(k):
        assert np.array_equal(linalg.affine(a[:m], b[:, :n], biases[:n]), expected[:m, :n] + biases[:n])


@every_depth
def test_elements_are_chains_of_fused_multiply_adds(k, ldb, fused_isa, dtype, rng):
    a, b, biases = operands(k, ldb, dtype, rng.standard_normal)
    for m, n in ((49, 273), (48, 95), (47, 33)):
        z = linalg.affine(a[:m], b[:, :n], biases[:n])
        for i, j in ((0, n - 1), (m - 1, 0), (m - 1, n - 1), (m // 2, n // 2)):
            chain = oracle.affine_chain(a[i : i + 1], b[:, j : j + 1], biases[j : j + 1])
            assert z[i, j] == chain[0, 0]
