/* Any CPU, in plain C: 16-byte vectors where the compiler has them, single elements elsewhere.
 * See vec.md. The compiler's baseline decides whether v_fma is rounded once or twice. */
#define SNN_ISA "portable"

/* Few registers are assumed (x86-64 without AVX has 16, and needs one more for each product). */
#define SNN_TILE_ROWS_1 8
#define SNN_TILE_ROWS_2 4
#define SNN_TILE_ROWS_3 0
#define SNN_TILE_ROWS_4 0

#if defined(__GNUC__)
enum { VW = 16 / sizeof(real) };
typedef real vec __attribute__((vector_size(16)));
typedef bits vint __attribute__((vector_size(16)));
#define LANE(v, i) (v)[i]
#else
enum { VW = 1 };
typedef real vec;
typedef bits vint;
#define LANE(v, i) (v)
#endif
typedef vint vmask; /* all bits of a lane set or none */

SNN_INLINE vint v_bits(vec a) {
    vint b;
    memcpy(&b, &a, sizeof b);
    return b;
}
SNN_INLINE vec v_from_bits(vint a) {
    vec b;
    memcpy(&b, &a, sizeof b);
    return b;
}

SNN_INLINE vec v_load(const real *p) {
    vec a;
    memcpy(&a, p, sizeof a);
    return a;
}
SNN_INLINE void v_store(real *p, vec a) { memcpy(p, &a, sizeof a); }
#include "vec_partial.h"
SNN_INLINE vec v_set1(real x) {
    real lanes[VW];
    for (int i = 0; i < VW; i++) lanes[i] = x;
    return v_load(lanes);
}
SNN_INLINE vint vi_set1(bits x) {
    bits lanes[VW];
    for (int i = 0; i < VW; i++) lanes[i] = x;
    vint a;
    memcpy(&a, lanes, sizeof a);
    return a;
}

SNN_INLINE vec v_add(vec a, vec b) { return a + b; }
SNN_INLINE vec v_sub(vec a, vec b) { return a - b; }
SNN_INLINE vec v_mul(vec a, vec b) { return a * b; }
SNN_INLINE vec v_div(vec a, vec b) { return a / b; }
SNN_INLINE vec v_sqrt(vec a) {
    for (int i = 0; i < VW; i++) LANE(a, i) = (real)sqrt((double)LANE(a, i));
    return a;
}
#ifdef FP_FAST_FMA /* the baseline has the instruction: rounded once, as in the other tables */
SNN_INLINE vec v_fma(vec a, vec b, vec c) {
    for (int i = 0; i < VW; i++)
        LANE(c, i) = sizeof(real) == 4 ? (real)fmaf((float)LANE(a, i), (float)LANE(b, i), (float)LANE(c, i))
                                       : (real)fma(LANE(a, i), LANE(b, i), LANE(c, i));
    return c;
}
#else
SNN_INLINE vec v_fma(vec a, vec b, vec c) { return a * b + c; }
#endif
SNN_INLINE vec v_fnma(vec a, vec b, vec c) { return v_fma(-a, b, c); }

#if defined(__GNUC__)
SNN_INLINE vmask v_gt(vec a, vec b) { return (vmask)(a > b); }
#else
SNN_INLINE vmask v_gt(vec a, vec b) { return a > b ? ~(bits)0 : 0; }
#endif
SNN_INLINE vec v_select(vmask m, vec a, vec b) { return v_from_bits((m & v_bits(a)) | (~m & v_bits(b))); }
SNN_INLINE vec v_max(vec a, vec b) { return v_select(v_gt(a, b), a, b); }
SNN_INLINE vec v_min(vec a, vec b) { return v_select(v_gt(b, a), a, b); }

SNN_INLINE vint sign_bit(void) { return vi_set1((bits)1 << (8 * sizeof(real) - 1)); }
SNN_INLINE vec v_abs(vec a) { return v_from_bits(v_bits(a) & ~sign_bit()); }
SNN_INLINE vec v_copysign(vec a, vec b) { return v_select(sign_bit(), b, a); }

SNN_INLINE vmask v_first(size_t n) {
    bits lanes[VW];
    for (size_t i = 0; i < VW; i++) lanes[i] = i < n ? ~(bits)0 : 0;
    vmask mask;
    memcpy(&mask, lanes, sizeof mask);
    return mask;
}
SNN_INLINE vec v_down(vec a, int count) {
    real lanes[VW], moved[VW];
    v_store(lanes, a);
    for (int i = 0; i < VW; i++) moved[i] = lanes[(i + count) % VW];
    return v_load(moved);
}
SNN_INLINE vec zip_from(int first, vec a, vec b) {
    real x[VW], y[VW], lanes[VW];
    v_store(x, a);
    v_store(y, b);
    for (int i = 0; i < VW; i++) lanes[i] = i % 2 ? y[first + i / 2] : x[first + i / 2];
    return v_load(lanes);
}
SNN_INLINE vec v_zip_low(vec a, vec b) { return zip_from(0, a, b); }
SNN_INLINE vec v_zip_high(vec a, vec b) { return zip_from(VW / 2, a, b); }

SNN_INLINE vint vi_add(vint a, vint b) { return a + b; }
SNN_INLINE vint vi_sub(vint a, vint b) { return a - b; }
SNN_INLINE vint vi_shift_left(vint a, int count) { return a << count; }
SNN_INLINE vint vi_shift_right(vint a, int count) { return a >> count; }
