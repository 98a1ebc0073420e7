/* What regularisation does to gradients and weights; docs/math.md, section "Regularisation". */

static void row_penalties(size_t m, size_t n, const void *w_, size_t ldw, double l1, double l2,
                          double *row_penalty) {
    const real *w = w_;
    for (size_t i = 0; i < m; i++, w += ldw) {
        row_sum sizes = row_sum_zero(), squares = row_sum_zero();
        for (size_t j = 0; j < n; j += VW) {
            const vec x = load_lanes(w + j, n - j);
            row_sum_add(&sizes, j, v_abs(x));
            row_sum_add(&squares, j, v_mul(x, x));
        }
        row_penalty[i] = l1 * row_sum_total(&sizes) + 0.5 * l2 * row_sum_total(&squares);
    }
}

static void penalize(size_t m, size_t n, const void *w_, size_t ldw, void *g_, size_t ldg,
                     const snn_penalty *p) {
    const vec l1 = v_set1((real)p->l1), l2 = v_set1((real)p->l2), most = v_set1((real)p->clip),
              least = v_set1(-(real)p->clip);
    const int has_l1 = p->l1 != 0, has_l2 = p->l2 != 0, clips = p->clip <= REAL_MAX;
    const real *w = w_;
    real *g = g_;
    for (size_t i = 0; i < m; i++, w += ldw, g += ldg) {
        for (size_t j = 0; j < n; j += VW) {
            const vec x = load_lanes(w + j, n - j);
            vec d = load_lanes(g + j, n - j);
            if (has_l2) d = v_fma(l2, x, d);
            if (has_l1) d = v_fma(l1, sign(x), d);
            if (clips) d = v_max(least, v_min(most, d)); /* NaN stays */
            store_lanes(g + j, d, n - j);
        }
    }
}

static real sum_of_squares(size_t n, const real *x, real factor) {
    const vec f = v_set1(factor);
    row_sum sum = row_sum_zero();
    for (size_t j = 0; j < n; j += VW) {
        const vec a = v_mul(f, load_lanes(x + j, n - j));
        row_sum_add(&sum, j, v_mul(a, a));
    }
    return row_sum_total(&sum);
}

/* An exploded gradient is what its norm is asked for: squares that are too large for float32 are taken of smaller
 * numbers, and made large again in float64. */
static void row_squares(size_t m, size_t n, const void *x_, size_t ldx, double *squares) {
    const real small = (real)0x1p-75;
    const real *x = x_;
    for (size_t i = 0; i < m; i++, x += ldx) {
        squares[i] = sum_of_squares(n, x, 1);
        if (squares[i] > REAL_MAX) squares[i] = sum_of_squares(n, x, small) * 0x1p150;
    }
}

static void scale(size_t m, size_t n, void *x_, size_t ldx, double factor) {
    const vec f = v_set1((real)factor);
    real *x = x_;
    for (size_t i = 0; i < m; i++, x += ldx) {
        for (size_t j = 0; j < n; j += VW) store_lanes(x + j, v_mul(f, load_lanes(x + j, n - j)), n - j);
    }
}

static void limit_columns(size_t m, size_t n, void *w_, size_t ldw, double most) {
    const vec limit = v_set1((real)most), one = v_set1(1);
    real *w = w_;
    for (size_t j = 0; j < n; j += VW, w += VW) {
        vec sum = v_set1(0);
        for (size_t i = 0; i < m; i++) {
            const vec x = load_lanes(w + i * ldw, n - j);
            sum = v_fma(x, x, sum);
        }
        const vec norm = v_sqrt(sum);
        /* A norm that overflows becomes NaN here, and the weights with it: 0 would hide that they have diverged. */
        const vec factor = v_div(limit, v_add(norm, v_sub(norm, norm)));
        const vec shrink = v_select(v_gt(norm, limit), factor, one);
        for (size_t i = 0; i < m; i++) {
            real *x = w + i * ldw;
            store_lanes(x, v_mul(shrink, load_lanes(x, n - j)), n - j);
        }
    }
}
