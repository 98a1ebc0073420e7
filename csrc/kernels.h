/* The whole C interface of scratchnn.
 *
 * Everything here works on pointers and lengths, allocates nothing, takes no lock and cannot fail.
 * One source is compiled once for every pair of instruction set and dtype; each compilation is a
 * snn_kernels table, and the caller picks a table once (snn_find). `void *` stands for an array of
 * the table's dtype, float or double.
 *
 * Matrices are row-major. A leading dimension `ld…` is the distance between rows, in elements.
 * Columns of a result are written exactly as far as asked, never a lane beyond. Arrays need only the
 * alignment of their element; 64 bytes is faster. Results may not overlap inputs unless said.
 *
 * Exactness: every element of a product is one chain of multiply-adds over ascending k that starts
 * from the bias or from zero, and every sum over a row has a fixed order of its own. Nothing depends
 * on where an element stands or on how rows are divided into calls. Tables that fuse multiply and add
 * agree in every bit: all but "portable" where the compiler's baseline lacks the instruction, as
 * x86-64's does.
 */
#ifndef SNN_KERNELS_H
#define SNN_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The most that an optimizer has of each, and a loss of parameters: 99 levels and their number. */
enum { SNN_MAX_STATES = 2, SNN_MAX_HYPERPARAMETERS = 5, SNN_MAX_COEFFICIENTS = 8, SNN_MAX_PARAMETERS = 100 };

/* Added to variances before their root is taken. */
#define SNN_NORMALIZATION_EPSILON 1e-5

/* Types of element that snn_kernels.gather reads. */
typedef enum snn_source { SNN_FLOAT32, SNN_FLOAT64, SNN_UINT8 } snn_source;

/* What an activation's slope is computed from: its value a, or its argument z. */
typedef enum snn_slope_source { SNN_SLOPE_FROM_VALUE, SNN_SLOPE_FROM_ARGUMENT } snn_slope_source;

/* a = g(z), element by element. */
typedef struct snn_activation {
    const char *name;
    snn_slope_source slope_source;
    int has_alpha; /* whether the parameter alpha means anything */
    double alpha;  /* its default */

    /* a[i] = g(z[i]); a may be z. */
    void (*value)(size_t n, const void *z, void *a, double alpha);

    /* dz[i] = da[i] g'(…), where source holds a or z as slope_source says; dz may be da or source. */
    void (*backward)(size_t n, const void *source, const void *da, void *dz, double alpha);
} snn_activation;

/* A loss of predictions z (m, n) against targets y (m, n / outputs_per_target): the outputs of the first target stand
 * before those of the second. */
typedef struct snn_loss {
    const char *name;
    const char *parameter;     /* what its parameters are: "delta", "levels", ...; NULL where it has none */
    double preset;             /* the parameter where none is given */
    size_t outputs_per_target; /* 0: as many as there are levels */

    /* row_loss[i] = w_i sum_j l(z_ij, y_ij);  dz_ij = scale w_i dl/dz_ij.
     * sample_weight (m) may be NULL for ones, dz may be NULL where only the loss is wanted, and dz may
     * be z. parameters points to one number, which means nothing to a loss without a parameter; or to the number of
     * levels and, behind it, the levels in ascending order. */
    void (*evaluate)(size_t m, size_t n, const void *z, size_t ldz, const void *y, size_t ldy,
                     const void *sample_weight, double scale, const double *parameters, void *dz, size_t lddz,
                     double *row_loss);
} snn_loss;

/* What the outputs of a network are whose loss takes logits z, where that is no activation, since an output needs
 * more than its own logit. */
typedef struct snn_link {
    const char *name;

    /* a (m, n) from z (m, n), of which so many columns belong to each target; a may be z. */
    void (*value)(size_t m, size_t n, const void *z, size_t ldz, size_t outputs_per_target, void *a,
                  size_t lda);
} snn_link;

