/* Whole steps of a tiny network in one call: what a row passes through, product and activation, product and slope,
 * gradient and update, stays in registers. Every number is the chain of operations that the other kernels
 * compute, so the bits are theirs. */

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
                          const double *parameters, double *row_loss, element_loss *loss) {
    const size_t n_outputs = l->n_outputs, stride = l->stride;
    const vec parameter = v_set1((real)parameters[0]), factor = v_set1((real)scale);
    const real *a = l->a;
    real *dz = l->dz;
    for (size_t i = 0; i < m; i++, a += stride, y += ldy, dz += stride) {
        row_sum sum = row_sum_zero();
        for (size_t j = 0; j < n_outputs; j += VW) {
            const size_t lanes = n_outputs - j;
            vec gradient;
            const vec of_outputs = loss(v_load(a + j), load_lanes(y + j, lanes), parameter, &gradient);
            row_sum_add(&sum, j, keep_lanes(of_outputs, lanes, 0));
            v_store(dz + j, keep_lanes(v_mul(factor, gradient), lanes, 0));
        }
        row_loss[i] = row_sum_total(&sum);
    }
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

static void tiny_updates(const snn_tiny *t, size_t m, const real *x, size_t ldx) {
    for (size_t i = 0; i < t->n_layers; i++) {
        const snn_tiny_layer *l = &t->layers[i];
        updates[t->update].apply_product(m, l->n_inputs, l->n_outputs, x, (ptrdiff_t)ldx, 1, l->has_biases,
                                         l->dz, l->stride, l->weights, l->stride, l->states, t->coefficients);
        x = l->a, ldx = l->stride;
    }
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
#define DEFINE(name, ...)                                                                                    \
    static void tiny_loss_##name(const snn_tiny_layer *l, size_t m, const real *y, size_t ldy, double scale, \
                                 const double *parameters, double *row_loss) {                               \
        tiny_loss(l, m, y, ldy, scale, parameters, row_loss, name);                                          \
    }
SNN_ELEMENT_LOSSES(DEFINE)
#undef DEFINE
#define DEFINE(name, ...)                                                                                    \
    static void tiny_loss_##name(const snn_tiny_layer *l, size_t m, const real *y, size_t ldy, double scale, \
                                 const double *parameters, double *row_loss) {                               \
        evaluate_##name(m, l->n_outputs, l->a, l->stride, y, ldy, NULL, scale, parameters, l->dz, l->stride, \
                        row_loss);                                                                           \
    }
SNN_ROW_LOSSES(DEFINE)
#undef DEFINE
#define FORWARD(name, ...) tiny_forward_##name,
#define BACKWARD(name, ...) tiny_backward_##name,
static void (*const tiny_forwards[])(const snn_tiny_layer *, size_t, const real *,
                                     size_t) = {SNN_ACTIVATIONS(FORWARD)};
static void (*const tiny_backwards[])(const snn_tiny_layer *, size_t, const snn_tiny_layer *,
                                      const real *) = {SNN_ACTIVATIONS(BACKWARD)};
#define LOSS(name, ...) tiny_loss_##name,
static void (*const tiny_losses[])(const snn_tiny_layer *, size_t, const real *, size_t, double,
                                   const double *, double *) = {SNN_LOSSES(LOSS)};
#undef LOSS
#undef FORWARD
#undef BACKWARD

/* ---- layers of a single vector: the numbers of a row go from function to function in registers ---- */

/* In these functions `row` is where a row stands in z, a and dz. */
SNN_INLINE vec single_forward(const snn_tiny_layer *l, size_t row, const real *x, unary *value) {
    const real *w = l->weights, *biases = w + l->n_inputs * l->stride;
    vec sum = l->has_biases ? v_load(biases) : v_set1(0);
    for (; w < biases; w += l->stride, x++) sum = v_fma(v_set1(*x), v_load(w), sum);
    const vec a = value(sum, v_set1((real)l->alpha));
    v_store((real *)l->z + row, sum);
    v_store((real *)l->a + row, a);
    return a;
}

