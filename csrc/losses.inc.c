/* Losses l(z, y) of a single output with their gradients, and below them the one list that names all.
 * Element losses return l and set *gradient to dl/dz; the others need more of the row. */

SNN_INLINE vec squared_error(vec z, vec y, vec parameter, vec *gradient) {
    (void)parameter;
    const vec e = v_sub(z, y);
    *gradient = v_add(e, e);
    return v_mul(e, e);
}

SNN_INLINE vec sign(vec x) {
    const vec zero = v_set1(0);
    return v_select(v_gt(v_abs(x), zero), v_copysign(v_set1(1), x), x);
}

SNN_INLINE vec absolute_error(vec z, vec y, vec parameter, vec *gradient) {
    (void)parameter;
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

/* Label smoothing moves a part of the target from its class to both. */
SNN_INLINE vec binary_cross_entropy(vec z, vec y, vec part, vec *gradient) {
    y = v_fma(part, v_sub(v_set1((real)0.5), y), y);
    *gradient = v_sub(v_sigmoid(z), y);
    return v_fnma(y, z, v_softplus(z));
}

/* With a = -log(1 - p), b = -log p and q = 1 - p:
 *   l = y q^g b + (1 - y) p^g a,  dl/dz = (1 - y) p^g (p + g q a) - y q^g (q + g p b). */
SNN_INLINE vec binary_focal(vec z, vec y, vec gamma, vec *gradient) {
    const vec zero = v_set1(0), one = v_set1(1), not_y = v_sub(one, y);
    const vec u = v_exp(v_sub(zero, v_abs(z))), log1p = v_log1p_unit(u), sum = v_add(one, u);
    const vec likely = v_div(one, sum), unlikely = v_div(u, sum);
    const vec a = v_add(v_max(zero, z), log1p), b = v_sub(log1p, v_min(zero, z));
    const vmask positive = v_gt(z, zero);
    const vec p = v_select(positive, likely, unlikely), q = v_select(positive, unlikely, likely);
    const vec of_y = v_mul(y, v_exp(v_fnma(gamma, a, zero)));
    const vec of_not_y = v_mul(not_y, v_exp(v_fnma(gamma, b, zero)));
    const vec down = v_mul(of_not_y, v_fma(v_mul(gamma, q), a, p));
    *gradient = v_fnma(of_y, v_fma(v_mul(gamma, p), b, q), down);
    return v_fma(of_y, b, v_mul(of_not_y, a));
}

SNN_INLINE vec poisson(vec z, vec y, vec parameter, vec *gradient) {
    (void)parameter;
    const vec rate = v_exp(z);
    *gradient = v_sub(rate, y);
    return v_fnma(y, z, rate);
}

/* With y log y - y, which is 0 for y = 0, the loss of a perfect rate is 0. */
SNN_INLINE vec poisson_deviance(vec z, vec y, vec parameter, vec *gradient) {
    real lanes[VW];
    v_store(lanes, y);
    for (int i = 0; i < VW; i++) {
        const double count = lanes[i];
        lanes[i] = count > 1e-300 ? (real)(count * snn_log(count) - count) : 0;
    }
    return v_add(poisson(z, y, parameter, gradient), v_load(lanes));
}

typedef vec element_loss(vec z, vec y, vec parameter, vec *gradient);

SNN_INLINE void evaluate_elements(size_t m, size_t n, const real *z, size_t ldz, const real *y, size_t ldy,
                                  const real *sample_weight, double scale, const double *parameters, real *dz,
                                  size_t lddz, double *row_loss, element_loss *loss) {
    const vec parameter = v_set1((real)parameters[0]);
    for (size_t i = 0; i < m; i++, z += ldz, y += ldy) {
        const double weight = sample_weight ? sample_weight[i] : 1;
        const vec factor = v_set1((real)(scale * weight));
        row_sum sum = row_sum_zero();
        for (size_t j = 0; j < n; j += VW) {
            vec gradient;
            const vec l = loss(load_lanes(z + j, n - j), load_lanes(y + j, n - j), parameter, &gradient);
            row_sum_add(&sum, j, keep_lanes(l, n - j, 0));
            if (dz) store_lanes(dz + i * lddz + j, v_mul(factor, gradient), n - j);
        }
        row_loss[i] = weight * row_sum_total(&sum);
    }
}

/* X(name, its parameter, the parameter where none is given, outputs for a target); 0 outputs: as many as there are levels */
#define SNN_ELEMENT_LOSSES(X)                        \
    X(squared_error, NULL, 0, 1)                     \
    X(absolute_error, NULL, 0, 1)                    \
    X(huber, "delta", 1, 1)                          \
    X(binary_cross_entropy, "label_smoothing", 0, 1) \
    X(binary_focal, "gamma", 2, 1)                   \
    X(poisson, NULL, 0, 1)                           \
    X(poisson_deviance, NULL, 0, 1)

#define SNN_ROW_LOSSES(X)                     \
    X(cross_entropy, "label_smoothing", 0, 1) \
    X(focal, "gamma", 2, 1)                   \
    X(quantile, "levels", 0.5, 0)             \
    X(gaussian, NULL, 0, 2)

#define SNN_LOSSES(X) SNN_ELEMENT_LOSSES(X) SNN_ROW_LOSSES(X)

#define DEFINE(name, ...)                                                                                    \
    static void evaluate_##name(size_t m, size_t n, const void *z, size_t ldz, const void *y, size_t ldy,    \
                                const void *sample_weight, double scale, const double *parameters, void *dz, \
                                size_t lddz, double *row_loss) {                                             \
        evaluate_elements(m, n, z, ldz, y, ldy, sample_weight, scale, parameters, dz, lddz, row_loss, name); \
    }
SNN_ELEMENT_LOSSES(DEFINE)
#undef DEFINE

#define ENTRY(name, parameter, preset, outputs) {#name, parameter, preset, outputs, evaluate_##name},
static const snn_loss losses[] = {SNN_LOSSES(ENTRY)};
#undef ENTRY

#define ENTRY(name) {#name, link_##name},
static const snn_link links[] = {ENTRY(softmax) ENTRY(quantiles) ENTRY(gaussian)};
#undef ENTRY
