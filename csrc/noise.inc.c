/* What training draws: masks and normal numbers; docs/math.md, sections "Dropout" and "Input noise". Draws are taken
 * apart in loops of plain C, which compilers make vectors of where the length is no constant. */

/* Draws at a time: 2 KiB, in the L1 cache. */
enum { DRAWS = 256 };

static void draw(uint64_t key, uint64_t index, size_t n, uint64_t *draws) {
    const uint64_t start = key + (index + 1) * SNN_GAMMA;
    for (size_t j = 0; j < n; j++) draws[j] = snn_mix(start + j * SNN_GAMMA);
}

/* ---- dropout: 16 bits for each element, so that a draw serves four rows ---- */

enum { BITS_OF_A_MASK = 16, ROWS_OF_A_DRAW = 64 / BITS_OF_A_MASK };

/* What the 16 bits from `shift` on say. */
SNN_INLINE real mask_of(uint64_t draws, int shift, int32_t threshold, real scale) {
    return (int32_t)((uint32_t)(draws >> shift) & 0xffff) < threshold ? 0 : scale;
}

static void drop_row(size_t n, const uint64_t *draws, int shift, int32_t threshold, real scale,
                     const real *restrict x, real *restrict mask, real *restrict out) {
    for (size_t j = 0; j < n; j++) {
        mask[j] = mask_of(draws[j], shift, threshold, scale);
        out[j] = x[j] * mask[j];
    }
}

static void drop_row_in_place(size_t n, const uint64_t *draws, int shift, int32_t threshold, real scale,
                              real *x) {
    for (size_t j = 0; j < n; j++) x[j] *= mask_of(draws[j], shift, threshold, scale);
}

static void drop(size_t first, size_t m, size_t n, uint64_t key, uint32_t threshold, const void *x_,
                 void *mask_, void *out_, size_t ld) {
    const real scale = (real)(65536.0 / (65536.0 - threshold)), *x = x_;
    real *mask = mask_, *out = out_;
    uint64_t draws[DRAWS];
    for (size_t i = first, next; i < first + m; i = next) {
        const size_t group = i / ROWS_OF_A_DRAW, end = (group + 1) * ROWS_OF_A_DRAW;
        next = end < first + m ? end : first + m;
        for (size_t j = 0; j < n; j += DRAWS) {
            const size_t count = n - j < DRAWS ? n - j : DRAWS;
            draw(key, (uint64_t)group * n + j, count, draws);
            for (size_t row = i; row < next; row++) {
                const int shift = (int)(row % ROWS_OF_A_DRAW) * BITS_OF_A_MASK;
                const size_t place = (row - first) * ld + j;
                if (mask) {
                    drop_row(count, draws, shift, (int32_t)threshold, scale, x + place, mask + place,
                             out + place);
                } else {
                    drop_row_in_place(count, draws, shift, (int32_t)threshold, scale, out + place);
                }
            }
        }
    }
}

/* The way back. */
static void multiply_elements(size_t n, const void *y_, void *x_) {
    const real *y = y_;
    real *x = x_;
    for (size_t i = 0; i < n; i += VW) {
        store_lanes(x + i, v_mul(load_lanes(y + i, n - i), load_lanes(x + i, n - i)), n - i);
    }
}

/* ---- normal numbers, by Box and Muller: two for each draw, so that it serves two rows ---- */

/* log u for 2^-32 <= u < 1, where rest is 1 - u, of which u may have lost digits: u = m 2^n with sqrt(1/2) <= m <
 * sqrt(2), and log m = 2 atanh s with s = (m - 1) / (m + 1). */
SNN_INLINE vec log_of_uniform(vec u, vec rest) {
    const bits offset = 64; /* keeps exponents positive */
    const vint root_of_half = v_bits(v_set1((real)0.70710678118654752440));
    const vint power = vi_shift_right(
        vi_add(vi_sub(v_bits(u), root_of_half), vi_set1(offset << SNN_MANTISSA_BITS)), SNN_MANTISSA_BITS);
    const vec n =
        v_sub(v_from_bits(vi_add(power, v_bits(v_set1(ROUNDING)))), v_set1(ROUNDING + (real)offset));
    const vec m =
        v_from_bits(vi_sub(v_bits(u), vi_shift_left(vi_sub(power, vi_set1(offset)), SNN_MANTISSA_BITS)));
    const vec above = v_select(v_gt(n, v_set1((real)-0.5)), v_sub(v_set1(0), rest), v_sub(m, v_set1(1)));
    const vec s = v_div(above, v_add(v_set1(2), above)), s2 = v_mul(s, s);
    const vec log_m = v_fma(v_mul(s2, s), POLYNOMIAL(s2, atanh_tail), v_add(s, s));
    return v_fma(n, v_set1((real)0.69314718055994530942), log_m);
}