/* The gradient is 0 beyond n_outputs. */
SNN_INLINE vec single_loss(const snn_tiny_layer *l, vec a, const real *y, double scale,
                           const double *parameters, double *row_loss, element_loss *loss) {
    const size_t n_outputs = l->n_outputs;
    vec gradient;
    const vec of_outputs = loss(a, load_lanes(y, n_outputs), v_set1((real)parameters[0]), &gradient);
    row_sum sum = row_sum_zero();
    row_sum_add(&sum, 0, keep_lanes(of_outputs, n_outputs, 0));
    *row_loss = row_sum_total(&sum);
    return keep_lanes(v_mul(v_set1((real)scale), gradient), n_outputs, 0);
}

SNN_INLINE vec single_backward(const snn_tiny_layer *l, size_t row, vec da, unary *slope) {
    const vec source = v_load((const real *)(l->slope_from_value ? l->a : l->z) + row);
    const vec dz = v_mul(da, slope(source, v_set1((real)l->alpha)));
    v_store((real *)l->dz + row, dz);
    return dz;
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

/* With dz of the first row at hand. */
SNN_INLINE void single_update(const snn_tiny_layer *l, size_t m, const real *x, size_t ldx, vec dz,
                              int n_states, const double *c, update_rule *rule) {
    static const real one = 1;
    const size_t n_inputs = l->n_inputs, n_rows = n_inputs + (size_t)(l->has_biases != 0), stride = l->stride;
    for (size_t k = 0, place = 0; k < n_rows; k++, x++, place += stride) {
        if (k == n_inputs) x = &one, ldx = 0;
        vec g = v_fma(v_set1(*x), dz, v_set1(0));
        for (size_t i = 1; i < m; i++) {
            g = v_fma(v_set1(x[i * ldx]), v_load((const real *)l->dz + i * stride), g);
        }
        update_vector(place, g, l->weights, l->states, n_states, c, rule);
    }
}

#define DEFINE(name, ...)                                                                  \
    static vec single_forward_##name(const snn_tiny_layer *l, size_t row, const real *x) { \
        return single_forward(l, row, x, name##_value);                                    \
    }                                                                                      \
    static vec single_backward_##name(const snn_tiny_layer *l, size_t row, vec da) {       \
        return single_backward(l, row, da, name##_slope);                                  \
    }
SNN_ACTIVATIONS(DEFINE)
#undef DEFINE
#define DEFINE(name, ...)                                                                      \
    static vec single_loss_##name(const snn_tiny_layer *l, vec a, const real *y, double scale, \
                                  const double *parameters, double *row_loss) {                \
        return single_loss(l, a, y, scale, parameters, row_loss, name);                        \
    }
SNN_ELEMENT_LOSSES(DEFINE)
#undef DEFINE
#define DEFINE(name, ...)                                                                          \
    static vec single_loss_##name(const snn_tiny_layer *l, vec a, const real *y, double scale,     \
                                  const double *parameters, double *row_loss) {                    \
        real logits[VW], gradient[VW] = {0};                                                       \
        v_store(logits, a);                                                                        \
        evaluate_##name(1, l->n_outputs, logits, VW, y, VW, NULL, scale, parameters, gradient, VW, \
                        row_loss);                                                                 \
        return v_load(gradient);                                                                   \
    }
