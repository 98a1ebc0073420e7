"""Rows of data in the caller's own memory, converted batch by batch."""

from libc.stdint cimport int64_t

from scratchnn.core.kernels cimport snn_kernels, snn_source


# A matrix of any stride; or class labels that stand for one-hot rows of n_columns; or the elements of a sparse matrix
# row by row, with their columns and where each row starts.
cdef struct Rows:
    size_t n_columns
    const char *data
    snn_source type
    ptrdiff_t row_bytes
    ptrdiff_t column_bytes
    const int64_t *labels           # NULL for a matrix
    const int64_t *starts           # NULL for a dense one
    const int64_t *columns
    const double *shift             # x counts as (x - shift) scale, column by column; NULL for x itself
    const double *scale


# Rows order[0 … m-1] (or first … first+m-1 where order is NULL) into out, row stride ldo.
cdef void gather(
    const snn_kernels *k, const Rows *rows, const int64_t *order, size_t first, size_t m, char *out,
    size_t ldo) noexcept nogil

# Whether rows are what gather would make of them but for the padding: the table's dtype, contiguous, aligned,
# not scaled, in ascending order. They can be computed on where they are, with row stride row_bytes / itemsize.
cdef bint in_place(const snn_kernels *k, const Rows *rows) noexcept nogil

# Whether all n elements of m rows that can be computed on where they are, row_bytes apart, are finite.
cdef bint all_finite(const snn_kernels *k, const char *data, size_t row_bytes, size_t m, size_t n) noexcept nogil

# The snn_source of an array's dtype; -1 where it is no native float32, float64 or uint8.
cdef int source_type(dtype) except -2


cdef class Source:
    cdef Rows rows
    cdef Py_buffer buffer
    cdef readonly Py_ssize_t n_rows
    cdef readonly object array
    cdef object sparse
    cdef object scaling
