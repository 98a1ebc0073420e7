"""Shapes and memory layouts that kernels get wrong, as lists and as hypothesis strategies."""

import tempfile

import numpy as np
from hypothesis import strategies as st

# 1, odd, even and not a multiple of any vector width, vector widths and one beside them.
SIZES = (1, 3, 7, 10, 15, 16, 17, 30, 33, 37, 63, 64, 65, 100)

# Every size in every role, never two alike.
TRIPLES = tuple((SIZES[i], SIZES[i - 5], SIZES[i - 9]) for i in range(len(SIZES)))

sizes = st.sampled_from(SIZES)


def fortran(a):
    return a.copy("F")


def transposed(a):
    return a.T.copy().T


def reverse(a):
    everything = (slice(None, None, -1),) * a.ndim
    return a[everything].copy()[everything]


def stepped(a):
    wide = np.repeat(a, 3, axis=-1)
    return wide[..., 1::3]


def window(a):
    wide = np.full((*(n + 2 for n in a.shape[:-1]), a.shape[-1] + 5), np.nan, a.dtype)
    inside = wide[(slice(1, -1),) * (a.ndim - 1) + (slice(2, -3),)]
    inside[...] = a
    return inside


def broadcast_rows(a):
    return np.broadcast_to(a[:1], a.shape)


def broadcast_columns(a):
    return np.broadcast_to(a[..., :1], a.shape)


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


def memory_mapped(a):
    with tempfile.TemporaryFile() as file:  # the mapping outlives the open file
        mapped = np.memmap(file, a.dtype, "w+", shape=a.shape)
    mapped[...] = a
    return mapped


def field_of_records(a):
    """Unaligned, with strides that are no whole number of elements."""
    records = np.zeros(a.shape, [("pad", "i1"), ("value", a.dtype)])
    records["value"] = a
    return records["value"]


# Functions from an array to a fresh one of its shape; all but the broadcasts, which are views,
# keep the values.
WRITABLE = (np.copy, fortran, transposed, reverse, stepped, window, memory_mapped, field_of_records)
LAYOUTS = (*WRITABLE, broadcast_rows, broadcast_columns, read_only)

layouts = st.sampled_from(LAYOUTS)
writable_layouts = st.sampled_from(WRITABLE)
