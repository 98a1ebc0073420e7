/* The three products of training are one:  C (m, n) = init + A (m, k) · B (k, n),  where B and C are
 * row-major with unit column stride and A has any strides, since its elements are broadcast one by one.
 *
 * The micro-kernel keeps a tile of C, `rows` × `vecs` vectors, in registers while it runs over k: per step
 * it loads `vecs` vectors of B and broadcasts `rows` elements of A for rows · vecs multiply-adds. The
 * tallest tiles stand in vec_*.h with their reason. Every element of C is one chain over ascending k,
 * whatever the tile, and where k is cut into blocks the chain goes on from C: a store and a load of a
 * `real` change no bit. So tiles and blocks may be chosen freely. */

typedef struct product {
    size_t m, n, k;
    const real *a;
    ptrdiff_t a_row, a_k;
    const real *b;
    size_t ldb;
    const real *init; /* (n), the first term of every row's chains; NULL for zero */
    int more;         /* the chains go on from C instead */
    real *c;
    size_t ldc;
} product;

enum { MAX_TILE_ROWS = 12, MAX_TILE_VECS = 8 };

/* One tile whose corner is (i, j); `tail` is the number of columns where they are fewer than a vector
 * (vecs is 1 then), else 0. rows, vecs and tail > 0 are constants once this is inlined. */
SNN_INLINE void tile(const product *p, size_t i, size_t j, int rows, int vecs, size_t tail) {
    vec acc[MAX_TILE_ROWS][MAX_TILE_VECS], b[MAX_TILE_VECS];
    const real *a = p->a + (ptrdiff_t)i * p->a_row, *b_row = p->b + j;
    const ptrdiff_t a_row = p->a_row, a_k = p->a_k;
    const size_t ldb = p->ldb, ldc = p->ldc;
    real *const c = p->c + i * ldc + j;

    if (p->more) {
        SNN_UNROLL for (int r = 0; r < rows; r++) {
            const real *from = c + (size_t)r * ldc;
            SNN_UNROLL for (int v = 0; v < vecs; v++) {
                acc[r][v] = tail ? v_load_n(from, tail) : v_load(from + v * VW);
            }
        }
    } else {
        SNN_UNROLL for (int v = 0; v < vecs; v++) {
            vec start = v_set1(0);
            if (p->init) {
                const real *init = p->init + j + (size_t)(v * VW);
                start = tail ? v_load_n(init, tail) : v_load(init);
            }
            SNN_UNROLL for (int r = 0; r < rows; r++) acc[r][v] = start;
        }
    }

    for (size_t k = p->k; k > 0; k--, a += a_k, b_row += ldb) {
        SNN_UNROLL for (int v = 0; v < vecs; v++) {
            b[v] = tail ? v_load_n(b_row, tail) : v_load(b_row + v * VW);
        }
        SNN_UNROLL for (int r = 0; r < rows; r++) {
            const vec ar = v_set1(a[r * a_row]);
            SNN_UNROLL for (int v = 0; v < vecs; v++) acc[r][v] = v_fma(ar, b[v], acc[r][v]);
        }
    }

    SNN_UNROLL for (int r = 0; r < rows; r++) {
        real *to = c + (size_t)r * ldc;
        SNN_UNROLL for (int v = 0; v < vecs; v++) {
            if (tail) {
                v_store_n(to, acc[r][v], tail);
            } else {
                v_store(to + v * VW, acc[r][v]);
            }
        }
    }
}

/* Tiles of every height up to the tallest, so that the rows of C can be shared out evenly: 13 rows are 7
 * and 6, since in 12 and 1 the last would wait for its few chains. */
typedef void tile_function(const product *p, size_t i, size_t j);
/* clang-format off */
#define SNN_TILE_HEIGHTS(X, v) \
    X(v, 1) X(v, 2) X(v, 3) X(v, 4) X(v, 5) X(v, 6) X(v, 7) X(v, 8) X(v, 9) X(v, 10) X(v, 11) X(v, 12)
/* clang-format on */
#define DEFINE(vecs, rows)                                                   \
    static void tile_##vecs##_##rows(const product *p, size_t i, size_t j) { \
        if (rows <= SNN_TILE_ROWS_##vecs) tile(p, i, j, rows, vecs, 0);      \
    }
SNN_TILE_HEIGHTS(DEFINE, 1)
SNN_TILE_HEIGHTS(DEFINE, 2)
SNN_TILE_HEIGHTS(DEFINE, 3)
SNN_TILE_HEIGHTS(DEFINE, 4)
#undef DEFINE
#define ENTRY(vecs, rows) tile_##vecs##_##rows,
static tile_function *const tiles[][MAX_TILE_ROWS] = {
    {SNN_TILE_HEIGHTS(ENTRY, 1)},
    {SNN_TILE_HEIGHTS(ENTRY, 2)},
    {SNN_TILE_HEIGHTS(ENTRY, 3)},
    {SNN_TILE_HEIGHTS(ENTRY, 4)},
};
#undef ENTRY
static const size_t tallest[] = {SNN_TILE_ROWS_1, SNN_TILE_ROWS_2, SNN_TILE_ROWS_3, SNN_TILE_ROWS_4};

