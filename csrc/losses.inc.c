/* Losses l(z, y) with their gradients, and below them the one list that names them.
 * Element losses return l and set *gradient to dl/dz; cross-entropy needs the whole row. */

SNN_INLINE vec squared_error(vec z, vec y, vec delta, vec *gradient) {
    (void)delta;
    const vec e = v_sub(z, y);
    *gradient = v_add(e, e);
    return v_mul(e, e);
}

SNN_INLINE vec sign(vec x) {
    const vec zero = v_set1(0);
    return v_select(v_gt(v_abs(x), zero), v_copysign(v_set1(1), x), x);
}

SNN_INLINE vec absolute_error(vec z, vec y, vec delta, vec *gradient) {
    (void)delta;
    const vec e = v_sub(z, y);
    *gradient = sign(e);
    return v_abs(e);
}

/* With c = min(|e|, delta), the loss e²/2 or delta (|e| - delta/2) is c (|e| - c/2). */
SNN_INLINE vec huber(vec z, vec y, vec delta, vec *gradient) {
    const vec e = v_sub(z, y), size = v_abs(e), c = v_min(delta, size);
    *gradient = v_copysign(c, e);
    return v_mul(c, v_fnma(v_set1((real)0.5), c, size));
}

SNN_INLINE vec binary_cross_entropy(vec z, vec y, vec delta, vec *gradient) {
    (void)delta;
    *gradient = v_sub(v_sigmoid(z), y);
    return v_fnma(y, z, v_softplus(z));
}

SNN_INLINE vec poisson(vec z, vec y, vec delta, vec *gradient) {
    (void)delta;
    const vec rate = v_exp(z);
    *gradient = v_sub(rate, y);
    return v_fnma(y, z, rate);
}

typedef vec element_loss(vec z, vec y, vec delta, vec *gradient);

SNN_INLINE void evaluate_elements(size_t m, size_t n, const real *z, size_t ldz, const real *y, size_t ldy,
                                  const real *sample_weight, double scale, double delta, real *dz,
                                  size_t lddz, double *row_loss, element_loss *loss) {
    const vec width = v_set1((real)delta);
    for (size_t i = 0; i < m; i++, z += ldz, y += ldy) {
        const double weight = sample_weight ? sample_weight[i] : 1;
        const vec factor = v_set1((real)(scale * weight));
        row_sum sum = row_sum_zero();
        for (size_t j = 0; j < n; j += VW) {
            vec gradient;
            const vec l = loss(load_lanes(z + j, n - j), load_lanes(y + j, n - j), width, &gradient);
            row_sum_add(&sum, j, keep_lanes(l, n - j, 0));
            if (dz) store_lanes(dz + i * lddz + j, v_mul(factor, gradient), n - j);
        }
        row_loss[i] = weight * row_sum_total(&sum);
    }
}

static real row_max(size_t n, const real *z) {
    vec largest = v_set1(-INFINITY);
    for (size_t j = 0; j < n; j += VW) {
        largest = v_max(largest, keep_lanes(load_lanes(z + j, n - j), n - j, -INFINITY));
    }
    SNN_UNROLL for (int count = VW / 2; count > 0; count /= 2) largest =
        v_max(largest, v_down(largest, count));
    return first_lane(largest);
}

static void softmax(size_t m, size_t n, const void *z_, size_t ldz, void *p_, size_t ldp) {
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

/* With s = z - max z and E = sum exp s:  l = sum_j y_j (log E - s_j),  dl/dz = (sum y) exp(s)/E - y.
 * The exponentials wait in dz between the two passes. */
static void evaluate_cross_entropy(size_t m, size_t n, const void *z_, size_t ldz, const void *y_, size_t ldy,
                                   const void *sample_weight_, double scale, double delta, void *dz_,
                                   size_t lddz, double *row_loss) {
    (void)delta;
    const real *z = z_, *y = y_, *sample_weight = sample_weight_;
    real *dz = dz_;
    for (size_t i = 0; i < m; i++, z += ldz, y += ldy) {
        const double weight = sample_weight ? sample_weight[i] : 1;
        const vec shift = v_set1(row_max(n, z));
        row_sum exponentials = row_sum_zero(), targets = row_sum_zero(), hits = row_sum_zero();
        for (size_t j = 0; j < n; j += VW) {
            const vec s = v_sub(load_lanes(z + j, n - j), shift), t = load_lanes(y + j, n - j);
            const vec e = v_exp(s);
            row_sum_add(&exponentials, j, keep_lanes(e, n - j, 0));
            row_sum_add(&targets, j, t);
            row_sum_add(&hits, j, keep_lanes(v_mul(t, s), n - j, 0));
            if (dz) store_lanes(dz + i * lddz + j, e, n - j);
        }
        const real total = row_sum_total(&exponentials), target = row_sum_total(&targets);
        row_loss[i] = weight * (target * snn_log(total) - row_sum_total(&hits));
        if (!dz) continue;
        const vec factor = v_set1((real)(scale * weight)), probability = v_set1(target / total);
        for (size_t j = 0; j < n; j += VW) {
            real *d = dz + i * lddz + j;
            const vec e = load_lanes(d, n - j), t = load_lanes(y + j, n - j);
            store_lanes(d, v_mul(factor, v_sub(v_mul(e, probability), t)), n - j);
        }
    }
}

#define SNN_ELEMENT_LOSSES(X) \
    X(squared_error)          \
    X(absolute_error)         \
    X(huber)                  \
    X(binary_cross_entropy)   \
    X(poisson)

#define SNN_LOSSES(X) SNN_ELEMENT_LOSSES(X) X(cross_entropy)

#define DEFINE(name)                                                                                      \
    static void evaluate_##name(size_t m, size_t n, const void *z, size_t ldz, const void *y, size_t ldy, \
                                const void *sample_weight, double scale, double delta, void *dz,          \
                                size_t lddz, double *row_loss) {                                          \
        evaluate_elements(m, n, z, ldz, y, ldy, sample_weight, scale, delta, dz, lddz, row_loss, name);   \
    }
SNN_ELEMENT_LOSSES(DEFINE)
#undef DEFINE

#define ENTRY(name) {#name, evaluate_##name},
static const snn_loss losses[] = {SNN_LOSSES(ENTRY)};
#undef ENTRY
