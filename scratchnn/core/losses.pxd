"""A loss with its convention, as training and evaluation use it below Python."""

from scratchnn.core.kernels cimport SNN_MAX_PARAMETERS


cdef struct Loss:
    size_t kernel               # place in the kernels' list
    double factor
    bint mean_over_samples
    bint mean_over_outputs
    double[SNN_MAX_PARAMETERS] parameters   # as the kernel takes them


# Fill in a loss from the tuple of its members, in their order.
cdef int set_loss(Loss *loss, description) except -1


# What the sum of the rows' losses is multiplied by for samples that weigh so much together (their number, without
# weights), each of n outputs. Samples without any weight count for nothing.
cdef inline double loss_scale(const Loss *loss, double weight, size_t n) noexcept nogil:
    if weight == 0:
        return 0
    return loss.factor / (weight if loss.mean_over_samples else 1) / (n if loss.mean_over_outputs else 1)
