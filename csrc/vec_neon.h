/* NEON of 64-bit Arm, which every such CPU has: 32 registers of 16 bytes. See vec.md. */
#include <arm_neon.h>

#define SNN_ISA "neon"

/* As for AVX-512: 24 accumulators of 32 registers. */
#define SNN_TILE_ROWS_1 12
#define SNN_TILE_ROWS_2 12
#define SNN_TILE_ROWS_3 8
#define SNN_TILE_ROWS_4 6

#if SNN_REAL_BITS == 32
enum { VW = 4 };
typedef float32x4_t vec;
typedef uint32x4_t vint;
#define V(op) v##op##q_f32
#define VI(op) v##op##q_u32
#define V_SET1 vdupq_n_f32
#define VI_SET1 vdupq_n_u32
#define V_SHIFT_COUNT vdupq_n_s32
#define V_BITS vreinterpretq_u32_f32
#define V_FROM_BITS vreinterpretq_f32_u32
#define V_SIGN 0x80000000u
#define SNN_ALL_ONES ~0u, ~0u, ~0u, ~0u
#else
enum { VW = 2 };
typedef float64x2_t vec;
typedef uint64x2_t vint;
#define V(op) v##op##q_f64
#define VI(op) v##op##q_u64
#define V_SET1 vdupq_n_f64
#define VI_SET1 vdupq_n_u64
#define V_SHIFT_COUNT vdupq_n_s64
#define V_BITS vreinterpretq_u64_f64
#define V_FROM_BITS vreinterpretq_f64_u64
#define V_SIGN 0x8000000000000000u
#define SNN_ALL_ONES ~(bits)0, ~(bits)0
#endif
typedef vint vmask;

SNN_INLINE vmask v_first(size_t n) {
    static const bits ones_then_zeros[2 * VW] = {SNN_ALL_ONES};
    return VI(ld1)(ones_then_zeros + VW - n);
}

SNN_INLINE vec v_set1(real x) { return V_SET1(x); }
SNN_INLINE vec v_load(const real *p) { return V(ld1)(p); }
SNN_INLINE void v_store(real *p, vec a) { V(st1)(p, a); }
#include "vec_partial.h"

SNN_INLINE vec v_add(vec a, vec b) { return V(add)(a, b); }
SNN_INLINE vec v_sub(vec a, vec b) { return V(sub)(a, b); }
SNN_INLINE vec v_mul(vec a, vec b) { return V(mul)(a, b); }
SNN_INLINE vec v_div(vec a, vec b) { return V(div)(a, b); }
SNN_INLINE vec v_sqrt(vec a) { return V(sqrt)(a); }
SNN_INLINE vec v_abs(vec a) { return V(abs)(a); }
SNN_INLINE vec v_fma(vec a, vec b, vec c) { return V(fma)(c, a, b); }
SNN_INLINE vec v_fnma(vec a, vec b, vec c) { return V(fms)(c, a, b); }

SNN_INLINE vmask v_gt(vec a, vec b) { return V(cgt)(a, b); }
SNN_INLINE vec v_select(vmask m, vec a, vec b) { return V(bsl)(m, a, b); }
SNN_INLINE vec v_max(vec a, vec b) { return v_select(v_gt(a, b), a, b); }
SNN_INLINE vec v_min(vec a, vec b) { return v_select(v_gt(b, a), a, b); }
SNN_INLINE vec v_copysign(vec a, vec b) { return v_select(VI_SET1(V_SIGN), b, a); }

SNN_INLINE vec v_zip_low(vec a, vec b) { return V(zip1)(a, b); }
SNN_INLINE vec v_zip_high(vec a, vec b) { return V(zip2)(a, b); }

#if SNN_REAL_BITS == 32
SNN_INLINE vec v_down(vec a, int count) { return count == 2 ? vextq_f32(a, a, 2) : vextq_f32(a, a, 1); }
#else
SNN_INLINE vec v_down(vec a, int count) { return (void)count, vextq_f64(a, a, 1); }
#endif

SNN_INLINE vint v_bits(vec a) { return V_BITS(a); }
SNN_INLINE vec v_from_bits(vint a) { return V_FROM_BITS(a); }
SNN_INLINE vint vi_set1(bits x) { return VI_SET1(x); }
SNN_INLINE vint vi_add(vint a, vint b) { return VI(add)(a, b); }
SNN_INLINE vint vi_sub(vint a, vint b) { return VI(sub)(a, b); }
SNN_INLINE vint vi_shift_left(vint a, int count) { return VI(shl)(a, V_SHIFT_COUNT(count)); }
SNN_INLINE vint vi_shift_right(vint a, int count) { return VI(shl)(a, V_SHIFT_COUNT(-count)); }