static const real sinpi[] = {SNN_COEFFICIENTS(SINPI)};
static const real cospi[] = {SNN_COEFFICIENTS(COSPI)};

/* cos and sin of pi t for -1 <= t <= 1, with t = k/2 + f and |f| <= 1/4. */
SNN_INLINE vec cos_sin_pi(vec t, vec *sine) {
    const vec one = v_set1(1), k = v_sub(v_fma(t, v_set1(2), v_set1(ROUNDING)), v_set1(ROUNDING));
    const vec f = v_fnma(k, v_set1((real)0.5), t), f2 = v_mul(f, f), size = v_abs(k);
    const vec s = v_mul(f, POLYNOMIAL(f2, sinpi)), c = v_fma(f2, POLYNOMIAL(f2, cospi), one);
    const vmask even = v_gt(v_abs(v_sub(size, one)), v_set1((real)0.5));
    const vec sign = v_sub(one, size); /* for k = 0, 2: 1, -1 */
    *sine = v_select(even, v_mul(sign, s), v_mul(k, c));
    return v_select(even, v_mul(sign, c), v_mul(v_sub(v_set1(0), k), s));
}

typedef struct uniforms {
    _Alignas(64) real u[DRAWS], rest[DRAWS]; /* u and 1 - u, in (0, 1) */
    _Alignas(64) real turn[DRAWS];           /* in [-1, 1) */
} uniforms;

static void draw_uniforms(uint64_t key, uint64_t index, size_t n, uniforms *to) {
    const real half = (real)0.5, unit = (real)0x1p-31;
    uint64_t draws[DRAWS];
    draw(key, index, n, draws);
    for (size_t j = 0; j < n; j++) {
        const int32_t high = (int32_t)(draws[j] >> 33), low = (int32_t)(uint32_t)draws[j];
        to->u[j] = ((real)high + half) * unit;
        to->rest[j] = ((real)(INT32_MAX - high) + half) * unit;
        to->turn[j] = (real)low * unit;
    }
}

/* Add to n columns of an even row and of the odd one that follows; NULL for a row that is not asked for. */
static void add_normals(size_t n, const uniforms *from, vec deviation, real *even, real *odd) {
    for (size_t j = 0; j < n; j += VW) {
        vec sine;
        const vec squared = v_mul(v_set1(-2), log_of_uniform(v_load(from->u + j), v_load(from->rest + j)));
        const vec radius = v_mul(deviation, v_sqrt(squared)),
                  cosine = cos_sin_pi(v_load(from->turn + j), &sine);
        if (even) store_lanes(even + j, v_fma(radius, cosine, load_lanes(even + j, n - j)), n - j);
        if (odd) store_lanes(odd + j, v_fma(radius, sine, load_lanes(odd + j, n - j)), n - j);
    }
}

static void add_noise(size_t first, size_t m, size_t n, uint64_t key, double deviation, void *x_, size_t ld) {
    real *x = x_;
    uniforms drawn;
    for (size_t j = 0; j < DRAWS; j++) drawn.u[j] = drawn.rest[j] = (real)0.5, drawn.turn[j] = 0;
    for (size_t pair = first / 2; 2 * pair < first + m; pair++) {
        for (size_t j = 0; j < n; j += DRAWS) {
            const size_t count = n - j < DRAWS ? n - j : DRAWS, row = 2 * pair;
            draw_uniforms(key, (uint64_t)pair * n + j, count, &drawn);
            add_normals(count, &drawn, v_set1((real)deviation),
                        row >= first ? x + (row - first) * ld + j : NULL,
                        row + 1 < first + m ? x + (row + 1 - first) * ld + j : NULL);
        }
    }
}
