/* AVX-512 (F, BW, DQ, VL): 32 registers of 64 bytes. See vec.md for what each name means. */
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), \
                             apply_to = function)
#define SNN_TARGET_PUSHED
#elif defined(__GNUC__)
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#endif

#define SNN_ISA "avx512"

/* 24 accumulators of 32 registers leave room for a row of B and the broadcast; two FMA units of
 * latency 4 need at least 8. */
#define SNN_TILE_ROWS_1 12
#define SNN_TILE_ROWS_2 12
#define SNN_TILE_ROWS_3 8
#define SNN_TILE_ROWS_4 6

#if SNN_REAL_BITS == 32
enum { VW = 16 };
typedef __m512 vec;
typedef __mmask16 vmask;
typedef int32_t lane;
#define V(op) _mm512_##op##_ps
#define VI(op) _mm512_##op##_epi32
#define V_BITS _mm512_castps_si512
#define V_FROM_BITS _mm512_castsi512_ps
#define V_COMPARE _mm512_cmp_ps_mask
#else
enum { VW = 8 };
typedef __m512d vec;
typedef __mmask8 vmask;
typedef int64_t lane;
#define V(op) _mm512_##op##_pd
#define VI(op) _mm512_##op##_epi64
#define V_BITS _mm512_castpd_si512
#define V_FROM_BITS _mm512_castsi512_pd
#define V_COMPARE _mm512_cmp_pd_mask
#endif
typedef __m512i vint;

SNN_INLINE vmask v_first(size_t n) { return (vmask)((1u << n) - 1u); }

SNN_INLINE vec v_set1(real x) { return V(set1)(x); }
SNN_INLINE vec v_load(const real *p) { return V(loadu)(p); }
SNN_INLINE void v_store(real *p, vec a) { V(storeu)(p, a); }
SNN_INLINE vec v_load_n(const real *p, size_t n) { return V(maskz_loadu)(v_first(n), p); }
SNN_INLINE void v_store_n(real *p, vec a, size_t n) { V(mask_storeu)(p, v_first(n), a); }

SNN_INLINE vec v_add(vec a, vec b) { return V(add)(a, b); }
SNN_INLINE vec v_sub(vec a, vec b) { return V(sub)(a, b); }
SNN_INLINE vec v_mul(vec a, vec b) { return V(mul)(a, b); }
SNN_INLINE vec v_div(vec a, vec b) { return V(div)(a, b); }
SNN_INLINE vec v_sqrt(vec a) { return V(sqrt)(a); }
SNN_INLINE vec v_abs(vec a) { return V(abs)(a); }
SNN_INLINE vec v_fma(vec a, vec b, vec c) { return V(fmadd)(a, b, c); }
SNN_INLINE vec v_fnma(vec a, vec b, vec c) { return V(fnmadd)(a, b, c); }
SNN_INLINE vec v_max(vec a, vec b) { return V(max)(a, b); }
SNN_INLINE vec v_min(vec a, vec b) { return V(min)(a, b); }

SNN_INLINE vmask v_gt(vec a, vec b) { return V_COMPARE(a, b, _CMP_GT_OQ); }
SNN_INLINE vec v_select(vmask m, vec a, vec b) { return V(mask_blend)(m, b, a); }
SNN_INLINE vec v_copysign(vec a, vec b) {
    const vec sign = V(set1)((real)-0.0);
    return V(or)(V(andnot)(sign, a), V(and)(sign, b));
}

SNN_INLINE vint zip_lanes(int first) {
    lane places[VW];
    for (int i = 0; i < VW; i++) places[i] = (lane)(first + i / 2 + (i % 2 ? VW : 0));
    return _mm512_loadu_si512(places);
}
SNN_INLINE vec v_zip_low(vec a, vec b) { return V(permutex2var)(a, zip_lanes(0), b); }
SNN_INLINE vec v_zip_high(vec a, vec b) { return V(permutex2var)(a, zip_lanes(VW / 2), b); }

SNN_INLINE vec v_down(vec a, int count) {
    lane places[VW];
    for (int i = 0; i < VW; i++) places[i] = (lane)(i + count);
    return V(permutexvar)(_mm512_loadu_si512(places), a);
}

SNN_INLINE vint v_bits(vec a) { return V_BITS(a); }
SNN_INLINE vec v_from_bits(vint a) { return V_FROM_BITS(a); }
SNN_INLINE vint vi_set1(bits x) { return VI(set1)(x); }
SNN_INLINE vint vi_add(vint a, vint b) { return VI(add)(a, b); }
SNN_INLINE vint vi_sub(vint a, vint b) { return VI(sub)(a, b); }
SNN_INLINE vint vi_shift_left(vint a, int count) { return VI(slli)(a, (unsigned)count); }
SNN_INLINE vint vi_shift_right(vint a, int count) { return VI(srli)(a, (unsigned)count); }
