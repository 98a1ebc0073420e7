"""Rows of data in the caller's own memory, converted batch by batch.

Inputs and targets are not copied as a whole: float32, float64 and uint8 arrays of any stride,
memory-mapped files among them, are read where they are. Labels are, since they become addresses: nobody
may change them once they have been checked. Columns may be scaled on the way.
"""

import operator

import numpy as np

from cpython.buffer cimport PyBUF_STRIDED_RO, PyBuffer_Release, PyObject_GetBuffer
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uintptr_t

from scratchnn.core.kernels cimport SNN_FLOAT32, SNN_FLOAT64, SNN_UINT8, snn_kernels, snn_source, table
from scratchnn.core.signals cimport poll_is_due, seconds
from scratchnn.core.topology cimport bytes_of

from scratchnn.core.topology import aligned_zeros

# Elements looked at between two looks at what was found: 64 KiB of float64.
BLOCK = 8192


cdef void gather(
        const snn_kernels *k, const Rows *rows, const int64_t *order, size_t first, size_t m, char *out,
        size_t ldo) noexcept nogil:
    cdef const char *data = rows.data
    if order != NULL:
        order += first
        first = 0
    if rows.starts != NULL:
        k.gather_sparse(
            m, rows.n_columns, data, rows.type, rows.starts + first, rows.columns, order, rows.shift, rows.scale, out,
            ldo)
    elif rows.labels == NULL:
        data += <ptrdiff_t>first * rows.row_bytes
        k.gather(
            m, rows.n_columns, data, rows.type, rows.row_bytes, rows.column_bytes, order, rows.shift, rows.scale, out,
            ldo)
    else:
        k.gather_labels(m, rows.n_columns, rows.labels + first, order, out, ldo)


cdef bint all_finite(const snn_kernels *k, const char *data, size_t row_bytes, size_t m, size_t n) noexcept nogil:
    cdef size_t i
    if row_bytes == n * k.itemsize:
        return k.all_finite(m * n, data)
    for i in range(m):
        if not k.all_finite(n, data + i * row_bytes):
            return False
    return True


cdef bint in_place(const snn_kernels *k, const Rows *rows) noexcept nogil:
    cdef ptrdiff_t size = k.itemsize
    return (
        rows.labels == NULL and rows.starts == NULL and rows.shift == NULL
        and rows.type == (SNN_FLOAT32 if size == 4 else SNN_FLOAT64)
        and rows.column_bytes == size and rows.row_bytes >= 0 and rows.row_bytes % size == 0
        and <uintptr_t>rows.data % <uintptr_t>size == 0)


cdef object FLOAT32 = np.dtype(np.float32)
cdef object FLOAT64 = np.dtype(np.float64)
cdef object UINT8 = np.dtype(np.uint8)


cdef int source_type(dtype) except -2:
    if dtype is FLOAT32:
        return SNN_FLOAT32
    if dtype is FLOAT64:
        return SNN_FLOAT64
    if dtype is UINT8:
        return SNN_UINT8
    # An array that comes from a pickle has a dtype object of its own.
    for known, type in ((FLOAT32, SNN_FLOAT32), (FLOAT64, SNN_FLOAT64), (UINT8, SNN_UINT8)):
        if dtype == known:
            return type
    return -1


