/* The whole table for one instruction set and dtype; a file in isa/ chooses both and includes this. */
#include "scalar.h"
#include "splitmix.h"

#include "lanes.inc.c"
#include "gemm.inc.c"
#include "vecmath.inc.c"
#include "activations.inc.c"
#include "softmax.inc.c"
#include "row_losses.inc.c"
#include "losses.inc.c"
#include "penalties.inc.c"
#include "noise.inc.c"
#include "normalization.inc.c"
#include "updates.inc.c"
#include "fused.inc.c"
#ifndef SNN_TINY_STEPS
#define SNN_TINY_STEPS tiny_steps
#include "tiny.inc.c"
#endif
#ifdef SNN_EXPORTED_TINY_STEPS
size_t SNN_EXPORTED_TINY_STEPS(const snn_tiny *network, size_t n, size_t m, const void *x, size_t ldx,
                               const void *y, size_t ldy, double scale, double step, double *row_loss,
                               double *loss) {
    return tiny_steps(network, n, m, x, ldx, y, ldy, scale, step, row_loss, loss);
}
#endif
#include "data.inc.c"
#include "vectors.inc.c"

const snn_kernels SNN_TABLE = {
    .isa = SNN_ISA,
    .dtype = SNN_DTYPE,
    .itemsize = sizeof(real),
    .width = VW,
    .affine = affine,
    .grad_weights = grad_weights,
    .grad_biases = grad_biases,
    .update_weights = update_weights,
    .grad_inputs = grad_inputs,
    .row_penalties = row_penalties,
    .penalize = penalize,
    .row_squares = row_squares,
    .scale = scale,
    .multiply_elements = multiply_elements,
    .drop = drop,
    .add_noise = add_noise,
    .normalize_rows = normalize_rows,
    .grad_normalized_rows = grad_normalized_rows,
    .grad_gain = grad_gain,
    .column_moments = column_moments,
    .normalize_columns = normalize_columns,
    .grad_normalized_columns = grad_normalized_columns,
    .approach = approach,
    .limit_columns = limit_columns,
    .tiny_steps = SNN_TINY_STEPS,
    .gather = gather,
    .gather_sparse = gather_sparse,
    .gather_labels = gather_labels,
    .unscale = unscale,
    .all_finite = all_finite,
    .dot = dot,
    .axpby = axpby,
    .max_abs = max_abs,
    .activations = activations,
    .n_activations = COUNT(activations),
    .losses = losses,
    .n_losses = COUNT(losses),
    .links = links,
    .n_links = COUNT(links),
    .updates = updates,
    .n_updates = COUNT(updates),
};

#ifdef SNN_TARGET_PUSHED
#pragma clang attribute pop
#endif
