/* Layer normalisation: docs/math.md, section "Normalisation". A padding of zeros stays one. */

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

/* Rows at a time, so that their sums, which are chains, need not wait for each other. */
enum { NORMALIZED_ROWS = 4 };

/* The columns of a row, vector by vector, where `part` is the lane of a row_sum that column `j` belongs to. */
#define EACH_VECTOR(n)                                                                       \
    for (size_t first = 0; first < (n); first += SUM_LANES)                                  \
    SNN_UNROLL for (size_t part = 0, j = first; part < SUM_VECS && j < (n); part++, j += VW)

SNN_INLINE void normalize_few(size_t rows, size_t n, const real *z, const real *gain, const real *shift,
                              real *normal, real *inverse, real *u, size_t ld, size_t columns) {
    row_sum sums[NORMALIZED_ROWS], squares[NORMALIZED_ROWS];
    vec means[NORMALIZED_ROWS], scales[NORMALIZED_ROWS];
    SNN_UNROLL for (size_t r = 0; r < rows; r++) sums[r] = squares[r] = row_sum_zero();
    EACH_VECTOR(n) {
        SNN_UNROLL for (size_t r = 0; r < rows; r++) {
            const vec x = keep_lanes(load_lanes(z + r * ld + j, n - j), n - j, 0);
            sums[r].part[part] = v_add(sums[r].part[part], x);
        }
    }
    SNN_UNROLL for (size_t r = 0; r < rows; r++) means[r] = row_mean(&sums[r], n);
    EACH_VECTOR(n) {
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
    size_t i = 0;
    for (; i + NORMALIZED_ROWS <= m; i += NORMALIZED_ROWS) {
        grad_normalized_few(NORMALIZED_ROWS, n, du + i * ld, gain, normal + i * ld, inverse + i, dz + i * ld,
                            ld);
    }
    for (; i < m; i++)
        grad_normalized_few(1, n, du + i * ld, gain, normal + i * ld, inverse + i, dz + i * ld, ld);
}

/* Sums over rows of `count` vectors of columns at a time: an addition takes 4 cycles, and two begin in each. */
SNN_INLINE void grad_gain_of(size_t m, size_t n, const real *du, const real *normal, size_t ld, real *dgain,
                             real *dshift, int count) {
    vec gain[4], shift[4];
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
    size_t j = 0;
    for (; j < n && n - j > 3 * VW; j += 4 * VW) {
        grad_gain_of(m, n - j, du + j, normal + j, ld, dgain + j, dshift + j, 4);
    }
    for (; j < n; j += VW) grad_gain_of(m, n - j, du + j, normal + j, ld, dgain + j, dshift + j, 1);
}