/* The widest panel of columns; and that of a single row, whose `vecs` chains must hide the latency of a
 * multiply-add (4 cycles, two a cycle). */
enum { PANEL_VECS = SNN_TILE_ROWS_4 ? 4 : SNN_TILE_ROWS_3 ? 3 : 2, ROW_VECS = 8 };

/* All rows of the columns from j on, `vecs` vectors wide, in as few tiles as can be, all but equally high. */
static void panel(const product *p, size_t j, size_t vecs) {
    if (vecs == ROW_VECS) {
        tile(p, 0, j, 1, ROW_VECS, 0);
        return;
    }
    if (p->m == 0) return;
    const size_t n_tiles = (p->m + tallest[vecs - 1] - 1) / tallest[vecs - 1];
    const size_t rows = p->m / n_tiles, higher = p->m % n_tiles;
    for (size_t t = 0, i = 0; t < n_tiles; t++) {
        const size_t height = rows + (t < higher);
        tiles[vecs - 1][height - 1](p, i, j);
        i += height;
    }
}

/* The columns that are no whole vector: only callers from Python have any. */
static void panel_tail(const product *p, size_t j, size_t tail) {
    size_t i = 0;
    for (; i + 8 <= p->m; i += 8) tile(p, i, j, 8, 1, tail);
    for (; i < p->m; i++) tile(p, i, j, 1, 1, tail);
}

/* How many vectors wide the next panel is. A last vector alone would waste most of a tile: 4 + 1 is done
 * as 3 + 2. */
static size_t panel_width(size_t rows, size_t vecs) {
    if (rows == 1 && vecs >= ROW_VECS) return ROW_VECS;
    if (vecs == PANEL_VECS + 1) return PANEL_VECS - 1;
    return vecs < PANEL_VECS ? vecs : PANEL_VECS;
}

/* B is cut into blocks of DEPTH rows, so that a panel of one (1024 rows of 4 vectors of 64 bytes are 256 KiB) and the
 * part of A beside it stay in the L2 cache from tile to tile. On Zen 5, 256 to 4096 rows are equally fast.
 *
 * Rows of B that lie a multiple of CONFLICT apart meet in a few sets of every cache: of rows 8 KiB apart, L1 holds 12 and
 * L2 128. If enough tiles read them, they are copied to the stack, COPIED rows at a time. 256 × 2048 × 2048 runs at
 * 75 % of the FMA peak without copies and at 85 % with them; at 91 % with rows of 8 KiB and 64 bytes, as a network's own
 * arrays have them (scratchnn/core/topology.pyx). */
enum { DEPTH = 1024, CONFLICT = 1024, COPIED = 128, COPY_ROWS = 48 };

/* Columns [j, j + vecs · VW) by way of a copy of B's. */
static void copied_panel(const product *whole, size_t j, size_t vecs) {
    _Alignas(64) real block[COPIED * PANEL_VECS * VW];
    const real *from = whole->b + j;
    real *to = block;
    for (size_t k = 0; k < whole->k; k++, from += whole->ldb) {
        for (size_t v = 0; v < vecs; v++, to += VW) v_store(to, v_load(from + v * VW));
    }
    product p = *whole;
    p.b = block;
    p.ldb = vecs * VW;
    p.c += j;
    if (p.init) p.init += j;
    panel(&p, 0, vecs);
}

static void multiply(const product *whole) {
    const int copy = whole->m >= COPY_ROWS && whole->k > 1 && whole->ldb * sizeof(real) % CONFLICT == 0;
    const size_t depth = copy ? COPIED : DEPTH;
    product p = *whole;
    for (size_t left = whole->k;; left -= p.k) { /* once at least: without terms C is init */
        p.k = left < depth ? left : depth;
        size_t j = 0;
        for (size_t vecs = p.n / VW, width; vecs > 0; vecs -= width, j += width * VW) {
            width = panel_width(p.m, vecs);
            if (copy) {
                copied_panel(&p, j, width);
            } else {
                panel(&p, j, width);
            }
        }
        if (j < p.n) panel_tail(&p, j, p.n - j);
        if (left == p.k) return;
        p.a += (ptrdiff_t)p.k * p.a_k;
        p.b += p.k * p.ldb;
        p.more = 1;
    }
}