cdef class Source:
    """A matrix (n_rows, n_columns) of float32, float64 or uint8, a sparse one, or n_rows class labels of int64.

    Parameters
    ----------
    array : array of two dimensions, or of one for labels and for the elements of a sparse matrix
        Kept, not copied; nobody else may have labels.
    n_classes : int
        The number of columns that labels stand for; the caller has checked their range.
    starts, columns : vectors of int64, optional
        Of a sparse matrix in compressed rows: where each row starts, and one more; the columns of the elements, each
        once in a row. Nobody else may have them, and the caller has checked their range.
    n_columns : int
        Of a sparse matrix.
    """

    def __cinit__(self, array, Py_ssize_t n_classes=0, starts=None, columns=None, Py_ssize_t n_columns=0):
        cdef const int64_t[::1] s, c
        PyObject_GetBuffer(array, &self.buffer, PyBUF_STRIDED_RO)
        self.array = array
        self.n_rows = len(array)
        self.rows.data = <const char *>self.buffer.buf
        self.rows.row_bytes = self.buffer.strides[0]
        if n_classes:
            self.rows.n_columns = n_classes
            self.rows.labels = <const int64_t *>self.buffer.buf
        elif starts is not None:
            s, c = starts, columns
            self.sparse = starts, columns
            self.n_rows = len(starts) - 1
            self.rows.n_columns = n_columns
            self.rows.type = <snn_source>source_type(array.dtype)
            self.rows.starts = &s[0]
            self.rows.columns = &c[0] if c.shape[0] else NULL
        else:
            self.rows.n_columns = array.shape[1]
            self.rows.column_bytes = self.buffer.strides[1]
            self.rows.type = <snn_source>source_type(array.dtype)

    def __dealloc__(self):
        if self.array is not None:
            PyBuffer_Release(&self.buffer)

    def take(self, rows):
        """Return a copy of the rows of these numbers, an array of integers, scaled as they are."""
        if self.sparse is None:
            result = Source(self.array[rows], self.rows.n_columns if self.rows.labels != NULL else 0)
        else:
            starts, columns = self.sparse
            counts = starts[rows + 1] - starts[rows]
            new_starts = np.concatenate([[0], np.cumsum(counts)])
            elements = np.arange(counts.sum()) + np.repeat(starts[rows] - new_starts[:len(rows)], counts)
            result = Source(
                self.array[elements], starts=new_starts, columns=columns[elements], n_columns=self.rows.n_columns)
        if self.scaling is not None:
            result.scale_columns(*self.scaling)
        return result

    def scale_columns(self, shift, scale):
        """Have x count as ``(x - shift) * scale``: vectors of float64, one number for each column.

        Kept, not copied; nobody may change them.
        """
        cdef const double[::1] shifts = shift, scales = scale
        if self.rows.labels != NULL or not shifts.shape[0] == scales.shape[0] == <Py_ssize_t>self.rows.n_columns:
            raise ValueError("labels are not scaled, and columns have a shift and a scale each")
        self.scaling = shift, scale
        self.rows.shift, self.rows.scale = &shifts[0], &scales[0]

    def read(self, first, n_rows, dtype):
        """Return `n_rows` rows from row `first` on as a step gets them: converted to `dtype`, scaled, dense."""
        first, n_rows = operator.index(first), operator.index(n_rows)
        if not 0 <= first <= first + n_rows <= self.n_rows:
            raise ValueError(f"rows {first} to {first + n_rows} were asked for; there are {self.n_rows}")
        result = np.empty((n_rows, self.rows.n_columns), dtype)
        cdef char *bytes = bytes_of(result.reshape(-1))
        if result.size:
            gather(table(result.itemsize), &self.rows, NULL, first, n_rows, bytes, self.rows.n_columns)
        return result

    def first_not_finite(self, dtype):
        """Return (row, column) of the first element that is not finite as `dtype`, or None; scaled ones count."""
        dtype = np.dtype(dtype)
        cdef const snn_kernels *k = table(dtype.itemsize)
        cdef size_t n = self.rows.n_columns, m = self.n_rows, first = 0, count = 0
        cdef const char *data
        cdef size_t block = min(max(1, BLOCK // max(1, n)), max(1, m))
        cdef char *gathered = NULL
        cdef bint finite = True, direct = in_place(k, &self.rows)
        cdef double last_poll = seconds()
        if n == 0 or self.rows.labels != NULL or (self.rows.type == SNN_UINT8 and self.rows.shift == NULL):
            return None
        if self.sparse is not None and self.rows.shift == NULL:
            return self._first_not_finite_element(dtype)
        if not direct:
            memory = aligned_zeros(block * n, dtype)
            gathered = bytes_of(memory)
        with nogil:
            while first < m and finite:
                count = min(block, m - first)
                if direct:
                    data = self.rows.data + <ptrdiff_t>first * self.rows.row_bytes
                    finite = all_finite(k, data, self.rows.row_bytes, count, n)
                else:
                    gather(k, &self.rows, NULL, first, count, gathered, n)
                    finite = k.all_finite(count * n, gathered)
                first += count
                if poll_is_due(&last_poll):
                    with gil:
                        PyErr_CheckSignals()
        if finite:
            return None
        row, column = np.argwhere(~np.isfinite(self.read(first - count, count, dtype)))[0].tolist()
        return int(first - count) + row, column

    def _first_not_finite_element(self, dtype):
        starts, columns = self.sparse
        with np.errstate(over="ignore"):
            wrong = np.flatnonzero(~np.isfinite(self.array.astype(dtype, copy=False)))
        if wrong.size == 0:
            return None
        return int(np.searchsorted(starts, wrong[0], side="right")) - 1, int(columns[wrong[0]])
