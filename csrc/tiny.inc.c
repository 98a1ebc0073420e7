/* A whole step of a tiny network in one call: what a row passes through, product and activation, product and slope,
 * gradient and update, stays in registers. Every number is the chain of
 * operations that the other kernels compute, so the bits are theirs. */

/* z = x W + b and a = g(z). */
SNN_INLINE void tiny_forward(const snn_tiny_layer *l, size_t m, const real *x, size_t ldx, unary *value) {
    const size_t n_inputs = l->n_inputs, n_outputs = l->n_outputs, stride = l->stride;
    const vec alpha = v_set1((real)l->alpha);
    for (size_t j = 0; j < n_outputs; j += VW) {
        const real *w = (const real *)l->weights + j, *row = x;
        real *z = (real *)l->z + j, *a = (real *)l->a + j;
        const vec bias = l->has_biases ? v_load(w + n_inputs * stride) : v_set1(0);
        for (size_t i = 0; i < m; i++, row += ldx, z += stride, a += stride) {
            const real *wk = w;
            vec sum = bias;
            for (size_t k = 0; k < n_inputs; k++, wk += stride) sum = v_fma(v_set1(row[k]), v_load(wk), sum);
            v_store(z, sum);
            v_store(a, value(sum, alpha));
        }
    }
}

/* What evaluate_elements computes, with zeros beyond n_outputs: a whole vector that is stored is soon loaded again, a
 * part of one only once it has reached the cache. */
SNN_INLINE void tiny_loss(const snn_tiny_layer *l, size_t m, const real *y, size_t ldy, double scale,
                          double delta, double *row_loss, element_loss *loss) {
    const size_t n_outputs = l->n_outputs, stride = l->stride;
    const vec width = v_set1((real)delta), factor = v_set1((real)scale);
    const real *a = l->a;
    real *dz = l->dz;
    for (size_t i = 0; i < m; i++, a += stride, y += ldy, dz += stride) {
        row_sum sum = row_sum_zero();
        for (size_t j = 0; j < n_outputs; j += VW) {
            const size_t lanes = n_outputs - j;
            vec gradient;
            const vec of_outputs = loss(v_load(a + j), load_lanes(y + j, lanes), width, &gradient);
            row_sum_add(&sum, j, keep_lanes(of_outputs, lanes, 0));
            v_store(dz + j, keep_lanes(v_mul(factor, gradient), lanes, 0));
        }
        row_loss[i] = row_sum_total(&sum);
    }
}

static void tiny_loss_cross_entropy(const snn_tiny_layer *l, size_t m, const real *y, size_t ldy,
                                    double scale, double delta, double *row_loss) {
    evaluate_cross_entropy(m, l->n_outputs, l->a, l->stride, y, ldy, NULL, scale, delta, l->dz, l->stride,
                           row_loss);
}

/* dz = da g'(z), where da is in the place of dz, or is dz Wᵀ of the layer above, whose Wᵀ is the mirror, with rows of
 * whole vectors. */
SNN_INLINE void tiny_backward(const snn_tiny_layer *l, size_t m, const snn_tiny_layer *above,
                              const real *mirror, unary *slope) {
    const size_t n_outputs = l->n_outputs, stride = l->stride, n_above = above ? above->n_outputs : 0;
    const size_t ldm = (n_outputs + VW - 1) / VW * VW;
    const vec alpha = v_set1((real)l->alpha);
    for (size_t j = 0; j < n_outputs; j += VW) {
        const real *source = (const real *)(l->slope_from_value ? l->a : l->z) + j,
                   *row = above ? above->dz : NULL;
        real *dz = (real *)l->dz + j;
        for (size_t i = 0; i < m; i++, source += stride, dz += stride) {
            vec da = v_set1(0);
            if (above) {
                const real *t = mirror + j;
                for (size_t k = 0; k < n_above; k++, t += ldm) da = v_fma(v_set1(row[k]), v_load(t), da);
                row += above->stride;
            } else {
                da = v_load(dz);
            }
            v_store(dz, v_mul(da, slope(v_load(source), alpha)));
        }
    }
}

