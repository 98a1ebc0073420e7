/* Loops over arrays whose length need not be a multiple of the vector's. */

SNN_INLINE vec load_lanes(const real *p, size_t n) { return n < VW ? v_load_n(p, n) : v_load(p); }

SNN_INLINE void store_lanes(real *p, vec a, size_t n) {
    if (n < VW) {
        v_store_n(p, a, n);
    } else {
        v_store(p, a);
    }
}

/* The first n lanes of a, and `fill` in the others. */
SNN_INLINE vec keep_lanes(vec a, size_t n, real fill) {
    return n < VW ? v_select(v_first(n), a, v_set1(fill)) : a;
}

SNN_INLINE real first_lane(vec a) {
    real lanes[VW];
    v_store(lanes, a);
    return lanes[0];
}

/* One element from each of n <= VW rows, and zeros; and back. Not inlined: what calls them computes an exponential for
 * each vector, beside which a call is nothing, and they are called 23 times. */
SNN_APART vec load_column(const real *p, size_t ld, size_t n) {
    real lanes[VW] = {0};
    if (n < VW) {
        for (size_t i = 0; i < n; i++) lanes[i] = p[i * ld];
    } else {
        SNN_UNROLL for (size_t i = 0; i < VW; i++) lanes[i] = p[i * ld];
    }
    return v_load(lanes);
}

SNN_APART void store_column(real *p, size_t ld, vec a, size_t n) {
    real lanes[VW];
    v_store(lanes, a);
    if (n < VW) {
        for (size_t i = 0; i < n; i++) p[i * ld] = lanes[i];
    } else {
        SNN_UNROLL for (size_t i = 0; i < VW; i++) p[i * ld] = lanes[i];
    }
}

/* Sums over a row run in 64 bytes' worth of lanes whatever the vector's width, and end in a fixed tree,
 * so that every instruction set gives the same bits. */
enum { SUM_LANES = 64 / sizeof(real), SUM_VECS = SUM_LANES / VW };
typedef struct row_sum {
    vec part[SUM_VECS];
} row_sum;

SNN_INLINE row_sum row_sum_zero(void) {
    row_sum s;
    for (int v = 0; v < SUM_VECS; v++) s.part[v] = v_set1(0);
    return s;
}

/* Add the vector that stands at column j of its row. */
SNN_INLINE void row_sum_add(row_sum *s, size_t j, vec a) {
    vec *part = &s->part[j / VW % SUM_VECS];
    *part = v_add(*part, a);
}

SNN_INLINE real row_sum_total(const row_sum *s) {
    vec part[SUM_VECS];
    for (int v = 0; v < SUM_VECS; v++) part[v] = s->part[v];
    for (int n = SUM_VECS / 2; n > 0; n /= 2) {
        for (int v = 0; v < n; v++) part[v] = v_add(part[v], part[v + n]);
    }
    SNN_UNROLL for (int n = VW / 2; n > 0; n /= 2) part[0] = v_add(part[0], v_down(part[0], n));
    return first_lane(part[0]);
}
