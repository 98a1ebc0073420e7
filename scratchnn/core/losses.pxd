"""A loss with its convention, as training and evaluation use it below Python."""

from scratchnn.core.kernels cimport SNN_MAX_PARAMETERS, snn_kernels


cdef struct Loss:
    size_t kernel               # place in the kernels' list
    double factor
    bint mean_over_samples
    bint mean_over_outputs
    double[SNN_MAX_PARAMETERS] parameters   # as the kernel takes them
    void *function              # of Python's in place of the kernel, or NULL
    void *raised                # a list for what it raises


# Fill in a loss from the tuple of its members up to the parameters, in their order; the first may be a function
# instead. Both the tuple and the list, for what such a function raises, must live as long as the loss.
cdef int set_loss(Loss *loss, tuple description, list raised) except -1

# Losses row_loss of m rows with n outputs z, and dz where it is not NULL, as kernels.h says of a kernel; y has
# n_targets columns. False where a function has failed.
cdef inline bint evaluate_loss(
        const snn_kernels *k, const Loss *loss, size_t m, size_t n, const char *z, size_t ldz, size_t n_targets,
        const char *y, size_t ldy, const char *sample_weight, double scale, char *dz, size_t lddz,
        double *row_loss) noexcept nogil:
    if loss.function != NULL:
        return call_function(k, loss, m, n, z, ldz, n_targets, y, ldy, sample_weight, scale, dz, lddz, row_loss)
    k.losses[loss.kernel].evaluate(
        m, n, z, ldz, y, ldy, sample_weight, scale, loss.parameters, dz, lddz, row_loss)
    return True


# The same of a function alone.
cdef bint call_function(
    const snn_kernels *k, const Loss *loss, size_t m, size_t n, const char *z, size_t ldz, size_t n_targets,
    const char *y, size_t ldy, const char *sample_weight, double scale, char *dz, size_t lddz,
    double *row_loss) noexcept nogil


# What the sum of the rows' losses is multiplied by for samples that weigh so much together (their number, without
# weights), each of n outputs. Samples without any weight count for nothing.
cdef inline double loss_scale(const Loss *loss, double weight, size_t n) noexcept nogil:
    if weight == 0:
        return 0
    return loss.factor / (weight if loss.mean_over_samples else 1) / (n if loss.mean_over_outputs else 1)
