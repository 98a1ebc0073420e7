"""The C interface (csrc/kernels.h) as other modules see it: a table of kernels for a dtype's size."""

from libc.stdint cimport int64_t, uint32_t, uint64_t


cdef extern from "kernels.h" nogil:
    const double SNN_NORMALIZATION_EPSILON

    enum:
        SNN_MAX_STATES
        SNN_MAX_HYPERPARAMETERS
        SNN_MAX_COEFFICIENTS
        SNN_MAX_PARAMETERS
        SNN_TINY

    ctypedef enum snn_source:
        SNN_FLOAT32
        SNN_FLOAT64
        SNN_UINT8

    ctypedef enum snn_slope_source:
        SNN_SLOPE_FROM_VALUE
        SNN_SLOPE_FROM_ARGUMENT

    ctypedef struct snn_activation:
        const char *name
        snn_slope_source slope_source
        bint has_alpha
        double alpha
        void (*value)(size_t n, const void *z, void *a, double alpha) noexcept nogil
        void (*backward)(size_t n, const void *source, const void *da, void *dz, double alpha) noexcept nogil

    ctypedef struct snn_loss:
        const char *name
        const char *parameter
        double preset
        size_t outputs_per_target
        void (*evaluate)(
            size_t m, size_t n, const void *z, size_t ldz, const void *y, size_t ldy, const void *sample_weight,
            double scale, const double *parameters, void *dz, size_t lddz, double *row_loss) noexcept nogil

    ctypedef struct snn_link:
        const char *name
        void (*value)(
            size_t m, size_t n, const void *z, size_t ldz, size_t outputs_per_target, void *a,
            size_t lda) noexcept nogil

    ctypedef struct snn_update:
        const char *name
        int n_states
        int n_hyperparameters
        const char *states[SNN_MAX_STATES]
        const char *hyperparameters[SNN_MAX_HYPERPARAMETERS]
        void (*prepare)(const double *hyper, double step, double *coefficients) noexcept nogil
        void (*apply)(
            size_t m, size_t n, void *weights, size_t ldw, const void *gradient, size_t ldg, void **state,
            const double *coefficients) noexcept nogil

    ctypedef struct snn_penalty:
        double l1, l2, clip, keep

    ctypedef struct snn_tiny_layer:
        size_t n_inputs, n_outputs, stride
        int activation
        bint slope_from_value
        double alpha
        bint has_biases
        void *weights
        void *states[SNN_MAX_STATES]
        void *z
        void *a
        void *dz

    ctypedef struct snn_tiny:
        size_t n_layers, widest
        const snn_tiny_layer *layers
        int loss, update
        const double *parameters
        double *hyper
        const double *rates
        double *coefficients

    ctypedef struct snn_kernels:
        const char *isa
        const char *dtype
        size_t itemsize
        size_t width
        void (*affine)(
            size_t m, size_t n_inputs, size_t n_outputs, const void *x, ptrdiff_t x_row, ptrdiff_t x_column,
            const void *w, size_t ldw, const void *b, void *z, size_t ldz) noexcept nogil
        void (*grad_weights)(
            size_t m, size_t n_inputs, size_t n_outputs, const void *x, ptrdiff_t x_row, ptrdiff_t x_column,
            const void *dz, size_t lddz, void *dw, size_t lddw) noexcept nogil
        void (*grad_biases)(size_t m, size_t n, const void *dz, size_t lddz, void *db) noexcept nogil
        void (*update_weights)(
            size_t m, size_t n_inputs, size_t n_outputs, const void *x, ptrdiff_t x_row, ptrdiff_t x_column,
            const void *dz, size_t lddz, const snn_update *rule, const double *coefficients,
            const snn_penalty *penalty, void *w, size_t ldw, void **states) noexcept nogil
        void (*grad_inputs)(
            size_t m, size_t n_inputs, size_t n_outputs, const void *dz, ptrdiff_t dz_row, ptrdiff_t dz_column,
            const void *w, size_t ldw, void *dx, size_t lddx, size_t columns) noexcept nogil
        void (*row_penalties)(
            size_t m, size_t n, const void *w, size_t ldw, double l1, double l2, double *row_penalty) noexcept nogil
        void (*penalize)(
            size_t m, size_t n, const void *w, size_t ldw, void *g, size_t ldg,
            const snn_penalty *penalty) noexcept nogil
        void (*row_squares)(size_t m, size_t n, const void *x, size_t ldx, double *squares) noexcept nogil
        void (*scale)(size_t m, size_t n, void *x, size_t ldx, double factor) noexcept nogil
        void (*multiply_elements)(size_t n, const void *y, void *x) noexcept nogil
        void (*drop)(
            size_t first, size_t m, size_t n, uint64_t key, uint32_t threshold, const void *x, void *mask, void *out,
            size_t ld) noexcept nogil
        void (*add_noise)(
            size_t first, size_t m, size_t n, uint64_t key, double deviation, void *x, size_t ld) noexcept nogil
        void (*normalize_rows)(
            size_t m, size_t n, const void *z, const void *gain, const void *shift, void *normal, void *inverse,
            void *u, size_t ld, size_t columns) noexcept nogil
        void (*grad_normalized_rows)(
            size_t m, size_t n, const void *du, const void *gain, const void *normal, const void *inverse, void *dz,
            size_t ld) noexcept nogil
        void (*grad_gain)(
            size_t m, size_t n, const void *du, const void *normal, size_t ld, void *dgain, void *dshift) noexcept nogil
        void (*column_moments)(
            size_t m, size_t n, const void *z, size_t ld, const void *sample_weight, double total, void *mean,
            void *variance) noexcept nogil
        void (*normalize_columns)(
            size_t m, size_t n, const void *z, const void *mean, const void *variance, const void *gain,
            const void *shift, void *normal, void *u, size_t ld, size_t columns) noexcept nogil
        void (*grad_normalized_columns)(
            size_t m, size_t n, const void *du, const void *gain, const void *normal, const void *variance,
            const void *dgain, const void *dshift, const void *sample_weight, double total, void *dz,
            size_t ld) noexcept nogil
        void (*approach)(size_t n, const void *x, double rate, void *y) noexcept nogil
        void (*limit_columns)(size_t m, size_t n, void *w, size_t ldw, double most) noexcept nogil
        size_t (*tiny_steps)(
            const snn_tiny *network, size_t n, size_t m, const void *x, size_t ldx, const void *y, size_t ldy,
            double scale, double step, double *row_loss, double *loss) noexcept nogil
        void (*gather)(
            size_t m, size_t n, const void *source, snn_source type, ptrdiff_t row_bytes, ptrdiff_t column_bytes,
            const int64_t *rows, const double *shift, const double *scale, void *out, size_t ldo) noexcept nogil
        void (*gather_sparse)(
            size_t m, size_t n, const void *data, snn_source type, const int64_t *starts,
            const int64_t *columns, const int64_t *rows, const double *shift, const double *scale, void *out,
            size_t ldo) noexcept nogil
        void (*gather_labels)(
            size_t m, size_t n, const int64_t *labels, const int64_t *rows, void *out, size_t ldo) noexcept nogil
        void (*unscale)(
            size_t m, size_t n, void *a, size_t lda, const double *shift, const double *scale, double low,
            double high) noexcept nogil
        int (*all_finite)(size_t n, const void *x) noexcept nogil
        double (*dot)(size_t n, const void *x, const void *y) noexcept nogil
        void (*axpby)(size_t n, double a, const void *x, double b, const void *y, void *out) noexcept nogil
        double (*max_abs)(size_t n, const void *x) noexcept nogil
        const snn_activation *activations
        size_t n_activations
        const snn_loss *losses
        size_t n_losses
        const snn_link *links
        size_t n_links
        const snn_update *updates
        size_t n_updates


