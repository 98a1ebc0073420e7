/* Losses of several outputs for a target, and of whole rows: VW rows at a time, each in a lane, so that a row's sums run
 * over ascending columns whatever the vector's width. */

/* The sums of rows' losses; factor is what their gradients are multiplied with. dz may be NULL, or z. */
typedef vec rows_loss(size_t rows, size_t n, const real *z, size_t ldz, const real *y, size_t ldy, vec factor,
                      const double *parameters, real *dz, size_t lddz);

SNN_INLINE void evaluate_rows(size_t m, size_t n, const real *z, size_t ldz, const real *y, size_t ldy,
                              const real *sample_weight, double scale, const double *parameters, real *dz,
                              size_t lddz, double *row_loss, rows_loss *loss) {
    for (size_t first = 0; first < m; first += VW) {
        const size_t rows = m - first < VW ? m - first : VW;
        real factors[VW] = {0}, losses[VW];
        for (size_t i = 0; i < rows; i++) {
            factors[i] = (real)(scale * (sample_weight ? sample_weight[first + i] : 1));
        }
        v_store(losses, loss(rows, n, z + first * ldz, ldz, y + first * ldy, ldy, v_load(factors), parameters,
                             dz ? dz + first * lddz : NULL, lddz));
        for (size_t i = 0; i < rows; i++) {
            row_loss[first + i] = (sample_weight ? sample_weight[first + i] : 1) * (double)losses[i];
        }
    }
}

/* ---- focal ---- */

/* What the probabilities of rows are computed from. With s = z - max z, E = sum exp s; one of the largest is left out of
 * `others`, so that 1 - p has all its digits where p is nearly 1. */
typedef struct odds {
    vec largest, others, sum; /* max z; E - 1; E */
    vec log_sum, log_largest; /* log E; log(1 - p) of the largest */
    vec p_log_p_over_q;       /* p log p / (1 - p) of the largest: -1 where there are no others */
    vec gamma;
} odds;

SNN_INLINE odds odds_of_rows(size_t rows, size_t n, const real *z, size_t ldz, double gamma) {
    const vec one = v_set1(1), near = v_set1(-REAL_MIN);
    odds o = {.gamma = v_set1((real)gamma), .largest = load_column(z, ldz, rows), .others = v_set1(-1)};
    for (size_t j = 1; j < n; j++) o.largest = v_max(o.largest, load_column(z + j, ldz, rows));
    vec small = v_set1(0);
    for (size_t j = 0; j < n; j++) {
        const vec s = v_sub(load_column(z + j, ldz, rows), o.largest);
        const vmask is_largest = v_gt(s, near);
        o.others = v_add(o.others, v_select(is_largest, one, v_set1(0)));
        small = v_add(small, v_select(is_largest, v_set1(0), v_exp(s)));
    }
    o.others = v_add(o.others, small);
    o.sum = v_add(one, o.others);
    real others[VW], log_sum[VW], log_largest[VW], ratio[VW];
    v_store(others, o.others);
    for (int i = 0; i < VW; i++) {
        const double rest = others[i], log1p = snn_log1p(rest);
        const int some =
            !(rest < 1e-300); /* below, the logarithm is not defined, and in float32 nothing is */
        log_sum[i] = (real)log1p;
        log_largest[i] = (real)(some ? snn_log(rest) - log1p : -1e30);
        ratio[i] = (real)(some ? -log1p / rest : -1);
    }
    o.log_sum = v_load(log_sum);
    o.log_largest = v_load(log_largest);
    o.p_log_p_over_q = v_load(ratio);
    return o;
}

/* With q = 1 - p: p and q of a class, its loss -q^g log p, and h = p d(-q^g log p)/dp = q^g (g p log p / q - 1). */
typedef struct focal_class {
    vec p, q, loss, h;
} focal_class;

