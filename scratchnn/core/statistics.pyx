"""Mean, spread and ends of the columns of data, in one pass, in float64."""

import numpy as np

from cpython.exc cimport PyErr_CheckSignals

from scratchnn.core.data cimport Rows, Source, gather
from scratchnn.core.kernels cimport snn_kernels, table
from scratchnn.core.signals cimport poll_is_due, seconds

# Elements made float64 between two looks for signals, which stay in the L1 cache of many machines.
BLOCK = 4096


def column_statistics(Source source):
    """Compute each column's mean, standard deviation, least and greatest value, as they are before any scaling.

    Mean and deviation are Welford's (docs/math.md, eq. 92), row after row: the bits depend on nothing but the data.
    They are those of differences from the first row, which keeps the digits of a small spread far from 0: the first
    row is no further from the mean than the root of the number of rows, times the deviation. The deviation is that of
    the rows themselves, the root of the mean square.

    Parameters
    ----------
    source : Source
        Numbers, dense or sparse, with at least one row; not labels.

    Returns
    -------
    mean, deviation, least, greatest : (n_columns,) arrays of float64
        Mean and deviation are infinite or NaN where differences, or their squares, are beyond float64.

    Raises
    ------
    KeyboardInterrupt
        Or what else the handler of a signal raises, every 20 ms.
    """
    cdef const snn_kernels *k = table(sizeof(double))
    cdef Rows rows = source.rows
    cdef size_t n = rows.n_columns, m = source.n_rows, first = 0, count, i, j
    cdef size_t block = min(max(1, BLOCK // n), m)
    cdef double[::1] memory = np.empty(block * n), mean = np.zeros(n), squares = np.zeros(n)
    cdef double[::1] least = np.full(n, np.inf), greatest = np.full(n, -np.inf)
    cdef double[::1] origin = np.empty(n)
    cdef const double *x
    cdef double value, difference, last_poll = seconds()
    rows.shift = rows.scale = NULL
    gather(k, &rows, NULL, 0, 1, <char *>&origin[0], n)
    with nogil:
        while first < m:
            count = min(block, m - first)
            gather(k, &rows, NULL, first, count, <char *>&memory[0], n)
            for i in range(count):
                x = &memory[i * n]
                first += 1
                for j in range(n):
                    value = x[j] - origin[j]
                    difference = value - mean[j]
                    mean[j] += difference / first
                    squares[j] += difference * (value - mean[j])
                    least[j] = min(least[j], x[j])
                    greatest[j] = max(greatest[j], x[j])
            if poll_is_due(&last_poll):
                with gil:
                    PyErr_CheckSignals()
    with np.errstate(invalid="ignore", over="ignore"):
        result = np.asarray(mean) + origin, np.sqrt(np.asarray(squares) / m)
    return *result, np.asarray(least), np.asarray(greatest)
