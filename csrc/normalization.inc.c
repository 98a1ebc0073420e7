/* Normalisation of rows and of columns; docs/math.md, section "Normalisation". */

/* 1 / sqrt(variance + epsilon) */
SNN_INLINE vec inverse_deviation(vec variance) {
    return v_div(v_set1(1), v_sqrt(v_add(variance, v_set1((real)SNN_NORMALIZATION_EPSILON))));
}

SNN_INLINE vec row_mean(const row_sum *sum, size_t n) {
    return v_div(v_set1(row_sum_total(sum)), v_set1((real)n));
}

/* Lanes of the vector at column j of n: those beyond it are zeros where there is room for them. */
SNN_INLINE void store_padded(real *row, size_t j, vec a, size_t n, size_t columns) {
    store_lanes(row + j, keep_lanes(a, n - j, 0), columns - j);
}

/* Rows at a time, so that four sums, which are chains, need not wait for each other: one in each vector of row_sum.
 * More of them are no faster where vectors are narrow (measured for AVX2), and the code is half as long again. */
enum { NORMALIZED_ROWS = SUM_VECS < 4 ? 4 / SUM_VECS : 1 };

/* The vectors of a row: column j belongs to part `part` of a row_sum. */
#define EACH_VECTOR(n)                                                                     \
    for (size_t first = 0; first < (n); first += SUM_LANES)                                \
    SNN_UNROLL for (size_t part = 0; part < SUM_VECS; part++) if (first + part * VW < (n))

SNN_INLINE void normalize_few(size_t rows, size_t n, const real *z, const real *gain, const real *shift,
                              real *normal, real *inverse, real *u, size_t ld, size_t columns) {
    row_sum sums[NORMALIZED_ROWS], squares[NORMALIZED_ROWS];
    vec means[NORMALIZED_ROWS], scales[NORMALIZED_ROWS];
    SNN_UNROLL for (size_t r = 0; r < rows; r++) sums[r] = squares[r] = row_sum_zero();
    EACH_VECTOR(n) {
        const size_t j = first + part * VW;
        SNN_UNROLL for (size_t r = 0; r < rows; r++) {
            const vec x = keep_lanes(load_lanes(z + r * ld + j, n - j), n - j, 0);
            sums[r].part[part] = v_add(sums[r].part[part], x);
        }
    }
    SNN_UNROLL for (size_t r = 0; r < rows; r++) means[r] = row_mean(&sums[r], n);
    EACH_VECTOR(n) {
        const size_t j = first + part * VW;
        SNN_UNROLL for (size_t r = 0; r < rows; r++) {
            const vec d = keep_lanes(v_sub(load_lanes(z + r * ld + j, n - j), means[r]), n - j, 0);
            squares[r].part[part] = v_fma(d, d, squares[r].part[part]);
        }
    }
    SNN_UNROLL for (size_t r = 0; r < rows; r++) {
        scales[r] = inverse_deviation(row_mean(&squares[r], n));
        if (inverse) inverse[r] = first_lane(scales[r]);
    }
    for (size_t j = 0; j < n; j += VW) {
        const vec g = load_lanes(gain + j, n - j), s = load_lanes(shift + j, n - j);
        SNN_UNROLL for (size_t r = 0; r < rows; r++) {
            const vec x = v_mul(v_sub(load_lanes(z + r * ld + j, n - j), means[r]), scales[r]);
            if (normal) store_padded(normal + r * ld, j, x, n, columns);
            store_padded(u + r * ld, j, v_fma(g, x, s), n, columns);
        }
    }
}