SNN_ROW_LOSSES(DEFINE)
#undef DEFINE
#define DEFINE(name, n_states, ...)                                                                        \
    static void single_update_##name(const snn_tiny_layer *l, size_t m, const real *x, size_t ldx, vec dz, \
                                     const double *c) {                                                    \
        single_update(l, m, x, ldx, dz, n_states, c, rule_##name);                                         \
    }
SNN_UPDATES(DEFINE)
#undef DEFINE
#define FORWARD(name, ...) single_forward_##name,
#define BACKWARD(name, ...) single_backward_##name,
#define UPDATE(name, ...) single_update_##name,
static vec (*const single_forwards[])(const snn_tiny_layer *, size_t,
                                      const real *) = {SNN_ACTIVATIONS(FORWARD)};
static vec (*const single_backwards[])(const snn_tiny_layer *, size_t, vec) = {SNN_ACTIVATIONS(BACKWARD)};
static void (*const single_updates[])(const snn_tiny_layer *, size_t, const real *, size_t, vec,
                                      const double *) = {SNN_UPDATES(UPDATE)};
#define LOSS(name, ...) single_loss_##name,
static vec (*const single_losses[])(const snn_tiny_layer *, vec, const real *, double, const double *,
                                    double *) = {SNN_LOSSES(LOSS)};
#undef LOSS
#undef UPDATE
#undef FORWARD
#undef BACKWARD

/* Rows go through a layer together, so that the processor works on several at a time. The weights of a layer may
 * change as soon as its dz Wᵀ is known: at once where the row is the only one. */
static void single_step(const snn_tiny *t, size_t m, const real *x, size_t ldx, const real *y, size_t ldy,
                        double scale, double *row_loss) {
    const snn_tiny_layer *first = t->layers, *last = t->layers + t->n_layers - 1;
    const size_t stride = first->stride;
    const real *input = x;
    size_t ld = ldx;
    vec a = v_set1(0);
    for (const snn_tiny_layer *l = first; l <= last; input = l->a, ld = stride, l++) {
        for (size_t i = 0; i < m; i++) a = single_forwards[l->activation](l, i * stride, input + i * ld);
    }
    for (size_t i = 0, row = 0; i < m; i++, y += ldy, row += stride) {
        if (m > 1) a = v_load((const real *)last->a + row);
        const vec gradient = single_losses[t->loss](last, a, y, scale, t->parameters, row_loss + i);
        vec dz = single_backwards[last->activation](last, row, gradient);
        for (const snn_tiny_layer *l = last; l > first; l--) {
            const vec da = single_grad_inputs(l, dz);
            if (m == 1) single_updates[t->update](l, 1, l[-1].a, 0, dz, t->coefficients);
            dz = single_backwards[l[-1].activation](l - 1, row, da);
        }
        if (m == 1) single_updates[t->update](first, 1, x, 0, dz, t->coefficients);
    }
    if (m == 1) return;
    for (const snn_tiny_layer *l = first; l <= last; x = l->a, ldx = stride, l++) {
        single_updates[t->update](l, m, x, ldx, v_load(l->dz), t->coefficients);
    }
}

static void tiny_step(const snn_tiny *t, size_t m, const real *x, size_t ldx, const real *y, size_t ldy,
                      double scale, double *row_loss) {
    const snn_tiny_layer *first = t->layers, *last = t->layers + t->n_layers - 1;
    _Alignas(64) real mirror[SNN_TINY * (SNN_TINY + VW)];
    if (t->widest <= VW) {
        single_step(t, m, x, ldx, y, ldy, scale, row_loss);
        return;
    }
    tiny_forwards[first->activation](first, m, x, ldx);
    for (const snn_tiny_layer *l = first + 1; l <= last; l++)
        tiny_forwards[l->activation](l, m, l[-1].a, l[-1].stride);
    tiny_losses[t->loss](last, m, y, ldy, scale, t->parameters, row_loss);
    tiny_backwards[last->activation](last, m, NULL, NULL);
    for (const snn_tiny_layer *l = last; l > first; l--) {
        pack_transposed(l->weights, l->stride, l->n_inputs, 0, 0, l->n_outputs, (l->n_inputs + VW - 1) / VW,
                        mirror);
        tiny_backwards[l[-1].activation](l - 1, m, l, mirror);
    }
    tiny_updates(t, m, x, ldx);
}

static size_t tiny_steps(const snn_tiny *t, size_t n, size_t m, const void *x_, size_t ldx, const void *y_,
                         size_t ldy, double scale, double step, double *row_loss, double *loss) {
    const real *x = x_, *y = y_;
    for (size_t i = 1; i <= n; i++, x += m * ldx, y += m * ldy) {
        if (t->rates) t->hyper[0] = t->rates[i - 1];
        updates[t->update].prepare(t->hyper, step + (double)i, t->coefficients);
        tiny_step(t, m, x, ldx, y, ldy, scale, row_loss);
        double total = 0;
        for (size_t row = 0; row < m; row++) total += row_loss[row];
        *loss += total;
        if (!(total - total == 0)) return i;
    }
    return n;
}
