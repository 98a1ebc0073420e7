/* Prints one hash for each family of kernels of every table that this machine can run.
 * tests/test_compilers.py builds it with every compiler it finds and compares what they print. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels.h"

enum { N = 4096 };
static double a[N], b[N], c[N], d[N], e[N], row_loss[N];

static uint64_t hash; /* FNV-1a */

static void start(void) { hash = 14695981039346656037u; }

static void add(const void *data, size_t n) {
    const unsigned char *bytes = data;
    for (size_t i = 0; i < n; i++) hash = (hash ^ bytes[i]) * 1099511628211u;
}

static void print(const char *name) { printf(" %s %016llx", name, (unsigned long long)hash); }

static void fill(void *array, size_t itemsize, uint64_t key, double scale) {
    for (size_t i = 0; i < N; i++) {
        const double x = scale * (2 * snn_random_uniform(snn_random_bits(key, i)) - 1);
        if (itemsize == sizeof(float)) {
            ((float *)array)[i] = (float)x;
        } else {
            ((double *)array)[i] = x;
        }
    }
}

static void products(const snn_kernels *k) {
    start();
    for (size_t m = 1; m < 30; m += 3) {
        for (size_t n = 1; n < 70; n += 5) {
            k->affine(m, 17, n, a, 17, 1, b, n, d, c, n);
            add(c, k->itemsize * m * n);
            k->grad_weights(m, 7, n, a, 7, 1, b, n, c, n);
            add(c, k->itemsize * 7 * n);
            k->grad_biases(m, n, b, n, c);
            add(c, k->itemsize * n);
            k->grad_inputs(m, 7, n, a, n, 1, b, n, c, 7, 7);
            add(c, k->itemsize * m * 7);
        }
    }
    print("products");
}

static void activations(const snn_kernels *k) {
    enum { LENGTH = 1001 };
    start();
    for (size_t i = 0; i < k->n_activations; i++) {
        const snn_activation *f = &k->activations[i];
        f->value(LENGTH, d, c, f->alpha);
        add(c, LENGTH * k->itemsize);
        f->backward(LENGTH, f->slope_source == SNN_SLOPE_FROM_VALUE ? c : d, a, e, f->alpha);
        add(e, LENGTH * k->itemsize);
    }
    print("activations");
}

static void losses(const snn_kernels *k) {
    start();
    fill(e, k->itemsize, 9, 1);
    for (size_t n = 1; n < 40; n += 3) {
        for (size_t i = 0; i < k->n_losses; i++) {
            const snn_loss *l = &k->losses[i];
            const double levels[] = {3, 0.1, 0.5, 0.9}, other = 0.75 * l->preset + 0.1;
            const size_t n_outputs = n * (l->outputs_per_target ? l->outputs_per_target : 3);
            for (int given = 0; given < 2; given++) {
                const double *parameter = given ? &other : &l->preset;
                l->evaluate(20, n_outputs, a, n_outputs, b, n, given ? e : NULL, 0.3,
                            l->outputs_per_target ? parameter : levels, c, n_outputs, row_loss);
                add(c, 20 * n_outputs * k->itemsize);
                add(row_loss, 20 * sizeof *row_loss);
            }
        }
        for (size_t i = 0; i < k->n_links; i++) {
            k->links[i].value(9, 2 * n, a, 2 * n, 2, c, 2 * n);
            add(c, 9 * 2 * n * k->itemsize);
        }
    }
    print("losses");
}

static void updates(const snn_kernels *k) {
    enum { LENGTH = 501 };
    static const double hyper[SNN_MAX_HYPERPARAMETERS] = {0.01, 0.9, 0.99, 1e-8, 0.01};
    start();
    for (size_t i = 0; i < k->n_updates; i++) {
        double coefficients[SNN_MAX_COEFFICIENTS] = {0};
        void *states[SNN_MAX_STATES] = {c, e};
        memset(c, 0, sizeof c);
        memset(e, 0, sizeof e);
        fill(d, k->itemsize, 7, 1);
        for (int step = 1; step < 5; step++) {
            k->updates[i].prepare(hyper, step, coefficients);
            k->updates[i].apply(1, LENGTH, d, LENGTH, a, LENGTH, states, coefficients);
        }
        add(d, LENGTH * k->itemsize);
    }
    print("updates");
}

