# cython: binding=True
"""Losses of predictions against targets, with their gradients; the functions stand in csrc/losses.inc.c.

Nothing is averaged here: scratchnn.losses names the conventions that networks train with.
"""

import itertools
import math
import operator

import numpy as np

cimport cython

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from scratchnn.core.kernels cimport (
    SNN_MAX_PARAMETERS, keep_denormals, restore_denormals, snn_kernels, snn_loss, table)

from scratchnn.core.arrays import compute_into, expect, expect_dimensions, number_within, real_arrays, rows
from scratchnn.core.function_loss import call
from scratchnn.core.names import unknown

ctypedef fused real:
    float
    double


# Where each parameter may lie: (low, whether low itself may be, high, not included). Levels ascend.
RANGES = {
    "delta": (0.0, False, math.inf),
    "gamma": (0.0, True, math.inf),
    "label_smoothing": (0.0, True, 1.0),
    "levels": (0.0, False, 1.0),
}

# Their number is a parameter of the kernel, too.
MOST_LEVELS = SNN_MAX_PARAMETERS - 1


def names():
    """Return the names of all losses."""
    return tuple(table(8).losses[i].name.decode() for i in range(table(8).n_losses))


def links():
    """Return the names of the output activations that are no activations: those that need a whole row."""
    return tuple(table(8).links[i].name.decode() for i in range(table(8).n_links))


def index(str name):
    """Return a loss's place in the kernels' list; ValueError names the nearest where it is unknown."""
    known = names()
    if name not in known:
        raise ValueError(unknown("loss", name, known))
    return known.index(name)


def parameter(str name, value):
    """Return a loss's parameter as a float, levels as a tuple of them; ValueError where it is out of its range."""
    if name != "levels":
        return number_within(name, value, *RANGES[name])
    values = (value,) if np.ndim(value) == 0 else tuple(value)
    levels = tuple(number_within(f"levels[{i}]", level, *RANGES[name]) for i, level in enumerate(values))
    if not 1 <= len(levels) <= MOST_LEVELS:
        raise ValueError(f"{len(levels)} levels were given; expected 1 to {MOST_LEVELS}")
    for lower, upper in itertools.pairwise(levels):
        if not lower < upper:
            raise ValueError(f"levels are {levels}; expected each above the one before, but {upper} follows {lower}")
    return levels


def as_kernel(parameter):
    """Return a parameter, as :func:`parameter` gives it or None, as the numbers that kernels take."""
    if isinstance(parameter, tuple):
        return float(len(parameter)), *parameter
    return (0.0 if parameter is None else parameter,)


cdef int set_loss(Loss *loss, tuple description, list raised) except -1:
    kernel, loss.factor, loss.mean_over_samples, loss.mean_over_outputs, parameters = description
    loss.function, loss.raised = (<void *>kernel if callable(kernel) else NULL), <void *>raised
    loss.kernel = 0 if callable(kernel) else kernel
    expect(len(parameters) <= SNN_MAX_PARAMETERS, "a loss has {} parameters", len(parameters))
    for i, number in enumerate(parameters):
        loss.parameters[i] = number
    return 0


cdef bint call_function(
        const snn_kernels *k, const Loss *loss, size_t m, size_t n, const char *z, size_t ldz, size_t n_targets,
        const char *y, size_t ldy, const char *sample_weight, double scale, char *dz, size_t lddz,
        double *row_loss) noexcept nogil:
    cdef uint64_t state = keep_denormals()  # it computes as the caller would
    cdef bint done
    with gil:
        try:
            dtype = np.float32 if k.itemsize == sizeof(float) else np.float64
            outputs, targets = _rows(z, m, n, ldz, dtype), _rows(y, m, n_targets, ldy, dtype)
            weights = np.ones(m) if sample_weight == NULL else _rows(sample_weight, m, 1, 1, dtype)[:, 0].astype(float)
            losses, gradient = call(<object>loss.function, targets, outputs)
            _store(losses * weights, 1, 1, <char *>row_loss)
            if dz != NULL:
                _store(gradient * (scale * weights).astype(dtype)[:, None], n, lddz, dz)
            done = True
        except BaseException as error:
            (<list>loss.raised).append(error)
            done = False
    restore_denormals(state)
    return done


cdef object _rows(const char *data, size_t m, size_t n, size_t ld, dtype):
    """Return a copy of rows below Python, which a function may keep and change."""
    result = np.empty((m, n), dtype)
    cdef signed char[:, ::1] bytes = result.view(np.int8)
    cdef size_t i, size = result.itemsize
    for i in range(m):
        memcpy(&bytes[i, 0], data + i * ld * size, n * size)
    return result


cdef int _store(rows, size_t n, size_t ld, char *to) except -1:
    cdef signed char[::1] bytes = rows.reshape(-1).view(np.int8)
    cdef size_t i, size = rows.itemsize
    for i in range(<size_t>len(rows)):
        memcpy(to + i * ld * size, &bytes[i * n * size], n * size)
    return 0


@cython.boundscheck(False)  # of what may be empty, only the address is taken
cdef _evaluate(const real[:, :] z, const real[:, :] y, const real[::1] weight, double scale,
               const double[::1] parameters, real[:, :] dz, double[::1] row_loss, Py_ssize_t loss):
    cdef ptrdiff_t size = sizeof(real)
    cdef const void *w = NULL if weight is None else <const void *>&weight[0]
    cdef void *gradient = NULL if dz is None else <void *>&dz[0, 0]
    cdef ptrdiff_t lddz = 0 if dz is None else dz.strides[0] // size
    with nogil:
        table(size).losses[loss].evaluate(
            z.shape[0], z.shape[1], &z[0, 0], z.strides[0] // size, &y[0, 0], y.strides[0] // size, w,
            scale, &parameters[0], gradient, lddz, &row_loss[0])