/* One step of an optimizer on any stretch of the parameters. */
typedef struct snn_update {
    const char *name;
    int n_states; /* arrays of the weights' shape that live from step to step, zero at first */
    int n_hyperparameters;
    const char *states[SNN_MAX_STATES];
    const char *hyperparameters[SNN_MAX_HYPERPARAMETERS]; /* the order of `hyper` below */

    /* SNN_MAX_COEFFICIENTS coefficients of step t = 1, 2, …, the same for every parameter; those that the
     * rule has no use for stay as they are. */
    void (*prepare)(const double *hyper, double step, double *coefficients);

    /* Update weights (m, n) and state in place; the state has the leading dimension of the weights. */
    void (*apply)(size_t m, size_t n, void *weights, size_t ldw, const void *gradient, size_t ldg,
                  void *const *state, const double *coefficients);

    /* The same with the gradient xᵀ · dz of few samples, at least one, as update_weights computes it: x (m, n_rows),
     * dz (m, n_columns). Where `biases` is not 0, one more row of weights follows, whose x is 1. dz, weights
     * and state are read and written in whole vectors. */
    void (*apply_product)(size_t m, size_t n_rows, size_t n_columns, const void *x, ptrdiff_t x_row,
                          ptrdiff_t x_column, int biases, const void *dz, size_t lddz, void *weights,
                          size_t ldw, void *const *state, const double *coefficients);
} snn_update;

/* What a step asks of weights beside a small loss: l1 |w| + l2/2 w² counts in the loss, gradients are cut to
 * [-clip, clip] (INFINITY for none), and weights are multiplied by `keep` before the optimizer's update. */
typedef struct snn_penalty {
    double l1, l2, clip, keep;
} snn_penalty;

/* A network of at most SNN_TINY inputs and outputs in each layer, and the memory of a batch. Arrays of the table's dtype:
 * weights (n_inputs, n_outputs), z, a, dz (m, n_outputs), all with rows of `stride`, whole vectors of which are read
 * and written; z may be a where the slope is computed from the value. */
enum { SNN_TINY = 8 };
typedef struct snn_tiny_layer {
    size_t n_inputs, n_outputs, stride;
    int activation; /* place in the list; the identity where it belongs to the loss */
    int slope_from_value;
    double alpha;
    int has_biases;
    void *weights; /* the biases are one more row */
    void *states[SNN_MAX_STATES];
    void *z, *a, *dz;
} snn_tiny_layer;

typedef struct snn_tiny {
    size_t n_layers, widest; /* widest: the most outputs of a layer */
    const snn_tiny_layer *layers;
    int loss, update;         /* places in the lists */
    const double *parameters; /* of the loss */
    double *hyper;
    const double *rates;  /* of the next steps: each puts its own first in `hyper`; NULL leaves it */
    double *coefficients; /* of a step, which tiny_steps prepares */
} snn_tiny;

typedef size_t snn_tiny_steps(const snn_tiny *network, size_t n, size_t m, const void *x, size_t ldx,
                              const void *y, size_t ldy, double scale, double step, double *row_loss,
                              double *loss);

