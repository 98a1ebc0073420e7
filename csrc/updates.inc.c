/* Optimizers: the coefficients of a step, which are the same for every parameter, beside the update of
 * one vector of weights w with gradient g; below them the one list that names them.
 * docs/math.md, section "Optimizers", has the equations and their papers. */

typedef struct slot {
    vec w, s[SNN_MAX_STATES];
} slot;

typedef slot update_rule(slot p, vec g, const double *c);

SNN_INLINE vec coefficient(const double *c, int i) { return v_set1((real)c[i]); }

/* beta^t for a whole t by repeated squaring: the same bits on every system, unlike libm's pow. Less than 2^-60
 * is 0 here, as it is beside 1. */
SNN_INLINE double power(double beta, double t) {
    double result = 1;
    for (uint64_t n = (uint64_t)t; n > 0 && result > 0x1p-60; n >>= 1, beta *= beta) {
        if (n & 1) result *= beta;
    }
    return result > 0x1p-60 ? result : 0;
}

static void prepare_sgd(const double *hyper, double step, double *c) {
    (void)step;
    c[0] = hyper[0];
}
SNN_INLINE slot rule_sgd(slot p, vec g, const double *c) {
    p.w = v_fnma(coefficient(c, 0), g, p.w);
    return p;
}

static void prepare_momentum(const double *hyper, double step, double *c) {
    (void)step;
    c[0] = hyper[0], c[1] = hyper[1];
}
SNN_INLINE slot rule_momentum(slot p, vec g, const double *c) {
    p.s[0] = v_fnma(coefficient(c, 0), g, v_mul(coefficient(c, 1), p.s[0]));
    p.w = v_add(p.w, p.s[0]);
    return p;
}

#define prepare_nesterov prepare_momentum
SNN_INLINE slot rule_nesterov(slot p, vec g, const double *c) {
    const vec rate = coefficient(c, 0), mu = coefficient(c, 1);
    p.s[0] = v_fnma(rate, g, v_mul(mu, p.s[0]));
    p.w = v_add(p.w, v_fnma(rate, g, v_mul(mu, p.s[0])));
    return p;
}

/* w - rate m / (scale sqrt(v) + epsilon) */
SNN_INLINE vec scaled_step(vec w, vec rate, vec m, vec v, vec scale, vec epsilon) {
    return v_fnma(v_mul(rate, m), v_reciprocal(v_fma(v_sqrt(v), scale, epsilon)), w);
}
/* beta s + (1 - beta) g, with 1 - beta at hand */
SNN_INLINE vec average(vec beta, vec s, vec rest, vec g) { return v_fma(rest, g, v_mul(beta, s)); }

static void prepare_rmsprop(const double *hyper, double step, double *c) {
    (void)step;
    c[0] = hyper[0], c[1] = hyper[1], c[2] = 1 - hyper[1], c[3] = hyper[2];
}
SNN_INLINE slot rule_rmsprop(slot p, vec g, const double *c) {
    p.s[0] = average(coefficient(c, 1), p.s[0], coefficient(c, 2), v_mul(g, g));
    p.w = scaled_step(p.w, coefficient(c, 0), g, p.s[0], v_set1(1), coefficient(c, 3));
    return p;
}

static void prepare_adagrad(const double *hyper, double step, double *c) {
    (void)step;
    c[0] = hyper[0], c[1] = hyper[1];
}
SNN_INLINE slot rule_adagrad(slot p, vec g, const double *c) {
    p.s[0] = v_fma(g, g, p.s[0]);
    p.w = scaled_step(p.w, coefficient(c, 0), g, p.s[0], v_set1(1), coefficient(c, 1));
    return p;
}