static void tiny_update(const snn_tiny *t, const snn_tiny_layer *l, size_t m, const real *x, size_t ldx) {
    updates[t->update].apply_product(m, l->n_inputs, l->n_outputs, x, (ptrdiff_t)ldx, 1, l->has_biases, l->dz,
                                     l->stride, l->weights, l->stride, l->states, t->coefficients);
}

#define DEFINE(name, ...)                                                                            \
    static void tiny_forward_##name(const snn_tiny_layer *l, size_t m, const real *x, size_t ldx) {  \
        tiny_forward(l, m, x, ldx, name##_value);                                                    \
    }                                                                                                \
    static void tiny_backward_##name(const snn_tiny_layer *l, size_t m, const snn_tiny_layer *above, \
                                     const real *mirror) {                                           \
        tiny_backward(l, m, above, mirror, name##_slope);                                            \
    }
SNN_ACTIVATIONS(DEFINE)
#undef DEFINE
#define DEFINE(name)                                                                                         \
    static void tiny_loss_##name(const snn_tiny_layer *l, size_t m, const real *y, size_t ldy, double scale, \
                                 double delta, double *row_loss) {                                           \
        tiny_loss(l, m, y, ldy, scale, delta, row_loss, name);                                               \
    }
SNN_ELEMENT_LOSSES(DEFINE)
#undef DEFINE
#define FORWARD(name, ...) tiny_forward_##name,
#define BACKWARD(name, ...) tiny_backward_##name,
static void (*const tiny_forwards[])(const snn_tiny_layer *, size_t, const real *,
                                     size_t) = {SNN_ACTIVATIONS(FORWARD)};
static void (*const tiny_backwards[])(const snn_tiny_layer *, size_t, const snn_tiny_layer *,
                                      const real *) = {SNN_ACTIVATIONS(BACKWARD)};
#define LOSS(name) tiny_loss_##name,
static void (*const tiny_losses[])(const snn_tiny_layer *, size_t, const real *, size_t, double, double,
                                   double *) = {SNN_LOSSES(LOSS)};
#undef LOSS
#undef FORWARD
#undef BACKWARD

/* ---- one sample, and layers of one vector: its parts go from function to function in a register ---- */

SNN_INLINE void single_forward(const snn_tiny_layer *l, const real *x, unary *value) {
    const real *w = l->weights, *biases = w + l->n_inputs * l->stride;
    vec sum = l->has_biases ? v_load(biases) : v_set1(0);
    for (; w < biases; w += l->stride, x++) sum = v_fma(v_set1(*x), v_load(w), sum);
    v_store(l->z, sum);
    v_store(l->a, value(sum, v_set1((real)l->alpha)));
}

SNN_INLINE vec single_backward(const snn_tiny_layer *l, vec da, unary *slope) {
    const vec source = v_load(l->slope_from_value ? l->a : l->z);
    return v_mul(da, slope(source, v_set1((real)l->alpha)));
}

/* dz Wᵀ, where Wᵀ is made of W's rows. */
SNN_INLINE vec single_grad_inputs(const snn_tiny_layer *l, vec dz) {
    static const real zeros[VW];
    real lanes[VW];
    vec rows[VW];
    SNN_UNROLL for (int k = 0; k < VW; k++) {
        const size_t row = (size_t)k;
        rows[k] = v_load(row < l->n_inputs ? (const real *)l->weights + row * l->stride : zeros);
    }
    transpose(rows);
    vec da = v_fma(v_set1(first_lane(dz)), rows[0], v_set1(0));
    if (l->n_outputs == 1) return da;
    v_store(lanes, dz);
    SNN_UNROLL for (int j = 1; j < VW; j++) {
        if ((size_t)j < l->n_outputs) da = v_fma(v_set1(lanes[j]), rows[j], da);
    }
    return da;
}

