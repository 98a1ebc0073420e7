"""The optimizers' rules, csrc/updates.inc.c, on arrays that updates.py has checked."""

from scratchnn.core.kernels cimport SNN_MAX_COEFFICIENTS, SNN_MAX_STATES, snn_update, table

ctypedef fused real:
    float
    double


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


def apply(weights, gradient, list states, Py_ssize_t index, const double[::1] hyper, double step):
    """Update vectors of one dtype and length: the weights, and the states."""
    if len(weights) == 0:
        return
    if weights.itemsize == sizeof(float):
        _apply[float](weights, gradient, states, index, hyper, step)
    else:
        _apply[double](weights, gradient, states, index, hyper, step)


cdef _apply(real[::1] w, const real[::1] g, list arrays, Py_ssize_t index, const double[::1] hyper, double step):
    cdef double[SNN_MAX_COEFFICIENTS] coefficients
    cdef void *states[SNN_MAX_STATES]
    cdef real[::1] state
    for i, array in enumerate(arrays):
        state = array
        states[i] = &state[0]
    cdef const snn_update *u = &table(sizeof(real)).updates[index]
    with nogil:
        for k in range(SNN_MAX_COEFFICIENTS):
            coefficients[k] = 0
        u.prepare(&hyper[0], step, coefficients)
        u.apply(1, w.shape[0], &w[0], w.shape[0], &g[0], w.shape[0], states, coefficients)