/* hyper: learning_rate, beta1, beta2, epsilon. Bias correction goes into two numbers of the step. */
static void prepare_adam(const double *hyper, double step, double *c) {
    c[0] = hyper[0] / (1 - power(hyper[1], step));
    c[1] = hyper[1], c[2] = 1 - hyper[1], c[3] = hyper[2], c[4] = 1 - hyper[2];
    c[5] = 1 / sqrt(1 - power(hyper[2], step));
    c[6] = hyper[3];
}
/* Epsilon beside sqrt(v) before its correction: "epsilon hat" at the end of the paper's section 2. */
static void prepare_adamhat(const double *hyper, double step, double *c) {
    prepare_adam(hyper, step, c);
    c[6] *= c[5];
}
SNN_INLINE slot moments(slot p, vec g, const double *c) {
    p.s[0] = average(coefficient(c, 1), p.s[0], coefficient(c, 2), g);
    p.s[1] = average(coefficient(c, 3), p.s[1], coefficient(c, 4), v_mul(g, g));
    return p;
}
SNN_INLINE slot rule_adam(slot p, vec g, const double *c) {
    p = moments(p, g, c);
    p.w = scaled_step(p.w, coefficient(c, 0), p.s[0], p.s[1], coefficient(c, 5), coefficient(c, 6));
    return p;
}
#define rule_adamhat rule_adam

/* hyper: as Adam's, then weight_decay. */
static void prepare_adamw(const double *hyper, double step, double *c) {
    prepare_adam(hyper, step, c);
    c[7] = 1 - hyper[0] * hyper[4];
}
SNN_INLINE slot rule_adamw(slot p, vec g, const double *c) {
    p.w = v_mul(p.w, coefficient(c, 7));
    return rule_adam(p, g, c);
}

/* c[0] and c[7] are the learning rate times what m and g weigh in the looked-ahead mean. */
static void prepare_nadam(const double *hyper, double step, double *c) {
    prepare_adam(hyper, step, c);
    c[7] = hyper[0] * (1 - hyper[1]) / (1 - power(hyper[1], step));
    c[0] = hyper[0] * hyper[1] / (1 - power(hyper[1], step + 1));
}
SNN_INLINE slot rule_nadam(slot p, vec g, const double *c) {
    p = moments(p, g, c);
    const vec mean = v_fma(coefficient(c, 7), g, v_mul(coefficient(c, 0), p.s[0]));
    p.w = scaled_step(p.w, v_set1(1), mean, p.s[1], coefficient(c, 5), coefficient(c, 6));
    return p;
}

#define NAMES(...) {__VA_ARGS__}

/* X(name, number of states, their names, number of hyper-parameters, their names) */
#define SNN_UPDATES(X)                                                                                   \
    X(sgd, 0, NAMES(NULL), 1, NAMES("learning_rate"))                                                    \
    X(momentum, 1, NAMES("velocity"), 2, NAMES("learning_rate", "momentum"))                             \
    X(nesterov, 1, NAMES("velocity"), 2, NAMES("learning_rate", "momentum"))                             \
    X(rmsprop, 1, NAMES("v"), 3, NAMES("learning_rate", "decay", "epsilon"))                             \
    X(adagrad, 1, NAMES("v"), 2, NAMES("learning_rate", "epsilon"))                                      \
    X(adam, 2, NAMES("m", "v"), 4, NAMES("learning_rate", "beta1", "beta2", "epsilon"))                  \
    X(adamhat, 2, NAMES("m", "v"), 4, NAMES("learning_rate", "beta1", "beta2", "epsilon"))               \
    X(adamw, 2, NAMES("m", "v"), 5, NAMES("learning_rate", "beta1", "beta2", "epsilon", "weight_decay")) \
    X(nadam, 2, NAMES("m", "v"), 4, NAMES("learning_rate", "beta1", "beta2", "epsilon"))

SNN_INLINE void update_lanes(size_t lanes, real *w, const real *g, real *const *s, int n_states,
                             const double *c, update_rule *rule) {
    slot p;
    p.w = load_lanes(w, lanes);
    for (int k = 0; k < n_states; k++) p.s[k] = load_lanes(s[k], lanes);
    p = rule(p, load_lanes(g, lanes), c);
    store_lanes(w, p.w, lanes);
    for (int k = 0; k < n_states; k++) store_lanes(s[k], p.s[k], lanes);
}

