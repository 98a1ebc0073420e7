"""Vectors as a whole, on the kernels of csrc/vectors.inc.c, whose bits are the same on every instruction set."""

import numpy as np

cimport cython

from scratchnn.core.kernels cimport table

from scratchnn.core.arrays import compute_into, expect, expect_dimensions, real_arrays

ctypedef fused real:
    float
    double


cdef _vectors(x, y):
    x, y = real_arrays(x=x, y=y)
    expect_dimensions(x=(x, 1), y=(y, 1))
    expect(x.shape == y.shape, "x has {} elements, y {}", x.shape[0], y.shape[0])
    return np.ascontiguousarray(x), np.ascontiguousarray(y)


@cython.boundscheck(False)  # of what may be empty, only the address is taken
cdef double _dot(const real[::1] x, const real[::1] y):
    return table(sizeof(real)).dot(x.shape[0], &x[0], &y[0])


@cython.boundscheck(False)  # of what may be empty, only the address is taken
cdef _axpby(double a, const real[::1] x, double b, const real[::1] y, real[::1] out):
    table(sizeof(real)).axpby(x.shape[0], a, &x[0], b, &y[0], &out[0])


@cython.boundscheck(False)  # of what may be empty, only the address is taken
cdef double _max_abs(const real[::1] x):
    return table(sizeof(real)).max_abs(x.shape[0], &x[0])


def dot(x, y):
    """Compute ``sum_i x_i y_i`` in double (docs/math.md, "L-BFGS").

    Parameters
    ----------
    x, y : (n,) arrays of float32 or float64

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit.
    """
    x, y = _vectors(x, y)
    return _dot[float](x, y) if x.itemsize == 4 else _dot[double](x, y)


def axpby(double a, x, double b, y, out=None):
    """Compute ``out = a x + b y`` in double, rounded once.

    Parameters
    ----------
    x, y : (n,) arrays of float32 or float64
    out : (n,) array of the same dtype, optional
        Overwritten and returned; may be x or y.

    Returns
    -------
    (n,) array

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit.
    """
    x, y = _vectors(x, y)

    def compute(result):
        if result.itemsize == 4:
            _axpby[float](a, x, b, y, result)
        else:
            _axpby[double](a, x, b, y, result)

    return compute_into(out, x.shape, x.dtype, [vector for vector in (x, y) if vector is not out], compute)


def max_abs(x):
    """Compute ``max_i |x_i|``, 0 of no elements.

    Parameters
    ----------
    x : (n,) array of float32 or float64
        Without NaN.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If x is no such vector.
    """
    x, _ = _vectors(x, x)
    return _max_abs[float](x) if x.itemsize == 4 else _max_abs[double](x)
