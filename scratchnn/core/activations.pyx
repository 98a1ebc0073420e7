# cython: binding=True
"""Activations ``a = g(z)`` and their slopes; the functions themselves stand in csrc/activations.inc.c.

Every activation of the C list is an attribute of this module: ``activations.sigmoid(z)``.
"""

import math

import numpy as np

cimport cython

from scratchnn.core.kernels cimport SNN_SLOPE_FROM_VALUE, snn_activation, table

from scratchnn.core.arrays import compute_into, expect, plain_array, real_arrays
from scratchnn.core.losses import link
from scratchnn.core.names import name_and_parameter, unknown

ctypedef fused real:
    float
    double


def names():
    """Return the names of all activations."""
    return tuple(table(8).activations[i].name.decode() for i in range(table(8).n_activations))


cdef const snn_activation *entry(size_t itemsize, Py_ssize_t index) noexcept nogil:
    return &table(itemsize).activations[index]


@cython.boundscheck(False)  # of what may be empty, only the address is taken
cdef _value(const real[::1] z, real[::1] a, Py_ssize_t index, double alpha):
    with nogil:
        entry(sizeof(real), index).value(z.shape[0], &z[0], &a[0], alpha)


@cython.boundscheck(False)  # of what may be empty, only the address is taken
cdef _backward(const real[::1] source, const real[::1] da, real[::1] dz, Py_ssize_t index, double alpha):
    with nogil:
        entry(sizeof(real), index).backward(source.shape[0], &source[0], &da[0], &dz[0], alpha)


def _real_or_converted(z):
    # Values of other types than float32 and float64 are computed in float64, as NumPy's functions do.
    array = plain_array("z", z)
    if array.dtype.kind in "biu":
        array = array.astype(np.float64)
    return real_arrays(z=array)[0]


cdef class Activation:
    """An activation function ``a = g(z)``, applied element by element.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    alpha : float, optional
        The parameter of ``leaky_relu`` (slope below zero) and ``elu`` (limit below zero).

    Attributes
    ----------
    name : str
    alpha : float
    index : int
        Its place in the kernels' list.
    """

    cdef readonly str name
    cdef readonly double alpha
    cdef readonly bint has_alpha
    cdef readonly bint slope_from_value
    cdef readonly Py_ssize_t index

    def __init__(self, str name, alpha=None):
        known = names()
        if name not in known:
            raise ValueError(unknown("activation", name, known))
        self.name = name
        self.index = known.index(name)
        cdef const snn_activation *e = entry(8, self.index)
        self.has_alpha = e.has_alpha
        self.slope_from_value = e.slope_source == SNN_SLOPE_FROM_VALUE
        self.alpha = e.alpha if alpha is None else alpha
        if alpha is not None and not self.has_alpha:
            raise ValueError(f"activation {name!r} takes no parameter; {alpha!r} was given")
        if not (math.isfinite(self.alpha) and self.alpha >= 0):
            raise ValueError(f"the parameter of {name!r} is {alpha!r}; expected a finite number >= 0")

    def __call__(self, z, out=None):
        """Return g(z) in z's shape and dtype (integers give float64); `out` is overwritten and returned.

        Raises TypeError for dtypes other than float32, float64 and integers, and for `out` of another
        dtype; ValueError for `out` of another shape.
        """
        array = _real_or_converted(z)
        return _map(array, (array,), out, lambda flat, result: _call_value(flat, result, self.index, self.alpha))

    def slope(self, z, out=None):
        """Return g'(z) in z's shape and dtype; arguments and errors as in the call itself."""
        array = _real_or_converted(z)
        return self.backward(np.ones_like(array), array, out)

    def backward(self, da, z, out=None):
        """Return ``dz = da * g'(z)``, the chain rule through the activation (docs/math.md, "Backpropagation").

        Parameters
        ----------
        da, z : arrays of one shape and one dtype, float32 or float64
        out : array of the same shape and dtype, optional
            Overwritten and returned.
        """
        da, z = real_arrays(da=da, z=z)
        expect(da.shape == z.shape, "da of shape {} does not fit z of shape {}", da.shape, z.shape)
        gradients = np.ascontiguousarray(da).reshape(-1)

        def compute(flat, result):
            source = flat
            if self.slope_from_value:
                source = np.empty_like(flat)
                _call_value(flat, source, self.index, self.alpha)
            if flat.itemsize == 4:
                _backward[float](source, gradients, result, self.index, self.alpha)
            else:
                _backward[double](source, gradients, result, self.index, self.alpha)

        return _map(z, (z, da), out, compute)

    def __str__(self):
        return f"{self.name}({self.alpha!r})" if self.has_alpha else self.name

    def __repr__(self):
        return f"Activation({str(self)!r})"

    def __eq__(self, other):
        return isinstance(other, Activation) and (self.name, self.alpha) == (other.name, other.alpha)

    def __hash__(self):
        return hash((self.name, self.alpha))

    def __reduce__(self):
        return get, (str(self),)


def _map(z, inputs, out, compute):
    flat = np.ascontiguousarray(z).reshape(-1)
    result = compute_into(out, z.shape, z.dtype, inputs, lambda a: compute(flat, a.reshape(-1)))
    return result if out is not None else result[()]


def _call_value(flat, result, index, alpha):
    if flat.itemsize == 4:
        _value[float](flat, result, index, alpha)
    else:
        _value[double](flat, result, index, alpha)


def get(activation):
    """Return the :class:`Activation` of a name such as ``"tanh"`` or ``"leaky_relu(0.2)"``.

    Raises
    ------
    TypeError
        If `activation` is neither a string nor an :class:`Activation`.
    ValueError
        If the name is unknown (the message names the nearest) or the parameter is not a number >= 0.
    """
    if isinstance(activation, Activation):
        return activation
    if not isinstance(activation, str):
        raise TypeError(f"activation is {type(activation).__name__}; expected a name such as 'sigmoid'")
    name, parameter = name_and_parameter(activation)
    if parameter is None:
        return Activation(name)
    try:
        alpha = float(parameter)
    except ValueError:
        raise ValueError(f"the parameter of activation {activation!r} is not a number") from None
    return Activation(name, alpha)


def softmax(z, out=None):
    """Compute ``p_j = exp(z_j) / sum_k exp(z_k)`` for every row of z (docs/math.md, "Softmax").

    Parameters
    ----------
    z : (n_samples, n_outputs) or (n_outputs,) array of float32 or float64
    out : array of the same shape and dtype, optional
        Overwritten and returned.

    Returns
    -------
    array of z's shape; every row sums to one
    """
    z = _real_or_converted(z)
    expect(z.ndim in (1, 2) and z.shape[z.ndim - 1] > 0,
           "z has shape {}; expected (n_samples, n_outputs) or (n_outputs,)", z.shape)
    matrix = z if z.ndim == 2 else z[None, :]
    return compute_into(out, z.shape, z.dtype, (z,), lambda p: link("softmax", matrix, p.reshape(matrix.shape)))


globals().update({name: Activation(name) for name in names()})
