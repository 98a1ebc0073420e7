/* Dropout; docs/math.md, section "Dropout". Loops of plain C, which compilers make vectors of: they count on the
 * lengths' not being constants. */

/* Numbers of the generator at a time: 2 KiB, in the L1 cache. */
enum { DRAWS = 256, BITS_OF_A_DRAW = 16, ROWS_OF_A_DRAW = 64 / BITS_OF_A_DRAW };

static void draw(uint64_t key, uint64_t index, size_t n, uint64_t *draws) {
    const uint64_t start = key + (index + 1) * SNN_GAMMA;
    for (size_t j = 0; j < n; j++) draws[j] = snn_mix(start + j * SNN_GAMMA);
}

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
                const int shift = (int)(row % ROWS_OF_A_DRAW) * BITS_OF_A_DRAW;
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
