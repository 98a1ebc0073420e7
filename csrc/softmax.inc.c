/* Softmax, and the cross-entropy of its logits. */

static real row_max(size_t n, const real *z) {
    vec largest = v_set1(-INFINITY);
    for (size_t j = 0; j < n; j += VW) {
        largest = v_max(largest, keep_lanes(load_lanes(z + j, n - j), n - j, -INFINITY));
    }
    SNN_UNROLL for (int count = VW / 2; count > 0; count /= 2) largest =
        v_max(largest, v_down(largest, count));
    return first_lane(largest);
}

static void link_softmax(size_t m, size_t n, const void *z_, size_t ldz, size_t outputs_per_target, void *p_,
                         size_t ldp) {
    (void)outputs_per_target;
    const real *z = z_;
    real *p = p_;
    for (size_t i = 0; i < m; i++, z += ldz, p += ldp) {
        const vec shift = v_set1(row_max(n, z));
        row_sum sum = row_sum_zero();
        for (size_t j = 0; j < n; j += VW) {
            const vec e = v_exp(v_sub(load_lanes(z + j, n - j), shift));
            row_sum_add(&sum, j, keep_lanes(e, n - j, 0));
            store_lanes(p + j, e, n - j);
        }
        const vec total = v_set1(row_sum_total(&sum));
        for (size_t j = 0; j < n; j += VW) {
            store_lanes(p + j, v_div(load_lanes(p + j, n - j), total), n - j);
        }
    }
}

/* Targets of n classes with a part of each row spread over all. Where there is none, which the compiler is told,
 * nothing is computed for it: that would be a tenth of the time. */
typedef struct smoothing {
    int any;
    vec kept, spread, part; /* of a target; for each class; of n classes */
} smoothing;

SNN_INLINE smoothing smoothing_of(size_t n, const double *parameters) {
    return (smoothing){1, v_set1((real)(1 - parameters[0])), v_set1((real)(parameters[0] / (double)n)),
                       v_set1((real)parameters[0])};
}

SNN_INLINE vec smoothed(vec y, smoothing s) { return s.any ? v_fma(s.kept, y, s.spread) : y; }
SNN_INLINE vec smoothed_sum(vec y, smoothing s) { return s.any ? v_fma(s.kept, y, s.part) : y; }

/* With s = z - max z and E = sum exp s:  l = sum_j y_j (log E - s_j),  dl/dz = (sum y) exp(s)/E - y. */
SNN_INLINE double cross_entropy(double weight, real exponentials, real targets, real hits) {
    return weight * (targets * snn_log(exponentials) - hits);
}

/* The exponentials wait in dz between the two passes. */
SNN_INLINE void cross_entropy_of_row(size_t n, const real *z, const real *y, smoothing smooth, double weight,
                                     double scale, real *dz, double *row_loss) {
    const vec shift = v_set1(row_max(n, z));
    row_sum exponentials = row_sum_zero(), targets = row_sum_zero(), hits = row_sum_zero();
    for (size_t j = 0; j < n; j += VW) {
        const vec s = v_sub(load_lanes(z + j, n - j), shift), t = load_lanes(y + j, n - j);
        const vec e = v_exp(s);
        row_sum_add(&exponentials, j, keep_lanes(e, n - j, 0));
        row_sum_add(&targets, j, t);
        row_sum_add(&hits, j, keep_lanes(v_mul(smoothed(t, smooth), s), n - j, 0));
        if (dz) store_lanes(dz + j, e, n - j);
    }
    const real total = row_sum_total(&exponentials);
    real target = row_sum_total(&targets);
    if (smooth.any) target = first_lane(smoothed_sum(v_set1(target), smooth));
    *row_loss = cross_entropy(weight, total, target, row_sum_total(&hits));
    if (!dz) return;
    const vec factor = v_set1((real)(scale * weight)), probability = v_set1(target / total);
    for (size_t j = 0; j < n; j += VW) {
        const vec e = load_lanes(dz + j, n - j), t = smoothed(load_lanes(y + j, n - j), smooth);
        store_lanes(dz + j, v_mul(factor, v_sub(v_mul(e, probability), t)), n - j);
    }
}

/* VW rows of at most MOST_COLUMNS columns, each row in a lane. The same operations in the same order, without folding
 * vectors and without waiting for each row's logarithm: with AVX-512, 10 columns of float32 take 7 ns a row, and 28 one by
 * one; of float64 14 and 33. */
enum { MOST_COLUMNS = 16, COLUMN_VECS = MOST_COLUMNS / VW };

typedef struct columns {
    vec of[MOST_COLUMNS];
} columns;

/* Not inlined, nor are the two below: the columns are in memory in any case, and a row takes a nanosecond more, which is
 * a three-hundredth of a training's step with 10 classes; a wheel has 14 KB less. */
SNN_APART void load_columns(size_t n, const real *from, size_t ld, columns *c) {
    SNN_UNROLL for (int v = 0; v < COLUMN_VECS; v++) {
        const size_t first = (size_t)(v * VW);
        SNN_UNROLL for (int i = 0; i < VW; i++) {
            c->of[v * VW + i] = first < n ? load_lanes(from + (size_t)i * ld + first, n - first) : v_set1(0);
        }
        transpose(c->of + v * VW);
    }
}

