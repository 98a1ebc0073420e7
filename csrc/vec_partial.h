/* The first n lanes of a vector, through the stack: for instruction sets without masked memory access. */
SNN_INLINE vec v_load_n(const real *p, size_t n) {
    real lanes[VW] = {0};
    for (size_t i = 0; i < n; i++) lanes[i] = p[i];
    return v_load(lanes);
}
SNN_INLINE void v_store_n(real *p, vec a, size_t n) {
    real lanes[VW];
    v_store(lanes, a);
    for (size_t i = 0; i < n; i++) p[i] = lanes[i];
}