typedef struct snn_kernels {
    const char *isa;   /* "avx512", "avx2", "neon", "portable" */
    const char *dtype; /* "float32", "float64" */
    size_t itemsize;   /* bytes in an element */
    size_t width;      /* elements in a vector: products over whole vectors need no masks */

    /* z (m, n_outputs) = x (m, n_inputs) · w (n_inputs, n_outputs) + b (n_outputs), b NULL for none.
     * x has any strides, counted in elements: x_ij stands at x[i x_row + j x_column]. */
    void (*affine)(size_t m, size_t n_inputs, size_t n_outputs, const void *x, ptrdiff_t x_row,
                   ptrdiff_t x_column, const void *w, size_t ldw, const void *b, void *z, size_t ldz);

    /* dw (n_inputs, n_outputs) = xᵀ · dz, with x (m, n_inputs) of any strides and dz (m, n_outputs). */
    void (*grad_weights)(size_t m, size_t n_inputs, size_t n_outputs, const void *x, ptrdiff_t x_row,
                         ptrdiff_t x_column, const void *dz, size_t lddz, void *dw, size_t lddw);

    /* db (n) = column sums of dz (m, n), rows in ascending order. */
    void (*grad_biases)(size_t m, size_t n, const void *dz, size_t lddz, void *db);

    /* A step of `rule` on w and its states (n_inputs, n_outputs) with the gradient xᵀ · dz, which is nowhere
     * stored; the same bits as grad_weights, penalize and scale where `penalty` is not NULL, and apply give.
     * dz, w and states are read and written in whole vectors beyond n_outputs, with zeros there. */
    void (*update_weights)(size_t m, size_t n_inputs, size_t n_outputs, const void *x, ptrdiff_t x_row,
                           ptrdiff_t x_column, const void *dz, size_t lddz, const snn_update *rule,
                           const double *coefficients, const snn_penalty *penalty, void *w, size_t ldw,
                           void *const *states);

    /* dx (m, n_inputs) = dz · wᵀ, and zeros in what `columns` has beyond n_inputs. */
    void (*grad_inputs)(size_t m, size_t n_inputs, size_t n_outputs, const void *dz, ptrdiff_t dz_row,
                        ptrdiff_t dz_column, const void *w, size_t ldw, void *dx, size_t lddx,
                        size_t columns);

    /* row_penalty[i] = l1 sum_j |w_ij| + l2/2 sum_j w_ij² of w (m, n). */
    void (*row_penalties)(size_t m, size_t n, const void *w, size_t ldw, double l1, double l2,
                          double *row_penalty);

    /* g += l1 sign(w) + l2 w, then cut to [-clip, clip]; w and g (m, n). */
    void (*penalize)(size_t m, size_t n, const void *w, size_t ldw, void *g, size_t ldg,
                     const snn_penalty *penalty);

    /* squares[i] = sum_j x_ij² of x (m, n). */
    void (*row_squares)(size_t m, size_t n, const void *x, size_t ldx, double *squares);

    /* x *= factor, x (m, n). */
    void (*scale)(size_t m, size_t n, void *x, size_t ldx, double factor);

    /* x[i] *= y[i]. */
    void (*multiply_elements)(size_t n, const void *y, void *x);

    /* out (m, n) = x · mask element by element, where the mask is 0 at a rate of `threshold` / 65536, 0 < threshold <
     * 65536, and 65536 / (65536 - threshold) elsewhere: a function of the key, the column and the row, of which the
     * first counts as `first`. Without a mask, which may be NULL, out is x. All have the leading dimension ld. */
    void (*drop)(size_t first, size_t m, size_t n, uint64_t key, uint32_t threshold, const void *x,
                 void *mask, void *out, size_t ld);

    /* Shrink the columns of w (m, n) whose Euclidean norm is above `most` to it; those whose norm is not finite
     * become NaN. */
    void (*limit_columns)(size_t m, size_t n, void *w, size_t ldw, double most);

    /* n training steps of a tiny network, `step` having been the last: each takes the next m rows of inputs x and targets y.
     * The same bits as the kernels above and below give. Adds to *loss the sums of row_loss (m), which is that of one
     * step, and returns how many steps were done: a sum that is not finite is the last. */
    snn_tiny_steps *tiny_steps;

    /* x (m, n) += deviation · g, where g are numbers of the standard normal distribution, each a function of the key, the
     * column and the row, of which the first counts as `first`. */
    void (*add_noise)(size_t first, size_t m, size_t n, uint64_t key, double deviation, void *x, size_t ld);

    /* normal (m, n): each row of z less its mean, times inverse_i, 1 / sqrt(its variance + epsilon); u = gain · normal +
     * shift with gain and shift (n). normal may be z, u too where normal is NULL; inverse (m) may be NULL. All matrices
     * have the leading dimension ld; normal and u get zeros in what `columns` has beyond n. */
    void (*normalize_rows)(size_t m, size_t n, const void *z, const void *gain, const void *shift,
                           void *normal, void *inverse, void *u, size_t ld, size_t columns);

    /* dz (m, n) of normalize_rows. */
    void (*grad_normalized_rows)(size_t m, size_t n, const void *du, const void *gain, const void *normal,
                                 const void *inverse, void *dz, size_t ld);

    /* dgain, dshift (n) = column sums of du · normal and of du (m, n), rows in ascending order. */
    void (*grad_gain)(size_t m, size_t n, const void *du, const void *normal, size_t ld, void *dgain,
                      void *dshift);

    /* Mean and variance (n) of the columns of z (m, n), whose rows weigh `total` together, and the same each where
     * sample_weight (m) is NULL; zeros where total is 0. */
    void (*column_moments)(size_t m, size_t n, const void *z, size_t ld, const void *sample_weight,
                           double total, void *mean, void *variance);

    /* As normalize_rows, of columns whose mean and variance (n) are given: these times 1 / sqrt(variance + epsilon). */
    void (*normalize_columns)(size_t m, size_t n, const void *z, const void *mean, const void *variance,
                              const void *gain, const void *shift, void *normal, void *u, size_t ld,
                              size_t columns);

    /* dz (m, n) of normalize_columns, where mean and variance are column_moments of rows that weigh `total` together,
     * these m among them, and dgain and dshift (n) are grad_gain's of all; or are constants, where dgain is NULL. */
    void (*grad_normalized_columns)(size_t m, size_t n, const void *du, const void *gain, const void *normal,
                                    const void *variance, const void *dgain, const void *dshift,
                                    const void *sample_weight, double total, void *dz, size_t ld);

    /* y += rate (x - y) */
    void (*approach)(size_t n, const void *x, double rate, void *y);

    /* out (m, n): row i is row rows[i] of source, converted; rows NULL for 0 … m-1. Strides in bytes. Where shift is
     * not NULL, the element x of column j becomes (x - shift[j]) scale[j], computed in double and rounded to the
     * table's dtype at the end. */
    void (*gather)(size_t m, size_t n, const void *source, snn_source type, ptrdiff_t row_bytes,
                   ptrdiff_t column_bytes, const int64_t *rows, const double *shift, const double *scale,
                   void *out, size_t ldo);

    /* out (m, n): row i is zero but for data[k] in column columns[k], with k from starts[rows[i]] to the next start;
     * data of float32 or float64; scaled as above, zeros too. */
    void (*gather_sparse)(size_t m, size_t n, const void *data, snn_source type, const int64_t *starts,
                          const int64_t *columns, const int64_t *rows, const double *shift,
                          const double *scale, void *out, size_t ldo);

    /* out (m, n): row i is zero but for a one in column labels[rows[i]]. */
    void (*gather_labels)(size_t m, size_t n, const int64_t *labels, const int64_t *rows, void *out,
                          size_t ldo);

    /* a (m, n) = a / scale[j] + shift[j] in column j, at least low and at most high: the way back, computed in double
     * too. NaN stays. */
    void (*unscale)(size_t m, size_t n, void *a, size_t lda, const double *shift, const double *scale,
                    double low, double high);

    /* Whether all n elements are finite. */
    int (*all_finite)(size_t n, const void *x);

    /* Sum of x_i y_i in double: 16 sums, of every sixteenth product each, and these as a fixed tree. */
    double (*dot)(size_t n, const void *x, const void *y);

    /* out = a x + b y, computed in double and rounded once; out may be x or y. */
    void (*axpby)(size_t n, double a, const void *x, double b, const void *y, void *out);

    /* The largest |x_i|, 0 of none; x has no NaN. */
    double (*max_abs)(size_t n, const void *x);

    const snn_activation *activations;
    size_t n_activations;
    const snn_loss *losses;
    size_t n_losses;
    const snn_link *links;
    size_t n_links;
    const snn_update *updates;
    size_t n_updates;
} snn_kernels;