static void normalize_rows(size_t m, size_t n, const void *z_, const void *gain, const void *shift,
                           void *normal_, void *inverse_, void *u_, size_t ld, size_t columns) {
    const real *z = z_;
    real *normal = normal_, *inverse = inverse_, *u = u_;
    for (size_t i = 0, rows; i < m; i += rows) {
        real *x = normal ? normal + i * ld : NULL, *scale = inverse ? inverse + i : NULL;
        rows = m - i < NORMALIZED_ROWS ? 1 : NORMALIZED_ROWS;
        if (rows == 1) {
            normalize_few(1, n, z + i * ld, gain, shift, x, scale, u + i * ld, ld, columns);
        } else {
            normalize_few(NORMALIZED_ROWS, n, z + i * ld, gain, shift, x, scale, u + i * ld, ld, columns);
        }
    }
}

SNN_INLINE void grad_normalized_few(size_t rows, size_t n, const real *du, const real *gain,
                                    const real *normal, const real *inverse, real *dz, size_t ld) {
    row_sum sums[NORMALIZED_ROWS], products[NORMALIZED_ROWS];
    vec means[NORMALIZED_ROWS], slopes[NORMALIZED_ROWS];
    SNN_UNROLL for (size_t r = 0; r < rows; r++) sums[r] = products[r] = row_sum_zero();
    EACH_VECTOR(n) {
        const size_t j = first + part * VW;
        const vec g = load_lanes(gain + j, n - j);
        SNN_UNROLL for (size_t r = 0; r < rows; r++) {
            const vec dx = keep_lanes(v_mul(load_lanes(du + r * ld + j, n - j), g), n - j, 0);
            sums[r].part[part] = v_add(sums[r].part[part], dx);
            products[r].part[part] =
                v_fma(dx, load_lanes(normal + r * ld + j, n - j), products[r].part[part]);
        }
    }
    SNN_UNROLL for (size_t r = 0; r < rows; r++) {
        means[r] = row_mean(&sums[r], n);
        slopes[r] = row_mean(&products[r], n);
    }
    for (size_t j = 0; j < n; j += VW) {
        const vec g = load_lanes(gain + j, n - j);
        SNN_UNROLL for (size_t r = 0; r < rows; r++) {
            const size_t place = r * ld + j;
            const vec dx = v_mul(load_lanes(du + place, n - j), g);
            const vec rest = v_fnma(slopes[r], load_lanes(normal + place, n - j), v_sub(dx, means[r]));
            store_lanes(dz + place, v_mul(v_set1(inverse[r]), rest), n - j);
        }
    }
}

static void grad_normalized_rows(size_t m, size_t n, const void *du_, const void *gain, const void *normal_,
                                 const void *inverse_, void *dz_, size_t ld) {
    const real *du = du_, *normal = normal_, *inverse = inverse_;
    real *dz = dz_;
    for (size_t i = 0, rows; i < m; i += rows) {
        const size_t place = i * ld;
        rows = m - i < NORMALIZED_ROWS ? 1 : NORMALIZED_ROWS;
        if (rows == 1) {
            grad_normalized_few(1, n, du + place, gain, normal + place, inverse + i, dz + place, ld);
        } else {
            grad_normalized_few(NORMALIZED_ROWS, n, du + place, gain, normal + place, inverse + i, dz + place,
                                ld);
        }
    }
}

/* ---- columns, some vectors of them at a time: their sums are chains too ---- */

enum { NORMALIZED_VECS = 4 };

/* Call `few(count, j)` for all columns, `count` vectors from column j on. */
#define EACH_GROUP(n, few)                                                                   \
    do {                                                                                     \
        size_t j = 0;                                                                        \
        for (; j < (n) && (n) - j > (NORMALIZED_VECS - 1) * VW; j += NORMALIZED_VECS * VW) { \
            few(NORMALIZED_VECS, j);                                                         \
        }                                                                                    \
        for (; j < (n); j += VW) few(1, j);                                                  \
    } while (0)

