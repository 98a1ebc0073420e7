/* Getting data ready for a step: rows of any type and stride into a batch, labels into one-hot rows. */

SNN_INLINE void gather_row(size_t n, const char *row, snn_source type, ptrdiff_t column_bytes, real *out) {
    for (size_t j = 0; j < n; j++, row += column_bytes) {
        switch (type) {
            case SNN_FLOAT32: {
                float x;
                memcpy(&x, row, sizeof x); /* a view may be unaligned */
                out[j] = (real)x;
                break;
            }
            case SNN_FLOAT64: {
                double x;
                memcpy(&x, row, sizeof x);
                out[j] = (real)x;
                break;
            }
            case SNN_UINT8:
                out[j] = (real) * (const uint8_t *)row;
                break;
        }
    }
}

static void gather(size_t m, size_t n, const void *source, snn_source type, ptrdiff_t row_bytes,
                   ptrdiff_t column_bytes, const int64_t *rows, void *out_, size_t ldo) {
    real *out = out_;
    for (size_t i = 0; i < m; i++, out += ldo) {
        const char *row = (const char *)source + (rows ? (ptrdiff_t)rows[i] : (ptrdiff_t)i) * row_bytes;
        /* Constant types and strides let the compiler make vector loops of the common cases. */
        if (type == SNN_FLOAT32 && column_bytes == sizeof(float)) {
            gather_row(n, row, SNN_FLOAT32, sizeof(float), out);
        } else if (type == SNN_FLOAT64 && column_bytes == sizeof(double)) {
            gather_row(n, row, SNN_FLOAT64, sizeof(double), out);
        } else if (type == SNN_UINT8 && column_bytes == 1) {
            gather_row(n, row, SNN_UINT8, 1, out);
        } else {
            gather_row(n, row, type, column_bytes, out);
        }
    }
}

static void gather_sparse(size_t m, size_t n, const void *data, snn_source type, const int64_t *starts,
                          const int64_t *columns, const int64_t *rows, void *out_, size_t ldo) {
    real *out = out_;
    for (size_t i = 0; i < m; i++, out += ldo) {
        const int64_t row = rows ? rows[i] : (int64_t)i;
        for (size_t j = 0; j < n; j++) out[j] = 0;
        for (int64_t k = starts[row]; k < starts[row + 1]; k++) {
            out[columns[k]] =
                type == SNN_FLOAT32 ? (real)((const float *)data)[k] : (real)((const double *)data)[k];
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
