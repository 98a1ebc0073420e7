"""Losses of predictions against targets, with their gradients; the functions stand in csrc/losses.inc.c.

Nothing is averaged here: scratchnn.losses names the conventions that networks train with.
"""

import math

import numpy as np

from scratchnn.core.kernels cimport table

from scratchnn.core.arrays import compute_into, expect, expect_dimensions, real_arrays, rows
from scratchnn.core.names import unknown

ctypedef fused real:
    float
    double


def names():
    """Return the names of all losses."""
    return tuple(table(8).losses[i].name.decode() for i in range(table(8).n_losses))


def index(str name):
    """Return a loss's place in the kernels' list; ValueError names the nearest where it is unknown."""
    known = names()
    if name not in known:
        raise ValueError(unknown("loss", name, known))
    return known.index(name)


cdef _evaluate(const real[:, :] z, const real[:, :] y, const real[::1] weight, double scale, double delta,
               real[:, :] dz, double[::1] row_loss, Py_ssize_t loss):
    cdef ptrdiff_t size = sizeof(real)
    cdef const void *w = NULL if weight is None else <const void *>&weight[0]
    cdef void *gradient = NULL if dz is None else <void *>&dz[0, 0]
    cdef ptrdiff_t lddz = 0 if dz is None else dz.strides[0] // size
    with nogil:
        table(size).losses[loss].evaluate(
            z.shape[0], z.shape[1], &z[0, 0], z.strides[0] // size, &y[0, 0], y.strides[0] // size, w,
            scale, delta, gradient, lddz, &row_loss[0])


def evaluate(str name, z, y, *, scale=1.0, delta=1.0, sample_weight=None, gradient=None):
    """Compute ``scale * sum_i w_i l(z_i, y_i)`` and, into `gradient`, its derivative for z.

    Parameters
    ----------
    name : str
        One of :func:`names`; docs/math.md, "Losses", has their equations. ``binary_cross_entropy`` and
        ``cross_entropy`` take logits, ``poisson`` the logarithm of the rate.
    z, y : (n_samples, n_outputs) arrays of one dtype, float32 or float64
        Predictions and targets.
    scale : float
    delta : float
        Where ``huber`` goes from squared to absolute; the others ignore it.
    sample_weight : (n_samples,) array of the same dtype, optional
    gradient : (n_samples, n_outputs) array of the same dtype, optional
        Overwritten; may be z.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If dtypes differ or are neither float32 nor float64.
    ValueError
        If shapes do not fit, the name is unknown, or scale or delta is not a finite number (delta > 0).
    """
    place = index(name)
    z, y, sample_weight = real_arrays(z=z, y=y, sample_weight=sample_weight)
    expect_dimensions(z=(z, 2), y=(y, 2), sample_weight=(sample_weight, 1))
    expect(z.shape == y.shape, "z of shape {} does not fit y of shape {}", z.shape, y.shape)
    expect(math.isfinite(scale), "scale is {}; expected a finite number", scale)
    expect(math.isfinite(delta) and delta > 0, "delta is {}; expected a finite number > 0", delta)
    if sample_weight is not None:
        expect(len(sample_weight) == len(z), "sample_weight of shape {} does not fit z of shape {}",
               sample_weight.shape, z.shape)
        sample_weight = np.ascontiguousarray(sample_weight)
    predictions, targets = rows(z), rows(y)
    row_loss = np.empty(len(z))

    def compute(dz):
        if z.itemsize == 4:
            _evaluate[float](predictions, targets, sample_weight, scale, delta, dz, row_loss, place)
        else:
            _evaluate[double](predictions, targets, sample_weight, scale, delta, dz, row_loss, place)

    if gradient is None:
        compute(None)
    else:
        compute_into(gradient, z.shape, z.dtype, (z, y, sample_weight), compute)
    return scale * _sum(row_loss)


cdef double _sum(const double[::1] values) noexcept:
    # One after another, as training does; sum() and np.sum have orders of their own, and so other bits.
    cdef double total = 0
    cdef Py_ssize_t i
    for i in range(values.shape[0]):
        total += values[i]
    return total