static void noise(const snn_kernels *k) {
    start();
    for (size_t n = 1; n < 300; n += 37) {
        memset(c, 0, sizeof c);
        k->drop(3, 11, n, 42, 20000, a, c, d, n);
        k->multiply_elements(11 * n, c, d);
        add(c, 11 * n * k->itemsize);
        add(d, 11 * n * k->itemsize);
        k->add_noise(3, 11, n, 42, 0.3, d, n);
        add(d, 11 * n * k->itemsize);
    }
    fill(d, k->itemsize, 4, 8);
    print("noise");
}

static void normalized(const snn_kernels *k) {
    start();
    for (size_t n = 1; n < 100; n += 9) {
        k->normalize_rows(7, n, a, b, d, c, row_loss, e, n, n);
        add(c, 7 * n * k->itemsize);
        add(row_loss, 7 * k->itemsize);
        add(e, 7 * n * k->itemsize);
        k->grad_normalized_rows(7, n, d, b, c, row_loss, e, n);
        add(e, 7 * n * k->itemsize);
        k->grad_gain(7, n, d, c, n, row_loss, e);
        add(row_loss, n * k->itemsize);
        add(e, n * k->itemsize);
    }
    for (size_t n = 1; n < 100; n += 9) {
        double *mean = row_loss, *variance = row_loss + n, *dgain = row_loss + 2 * n,
               *dshift = row_loss + 3 * n;
        k->column_moments(7, n, a, n, NULL, 7, mean, variance);
        k->normalize_columns(7, n, a, mean, variance, b, d, c, e, n, n);
        add(c, 7 * n * k->itemsize);
        add(e, 7 * n * k->itemsize);
        k->grad_gain(7, n, d, c, n, dgain, dshift);
        k->grad_normalized_columns(7, n, d, b, c, variance, dgain, dshift, NULL, 7, e, n);
        add(e, 7 * n * k->itemsize);
        k->approach(n, mean, 0.1, variance);
        add(variance, n * k->itemsize);
    }
    print("normalized");
}

static void penalties(const snn_kernels *k) {
    enum { M = 9 };
    const snn_penalty all[] = {{0.1, 0, INFINITY, 1}, {0, 0.3, INFINITY, 1}, {0.1, 0.3, 0.5, 0.9}};
    start();
    for (size_t n = 1; n < 70; n += 3) {
        k->row_penalties(M, n, a, n, 0.1, 0.3, row_loss);
        add(row_loss, M * sizeof *row_loss);
        for (double size = 1; size < 1e31; size *= 1e30) { /* of which float32 has no square */
            fill(c, k->itemsize, 10, size);
            k->row_squares(M, n, c, n, row_loss);
            add(row_loss, M * sizeof *row_loss);
        }
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            fill(c, k->itemsize, 11, 1);
            k->penalize(M, n, a, n, c, n, &all[i]);
            k->scale(M, n, c, n, all[i].keep);
            k->limit_columns(M, n, c, n, 1);
            add(c, M * n * k->itemsize);
        }
    }
    print("penalties");
}

