"""The forward pass for any number of rows."""

from libc.stdint cimport uint32_t

from scratchnn.core.data cimport Rows
from scratchnn.core.kernels cimport snn_kernels
from scratchnn.core.layers.dense cimport Dense
from scratchnn.core.losses cimport Loss
from scratchnn.core.team cimport Team
from scratchnn.core.topology cimport Topology


cdef enum:
    # Rows of a block: a multiple of every tile height (csrc/vec_*.h), and small enough that two layers of a few
    # hundred outputs stay in a cache of 1 MiB.
    BLOCK = 240


# A pass over rows, by one thread or several.
cdef struct Pass:
    void *predictor
    const snn_kernels *k
    const Rows *x
    size_t n                # rows
    bint in_place           # whether x is computed on where it is
    size_t block            # rows that a thread takes at a time
    uint32_t n_threads
    uint32_t taken          # blocks, of which every thread takes one to begin with
    bint check              # whether to stop at a value of x that is not finite
    uint32_t stopped        # a flag that any thread raises
    void *raised            # a list for what a signal's handler raises; needed where there are several blocks

    # For each thread: a block of x where it is not in place, and twice a block of a layer.
    char *memory
    size_t memory_of_inputs, memory_of_layer, memory_of_thread

    # What becomes of the outputs: they are kept row by row without padding ...
    char *results
    # ... or compared with y, and the losses of every SMALL_BLOCK rows added up.
    const Rows *y
    const char *sample_weight   # NULL for ones
    const Loss *loss
    char *targets           # a block for each thread
    double *losses


cdef class Predictor:
    cdef Topology topology
    cdef const char *parameters
    cdef const Dense *last
    cdef size_t itemsize
    cdef size_t input_stride
    cdef object dtype
    cdef object n_outputs
    cdef object choose
    cdef object keep

    cdef const double *input_shift      # NULL for inputs as they are
    cdef const double *input_scale
    cdef const double *output_shift     # NULL for outputs as they are
    cdef const double *output_scale
    cdef double low, high

    # Bytes of memory, zeros at first, that predict_rows needs for blocks of so many rows.
    cdef size_t bytes_for(self, size_t rows) noexcept nogil

    # The results for n rows of x, one after another without padding, in this thread; values that are not finite are
    # not looked for.
    cdef void predict_rows(self, const Rows *x, size_t n, char *memory, size_t block, char *results) noexcept nogil

    cdef bint pays(self, size_t n) noexcept
    cdef uint32_t threads_for(self, size_t n) except 0
    cdef object outputs(self, const Rows *x, size_t n, bint one, bint check)
    cdef object begin(self, Pass *p, const Rows *x, size_t n, uint32_t n_threads, char *stack)
    cdef object run(self, Pass *p, Team team)
    cdef object run_in(self, Pass *p, Team team)
    cdef void work(self, Pass *p, uint32_t thread) noexcept nogil
    cdef void keep_outputs(self, const Pass *p, char *a, size_t first, size_t m) noexcept nogil
    cdef void add_losses(self, Pass *p, const char *a, char *targets, size_t first, size_t m) noexcept nogil
    cdef char *block_of_outputs(self, const Pass *p, char *memory, size_t first, size_t m) noexcept nogil
    cdef void apply_link(self, const snn_kernels *k, char *z, size_t m) noexcept nogil