SNN_INLINE void single_update(const snn_tiny_layer *l, const real *x, vec dz, int n_states, const double *c,
                              update_rule *rule) {
    const size_t n_inputs = l->n_inputs, n_rows = n_inputs + (size_t)(l->has_biases != 0);
    for (size_t k = 0, place = 0; k < n_rows; k++, place += l->stride) {
        slot p;
        p.w = v_load((real *)l->weights + place);
        for (int s = 0; s < n_states; s++) p.s[s] = v_load((real *)l->states[s] + place);
        p = rule(p, v_fma(v_set1(k < n_inputs ? x[k] : 1), dz, v_set1(0)), c);
        v_store((real *)l->weights + place, p.w);
        for (int s = 0; s < n_states; s++) v_store((real *)l->states[s] + place, p.s[s]);
    }
}

#define DEFINE(name, ...)                                                       \
    static void single_forward_##name(const snn_tiny_layer *l, const real *x) { \
        single_forward(l, x, name##_value);                                     \
    }                                                                           \
    static vec single_backward_##name(const snn_tiny_layer *l, vec da) {        \
        return single_backward(l, da, name##_slope);                            \
    }
SNN_ACTIVATIONS(DEFINE)
#undef DEFINE
#define DEFINE(name, n_states, ...)                                                                     \
    static void single_update_##name(const snn_tiny_layer *l, const real *x, vec dz, const double *c) { \
        single_update(l, x, dz, n_states, c, rule_##name);                                              \
    }
SNN_UPDATES(DEFINE)
#undef DEFINE
#define FORWARD(name, ...) single_forward_##name,
#define BACKWARD(name, ...) single_backward_##name,
#define UPDATE(name, ...) single_update_##name,
static void (*const single_forwards[])(const snn_tiny_layer *, const real *) = {SNN_ACTIVATIONS(FORWARD)};
static vec (*const single_backwards[])(const snn_tiny_layer *, vec) = {SNN_ACTIVATIONS(BACKWARD)};
static void (*const single_updates[])(const snn_tiny_layer *, const real *, vec,
                                      const double *) = {SNN_UPDATES(UPDATE)};
#undef UPDATE
#undef FORWARD
#undef BACKWARD

static void single_step(const snn_tiny *t, const real *x, const real *y, size_t ldy, double scale,
                        double *row_loss) {
    const snn_tiny_layer *first = t->layers, *last = t->layers + t->n_layers - 1;
    const real *input = x;
    for (const snn_tiny_layer *l = first; l <= last; l++) {
        single_forwards[l->activation](l, input);
        input = l->a;
    }
    tiny_losses[t->loss](last, 1, y, ldy, scale, t->delta, row_loss);
    vec dz = single_backwards[last->activation](last, v_load(last->dz));
    for (const snn_tiny_layer *l = last; l > first; l--) {
        const vec da = single_grad_inputs(l, dz);
        single_updates[t->update](l, l[-1].a, dz, t->coefficients);
        dz = single_backwards[l[-1].activation](l - 1, da);
    }
    single_updates[t->update](first, x, dz, t->coefficients);
}

static void tiny_step(const snn_tiny *t, size_t m, const void *x, size_t ldx, const void *y, size_t ldy,
                      double scale, double *row_loss) {
    const snn_tiny_layer *first = t->layers, *last = t->layers + t->n_layers - 1;
    _Alignas(64) real mirror[SNN_TINY * (SNN_TINY + VW)];
    if (m == 1 && t->widest <= VW) {
        single_step(t, x, y, ldy, scale, row_loss);
        return;
    }
    tiny_forwards[first->activation](first, m, x, ldx);
    for (const snn_tiny_layer *l = first + 1; l <= last; l++)
        tiny_forwards[l->activation](l, m, l[-1].a, l[-1].stride);
    tiny_losses[t->loss](last, m, y, ldy, scale, t->delta, row_loss);
    tiny_backwards[last->activation](last, m, NULL, NULL);
    for (const snn_tiny_layer *l = last; l > first; l--) {
        pack_transposed(l->weights, l->stride, l->n_inputs, 0, 0, l->n_outputs, (l->n_inputs + VW - 1) / VW,
                        mirror);
        tiny_backwards[l[-1].activation](l - 1, m, l, mirror);
    }
    tiny_update(t, first, m, x, ldx);
    for (const snn_tiny_layer *l = first + 1; l <= last; l++) {
        tiny_update(t, l, m, l[-1].a, l[-1].stride);
    }
}
