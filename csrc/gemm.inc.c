/* The three products of training are one:  C (m, n) = init + A (m, k) · B (k, n),  where B and C are
 * row-major with unit column stride and A has any strides, since its elements are broadcast one by one.
 *
 * The micro-kernel keeps a tile of C, `rows` × `vecs` vectors, in registers while it runs over the whole
 * of k: per step it loads `vecs` vectors of B and broadcasts `rows` elements of A for rows · vecs
 * multiply-adds. Tile heights stand in vec_*.h with their reason. Every element of C is one chain
 * over ascending k, whatever the tile, so tiles may be chosen freely. */

typedef struct product {
    size_t m, n, k;
    const real *a;
    ptrdiff_t a_row, a_k;
    const real *b;
    size_t ldb;
    const real *init; /* (n), the first term of every row's chains; NULL for zero */
    real *c;
    size_t ldc;
} product;

enum { MAX_TILE_ROWS = 24, MAX_TILE_VECS = 4 };

/* One tile whose corner is (i, j); `tail` is the number of columns where they are fewer than a vector
 * (vecs is 1 then), else 0. rows, vecs and tail > 0 are constants once this is inlined. */
SNN_INLINE void tile(const product *p, size_t i, size_t j, int rows, int vecs, size_t tail) {
    vec acc[MAX_TILE_ROWS][MAX_TILE_VECS], b[MAX_TILE_VECS];

    SNN_UNROLL for (int v = 0; v < vecs; v++) {
        vec start = v_set1(0);
        if (p->init) {
            const real *init = p->init + j + (size_t)(v * VW);
            start = tail ? v_load_n(init, tail) : v_load(init);
        }
        SNN_UNROLL for (int r = 0; r < rows; r++) acc[r][v] = start;
    }

    const real *a = p->a + (ptrdiff_t)i * p->a_row, *b_row = p->b + j;
    const ptrdiff_t a_row = p->a_row, a_k = p->a_k;
    for (size_t k = p->k; k > 0; k--, a += a_k, b_row += p->ldb) {
        SNN_UNROLL for (int v = 0; v < vecs; v++) {
            b[v] = tail ? v_load_n(b_row, tail) : v_load(b_row + v * VW);
        }
        SNN_UNROLL for (int r = 0; r < rows; r++) {
            const vec ar = v_set1(a[r * a_row]);
            SNN_UNROLL for (int v = 0; v < vecs; v++) acc[r][v] = v_fma(ar, b[v], acc[r][v]);
        }
    }

    SNN_UNROLL for (int r = 0; r < rows; r++) {
        real *c = p->c + (i + (size_t)r) * p->ldc + j;
        SNN_UNROLL for (int v = 0; v < vecs; v++) {
            if (tail) {
                v_store_n(c, acc[r][v], tail);
            } else {
                v_store(c + v * VW, acc[r][v]);
            }
        }
    }
}

/* All rows of the columns from j on, `vecs` vectors wide: full tiles, then a few of halving height. */
SNN_INLINE void panel(const product *p, size_t j, int rows, int vecs, size_t tail) {
    size_t i = 0;
    for (; i + (size_t)rows <= p->m; i += (size_t)rows) tile(p, i, j, rows, vecs, tail);
#define REMAINDER(height)                      \
    if (height < rows && p->m - i >= height) { \
        tile(p, i, j, height, vecs, tail);     \
        i += height;                           \
    }
    REMAINDER(16)
    REMAINDER(8)
    REMAINDER(4)
    REMAINDER(2)
    REMAINDER(1)
#undef REMAINDER
}

static void panel_1(const product *p, size_t j) { panel(p, j, SNN_TILE_ROWS_1, 1, 0); }
static void panel_2(const product *p, size_t j) { panel(p, j, SNN_TILE_ROWS_2, 2, 0); }
#if SNN_TILE_ROWS_3
static void panel_3(const product *p, size_t j) { panel(p, j, SNN_TILE_ROWS_3, 3, 0); }
#endif
#if SNN_TILE_ROWS_4
static void panel_4(const product *p, size_t j) { panel(p, j, SNN_TILE_ROWS_4, 4, 0); }
#endif
static void panel_tail(const product *p, size_t j, size_t tail) { panel(p, j, SNN_TILE_ROWS_1, 1, tail); }

static void (*const panels[])(const product *, size_t) = {
    NULL,    panel_1, panel_2,
#if SNN_TILE_ROWS_3
    panel_3,
#endif
#if SNN_TILE_ROWS_4
    panel_4,
#endif
};
enum { WIDEST_PANEL = (int)(sizeof panels / sizeof *panels) - 1 };

/* The widest panels first, but a last vector alone would waste most of a tile: 4 + 1 is done as 3 + 2. */
static void multiply(const product *p) {
    size_t j = 0;
    for (size_t vecs = p->n / VW; vecs > 0;) {
        size_t width = vecs < WIDEST_PANEL ? vecs : WIDEST_PANEL;
        if (vecs == WIDEST_PANEL + 1) width = WIDEST_PANEL - 1;
        panels[width](p, j);
        j += width * VW;
        vecs -= width;
    }
    if (j < p->n) panel_tail(p, j, p->n - j);
}

static void affine(size_t m, size_t n_inputs, size_t n_outputs, const void *x, ptrdiff_t x_row,
                   ptrdiff_t x_column, const void *w, size_t ldw, const void *b, void *z, size_t ldz) {
    multiply(&(product){m, n_outputs, n_inputs, x, x_row, x_column, w, ldw, b, z, ldz});
}

static void grad_weights(size_t m, size_t n_inputs, size_t n_outputs, const void *x, ptrdiff_t x_row,
                         ptrdiff_t x_column, const void *dz, size_t lddz, void *dw, size_t lddw) {
    multiply(&(product){n_inputs, n_outputs, m, x, x_column, x_row, dz, lddz, NULL, dw, lddw});
}

static void grad_inputs(size_t m, size_t n_inputs, size_t n_outputs, const void *dz, ptrdiff_t dz_row,
                        ptrdiff_t dz_column, const void *mirror, size_t ldmirror, void *dx, size_t lddx) {
    multiply(&(product){m, n_inputs, n_outputs, dz, dz_row, dz_column, mirror, ldmirror, NULL, dx, lddx});
}

static void grad_biases(size_t m, size_t n, const void *dz_, size_t lddz, void *db_) {
    const real *dz = dz_;
    real *db = db_;
    for (size_t j = 0; j < n; j += VW) {
        const size_t lanes = n - j < VW ? n - j : VW;
        vec sum = v_set1(0);
        for (size_t i = 0; i < m; i++) sum = v_add(sum, load_lanes(dz + i * lddz + j, lanes));
        store_lanes(db + j, sum, lanes);
    }
}

static void transpose(size_t m, size_t n, const void *a_, size_t lda, void *t_, size_t ldt) {
    enum { BLOCK = 16 }; /* a block's rows and columns are a cache line of float32 each */
    const real *a = a_;
    real *t = t_;
    for (size_t i0 = 0; i0 < m; i0 += BLOCK) {
        const size_t i1 = i0 + BLOCK < m ? i0 + BLOCK : m;
        for (size_t j0 = 0; j0 < n; j0 += BLOCK) {
            const size_t j1 = j0 + BLOCK < n ? j0 + BLOCK : n;
            for (size_t j = j0; j < j1; j++) {
                for (size_t i = i0; i < i1; i++) t[j * ldt + i] = a[i * lda + j];
            }
        }
    }
}
