# cython: binding=True
"""One step of each optimizer on any array of weights; the rules stand in csrc/updates.inc.c.

Weights and state are updated in place; with ``out=`` the new weights go there and `weights` stay.
State arrays have the weights' shape and start at zero. docs/math.md, "Optimizers", has the equations.
"""

import functools
import math
import operator

import numpy as np

cimport cython

from scratchnn.core.kernels cimport SNN_MAX_COEFFICIENTS, SNN_MAX_STATES, snn_update, table

from scratchnn.core.arrays import compute_into, expect, number_within, real_arrays

ctypedef fused real:
    float
    double


# Where each hyper-parameter may lie: the ends, and whether they themselves may be.
RANGES = {
    "learning_rate": (0.0, False, math.inf, False),
    "momentum": (0.0, True, 1.0, True),
    "decay": (0.0, True, 1.0, False),
    "beta1": (0.0, True, 1.0, False),
    "beta2": (0.0, True, 1.0, False),
    "epsilon": (0.0, False, math.inf, False),
    "weight_decay": (0.0, True, math.inf, False),
    "gradient_tolerance": (0.0, True, math.inf, False),
    "function_tolerance": (0.0, True, math.inf, False),
}


def hyperparameter(str name, value):
    """Return a hyper-parameter as a float; ValueError where it is no number within its range."""
    return number_within(name, value, *RANGES[name])


@functools.cache
def specifications():
    """Return ``{name: (names of the state arrays, names of the hyper-parameters)}`` of every update."""
    cdef const snn_update *u
    result = {}
    for i in range(table(8).n_updates):
        u = &table(8).updates[i]
        result[u.name.decode()] = (
            tuple(u.states[k].decode() for k in range(u.n_states)),
            tuple(u.hyperparameters[k].decode() for k in range(u.n_hyperparameters)))
    return result


def names():
    """Return the names of all updates."""
    return tuple(specifications())


@cython.boundscheck(False)  # of what may be empty, only the address is taken
cdef _apply(real[::1] w, const real[::1] g, real[::1] s0, real[::1] s1, Py_ssize_t index,
            const double[::1] hyper, double step):
    cdef double[SNN_MAX_COEFFICIENTS] coefficients
    cdef void *states[SNN_MAX_STATES]
    states[0] = NULL if s0 is None else <void *>&s0[0]
    states[1] = NULL if s1 is None else <void *>&s1[0]
    cdef const snn_update *u = &table(sizeof(real)).updates[index]
    with nogil:
        for i in range(SNN_MAX_COEFFICIENTS):
            coefficients[i] = 0
        u.prepare(&hyper[0], step, coefficients)
        u.apply(1, w.shape[0], &w[0], w.shape[0], &g[0], w.shape[0], states, coefficients)


def _writable(str name, given, array):
    """Return a flat contiguous array to update, and whether it must be copied back."""
    if not isinstance(given, np.ndarray) or not given.flags.writeable:
        raise ValueError(f"{name} is updated in place; expected a writeable array")
    if array is given and array.flags.c_contiguous:
        return array.reshape(-1), False
    return array.reshape(-1).copy(), True


def _update(str name, weights, gradient, states, hyper, out, step=1):
    w, g, *s = real_arrays(weights=weights, gradient=gradient, **states)
    step = operator.index(step)
    expect(step >= 1, "step is {}; expected an integer >= 1", step)
    hyper = {key: hyperparameter(key, value) for key, value in hyper.items()}
    for key, array in zip(("gradient", *states), (g, *s)):
        expect(array.shape == w.shape, key + " of shape {} does not fit weights of shape {}", array.shape, w.shape)
    flat_states = [_writable(key, states[key], array) for key, array in zip(states, s)]
    padded = [flat for flat, _ in flat_states] + [None] * (2 - len(s))
    gradients = np.ascontiguousarray(g).reshape(-1)
    index, values = names().index(name), np.array(list(hyper.values()), np.float64)

    def apply(target):
        if target.itemsize == 4:
            _apply[float](target, gradients, *padded, index, values, step)
        else:
            _apply[double](target, gradients, *padded, index, values, step)

    def compute(result):
        flat = result.reshape(-1)
        flat[:] = w.reshape(-1)
        apply(flat)

    if out is not None:
        updated = compute_into(out, w.shape, w.dtype, (w, g, *s), compute)
    else:
        flat, copied = _writable("weights", weights, w)
        if np.may_share_memory(flat, gradients):
            gradients = gradients.copy()
        apply(flat)
        if copied:
            weights[...] = flat.reshape(w.shape)
        updated = weights
    for state, (flat, copied) in zip(states.values(), flat_states):
        if copied:
            state[...] = flat.reshape(state.shape)
    return updated