/* dW and the step in one pass, and whole steps of a 2-3-1 network. */
static void fused(const snn_kernels *k) {
    enum { STRIDE = 16, N_INPUTS = 130, M = 4 };
    const double coefficients[SNN_MAX_COEFFICIENTS] = {0.01, 0.9, 0.1, 0.99, 0.01, 1, 1e-8, 0.5};
    start();
    const snn_penalty penalty = {0.1, 0.3, 20, 0.9};
    for (size_t i = 0; i < 2 * k->n_updates; i++) {
        void *states[SNN_MAX_STATES] = {c, e};
        memset(c, 0, sizeof c);
        memset(e, 0, sizeof e);
        fill(d, k->itemsize, 7, 1);
        k->update_weights(20, N_INPUTS, STRIDE, a, N_INPUTS, 1, b, STRIDE, &k->updates[i / 2], coefficients,
                          i % 2 ? &penalty : NULL, d, STRIDE, states);
        add(d, N_INPUTS * STRIDE * k->itemsize);
    }
    fill(e, k->itemsize, 8, 0.1); /* weights that leave everything finite: what NaN looks like differs */
    for (size_t i = 0; i < k->n_activations * k->n_losses; i++) {
        const size_t row = STRIDE * k->itemsize, hidden = 3 * k->itemsize;
        const int f = (int)(i / k->n_losses), loss = (int)(i % k->n_losses);
        const size_t n_outputs = k->losses[loss].outputs_per_target ? k->losses[loss].outputs_per_target : 1;
        char *w = (char *)c, *batch = w + 5 * row;
        snn_tiny_layer layers[] = {
            {2, 3, STRIDE, f, 0, 0.5, 0, w, {NULL}, NULL, NULL, NULL},
            {3, n_outputs, STRIDE, f, 0, 0.5, 0, w + 2 * row, {NULL}, NULL, NULL, NULL},
        };
        const double parameters[] = {1, 0.5}; /* one level */
        double hyper[SNN_MAX_HYPERPARAMETERS] = {0.01}, sgd[SNN_MAX_COEFFICIENTS] = {0}, loss_of_steps = 0;
        const snn_tiny network = {2, 3, layers, loss, 0, parameters, hyper, NULL, sgd};
        memset(c, 0, sizeof c);
        for (size_t j = 0; j < 2; j++) memcpy(w + j * row, (char *)e + j * hidden, hidden);
        for (size_t j = 2; j < 5; j++) memcpy(w + j * row, (char *)e + j * hidden, n_outputs * k->itemsize);
        for (size_t l = 0; l < 2; l++, batch += 3 * M * row) {
            layers[l].z = batch, layers[l].a = batch + M * row, layers[l].dz = batch + 2 * M * row;
            layers[l].slope_from_value = k->activations[f].slope_source == SNN_SLOPE_FROM_VALUE;
        }
        for (size_t m = M; m > 0; m = m == M ? 1 : 0) { /* a single sample has a way of its own */
            k->tiny_steps(&network, 2, m, a, 2, b, 1, 0.25, 0, row_loss, &loss_of_steps);
            add(row_loss, m * sizeof *row_loss);
            add(&loss_of_steps, sizeof loss_of_steps);
            add(c, 5 * row);
        }
    }
    print("fused");
}

static void vectors(const snn_kernels *k) {
    start();
    for (size_t n = 0; n < 100; n++) {
        const double results[] = {k->dot(n, a, b), k->max_abs(n, a)};
        add(results, sizeof results);
        k->axpby(n, 0.3, a, -1.7, b, c);
        add(c, n * k->itemsize);
    }
    print("vectors");
}

/* Rows scaled on their way into a batch, and outputs on their way back. */
static void scaling(const snn_kernels *k) {
    enum { M = 9, COLUMNS = 40 };
    const int64_t order[M] = {3, 1, 8, 0, 2, 7, 7, 5, 4};
    double shift[COLUMNS], factor[COLUMNS];
    for (size_t j = 0; j < COLUMNS; j++) {
        shift[j] = 3 * snn_random_uniform(snn_random_bits(11, j));
        factor[j] = 0.01 + snn_random_uniform(snn_random_bits(12, j));
    }
    start();
    for (size_t n = 1; n < COLUMNS; n += 3) {
        const snn_source type = k->itemsize == sizeof(float) ? SNN_FLOAT32 : SNN_FLOAT64;
        k->gather(M, n, a, type, (ptrdiff_t)(n * k->itemsize), (ptrdiff_t)k->itemsize, order, shift, factor,
                  c, n);
        add(c, M * n * k->itemsize);
        k->unscale(M, n, c, n, shift, factor, -0.7, 1.9);
        add(c, M * n * k->itemsize);
        k->gather(M, n, a, SNN_UINT8, (ptrdiff_t)n, 1, NULL, shift, factor, c, n);
        add(c, M * n * k->itemsize);
    }
    print("scaling");
}

int main(void) {
    for (const snn_isa *isa = snn_isas; isa->name; isa++) {
        if (!isa->available()) continue;
        const snn_kernels *tables[] = {isa->float32, isa->float64};
        for (int i = 0; i < 2; i++) {
            const snn_kernels *k = tables[i];
            fill(a, k->itemsize, 1, 3);
            fill(b, k->itemsize, 2, 3);
            fill(d, k->itemsize, 4, 8);
            printf("%s %s", k->isa, k->dtype);
            products(k);
            activations(k);
            losses(k);
            updates(k);
            noise(k);
            normalized(k);
            penalties(k);
            fused(k);
            vectors(k);
            scaling(k);
            printf("\n");
        }
    }
    start();
    for (uint64_t i = 0; i < 10000; i++) {
        const double x = snn_random_normal(snn_random_bits(5, i));
        add(&x, sizeof x);
    }
    printf("random any");
    print("normals");
    printf("\n");
    return 0;
}
