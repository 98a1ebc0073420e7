"""Networks so small that whole steps of theirs are one call (csrc/tiny.inc.c)."""

from scratchnn.core.kernels cimport snn_kernels, snn_tiny, snn_tiny_layer
from scratchnn.core.layers.dense cimport Activations, Dense, Update


# Whether no layer has more than SNN_TINY inputs or outputs.
cdef bint is_tiny(const snn_kernels *k, const Dense *layers, size_t n_layers) noexcept nogil

# Make `network` and its `tiny` layers describe these layers and where their parameters, state and batch are, and
# the optimizer's hyper-parameters and the loss's. `loss` and `identity` are places in the kernels' lists.
cdef void describe(
    const snn_kernels *k, const Dense *layers, size_t n_layers, char *parameters, const Activations *batch,
    Update *update, double *hyper, int loss, const double *parameters_of_loss, int identity, snn_tiny_layer *tiny,
    snn_tiny *network) noexcept nogil