SNN_APART focal_class focal_of_class(vec z, const odds *o) {
    const vec one = v_set1(1), zero = v_set1(0);
    const vec s = v_sub(z, o->largest), e = v_exp(s), log_p = v_sub(s, o->log_sum);
    const vmask is_largest = v_gt(s, v_set1(-REAL_MIN));
    const vec rest = v_add(one, v_sub(o->others, e)); /* E - exp s, which is at least 1 but for the largest */
    const vec ratio = v_div(e, rest);
    const vec log_q = v_select(is_largest, o->log_largest, v_sub(zero, v_log1p_unit(v_min(one, ratio))));
    const vec slope = v_select(is_largest, o->p_log_p_over_q, v_mul(ratio, log_p));
    const vec power = v_exp(v_mul(o->gamma, log_q));
    return (focal_class){
        .p = v_div(e, o->sum),
        .q = v_div(v_select(is_largest, o->others, rest), o->sum),
        .loss = v_fnma(power, log_p, zero),
        .h = v_mul(power, v_fma(o->gamma, slope, v_set1(-1))),
    };
}

/* dl/dz_k = sum_j y_j h_j ([j = k] - p_k), whose own term is y_k h_k q_k. */
SNN_INLINE vec focal_of_rows(size_t rows, size_t n, const real *z, size_t ldz, const real *y, size_t ldy,
                             vec factor, const double *parameters, real *dz, size_t lddz) {
    const odds o = odds_of_rows(rows, n, z, ldz, parameters[0]);
    vec total = v_set1(0), sum = v_set1(0);
    for (size_t j = 0; j < n; j++) {
        const vec t = load_column(y + j, ldy, rows);
        const focal_class c = focal_of_class(load_column(z + j, ldz, rows), &o);
        total = v_fma(t, c.loss, total);
        sum = v_fma(t, c.h, sum);
    }
    for (size_t j = 0; dz && j < n; j++) {
        const focal_class c = focal_of_class(load_column(z + j, ldz, rows), &o);
        const vec own = v_mul(load_column(y + j, ldy, rows), c.h);
        const vec gradient = v_fnma(c.p, v_sub(sum, own), v_mul(own, c.q));
        store_column(dz + j, lddz, v_mul(factor, gradient), rows);
    }
    return total;
}

/* ---- quantiles that do not cross ---- */

/* q_1 = z_1, q_k = q_(k-1) + softplus(z_k); k counts from 0. */
SNN_INLINE vec next_quantile(vec q, vec z, size_t k) { return k ? v_add(q, v_softplus(z)) : z; }

/* With e = y - q and level t:  l = max(t e, (t - 1) e). Since quantiles ascend, the first `below` of them are below the
 * target and the last `above` are above, which is all that the gradients need. */
SNN_INLINE vec quantile_of_rows(size_t rows, size_t n, const real *z, size_t ldz, const real *y, size_t ldy,
                                vec factor, const double *parameters, real *dz, size_t lddz) {
    const size_t n_levels = (size_t)parameters[0];
    const double *levels = parameters + 1;
    const vec zero = v_set1(0), one = v_set1(1);
    vec total = zero;
    for (size_t first = 0; first < n; first += n_levels, z += n_levels, y++) {
        const vec target = load_column(y, ldy, rows);
        vec q = zero, e = zero, below = zero, above = zero;
        for (size_t k = 0; k < n_levels; k++) {
            q = next_quantile(q, load_column(z + k, ldz, rows), k);
            e = v_sub(target, q);
            total = v_add(total,
                          v_max(v_mul(v_set1((real)levels[k]), e), v_mul(v_set1((real)(levels[k] - 1)), e)));
            below = v_add(below, v_select(v_gt(e, zero), one, zero));
            above = v_add(above, v_select(v_gt(zero, e), one, zero));
        }
        if (!dz) continue;
        vec sum = v_sub(e, e); /* NaN where the last quantile or the target is no number */
        for (size_t k = n_levels; k-- > 0;) {
            const vec up = v_set1((real)(1 - levels[k])), down = v_set1((real)-levels[k]);
            const vec over = v_select(v_gt(above, v_set1((real)(n_levels - 1 - k))), up, zero);
            sum = v_add(sum, v_select(v_gt(below, v_set1((real)k)), down, over));
            const vec slope = k ? v_sigmoid(load_column(z + k, ldz, rows)) : one;
            store_column(dz + first + k, lddz, v_mul(factor, v_mul(sum, slope)), rows);
        }
    }
    return total;
}

