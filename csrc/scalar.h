/* Scalar functions that must give the same bits on every system, which libm's do not. */
#ifndef SNN_SCALAR_H
#define SNN_SCALAR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "coefficients.h"

/* 2 atanh s for |s| <= 0.172. */
static inline double snn_twice_atanh(double s) {
    static const double coefficients[] = {SNN_ATANH_DOUBLE};
    const double s2 = s * s;
    double p = 0;
    for (size_t i = 0; i < sizeof coefficients / sizeof *coefficients; i++) p = p * s2 + coefficients[i];
    return 2 * s + s * s2 * p;
}

/* log x for finite x >= 1e-300, within 2 ULP: x = m 2^e with sqrt(1/2) <= m < sqrt(2),
 * log m = 2 atanh s with s = (m - 1) / (m + 1). */
static inline double snn_log(double x) {
    const int mantissa_bits = 52;
    const uint64_t root_of_half = 0x3fe6a09e667f3bcd;
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    const int64_t exponent =
        (int64_t)(bits - root_of_half) >> mantissa_bits; /* without a branch, which guesses wrong */
    bits -= (uint64_t)exponent << mantissa_bits;
    double m;
    memcpy(&m, &bits, sizeof m);
    return (double)exponent * 0.69314718055994530942 + snn_twice_atanh((m - 1) / (m + 1));
}

/* log(1 + x) for finite x >= 0, within 3 ULP. What 1 + x rounds off counts where the logarithm is small. */
static inline double snn_log1p(double x) { return x > 0.4 ? snn_log(1 + x) : snn_twice_atanh(x / (2 + x)); }

#endif