SNN_INLINE void grad_gain_of(int count, size_t m, size_t n, const real *du, const real *normal, size_t ld,
                             real *dgain, real *dshift) {
    vec gain[NORMALIZED_VECS], shift[NORMALIZED_VECS];
    SNN_UNROLL for (int c = 0; c < count; c++) gain[c] = shift[c] = v_set1(0);
    for (size_t i = 0; i < m; i++, du += ld, normal += ld) {
        SNN_UNROLL for (int c = 0; c < count; c++) {
            const size_t j = (size_t)(c * VW);
            const vec d = load_lanes(du + j, n - j);
            gain[c] = v_fma(d, load_lanes(normal + j, n - j), gain[c]);
            shift[c] = v_add(shift[c], d);
        }
    }
    SNN_UNROLL for (int c = 0; c < count; c++) {
        const size_t j = (size_t)(c * VW);
        store_lanes(dgain + j, gain[c], n - j);
        store_lanes(dshift + j, shift[c], n - j);
    }
}

static void grad_gain(size_t m, size_t n, const void *du_, const void *normal_, size_t ld, void *dgain_,
                      void *dshift_) {
    const real *du = du_, *normal = normal_;
    real *dgain = dgain_, *dshift = dshift_;
#define FEW(count, j) grad_gain_of(count, m, n - (j), du + (j), normal + (j), ld, dgain + (j), dshift + (j))
    EACH_GROUP(n, FEW);
#undef FEW
}

SNN_INLINE void column_moments_of(int count, size_t m, size_t n, const real *z, size_t ld,
                                  const real *sample_weight, vec total, real *mean, real *variance) {
    vec means[NORMALIZED_VECS], squares[NORMALIZED_VECS];
    SNN_UNROLL for (int c = 0; c < count; c++) means[c] = squares[c] = v_set1(0);
    for (size_t i = 0; i < m; i++) {
        const vec weight = v_set1(sample_weight ? sample_weight[i] : 1);
        SNN_UNROLL for (int c = 0; c < count; c++) {
            const size_t j = (size_t)(c * VW);
            means[c] = v_fma(weight, load_lanes(z + i * ld + j, n - j), means[c]);
        }
    }
    SNN_UNROLL for (int c = 0; c < count; c++) means[c] = v_div(means[c], total);
    for (size_t i = 0; i < m; i++) {
        const vec weight = v_set1(sample_weight ? sample_weight[i] : 1);
        SNN_UNROLL for (int c = 0; c < count; c++) {
            const size_t j = (size_t)(c * VW);
            const vec d = v_sub(load_lanes(z + i * ld + j, n - j), means[c]);
            squares[c] = v_fma(v_mul(weight, d), d, squares[c]);
        }
    }
    SNN_UNROLL for (int c = 0; c < count; c++) {
        const size_t j = (size_t)(c * VW);
        store_lanes(mean + j, means[c], n - j);
        store_lanes(variance + j, v_div(squares[c], total), n - j);
    }
}

static void column_moments(size_t m, size_t n, const void *z_, size_t ld, const void *sample_weight,
                           double total, void *mean_, void *variance_) {
    const real *z = z_;
    real *mean = mean_, *variance = variance_;
    const vec of_samples = v_set1(total > 0 ? (real)total : 1); /* samples without weight: moments of 0 */
#define FEW(count, j)                                                                                        \
    column_moments_of(count, m, n - (j), z + (j), ld, sample_weight, of_samples, mean + (j), variance + (j))
    EACH_GROUP(n, FEW);
#undef FEW
}

SNN_INLINE void normalize_columns_of(int count, size_t m, size_t n, const real *z, const real *mean,
                                     const real *variance, const real *gain, const real *shift, real *normal,
                                     real *u, size_t ld, size_t columns) {
    vec means[NORMALIZED_VECS], scales[NORMALIZED_VECS], gains[NORMALIZED_VECS], shifts[NORMALIZED_VECS];
    SNN_UNROLL for (int c = 0; c < count; c++) {
        const size_t j = (size_t)(c * VW);
        means[c] = load_lanes(mean + j, n - j);
        scales[c] = inverse_deviation(load_lanes(variance + j, n - j));
        gains[c] = load_lanes(gain + j, n - j);
        shifts[c] = load_lanes(shift + j, n - j);
    }
    for (size_t i = 0; i < m; i++, z += ld, u += ld) {
        SNN_UNROLL for (int c = 0; c < count; c++) {
            const size_t j = (size_t)(c * VW);
            const vec x = v_mul(v_sub(load_lanes(z + j, n - j), means[c]), scales[c]);
            if (normal) store_padded(normal + i * ld, j, x, n, columns);
            store_padded(u, j, v_fma(gains[c], x, shifts[c]), n, columns);
        }
    }
}

