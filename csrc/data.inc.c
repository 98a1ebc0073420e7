/* Getting data ready for a step: rows of any type and stride into a batch, labels into one-hot rows, all scaled where
 * that is asked for; and outputs back into the units of the data. */

SNN_INLINE double element(const char *place, snn_source type) {
    switch (type) {
        case SNN_FLOAT32: {
            float x;
            memcpy(&x, place, sizeof x); /* a view may be unaligned */
            return x;
        }
        case SNN_FLOAT64: {
            double x;
            memcpy(&x, place, sizeof x);
            return x;
        }
        case SNN_UINT8:
            break;
    }
    return *(const uint8_t *)place;
}

/* In double, since a shift may take most digits of a number away. */
SNN_INLINE real scaled(double x, const double *shift, const double *scale, size_t column) {
    return (real)(shift ? (x - shift[column]) * scale[column] : x);
}

SNN_INLINE void gather_row(size_t n, const char *row, snn_source type, ptrdiff_t column_bytes,
                           const double *shift, const double *scale, real *out) {
    for (size_t j = 0; j < n; j++, row += column_bytes) out[j] = scaled(element(row, type), shift, scale, j);
}

/* Constant types and strides let the compiler make vector loops of the common cases. */
SNN_INLINE void gather_rows(size_t m, size_t n, const void *source, snn_source type, ptrdiff_t row_bytes,
                            ptrdiff_t column_bytes, const int64_t *rows, const double *shift,
                            const double *scale, real *out, size_t ldo) {
    for (size_t i = 0; i < m; i++, out += ldo) {
        const char *row = (const char *)source + (rows ? (ptrdiff_t)rows[i] : (ptrdiff_t)i) * row_bytes;
        if (type == SNN_FLOAT32 && column_bytes == sizeof(float)) {
            gather_row(n, row, SNN_FLOAT32, sizeof(float), shift, scale, out);
        } else if (type == SNN_FLOAT64 && column_bytes == sizeof(double)) {
            gather_row(n, row, SNN_FLOAT64, sizeof(double), shift, scale, out);
        } else if (type == SNN_UINT8 && column_bytes == 1) {
            gather_row(n, row, SNN_UINT8, 1, shift, scale, out);
        } else {
            gather_row(n, row, type, column_bytes, shift, scale, out);
        }
    }
}

static void gather(size_t m, size_t n, const void *source, snn_source type, ptrdiff_t row_bytes,
                   ptrdiff_t column_bytes, const int64_t *rows, const double *shift, const double *scale,
                   void *out, size_t ldo) {
    if (shift) {
        gather_rows(m, n, source, type, row_bytes, column_bytes, rows, shift, scale, out, ldo);
    } else {
        gather_rows(m, n, source, type, row_bytes, column_bytes, rows, NULL, NULL, out, ldo);
    }
}

static void gather_sparse(size_t m, size_t n, const void *data, snn_source type, const int64_t *starts,
                          const int64_t *columns, const int64_t *rows, const double *shift,
                          const double *scale, void *out_, size_t ldo) {
    real *out = out_;
    const size_t size = type == SNN_FLOAT32 ? sizeof(float) : sizeof(double);
    for (size_t i = 0; i < m; i++, out += ldo) {
        const int64_t row = rows ? rows[i] : (int64_t)i;
        for (size_t j = 0; j < n; j++) out[j] = scaled(0, shift, scale, j);
        for (int64_t k = starts[row]; k < starts[row + 1]; k++) {
            const size_t j = (size_t)columns[k];
            out[j] = scaled(element((const char *)data + (size_t)k * size, type), shift, scale, j);
        }
    }
}

static void gather_labels(size_t m, size_t n, const int64_t *labels, const int64_t *rows, void *out_,
                          size_t ldo) {
    real *out = out_;
    for (size_t i = 0; i < m; i++, out += ldo) {
        for (size_t j = 0; j < n; j++) out[j] = 0;
        out[labels[rows ? rows[i] : (int64_t)i]] = 1;
    }
}

static void unscale(size_t m, size_t n, void *a_, size_t lda, const double *shift, const double *scale,
                    double low, double high) {
    real *a = a_;
    for (size_t i = 0; i < m; i++, a += lda) {
        for (size_t j = 0; j < n; j++) {
            const double x = a[j] / scale[j] + shift[j];
            a[j] = (real)(x < low ? low : x > high ? high : x); /* NaN stays */
        }
    }
}

/* x - x is 0 for finite x and NaN for the others; sums of it stay what they are. */
static int all_finite(size_t n, const void *x_) {
    const real *x = x_;
    vec sum = v_set1(0);
    for (size_t i = 0; i < n; i += VW) {
        const vec a = load_lanes(x + i, n - i);
        sum = v_add(sum, v_sub(a, a));
    }
    real lanes[VW];
    v_store(lanes, sum);
    for (int i = 0; i < VW; i++) {
        if (lanes[i] != 0) return 0;
    }
    return 1;
}
