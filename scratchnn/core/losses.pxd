"""A loss with its convention, as training and evaluation use it below Python."""

cdef struct Loss:
    size_t kernel               # place in the kernels' list
    double factor
    bint mean_over_samples
    bint mean_over_outputs
    double delta


# What the sum of the rows' losses is multiplied by for a batch of m rows of n outputs.
cdef inline double loss_scale(const Loss *loss, size_t m, size_t n) noexcept nogil:
    return loss.factor / (m if loss.mean_over_samples else 1) / (n if loss.mean_over_outputs else 1)
