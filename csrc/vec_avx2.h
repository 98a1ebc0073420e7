/* AVX2 with FMA: 16 registers of 32 bytes. See vec.md for what each name means. */
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define SNN_TARGET_PUSHED
#elif defined(__GNUC__)
#pragma GCC target("avx2,fma")
#endif

#define SNN_ISA "avx2"

/* 12 accumulators of 16 registers leave room for a row of B and the broadcast. */
#define SNN_TILE_ROWS_1 12
#define SNN_TILE_ROWS_2 6
#define SNN_TILE_ROWS_3 4
#define SNN_TILE_ROWS_4 0

#if SNN_REAL_BITS == 32
enum { VW = 8 };
typedef __m256 vec;
typedef int32_t lane;
#define V(op) _mm256_##op##_ps
#define VI(op) _mm256_##op##_epi32
#define V_BITS _mm256_castps_si256
#define V_FROM_BITS _mm256_castsi256_ps
#define V_SET1_BITS _mm256_set1_epi32
#define V_HALVES _mm256_permute2f128_ps
#else
enum { VW = 4 };
typedef __m256d vec;
typedef int64_t lane;
#define V(op) _mm256_##op##_pd
#define VI(op) _mm256_##op##_epi64
#define V_BITS _mm256_castpd_si256
#define V_FROM_BITS _mm256_castsi256_pd
#define V_SET1_BITS _mm256_set1_epi64x
#define V_HALVES _mm256_permute2f128_pd
#endif
typedef __m256i vint;
typedef vec vmask;

SNN_INLINE vint first_lanes(size_t n) {
    /* clang-format off */
    static const lane ones_then_zeros[2 * VW] = {-1, -1, -1, -1,
#if SNN_REAL_BITS == 32
                                                 -1, -1, -1, -1
#endif
    };
    /* clang-format on */
    return _mm256_loadu_si256((const __m256i *)(ones_then_zeros + VW - n));
}

SNN_INLINE vmask v_first(size_t n) { return V_FROM_BITS(first_lanes(n)); }

SNN_INLINE vec v_set1(real x) { return V(set1)(x); }
SNN_INLINE vec v_load(const real *p) { return V(loadu)(p); }
SNN_INLINE void v_store(real *p, vec a) { V(storeu)(p, a); }
SNN_INLINE vec v_load_n(const real *p, size_t n) { return V(maskload)(p, first_lanes(n)); }
SNN_INLINE void v_store_n(real *p, vec a, size_t n) { V(maskstore)(p, first_lanes(n), a); }

SNN_INLINE vec v_add(vec a, vec b) { return V(add)(a, b); }
SNN_INLINE vec v_sub(vec a, vec b) { return V(sub)(a, b); }
SNN_INLINE vec v_mul(vec a, vec b) { return V(mul)(a, b); }
SNN_INLINE vec v_div(vec a, vec b) { return V(div)(a, b); }
SNN_INLINE vec v_sqrt(vec a) { return V(sqrt)(a); }
SNN_INLINE vec v_abs(vec a) { return V(andnot)(V(set1)((real)-0.0), a); }
SNN_INLINE vec v_fma(vec a, vec b, vec c) { return V(fmadd)(a, b, c); }
SNN_INLINE vec v_fnma(vec a, vec b, vec c) { return V(fnmadd)(a, b, c); }
SNN_INLINE vec v_max(vec a, vec b) { return V(max)(a, b); }
SNN_INLINE vec v_min(vec a, vec b) { return V(min)(a, b); }

SNN_INLINE vmask v_gt(vec a, vec b) { return V(cmp)(a, b, _CMP_GT_OQ); }
SNN_INLINE vec v_select(vmask m, vec a, vec b) { return V(blendv)(b, a, m); }
SNN_INLINE vec v_copysign(vec a, vec b) {
    const vec sign = V(set1)((real)-0.0);
    return V(or)(V(andnot)(sign, a), V(and)(sign, b));
}

SNN_INLINE vec v_zip_low(vec a, vec b) { return V_HALVES(V(unpacklo)(a, b), V(unpackhi)(a, b), 0x20); }
SNN_INLINE vec v_zip_high(vec a, vec b) { return V_HALVES(V(unpacklo)(a, b), V(unpackhi)(a, b), 0x31); }

/* In 32-bit lanes, for which alone AVX2 has a free choice. */
SNN_INLINE vec v_down(vec a, int count) {
    int32_t places[8];
    for (int i = 0; i < 8; i++) places[i] = (i + count * (8 / VW)) % 8;
    return V_FROM_BITS(_mm256_permutevar8x32_epi32(V_BITS(a), _mm256_loadu_si256((const __m256i *)places)));
}

SNN_INLINE vint v_bits(vec a) { return V_BITS(a); }
SNN_INLINE vec v_from_bits(vint a) { return V_FROM_BITS(a); }
SNN_INLINE vint vi_set1(bits x) { return V_SET1_BITS((lane)x); }
SNN_INLINE vint vi_add(vint a, vint b) { return VI(add)(a, b); }
SNN_INLINE vint vi_sub(vint a, vint b) { return VI(sub)(a, b); }
SNN_INLINE vint vi_shift_left(vint a, int count) { return VI(slli)(a, count); }
SNN_INLINE vint vi_shift_right(vint a, int count) { return VI(srli)(a, count); }