cdef extern from "barrier.h" nogil:
    ctypedef struct snn_barrier:
        uint32_t n_threads

    ctypedef struct snn_gate:
        pass


# The table in use for elements of this size, 4 or 8 bytes.
cdef const snn_kernels *table(size_t itemsize) noexcept nogil

# The rest of the C interface, for modules that do not link it.
cdef uint64_t flush_denormals() noexcept nogil
cdef uint64_t keep_denormals() noexcept nogil
cdef void restore_denormals(uint64_t state) noexcept nogil
cdef void prefer_large_pages(void *memory, size_t size) noexcept nogil
cdef uint64_t random_key(uint64_t seed, uint64_t stream) noexcept nogil
cdef uint64_t random_bits(uint64_t key, uint64_t index) noexcept nogil
cdef double random_uniform(uint64_t bits) noexcept nogil
cdef double random_normal(uint64_t bits) noexcept nogil
cdef double normal_quantile(double p) noexcept nogil
cdef uint64_t random_shuffle(uint64_t key, uint64_t index, size_t n, size_t end, int64_t *items) noexcept nogil
cdef void barrier_init(snn_barrier *barrier, uint32_t n_threads) noexcept nogil
cdef void barrier_wait(snn_barrier *barrier) noexcept nogil
cdef bint gate_wait(snn_gate *gate) noexcept nogil
cdef bint gate_open(snn_gate *gate) noexcept nogil
cdef void gate_close(snn_gate *gate) noexcept nogil
cdef uint32_t count(uint32_t *counter) noexcept nogil
cdef void raise_flag(uint32_t *flag) noexcept nogil
cdef bint is_raised(const uint32_t *flag) noexcept nogil