/* One instruction set of this build. */
typedef struct snn_isa {
    const char *name;
    int (*available)(void); /* whether this CPU has it and the operating system saves its registers */
    const snn_kernels *float32;
    const snn_kernels *float64;
} snn_isa;

/* The instruction sets of this build, the best first, ended by an entry whose name is NULL. */
extern const snn_isa snn_isas[];

/* Make arithmetic flush denormal numbers to zero, or keep them; returns the state for snn_restore_denormals. */
uint64_t snn_flush_denormals(void);
uint64_t snn_keep_denormals(void);
void snn_restore_denormals(uint64_t state);

/* Ask for large pages in what lies within [memory, memory + size); a system that has none ignores it. Pages that have
 * not been written to yet are made large at once. */
void snn_prefer_large_pages(void *memory, size_t size);

/* Random numbers: SplitMix64 as a counter-based generator. The i-th draw of a stream depends on
 * (key, i) alone. `snn_random_key` gives stream 0 the key `seed`, and others a mixed one. */
uint64_t snn_random_key(uint64_t seed, uint64_t stream);
uint64_t snn_random_bits(uint64_t key, uint64_t index);
double snn_random_uniform(uint64_t bits); /* 53 bits in [0, 1) */
double snn_random_normal(uint64_t bits);  /* N(0, 1), by snn_normal_quantile */

/* The x below which a part p of the normal distribution lies, for 1e-300 <= p < 1, by Wichura's AS 241. */
double snn_normal_quantile(double p);

/* Draw the items of places n-1, n-2, … end from those not yet placed (Fisher–Yates, Lemire's bounded draw);
 * returns the next unused index. From n to end = 0 in any number of calls, it shuffles all. */
uint64_t snn_random_shuffle(uint64_t key, uint64_t index, size_t n, size_t end, int64_t *items);

#ifdef __cplusplus
}
#endif
#endif