static void normalize_columns(size_t m, size_t n, const void *z_, const void *mean_, const void *variance_,
                              const void *gain_, const void *shift_, void *normal_, void *u_, size_t ld,
                              size_t columns) {
    const real *z = z_, *mean = mean_, *variance = variance_, *gain = gain_, *shift = shift_;
    real *normal = normal_, *u = u_;
#define FEW(count, j)                                                                                     \
    normalize_columns_of(count, m, n - (j), z + (j), mean + (j), variance + (j), gain + (j), shift + (j), \
                         normal ? normal + (j) : NULL, u + (j), ld, columns - (j))
    EACH_GROUP(n, FEW);
#undef FEW
}

/* Fixed statistics where dgain is NULL. */
SNN_INLINE void grad_normalized_columns_of(int count, size_t m, size_t n, const real *du, const real *gain,
                                           const real *normal, const real *variance, const real *dgain,
                                           const real *dshift, const real *sample_weight, double total,
                                           real *dz, size_t ld) {
    vec scales[NORMALIZED_VECS], gains[NORMALIZED_VECS], shifts[NORMALIZED_VECS];
    SNN_UNROLL for (int c = 0; c < count; c++) {
        const size_t j = (size_t)(c * VW);
        const vec inverse = inverse_deviation(load_lanes(variance + j, n - j));
        scales[c] = v_mul(load_lanes(gain + j, n - j), inverse);
        gains[c] = dgain ? load_lanes(dgain + j, n - j) : v_set1(0);
        shifts[c] = dgain ? load_lanes(dshift + j, n - j) : v_set1(0);
    }
    for (size_t i = 0; i < m; i++, du += ld, normal += ld, dz += ld) {
        const double weight = sample_weight ? sample_weight[i] : 1;
        const vec share = v_set1((real)(total > 0 ? weight / total : 0));
        SNN_UNROLL for (int c = 0; c < count; c++) {
            const size_t j = (size_t)(c * VW);
            vec d = load_lanes(du + j, n - j);
            if (dgain) d = v_fnma(share, v_fma(load_lanes(normal + j, n - j), gains[c], shifts[c]), d);
            store_lanes(dz + j, v_mul(scales[c], d), n - j);
        }
    }
}

static void grad_normalized_columns(size_t m, size_t n, const void *du_, const void *gain_,
                                    const void *normal_, const void *variance_, const void *dgain_,
                                    const void *dshift_, const void *sample_weight, double total, void *dz_,
                                    size_t ld) {
    const real *du = du_, *gain = gain_, *normal = normal_, *variance = variance_, *dgain = dgain_,
               *dshift = dshift_;
    real *dz = dz_;
#define FEW(count, j)                                                                                  \
    grad_normalized_columns_of(count, m, n - (j), du + (j), gain + (j), normal + (j), variance + (j),  \
                               dgain ? dgain + (j) : NULL, dgain ? dshift + (j) : NULL, sample_weight, \
                               total, dz + (j), ld)
    EACH_GROUP(n, FEW);
#undef FEW
}

static void approach(size_t n, const void *x_, double rate, void *y_) {
    const real *x = x_;
    real *y = y_;
    for (size_t i = 0; i < n; i += VW) {
        const vec from = load_lanes(y + i, n - i);
        const vec way = v_sub(load_lanes(x + i, n - i), from);
        store_lanes(y + i, v_fma(v_set1((real)rate), way, from), n - i);
    }
}
