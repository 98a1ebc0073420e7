/* Activations: value g(z) beside slope, and below them the one list that names them.
 *
 * A slope's argument is a = g(z) where it can be told from the value, which lets a overwrite z; else z.
 * A value whose product form would be 0 · inf at -inf clamps its argument first. */

SNN_INLINE vec identity_value(vec z, vec alpha) { return (void)alpha, z; }
SNN_INLINE vec identity_slope(vec a, vec alpha) { return (void)alpha, (void)a, v_set1(1); }

SNN_INLINE vec sigmoid_value(vec z, vec alpha) { return (void)alpha, v_sigmoid(z); }
SNN_INLINE vec sigmoid_slope(vec a, vec alpha) { return (void)alpha, v_mul(a, v_sub(v_set1(1), a)); }

SNN_INLINE vec tanh_value(vec z, vec alpha) { return (void)alpha, v_tanh(z); }
SNN_INLINE vec tanh_slope(vec a, vec alpha) { return (void)alpha, v_fnma(a, a, v_set1(1)); }

SNN_INLINE vec step_from(vec x, vec below, vec above) { return v_select(v_gt(x, v_set1(0)), above, below); }

SNN_INLINE vec relu_value(vec z, vec alpha) { return (void)alpha, v_max(v_set1(0), z); }
SNN_INLINE vec relu_slope(vec a, vec alpha) { return (void)alpha, step_from(a, v_set1(0), v_set1(1)); }

SNN_INLINE vec leaky_relu_value(vec z, vec alpha) {
    /* with alpha = 0 an infinite z would make 0 · inf */
    const vec least = step_from(alpha, v_set1(-REAL_MAX), v_set1(-INFINITY));
    return step_from(z, v_mul(alpha, v_max(least, z)), z);
}
SNN_INLINE vec leaky_relu_slope(vec a, vec alpha) { return step_from(a, alpha, v_set1(1)); }

SNN_INLINE vec elu_value(vec z, vec alpha) {
    return step_from(z, v_mul(alpha, v_expm1(v_min(v_set1(0), z))), z);
}
SNN_INLINE vec elu_slope(vec a, vec alpha) { return step_from(a, v_add(a, alpha), v_set1(1)); }

/* Klambauer et al. 2017: the fixed point of mean 0 and variance 1. */
#define SELU_ALPHA ((real)1.6732632423543772848)
#define SELU_SCALE ((real)1.0507009873554804934)
SNN_INLINE vec selu_value(vec z, vec alpha) {
    return (void)alpha, v_mul(v_set1(SELU_SCALE), elu_value(z, v_set1(SELU_ALPHA)));
}
SNN_INLINE vec selu_slope(vec a, vec alpha) {
    (void)alpha;
    return step_from(a, v_add(a, v_set1(SELU_SCALE * SELU_ALPHA)), v_set1(SELU_SCALE));
}

SNN_INLINE vec softplus_value(vec z, vec alpha) { return (void)alpha, v_softplus(z); }
SNN_INLINE vec softplus_slope(vec z, vec alpha) { return (void)alpha, v_sigmoid(z); }

SNN_INLINE vec silu_value(vec z, vec alpha) {
    z = v_max(v_set1(-1000), z);
    return (void)alpha, v_mul(z, v_sigmoid(z));
}
SNN_INLINE vec silu_slope(vec z, vec alpha) {
    (void)alpha;
    const vec one = v_set1(1);
    z = v_max(v_set1(-1000), v_min(v_set1(1000), z));
    const vec s = v_sigmoid(z);
    return v_mul(s, v_fma(z, v_sub(one, s), one));
}

SNN_INLINE vec gelu_value(vec z, vec alpha) {
    vec density;
    z = v_max(v_set1(-40), z);
    return (void)alpha, v_mul(z, v_normal(z, &density));
}
SNN_INLINE vec gelu_slope(vec z, vec alpha) {
    vec density;
    z = v_max(v_set1(-40), v_min(v_set1(40), z));
    const vec cumulative = v_normal(z, &density);
    return (void)alpha, v_fma(z, density, cumulative);
}

/* The clamp keeps inf / inf away and changes nothing else: 1 + 1e30 is 1e30. */
SNN_INLINE vec softsign_value(vec z, vec alpha) {
    z = v_max(v_set1((real)-1e30), v_min(v_set1((real)1e30), z));
    return (void)alpha, v_div(z, v_add(v_set1(1), v_abs(z)));
}
SNN_INLINE vec softsign_slope(vec a, vec alpha) {
    const vec s = v_sub(v_set1(1), v_abs(a));
    return (void)alpha, v_mul(s, s);
}

SNN_INLINE vec exp_value(vec z, vec alpha) { return (void)alpha, v_exp(z); }
SNN_INLINE vec exp_slope(vec a, vec alpha) { return (void)alpha, a; }