def sgd(weights, gradient, *, learning_rate=0.1, out=None):
    """Step down the gradient: ``w -= learning_rate * g`` (Robbins & Monro 1951)."""
    return _update("sgd", weights, gradient, {}, {"learning_rate": learning_rate}, out)


def momentum(weights, gradient, velocity, *, learning_rate=0.01, momentum=0.9, out=None):
    """Step with momentum: ``v = mu v - lr g; w += v`` (Polyak 1964)."""
    return _update("momentum", weights, gradient, {"velocity": velocity},
                   {"learning_rate": learning_rate, "momentum": momentum}, out)


def nesterov(weights, gradient, velocity, *, learning_rate=0.01, momentum=0.9, out=None):
    """Step with Nesterov's momentum: ``v = mu v - lr g; w += mu v - lr g`` (Nesterov 1983)."""
    return _update("nesterov", weights, gradient, {"velocity": velocity},
                   {"learning_rate": learning_rate, "momentum": momentum}, out)


def rmsprop(weights, gradient, v, *, learning_rate=1e-3, decay=0.9, epsilon=1e-8, out=None):
    """Step by RMSProp: ``v = d v + (1-d) g²; w -= lr g / (sqrt(v) + eps)`` (Tieleman & Hinton 2012)."""
    return _update("rmsprop", weights, gradient, {"v": v},
                   {"learning_rate": learning_rate, "decay": decay, "epsilon": epsilon}, out)


def adagrad(weights, gradient, v, *, learning_rate=0.01, epsilon=1e-8, out=None):
    """Step by Adagrad: ``v += g²; w -= lr g / (sqrt(v) + eps)`` (Duchi, Hazan & Singer 2011)."""
    return _update("adagrad", weights, gradient, {"v": v},
                   {"learning_rate": learning_rate, "epsilon": epsilon}, out)


def adam(weights, gradient, m, v, step, *, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, out=None):
    """Step t = `step` of Adam: ``w -= lr m̂ / (sqrt(v̂) + eps)`` (Kingma & Ba 2015).

    ``m = b1 m + (1-b1) g, v = b2 v + (1-b2) g²``; the hats divide by ``1 - b1^t`` and ``1 - b2^t``.
    """
    return _update("adam", weights, gradient, {"m": m, "v": v},
                   {"learning_rate": learning_rate, "beta1": beta1, "beta2": beta2, "epsilon": epsilon}, out, step)


def adamhat(weights, gradient, m, v, step, *, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, out=None):
    """Step of Adam with epsilon beside the root of the uncorrected v (Kingma & Ba 2015, end of section 2).

    ``w -= lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps)``
    """
    return _update("adamhat", weights, gradient, {"m": m, "v": v},
                   {"learning_rate": learning_rate, "beta1": beta1, "beta2": beta2, "epsilon": epsilon}, out, step)


def adamw(weights, gradient, m, v, step, *, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8,
          weight_decay=0.01, out=None):
    """Step of Adam after ``w -= lr * weight_decay * w`` (Loshchilov & Hutter 2019)."""
    return _update("adamw", weights, gradient, {"m": m, "v": v},
                   {"learning_rate": learning_rate, "beta1": beta1, "beta2": beta2, "epsilon": epsilon,
                    "weight_decay": weight_decay}, out, step)


def nadam(weights, gradient, m, v, step, *, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, out=None):
    """Step of Adam whose mean looks one step ahead, as Nesterov's does (Dozat 2016).

    ``m̄ = b1 m / (1 - b1^(t+1)) + (1-b1) g / (1 - b1^t);  w -= lr m̄ / (sqrt(v̂) + eps)``
    """
    return _update("nadam", weights, gradient, {"m": m, "v": v},
                   {"learning_rate": learning_rate, "beta1": beta1, "beta2": beta2, "epsilon": epsilon}, out, step)