def evaluate(str name, z, y, *, scale=1.0, sample_weight=None, gradient=None, **parameters):
    """Compute ``scale * sum_i w_i l(z_i, y_i)`` and, into `gradient`, its derivative for z.

    Parameters
    ----------
    name : str
        One of :func:`names`; docs/math.md, "Losses", has their equations. ``binary_cross_entropy``,
        ``cross_entropy``, ``binary_focal`` and ``focal`` take logits, ``poisson`` the logarithm of the rate.
    z : (n_samples, n_outputs) array of float32 or float64
        Predictions.
    y : (n_samples, n_targets) array of the same dtype
        Targets. Each has one output, but with ``quantile`` one for each level, and with ``gaussian`` two, the mean
        and the logarithm of the variance.
    scale : float
    sample_weight : (n_samples,) array of the same dtype, optional
    gradient : (n_samples, n_outputs) array of the same dtype, optional
        Overwritten; may be z.
    **parameters : float or sequence of float
        That of the loss by its name: ``delta`` of ``huber``, by default 1; ``label_smoothing`` of the cross-entropies,
        0; ``gamma`` of the focal losses, 2; ``levels`` of ``quantile``, 0.5.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If dtypes differ or are neither float32 nor float64, or the loss has no such parameter.
    ValueError
        If shapes do not fit, the name is unknown, scale is not a finite number, or a parameter is out of its range.
    """
    cdef Py_ssize_t place = index(name)
    cdef const snn_loss *loss = &table(8).losses[place]
    known = "" if loss.parameter == NULL else loss.parameter.decode()
    for given in parameters:
        if given != known:
            raise TypeError(f"loss {name!r} takes {known or 'no parameter'}; {given} was given")
    numbers = np.array(as_kernel(parameter(known, parameters.get(known, loss.preset)) if known else None))
    z, y, sample_weight = real_arrays(z=z, y=y, sample_weight=sample_weight)
    expect_dimensions(z=(z, 2), y=(y, 2), sample_weight=(sample_weight, 1))
    outputs_per_target = loss.outputs_per_target or int(numbers[0])
    expect(z.shape == (y.shape[0], outputs_per_target * y.shape[1]),
           "z of shape {} does not fit y of shape {}" + f", {outputs_per_target} outputs for each target"
           * (outputs_per_target > 1), z.shape, y.shape)
    expect(math.isfinite(scale), "scale is {}; expected a finite number", scale)
    if sample_weight is not None:
        expect(len(sample_weight) == len(z), "sample_weight of shape {} does not fit z of shape {}",
               sample_weight.shape, z.shape)
        sample_weight = np.ascontiguousarray(sample_weight)
    predictions, targets = rows(z), rows(y)
    row_loss = np.empty(len(z))

    def compute(dz):
        if z.itemsize == 4:
            _evaluate[float](predictions, targets, sample_weight, scale, numbers, dz, row_loss, place)
        else:
            _evaluate[double](predictions, targets, sample_weight, scale, numbers, dz, row_loss, place)

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


@cython.boundscheck(False)  # of what may be empty, only the address is taken
cdef _link(const real[:, :] z, real[:, ::1] a, size_t outputs_per_target, Py_ssize_t place):
    with nogil:
        table(sizeof(real)).links[place].value(
            z.shape[0], z.shape[1], &z[0, 0], z.strides[0] // <ptrdiff_t>sizeof(real), outputs_per_target,
            &a[0, 0], a.shape[1])


def link(str name, z, out=None, *, n_levels=1):
    """Compute what a network's outputs are whose loss takes the logits z (docs/math.md, "Losses").

    Parameters
    ----------
    name : str
        One of :func:`links`: ``softmax`` gives probabilities, ``quantiles`` the quantiles of each target in ascending
        order, ``gaussian`` the mean and the standard deviation of each target.
    z : (n_samples, n_outputs) array of float32 or float64
    out : array of the same shape and dtype, optional
        Overwritten and returned.
    n_levels : int
        How many outputs a target has with ``quantiles``; the others ignore it.

    Returns
    -------
    array of z's shape

    Raises
    ------
    TypeError
        If the dtype is neither float32 nor float64.
    ValueError
        If the name is unknown, z is no matrix, or its columns are no whole number of targets.
    """
    known = links()
    if name not in known:
        raise ValueError(unknown("link", name, known))
    place = known.index(name)
    z, = real_arrays(z=z)
    expect_dimensions(z=(z, 2))
    columns = {"quantiles": operator.index(n_levels), "gaussian": 2}.get(name, 1)
    expect(columns >= 1, "n_levels is {}; expected at least 1", n_levels)
    expect(z.shape[1] > 0 and z.shape[1] % columns == 0,
           "z has shape {}; expected {} column" + "s" * (columns > 1) + " for each target", z.shape, columns)
    matrix = rows(z)

    def compute(a):
        if a.itemsize == 4:
            _link[float](matrix, a, columns, place)
        else:
            _link[double](matrix, a, columns, place)

    return compute_into(out, z.shape, z.dtype, (z,), compute)
