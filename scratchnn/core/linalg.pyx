# cython: binding=True
"""Matrix products of the forward and the backward pass, on the kernels of csrc/gemm.inc.c.

Every element of a result is one chain of multiply-adds over ascending k (docs/math.md, "Layer"), so it
does not depend on the shape of what is computed beside it.
"""

cimport cython

from scratchnn.core.kernels cimport table

from scratchnn.core.arrays import compute_into, expect, expect_dimensions, real_arrays, rows, strided

ctypedef fused real:
    float
    double


@cython.boundscheck(False)  # of what may be empty, only the address is taken
cdef _affine(const real[:, :] x, const real[:, :] w, const real[:] b, real[:, :] z):
    cdef const void *bias = NULL if b is None else <const void *>&b[0]
    cdef ptrdiff_t size = sizeof(real)
    with nogil:
        table(size).affine(
            x.shape[0], x.shape[1], w.shape[1], &x[0, 0], x.strides[0] // size, x.strides[1] // size,
            &w[0, 0], w.strides[0] // size, bias, &z[0, 0], z.strides[0] // size)


@cython.boundscheck(False)  # of what may be empty, only the address is taken
cdef _grad_weights(const real[:, :] x, const real[:, :] dz, real[:, :] dw):
    cdef ptrdiff_t size = sizeof(real)
    with nogil:
        table(size).grad_weights(
            x.shape[0], x.shape[1], dz.shape[1], &x[0, 0], x.strides[0] // size, x.strides[1] // size,
            &dz[0, 0], dz.strides[0] // size, &dw[0, 0], dw.strides[0] // size)


@cython.boundscheck(False)  # of what may be empty, only the address is taken
cdef _grad_biases(const real[:, :] dz, real[::1] db):
    cdef ptrdiff_t size = sizeof(real)
    with nogil:
        table(size).grad_biases(dz.shape[0], dz.shape[1], &dz[0, 0], dz.strides[0] // size, &db[0])


@cython.boundscheck(False)  # of what may be empty, only the address is taken
cdef _grad_inputs(const real[:, :] dz, const real[:, :] w, real[:, :] dx):
    cdef ptrdiff_t size = sizeof(real)
    with nogil:
        table(size).grad_inputs(
            dz.shape[0], w.shape[0], w.shape[1], &dz[0, 0], dz.strides[0] // size, dz.strides[1] // size,
            &w[0, 0], w.strides[0] // size, &dx[0, 0], dx.strides[0] // size, w.shape[0])


def _row_contiguous(matrix):
    return rows(matrix) is matrix


def affine(x, weights, biases=None, out=None):
    """Compute ``z = x @ weights + biases`` (docs/math.md, "Layer").

    Parameters
    ----------
    x : (n_samples, n_inputs) array of float32 or float64, any strides
    weights : (n_inputs, n_outputs) array of the same dtype
    biases : (n_outputs,) array of the same dtype, optional
    out : (n_samples, n_outputs) array of the same dtype, optional
        Overwritten and returned.

    Returns
    -------
    (n_samples, n_outputs) array

    Raises
    ------
    TypeError
        If a dtype is neither float32 nor float64, or two differ.
    ValueError
        If the shapes do not fit.
    """
    x, weights, biases = real_arrays(x=x, weights=weights, biases=biases)
    expect_dimensions(x=(x, 2), weights=(weights, 2), biases=(biases, 1))
    expect(x.shape[1] == weights.shape[0],
           "x of shape {} does not fit weights of shape {}: x has {} columns, weights {} rows",
           x.shape, weights.shape, x.shape[1], weights.shape[0])
    if biases is not None:
        expect(biases.shape[0] == weights.shape[1],
               "biases of shape {} do not fit weights of shape {}", biases.shape, weights.shape)
    arrays = strided(x), rows(weights), None if biases is None else _contiguous(biases)

    def compute(z):
        if z.itemsize == 4:
            _affine[float](*arrays, z)
        else:
            _affine[double](*arrays, z)

    return compute_into(out, (x.shape[0], weights.shape[1]), x.dtype, arrays, compute, _row_contiguous)


def _contiguous(vector):
    return vector if vector.flags.c_contiguous else vector.copy()


def matvec(weights, x, biases=None, out=None):
    """Compute ``z_j = b_j + sum_i x_i W_ij`` for one sample (docs/math.md, "Neuron").

    Parameters
    ----------
    weights : (n_inputs, n_outputs) array of float32 or float64
    x : (n_inputs,) array of the same dtype
    biases : (n_outputs,) array of the same dtype, optional
    out : (n_outputs,) array of the same dtype, optional
        Overwritten and returned.

    Returns
    -------
    (n_outputs,) array

    Raises
    ------
    TypeError, ValueError
        As :func:`affine`.
    """
    weights, x, biases = real_arrays(weights=weights, x=x, biases=biases)
    expect_dimensions(x=(x, 1), weights=(weights, 2))
    expect(x.shape[0] == weights.shape[0],
           "x of shape {} does not fit weights of shape {}", x.shape, weights.shape)
    return compute_into(
        out, (weights.shape[1],), x.dtype, (x, weights, biases),
        lambda z: affine(x[None, :], weights, biases, z[None, :]))


def grad_weights(x, dz, out=None):
    """Compute ``dW = xᵀ dz``, the gradient for the weights (docs/math.md, "Backpropagation").

    Parameters
    ----------
    x : (n_samples, n_inputs) array of float32 or float64, any strides
    dz : (n_samples, n_outputs) array of the same dtype
    out : (n_inputs, n_outputs) array of the same dtype, optional
        Overwritten and returned.

    Returns
    -------
    (n_inputs, n_outputs) array

    Raises
    ------
    TypeError, ValueError
        As :func:`affine`.
    """
    x, dz = real_arrays(x=x, dz=dz)
    expect_dimensions(x=(x, 2), dz=(dz, 2))
    expect(x.shape[0] == dz.shape[0], "x of shape {} does not fit dz of shape {}: {} rows and {}",
           x.shape, dz.shape, x.shape[0], dz.shape[0])
    arrays = strided(x), rows(dz)

    def compute(dw):
        if dw.itemsize == 4:
            _grad_weights[float](*arrays, dw)
        else:
            _grad_weights[double](*arrays, dw)

    return compute_into(out, (x.shape[1], dz.shape[1]), x.dtype, arrays, compute, _row_contiguous)


def grad_biases(dz, out=None):
    """Compute ``db_j = sum_i dz_ij``, the gradient for the biases (docs/math.md, "Backpropagation").

    Parameters
    ----------
    dz : (n_samples, n_outputs) array of float32 or float64
    out : (n_outputs,) array of the same dtype, optional
        Overwritten and returned.

    Returns
    -------
    (n_outputs,) array

    Raises
    ------
    TypeError, ValueError
        As :func:`affine`.
    """
    dz, = real_arrays(dz=dz)
    expect_dimensions(dz=(dz, 2))
    matrix = rows(dz)

    def compute(db):
        if db.itemsize == 4:
            _grad_biases[float](matrix, db)
        else:
            _grad_biases[double](matrix, db)

    return compute_into(out, (dz.shape[1],), dz.dtype, (dz,), compute)


def grad_inputs(dz, weights, out=None):
    """Compute ``dx = dz Wᵀ``, the gradient for the inputs (docs/math.md, "Backpropagation").

    Parameters
    ----------
    dz : (n_samples, n_outputs) array of float32 or float64, any strides
    weights : (n_inputs, n_outputs) array of the same dtype
    out : (n_samples, n_inputs) array of the same dtype, optional
        Overwritten and returned.

    Returns
    -------
    (n_samples, n_inputs) array

    Raises
    ------
    TypeError, ValueError
        As :func:`affine`.
    """
    dz, weights = real_arrays(dz=dz, weights=weights)
    expect_dimensions(dz=(dz, 2), weights=(weights, 2))
    expect(dz.shape[1] == weights.shape[1],
           "dz of shape {} does not fit weights of shape {}: {} columns and {}",
           dz.shape, weights.shape, dz.shape[1], weights.shape[1])
    arrays = strided(dz), rows(weights)

    def compute(dx):
        if dx.itemsize == 4:
            _grad_inputs[float](*arrays, dx)
        else:
            _grad_inputs[double](*arrays, dx)

    return compute_into(out, (dz.shape[0], weights.shape[0]), dz.dtype, arrays, compute, _row_contiguous)