SNN_INLINE void update_all(size_t m, size_t n, real *w, size_t ldw, const real *g, size_t ldg,
                           void *const *state, int n_states, const double *coefficients, update_rule *rule) {
    double c[SNN_MAX_COEFFICIENTS]; /* a copy that no store can alias stays in registers */
    memcpy(c, coefficients, sizeof c);
    for (size_t i = 0; i < m; i++, w += ldw, g += ldg) {
        real *s[SNN_MAX_STATES];
        for (int k = 0; k < n_states; k++) s[k] = (real *)state[k] + i * ldw;
        size_t j = 0;
        for (; j + VW <= n; j += VW) {
            update_lanes(VW, w + j, g + j, s, n_states, c, rule);
            for (int k = 0; k < n_states; k++) s[k] += VW;
        }
        if (j < n) update_lanes(n - j, w + j, g + j, s, n_states, c, rule);
    }
}

/* One whole vector of weights and states, `place` elements from where they begin. */
SNN_INLINE void update_vector(size_t place, vec g, real *w, void *const *state, int n_states, const double *c,
                              update_rule *rule) {
    slot p;
    p.w = v_load(w + place);
    for (int s = 0; s < n_states; s++) p.s[s] = v_load((real *)state[s] + place);
    p = rule(p, g, c);
    v_store(w + place, p.w);
    for (int s = 0; s < n_states; s++) v_store((real *)state[s] + place, p.s[s]);
}

SNN_INLINE void update_from_few(size_t m, size_t n_rows, size_t n_columns, const real *x, ptrdiff_t x_row,
                                ptrdiff_t x_column, int biases, const real *dz, size_t lddz, real *w,
                                size_t ldw, void *const *state, int n_states, const double *coefficients,
                                update_rule *rule) {
    static const real one = 1;
    double c[SNN_MAX_COEFFICIENTS];
    memcpy(c, coefficients, sizeof c);
    for (size_t k = 0; k < n_rows + (size_t)biases; k++, x += x_column) {
        if (k == n_rows) x = &one, x_row = 0;
        for (size_t j = 0; j < n_columns; j += VW) {
            const real *xi = x, *d = dz + j;
            vec g = v_set1(0);
            for (size_t i = 0; i < m; i++, xi += x_row, d += lddz) g = v_fma(v_set1(*xi), v_load(d), g);
            update_vector(k * ldw + j, g, w, state, n_states, c, rule);
        }
    }
}

#define DEFINE(name, n_states, states, n_hyperparameters, hyperparameters)                                   \
    static void apply_product_##name(size_t m, size_t n_rows, size_t n_columns, const void *x,               \
                                     ptrdiff_t x_row, ptrdiff_t x_column, int biases, const void *dz,        \
                                     size_t lddz, void *w, size_t ldw, void *const *state,                   \
                                     const double *coefficients) {                                           \
        update_from_few(m, n_rows, n_columns, x, x_row, x_column, biases, dz, lddz, w, ldw, state, n_states, \
                        coefficients, rule_##name);                                                          \
    }                                                                                                        \
    static void apply_##name(size_t m, size_t n, void *w, size_t ldw, const void *g, size_t ldg,             \
                             void *const *state, const double *coefficients) {                               \
        update_all(m, n, w, ldw, g, ldg, state, n_states, coefficients, rule_##name);                        \
    }
SNN_UPDATES(DEFINE)
#undef DEFINE

#define ENTRY(name, n_states, states, n_hyperparameters, hyperparameters)       \
    {#name,           n_states,       n_hyperparameters, states,                \
     hyperparameters, prepare_##name, apply_##name,      apply_product_##name},
static const snn_update updates[] = {SNN_UPDATES(ENTRY)};
#undef ENTRY
