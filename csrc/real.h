/* The element type of one compilation: a file in isa/ defines SNN_REAL_BITS as 32 or 64. */
#ifndef SNN_REAL_H
#define SNN_REAL_H

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "coefficients.h"
#include "kernels.h"

#if SNN_REAL_BITS == 32
typedef float real;
typedef uint32_t bits;
#define SNN_DTYPE "float32"
#define REAL_MAX FLT_MAX
#define REAL_MIN FLT_MIN
#define SNN_MANTISSA_BITS 23
#define SNN_COEFFICIENTS(name) SNN_##name##_FLOAT
#else
typedef double real;
typedef uint64_t bits;
#define SNN_DTYPE "float64"
#define REAL_MAX DBL_MAX
#define REAL_MIN DBL_MIN
#define SNN_MANTISSA_BITS 52
#define SNN_COEFFICIENTS(name) SNN_##name##_DOUBLE
#endif

#if defined(_MSC_VER) && !defined(__clang__)
#define SNN_INLINE static __forceinline
#define SNN_APART static __declspec(noinline)
#define SNN_UNROLL
#elif defined(__clang__)
#define SNN_INLINE static inline __attribute__((always_inline, unused))
#define SNN_APART static __attribute__((noinline))
#define SNN_UNROLL _Pragma("clang loop unroll(full)")
#else
#define SNN_INLINE static inline __attribute__((always_inline, unused))
#define SNN_APART static __attribute__((noinline)) /* and its constants out of the caller's registers */
#define SNN_UNROLL _Pragma("GCC unroll 32")
#endif

#endif