SNN_INLINE vec clip(vec z, real low, real high) { return v_max(v_set1(low), v_min(v_set1(high), z)); }
SNN_INLINE vec inside(vec x, real low, real high, vec slope) {
    const vec zero = v_set1(0);
    return v_select(v_gt(x, v_set1(low)), v_select(v_gt(v_set1(high), x), slope, zero), zero);
}

SNN_INLINE vec hard_sigmoid_value(vec z, vec alpha) {
    return (void)alpha, clip(v_mul(v_add(z, v_set1(3)), v_set1((real)1 / 6)), 0, 1);
}
SNN_INLINE vec hard_sigmoid_slope(vec a, vec alpha) {
    return (void)alpha, inside(a, 0, 1, v_set1((real)1 / 6));
}

SNN_INLINE vec hard_tanh_value(vec z, vec alpha) { return (void)alpha, clip(z, -1, 1); }
SNN_INLINE vec hard_tanh_slope(vec a, vec alpha) { return (void)alpha, inside(a, -1, 1, v_set1(1)); }

SNN_INLINE vec hard_silu_value(vec z, vec alpha) {
    z = v_max(v_set1(-4), z);
    return v_mul(z, hard_sigmoid_value(z, alpha));
}
SNN_INLINE vec hard_silu_slope(vec z, vec alpha) {
    (void)alpha;
    const vec middle = v_fma(z, v_set1((real)1 / 3), v_set1((real)0.5));
    return v_select(v_gt(v_set1(3), z), inside(z, -3, 3, middle), v_set1(1));
}

SNN_INLINE vec relu6_value(vec z, vec alpha) { return (void)alpha, clip(z, 0, 6); }
SNN_INLINE vec relu6_slope(vec a, vec alpha) { return (void)alpha, inside(a, 0, 6, v_set1(1)); }

/* X(name, slope's source, whether alpha means anything, its default) */
#define SNN_ACTIVATIONS(X)                       \
    X(identity, SNN_SLOPE_FROM_VALUE, 0, 0)      \
    X(sigmoid, SNN_SLOPE_FROM_VALUE, 0, 0)       \
    X(tanh, SNN_SLOPE_FROM_VALUE, 0, 0)          \
    X(relu, SNN_SLOPE_FROM_VALUE, 0, 0)          \
    X(leaky_relu, SNN_SLOPE_FROM_VALUE, 1, 0.01) \
    X(elu, SNN_SLOPE_FROM_VALUE, 1, 1.0)         \
    X(selu, SNN_SLOPE_FROM_VALUE, 0, 0)          \
    X(softplus, SNN_SLOPE_FROM_ARGUMENT, 0, 0)   \
    X(silu, SNN_SLOPE_FROM_ARGUMENT, 0, 0)       \
    X(gelu, SNN_SLOPE_FROM_ARGUMENT, 0, 0)       \
    X(softsign, SNN_SLOPE_FROM_VALUE, 0, 0)      \
    X(exp, SNN_SLOPE_FROM_VALUE, 0, 0)           \
    X(hard_sigmoid, SNN_SLOPE_FROM_VALUE, 0, 0)  \
    X(hard_tanh, SNN_SLOPE_FROM_VALUE, 0, 0)     \
    X(hard_silu, SNN_SLOPE_FROM_ARGUMENT, 0, 0)  \
    X(relu6, SNN_SLOPE_FROM_VALUE, 0, 0)

typedef vec unary(vec x, vec alpha);

SNN_INLINE void map_value(size_t n, const real *z, real *a, double alpha, unary *value) {
    const vec parameter = v_set1((real)alpha);
    size_t i = 0;
    for (; i + VW <= n; i += VW) v_store(a + i, value(v_load(z + i), parameter));
    if (i < n) v_store_n(a + i, value(v_load_n(z + i, n - i), parameter), n - i);
}

SNN_INLINE void map_backward(size_t n, const real *source, const real *da, real *dz, double alpha,
                             unary *slope) {
    const vec parameter = v_set1((real)alpha);
    size_t i = 0;
    for (; i + VW <= n; i += VW) {
        v_store(dz + i, v_mul(v_load(da + i), slope(v_load(source + i), parameter)));
    }
    if (i < n) {
        const size_t tail = n - i;
        v_store_n(dz + i, v_mul(v_load_n(da + i, tail), slope(v_load_n(source + i, tail), parameter)), tail);
    }
}

#define DEFINE(name, source, has_alpha, alpha)                                                            \
    static void activate_##name(size_t n, const void *z, void *a, double alpha_) {                        \
        map_value(n, z, a, alpha_, name##_value);                                                         \
    }                                                                                                     \
    static void backward_##name(size_t n, const void *source_, const void *da, void *dz, double alpha_) { \
        map_backward(n, source_, da, dz, alpha_, name##_slope);                                           \
    }
SNN_ACTIVATIONS(DEFINE)
#undef DEFINE

#define ENTRY(name, source, has_alpha, alpha)                            \
    {#name, source, has_alpha, alpha, activate_##name, backward_##name},
static const snn_activation activations[] = {SNN_ACTIVATIONS(ENTRY)};
#undef ENTRY