static void affine(size_t m, size_t n_inputs, size_t n_outputs, const void *x, ptrdiff_t x_row,
                   ptrdiff_t x_column, const void *w, size_t ldw, const void *b, void *z, size_t ldz) {
    multiply(&(product){m, n_outputs, n_inputs, x, x_row, x_column, w, ldw, b, 0, z, ldz});
}

static void grad_weights(size_t m, size_t n_inputs, size_t n_outputs, const void *x, ptrdiff_t x_row,
                         ptrdiff_t x_column, const void *dz, size_t lddz, void *dw, size_t lddw) {
    multiply(&(product){n_inputs, n_outputs, m, x, x_column, x_row, dz, lddz, NULL, 0, dw, lddw});
}

/* Rows become columns by log2 VW perfect shuffles. */
SNN_INLINE void transpose(vec *rows) {
    vec zipped[VW];
    SNN_UNROLL for (int width = VW; width > 1; width /= 2) {
        SNN_UNROLL for (int i = 0; i < VW / 2; i++) {
            zipped[2 * i] = v_zip_low(rows[i], rows[i + VW / 2]);
            zipped[2 * i + 1] = v_zip_high(rows[i], rows[i + VW / 2]);
        }
        SNN_UNROLL for (int i = 0; i < VW; i++) rows[i] = zipped[i];
    }
}

/* The columns [column, column + k) of w's rows from `row` on, as k rows of `vecs` vectors. Rows from n_rows
 * on are zeros. */
static void pack_transposed(const real *w, size_t ldw, size_t n_rows, size_t row, size_t column, size_t k,
                            size_t vecs, real *block) {
    for (size_t v = 0; v < vecs; v++, row += VW) {
        for (size_t c = 0; c < k; c += VW) {
            const size_t lanes = k - c < VW ? k - c : VW;
            vec rows[VW];
            SNN_UNROLL for (int i = 0; i < VW; i++) {
                const size_t at = row + (size_t)i;
                rows[i] = at < n_rows ? load_lanes(w + at * ldw + column + c, lanes) : v_set1(0);
            }
            transpose(rows);
            real *to = block + (c * vecs + v) * VW;
            SNN_UNROLL for (int i = 0; i < VW; i++) {
                if ((size_t)i < lanes) v_store(to + (size_t)i * vecs * VW, rows[i]);
            }
        }
    }
}

static void grad_inputs(size_t m, size_t n_inputs, size_t n_outputs, const void *dz_, ptrdiff_t dz_row,
                        ptrdiff_t dz_column, const void *w, size_t ldw, void *dx, size_t lddx,
                        size_t columns) {
    const real *dz = dz_;
    _Alignas(64) real block[COPIED * PANEL_VECS * VW];
    for (size_t j = 0; j < columns;) {
        const size_t vecs = (columns - j) / VW, tail = vecs ? 0 : columns - j;
        const size_t width = vecs ? panel_width(COPY_ROWS, vecs) : 1;
        product p = {m,     columns,    0,    NULL, dz_row,         dz_column,
                     block, width * VW, NULL, 0,    (real *)dx + j, lddx};
        size_t k0 = 0;
        do { /* once at least: without outputs dx is zero */
            p.k = n_outputs - k0 < COPIED ? n_outputs - k0 : COPIED;
            p.a = dz + (ptrdiff_t)k0 * dz_column;
            pack_transposed(w, ldw, n_inputs, j, k0, p.k, width, block);
            if (tail) {
                panel_tail(&p, 0, tail);
            } else {
                panel(&p, 0, width);
            }
            p.more = 1;
            k0 += p.k;
        } while (k0 < n_outputs);
        j += tail ? tail : width * VW;
    }
}

static void grad_biases(size_t m, size_t n, const void *dz_, size_t lddz, void *db_) {
    enum { CHAINS = 8 }; /* an addition takes 4 cycles, and two begin in each */
    const real *dz = dz_;
    real *db = db_;
    size_t j = 0;
    for (; j + CHAINS * VW <= n; j += CHAINS * VW) {
        vec sum[CHAINS];
        SNN_UNROLL for (int c = 0; c < CHAINS; c++) sum[c] = v_set1(0);
        for (size_t i = 0; i < m; i++) {
            const real *row = dz + i * lddz + j;
            SNN_UNROLL for (int c = 0; c < CHAINS; c++) sum[c] = v_add(sum[c], v_load(row + c * VW));
        }
        SNN_UNROLL for (int c = 0; c < CHAINS; c++) v_store(db + j + (size_t)(c * VW), sum[c]);
    }
    for (; j < n; j += VW) {
        const size_t lanes = n - j;
        vec sum = v_set1(0);
        for (size_t i = 0; i < m; i++) sum = v_add(sum, load_lanes(dz + i * lddz + j, lanes));
        store_lanes(db + j, sum, lanes);
    }
}
