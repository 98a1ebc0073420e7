/* Whole vectors, as L-BFGS needs them. The arithmetic is in double and unfused whatever the element, so that every
 * table gives the same bits, "portable" too. Loops are plain: compilers make vectors of them, conversions included,
 * and 100 GB/s is more than memory has. */

/* As many chains as fill the latency of an addition in 64-byte vectors, and the registers of 16-byte ones. */
enum { DOT_LANES = 16 };

static double dot(size_t n, const void *x_, const void *y_) {
    const real *x = x_, *y = y_;
    double sum[DOT_LANES] = {0};
    size_t i = 0;
    for (; i + DOT_LANES <= n; i += DOT_LANES) {
        for (size_t j = 0; j < DOT_LANES; j++) sum[j] += (double)x[i + j] * (double)y[i + j];
    }
    for (size_t j = 0; i + j < n; j++) sum[j] += (double)x[i + j] * (double)y[i + j];
    for (size_t lanes = DOT_LANES / 2; lanes > 0; lanes /= 2) {
        for (size_t j = 0; j < lanes; j++) sum[j] += sum[j + lanes];
    }
    return sum[0];
}

static void axpby(size_t n, double a, const void *x_, double b, const void *y_, void *out_) {
    const real *x = x_, *y = y_;
    real *out = out_;
    for (size_t i = 0; i < n; i++) out[i] = (real)(a * (double)x[i] + b * (double)y[i]);
}

static double max_abs(size_t n, const void *x_) {
    const real *x = x_;
    vec most = v_set1(0);
    for (size_t i = 0; i < n; i += VW) most = v_max(most, v_abs(load_lanes(x + i, n - i)));
    real lanes[VW];
    v_store(lanes, most);
    for (int i = 1; i < VW; i++) {
        if (lanes[i] > lanes[0]) lanes[0] = lanes[i];
    }
    return (double)lanes[0];
}
