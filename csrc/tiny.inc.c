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
        const vec bias = l->biases ? v_load((const real *)l->biases + j) : v_set1(0);
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

/* dz = da g'(z), where da is in the place of dz, or is `above` · mirror, the layer above's dz and Wᵀ. */
SNN_INLINE void tiny_backward(const snn_tiny_layer *l, size_t m, const snn_tiny_layer *above,
                              const real *mirror, unary *slope) {
    const size_t n_outputs = l->n_outputs, stride = l->stride, n_above = above ? above->n_outputs : 0;
    const vec alpha = v_set1((real)l->alpha);
    for (size_t j = 0; j < n_outputs; j += VW) {
        const real *source = (const real *)(l->slope_from_value ? l->a : l->z) + j,
                   *row = above ? above->dz : NULL;
        real *dz = (real *)l->dz + j;
        for (size_t i = 0; i < m; i++, source += stride, dz += stride) {
            vec da = v_set1(0);
            if (above) {
                const real *t = mirror + j;
                for (size_t k = 0; k < n_above; k++, t += SNN_TINY) da = v_fma(v_set1(row[k]), v_load(t), da);
                row += above->stride;
            } else {
                da = v_load(dz);
            }
            v_store(dz, v_mul(da, slope(v_load(source), alpha)));
        }
    }
}

static void tiny_update(const snn_tiny *t, const snn_tiny_layer *l, size_t m, const real *x, size_t ldx) {
    const snn_update *rule = &updates[t->update];
    rule->apply_product(m, l->n_inputs, l->n_outputs, x, (ptrdiff_t)ldx, 1, l->dz, l->stride, l->weights,
                        l->stride, l->weight_states, t->coefficients);
    if (l->biases) {
        rule->apply_product(m, 1, l->n_outputs, NULL, 0, 0, l->dz, l->stride, l->biases, 0, l->bias_states,
                            t->coefficients);
    }
}

/* Wᵀ with rows of SNN_TINY, zeros beyond n_inputs. */
static void tiny_transpose(const snn_tiny_layer *l, real *mirror) {
    for (size_t j = 0; j < l->n_outputs; j++, mirror += SNN_TINY) {
        const real *w = (const real *)l->weights + j;
        size_t k = 0;
        for (; k < l->n_inputs; k++, w += l->stride) mirror[k] = *w;
        for (; k < SNN_TINY; k++) mirror[k] = 0;
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

static void tiny_step(const snn_tiny *t, size_t m, const void *x, size_t ldx, const void *y, size_t ldy,
                      double scale, double *row_loss) {
    const snn_tiny_layer *first = t->layers, *last = t->layers + t->n_layers - 1;
    real mirror[SNN_TINY * SNN_TINY];
    tiny_forwards[first->activation](first, m, x, ldx);
    for (const snn_tiny_layer *l = first + 1; l <= last; l++)
        tiny_forwards[l->activation](l, m, l[-1].a, l[-1].stride);
    tiny_losses[t->loss](last, m, y, ldy, scale, t->delta, row_loss);
    tiny_backwards[last->activation](last, m, NULL, NULL);
    for (const snn_tiny_layer *l = last; l > first; l--) {
        tiny_transpose(l, mirror);
        tiny_backwards[l[-1].activation](l - 1, m, l, mirror);
    }
    tiny_update(t, first, m, x, ldx);
    for (const snn_tiny_layer *l = first + 1; l <= last; l++) {
        tiny_update(t, l, m, l[-1].a, l[-1].stride);
    }
}