SNN_APART void store_columns(size_t n, columns *c, real *to, size_t ld) {
    SNN_UNROLL for (int v = 0; v < COLUMN_VECS; v++) {
        const size_t first = (size_t)(v * VW);
        transpose(c->of + v * VW);
        SNN_UNROLL for (int i = 0; i < VW; i++) {
            if (first < n) store_lanes(to + (size_t)i * ld + first, c->of[v * VW + i], n - first);
        }
    }
}

/* In the order of row_sum_add, then the tree of row_sum_total. */
SNN_APART vec sum_columns(const columns *c) {
    vec sum[SUM_LANES];
    SNN_UNROLL for (int i = 0; i < SUM_LANES; i++) {
        sum[i] = c->of[i];
        SNN_UNROLL for (int j = i + SUM_LANES; j < MOST_COLUMNS; j += SUM_LANES) {
            sum[i] = v_add(sum[i], c->of[j]);
        }
    }
    SNN_UNROLL for (int count = SUM_LANES / 2; count > 0; count /= 2) {
        SNN_UNROLL for (int i = 0; i < count; i++) sum[i] = v_add(sum[i], sum[i + count]);
    }
    return sum[0];
}

SNN_INLINE void cross_entropy_of_rows(size_t n, const real *z, size_t ldz, const real *y, size_t ldy,
                                      smoothing smooth, const real *sample_weight, double scale, real *dz,
                                      size_t lddz, double *row_loss) {
    columns s, t, e, hits;
    load_columns(n, z, ldz, &s);
    load_columns(n, y, ldy, &t);
    vec largest = s.of[0];
    for (size_t j = 1; j < n; j++) largest = v_max(largest, s.of[j]);
    for (size_t j = 0; j < MOST_COLUMNS; j++) {
        if (j < n) {
            const vec shifted = v_sub(s.of[j], largest);
            e.of[j] = v_exp(shifted);
            hits.of[j] = v_mul(smoothed(t.of[j], smooth), shifted);
        } else {
            e.of[j] = hits.of[j] = v_set1(0);
        }
    }
    const vec totals = sum_columns(&e), targets = smoothed_sum(sum_columns(&t), smooth);
    _Alignas(64) real weight[VW], total[VW], target[VW], hit[VW], factor[VW];
    v_store(weight, sample_weight ? v_load(sample_weight) : v_set1(1));
    v_store(total, totals);
    v_store(target, targets);
    v_store(hit, sum_columns(&hits));
    for (int i = 0; i < VW; i++) {
        row_loss[i] = cross_entropy(weight[i], total[i], target[i], hit[i]);
        factor[i] = (real)(scale * weight[i]);
    }
    if (!dz) return;
    const vec factors = v_load(factor), probabilities = v_div(targets, totals);
    for (size_t j = 0; j < n; j++) {
        e.of[j] = v_mul(factors, v_sub(v_mul(e.of[j], probabilities), smoothed(t.of[j], smooth)));
    }
    store_columns(n, &e, dz, lddz);
}

#define DEFINE(kind, smooth)                                                                                \
    SNN_APART void kind##_row(size_t n, const real *z, const real *y, const double *parameters,             \
                              double weight, double scale, real *dz, double *row_loss) {                    \
        (void)parameters;                                                                                   \
        cross_entropy_of_row(n, z, y, smooth, weight, scale, dz, row_loss);                                 \
    }                                                                                                       \
    SNN_APART void kind##_rows(size_t n, const real *z, size_t ldz, const real *y, size_t ldy,              \
                               const double *parameters, const real *sample_weight, double scale, real *dz, \
                               size_t lddz, double *row_loss) {                                             \
        (void)parameters;                                                                                   \
        cross_entropy_of_rows(n, z, ldz, y, ldy, smooth, sample_weight, scale, dz, lddz, row_loss);         \
    }
DEFINE(plain, (smoothing){0})
DEFINE(smooth, smoothing_of(n, parameters))
#undef DEFINE

static void evaluate_cross_entropy(size_t m, size_t n, const void *z_, size_t ldz, const void *y_, size_t ldy,
                                   const void *sample_weight_, double scale, const double *parameters,
                                   void *dz_, size_t lddz, double *row_loss) {
    const real *z = z_, *y = y_, *sample_weight = sample_weight_;
    real *dz = dz_;
    const int smooth = parameters[0] > 0;
    const size_t in_columns = 0 < n && n <= MOST_COLUMNS ? m / VW * VW : 0;
    for (size_t i = 0; i < in_columns; i += VW) {
        (smooth ? smooth_rows : plain_rows)(n, z + i * ldz, ldz, y + i * ldy, ldy, parameters,
                                            sample_weight ? sample_weight + i : NULL, scale,
                                            dz ? dz + i * lddz : NULL, lddz, row_loss + i);
    }
    for (size_t i = in_columns; i < m; i++) {
        (smooth ? smooth_row : plain_row)(n, z + i * ldz, y + i * ldy, parameters,
                                          sample_weight ? sample_weight[i] : 1, scale,
                                          dz ? dz + i * lddz : NULL, row_loss + i);
    }
}
