"""What ``cimport scratchnn`` gives: engines, and the samples that they take. docs/embedding.md is a guide."""

from scratchnn.core.engine cimport (
    SCRATCHNN_BIASES, SCRATCHNN_GAIN, SCRATCHNN_INVALID, SCRATCHNN_MISSING, SCRATCHNN_NOT_FINITE, SCRATCHNN_OK,
    SCRATCHNN_SHIFT, SCRATCHNN_WEIGHTS, Engine, samples_of, samples_with_labels, scratchnn_array, scratchnn_samples,
    scratchnn_shape)
