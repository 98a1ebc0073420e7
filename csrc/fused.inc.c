/* A layer's weight gradient and the optimizer's step in one pass: the gradient of a few rows of weights at a
 * time lies on the stack, and never in memory. Adam then moves 24 bytes a parameter, and 40 with a stored
 * gradient. */

/* Rows of weights at a time: a multiple of all tile heights, and with the widest panel 24 KiB of gradient, which
 * stay in the L1 cache. */
enum { GROUP_ROWS = 96 };

static void update_weights(size_t m, size_t n_inputs, size_t n_outputs, const void *x_, ptrdiff_t x_row,
                           ptrdiff_t x_column, const void *dz_, size_t lddz, const snn_update *rule,
                           const double *coefficients, void *w, size_t ldw, void *const *states) {
    const real *x = x_, *dz = dz_;
    real dw[GROUP_ROWS * PANEL_VECS * VW], block[DEPTH * PANEL_VECS * VW];
    size_t j = 0;
    for (size_t vecs = (n_outputs + VW - 1) / VW; vecs > 0;) {
        const size_t width = panel_width(n_inputs, vecs), columns = width * VW;
        product p = {n_inputs, columns, m, x, x_column, x_row, dz + j, lddz, NULL, 0, NULL, dw, columns};
        const int copying = worth_copying(&p, width);
        if (copying && m <= DEPTH) p.copy = block; /* of all groups */
        for (size_t i = 0; i < n_inputs; i += GROUP_ROWS) {
            const size_t place = i * ldw + j;
            void *state[SNN_MAX_STATES];
            p.m = n_inputs - i < GROUP_ROWS ? n_inputs - i : GROUP_ROWS;
            p.a = x + (ptrdiff_t)i * x_column;
            if (copying && m > DEPTH) {
                blocked_panel(&p, 0, width);
            } else {
                panel(&p, 0, width);
            }
            for (int s = 0; s < rule->n_states; s++) state[s] = (real *)states[s] + place;
            rule->apply(p.m, columns, (real *)w + place, ldw, dw, columns, state, coefficients);
        }
        j += columns;
        vecs -= width;
    }
}
