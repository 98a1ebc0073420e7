/* What regularisation does to gradients and weights; docs/math.md, section "Regularisation". */

/* Of each row: l1 sum |w| + l2/2 sum w². */
static void penalties(size_t m, size_t n, const void *w_, size_t ldw, const snn_penalty *p,
                      double *row_penalty) {
    const real *w = w_;
    for (size_t i = 0; i < m; i++, w += ldw) {
        row_sum sizes = row_sum_zero(), squares = row_sum_zero();
        for (size_t j = 0; j < n; j += VW) {
            const vec x = keep_lanes(load_lanes(w + j, n - j), n - j, 0);
            row_sum_add(&sizes, j, v_abs(x));
            row_sum_add(&squares, j, v_mul(x, x));
        }
        row_penalty[i] = p->l1 * row_sum_total(&sizes) + 0.5 * p->l2 * row_sum_total(&squares);
    }
}

static void penalize(size_t m, size_t n, void *w_, size_t ldw, void *g_, size_t ldg, const snn_penalty *p) {
    const vec l1 = v_set1((real)p->l1), l2 = v_set1((real)p->l2), keep = v_set1((real)p->keep),
              most = v_set1((real)p->clip), least = v_set1(-(real)p->clip);
    real *w = w_, *g = g_;
    for (size_t i = 0; i < m; i++, w += ldw, g += ldg) {
        for (size_t j = 0; j < n; j += VW) {
            const vec x = load_lanes(w + j, n - j);
            vec d = load_lanes(g + j, n - j);
            if (p->l2 != 0) d = v_fma(l2, x, d);
            if (p->l1 != 0) d = v_fma(l1, sign(x), d);
            if (p->clip < REAL_MAX) d = v_max(least, v_min(most, d)); /* NaN stays */
            store_lanes(g + j, d, n - j);
            if (p->keep != 1) store_lanes(w + j, v_mul(keep, x), n - j);
        }
    }
}

static void row_squares(size_t m, size_t n, const void *x_, size_t ldx, double *squares) {
    const real *x = x_;
    for (size_t i = 0; i < m; i++, x += ldx) {
        row_sum sum = row_sum_zero();
        for (size_t j = 0; j < n; j += VW) {
            const vec a = keep_lanes(load_lanes(x + j, n - j), n - j, 0);
            row_sum_add(&sum, j, v_mul(a, a));
        }
        squares[i] = row_sum_total(&sum);
    }
}

static void scale(size_t n, void *x_, double factor) {
    const vec f = v_set1((real)factor);
    real *x = x_;
    for (size_t i = 0; i < n; i += VW) store_lanes(x + i, v_mul(f, load_lanes(x + i, n - i)), n - i);
}

static void limit_columns(size_t m, size_t n, void *w_, size_t ldw, double most) {
    real *w = w_;
    const vec limit = v_set1((real)most), one = v_set1(1);
    for (size_t j = 0; j < n; j += VW, w += VW) {
        vec sum = v_set1(0);
        for (size_t i = 0; i < m; i++) {
            const vec x = load_lanes(w + i * ldw, n - j);
            sum = v_fma(x, x, sum);
        }
        const vec norm = v_sqrt(sum), factor = v_select(v_gt(norm, limit), v_div(limit, norm), one);
        for (size_t i = 0; i < m; i++) {
            real *x = w + i * ldw;
            store_lanes(x, v_mul(factor, load_lanes(x, n - j)), n - j);
        }
    }
}
