"""Where layers leave their outputs: two buffers on the stack that take turns, and the last layer's in the caller's."""

from __future__ import annotations

from .plan import Plan

__all__ = ["BUFFERS", "buffer_sizes", "bytes_of_buffers"]

BUFFERS = ("front", "back")


def buffer_sizes(plan: Plan) -> tuple[int, int]:
    """Return how many numbers the two buffers hold; layer i writes to buffer i % 2, scaled inputs to the second."""
    sizes = [0, 0 if plan.inputs is None else plan.n_inputs]
    for i, layer in enumerate(plan.layers[:-1]):
        sizes[i % 2] = max(sizes[i % 2], layer.n_outputs)
    return sizes[0], sizes[1]


def bytes_of_buffers(plan: Plan) -> int:
    return sum(buffer_sizes(plan)) * plan.real.itemsize
