/* A layer's weight gradient and the optimizer's step in one pass: the gradient of a few rows of weights at a
 * time lies on the stack, and never in memory. Adam then moves 24 bytes a parameter, and 40 with a stored
 * gradient. */

/* Rows of weights at a time, a multiple of all tile heights, and vectors of columns: 96 KiB of gradient, in the L2
 * cache. */
enum { GROUP_ROWS = 96, GROUP_VECS = 4 * PANEL_VECS };

/* Where dz has fewer columns than a vector, most lanes would compute nothing, and each multiply-add would need a load.
 * So dWᵀ = dzᵀ · x is computed, with vectors of x, and transposed: 100 × 10 weights and 200 samples take 2 µs instead
 * of 4. */
enum { NARROW_ROWS = 256 };

static void narrow_gradient(size_t m, size_t n_rows, size_t n_columns, const real *x, ptrdiff_t x_row,
                            const real *dz, size_t lddz, real *dw) {
    _Alignas(64) real transposed[VW * NARROW_ROWS];
    multiply(&(product){n_columns, n_rows, m, dz, 1, (ptrdiff_t)lddz, x, (size_t)x_row, NULL, 0, transposed,
                        NARROW_ROWS});
    if (n_columns == 1) { /* each number and zeros */
        for (size_t i = 0; i < n_rows; i++) v_store(dw + i * VW, v_load_n(transposed + i, 1));
        return;
    }
    pack_transposed(transposed, NARROW_ROWS, n_columns, 0, 0, n_rows, 1, dw);
}

/* Of so few samples the gradient is computed where it is used: a tile would be begun and ended for nothing. 784-128-10
 * takes 10 µs for a single sample, and 21 with tiles. */
enum { FEW = 3 };

static void update_weights(size_t m, size_t n_inputs, size_t n_outputs, const void *x, ptrdiff_t x_row,
                           ptrdiff_t x_column, const void *dz, size_t lddz, const snn_update *rule,
                           const double *coefficients, const snn_penalty *penalty, void *w, size_t ldw,
                           void *const *states) {
    enum { GROUP = GROUP_ROWS * GROUP_VECS, NARROW = NARROW_ROWS };
    _Alignas(64) real dw[(GROUP > NARROW ? GROUP : NARROW) * VW];
    const size_t vecs = (n_outputs + VW - 1) / VW;
    const int narrow = n_outputs < VW && n_inputs >= VW && x_column == 1 && x_row >= 0;
    const size_t group_rows = narrow ? NARROW_ROWS : GROUP_ROWS;
    if (m <= FEW && !penalty) {
        rule->apply_product(m, n_inputs, n_outputs, x, x_row, x_column, 0, dz, lddz, w, ldw, states,
                            coefficients);
        return;
    }
    for (size_t i = 0; i < n_inputs; i += group_rows) {
        const size_t rows = n_inputs - i < group_rows ? n_inputs - i : group_rows;
        const real *a = (const real *)x + (ptrdiff_t)i * x_column;
        for (size_t v = 0; v < vecs; v += GROUP_VECS) {
            const size_t columns = (vecs - v < GROUP_VECS ? vecs - v : GROUP_VECS) * VW,
                         place = i * ldw + v * VW;
            void *state[SNN_MAX_STATES];
            if (narrow) {
                narrow_gradient(m, rows, n_outputs, a, x_row, dz, lddz, dw);
            } else {
                multiply(&(product){rows, columns, m, a, x_column, x_row, (const real *)dz + v * VW, lddz,
                                    NULL, 0, dw, columns});
            }
            for (int s = 0; s < rule->n_states; s++) state[s] = (real *)states[s] + place;
            if (penalty) {
                penalize(rows, columns, (real *)w + place, ldw, dw, columns, penalty);
                if (penalty->keep != 1) scale(rows, columns, (real *)w + place, ldw, penalty->keep);
            }
            rule->apply(rows, columns, (real *)w + place, ldw, dw, columns, state, coefficients);
        }
    }
}