static void link_quantiles(size_t m, size_t n, const void *z_, size_t ldz, size_t outputs_per_target,
                           void *a_, size_t lda) {
    const real *z = z_;
    real *a = a_;
    for (size_t i = 0; i < m; i += VW, z += VW * ldz, a += VW * lda) {
        const size_t rows = m - i < VW ? m - i : VW;
        vec q = v_set1(0);
        for (size_t j = 0; j < n; j++) {
            q = next_quantile(q, load_column(z + j, ldz, rows), j % outputs_per_target);
            store_column(a + j, lda, q, rows);
        }
    }
}

/* ---- mean and variance of a normal distribution ---- */

/* Of the logarithm of the variance: residuals of 1e10 leave exp(-s) r² finite in float32, and a standard deviation of
 * exp(-20) = 2e-9 is below what float32 can tell of targets near 1. */
#define LOG_VARIANCE_LIMIT 40
SNN_INLINE vec limited_log_variance(vec s) {
    return v_max(v_set1(-LOG_VARIANCE_LIMIT), v_min(v_set1(LOG_VARIANCE_LIMIT), s));
}

/* l = (s + (z - y)² exp(-s)) / 2 + log(2 pi) / 2; beyond the limits of s it does not change with s. */
SNN_INLINE vec gaussian_of_rows(size_t rows, size_t n, const real *z, size_t ldz, const real *y, size_t ldy,
                                vec factor, const double *parameters, real *dz, size_t lddz) {
    (void)parameters;
    const vec half = v_set1((real)0.5), half_log_2_pi = v_set1((real)0.91893853320467274178);
    vec total = v_set1(0);
    for (size_t j = 0; j < n; j += 2, y++) {
        const vec given = load_column(z + j + 1, ldz, rows), s = limited_log_variance(given);
        const vec e = v_sub(load_column(z + j, ldz, rows), load_column(y, ldy, rows));
        const vec de = v_mul(e, v_exp(v_sub(v_set1(0), s))), square = v_mul(e, de);
        total = v_add(total, v_fma(half, v_add(s, square), half_log_2_pi));
        if (!dz) continue;
        const vmask beyond = v_gt(v_abs(given), v_set1(LOG_VARIANCE_LIMIT));
        const vec ds = v_select(beyond, v_set1(0), v_fnma(half, square, half));
        store_column(dz + j, lddz, v_mul(factor, de), rows);
        store_column(dz + j + 1, lddz, v_mul(factor, ds), rows);
    }
    return total;
}

/* The mean stays, and the logarithm of the variance becomes the standard deviation. */
static void link_gaussian(size_t m, size_t n, const void *z_, size_t ldz, size_t outputs_per_target, void *a_,
                          size_t lda) {
    (void)outputs_per_target;
    const real *z = z_;
    real *a = a_;
    for (size_t i = 0; i < m; i += VW, z += VW * ldz, a += VW * lda) {
        const size_t rows = m - i < VW ? m - i : VW;
        for (size_t j = 0; j < n; j += 2) {
            const vec s = limited_log_variance(load_column(z + j + 1, ldz, rows));
            store_column(a + j, lda, load_column(z + j, ldz, rows), rows);
            store_column(a + j + 1, lda, v_exp(v_mul(v_set1((real)0.5), s)), rows);
        }
    }
}

#define DEFINE(name)                                                                                         \
    static void evaluate_##name(size_t m, size_t n, const void *z, size_t ldz, const void *y, size_t ldy,    \
                                const void *sample_weight, double scale, const double *parameters, void *dz, \
                                size_t lddz, double *row_loss) {                                             \
        evaluate_rows(m, n, z, ldz, y, ldy, sample_weight, scale, parameters, dz, lddz, row_loss,            \
                      name##_of_rows);                                                                       \
    }
DEFINE(focal)
DEFINE(quantile)
DEFINE(gaussian)
#undef DEFINE
