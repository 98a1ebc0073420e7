/* Random numbers; docs/math.md, section "Random numbers". */
#include <stddef.h>

#include "kernels.h"
#include <math.h>

#include "scalar.h"
#include "splitmix.h"

uint64_t snn_random_key(uint64_t seed, uint64_t stream) {
    return stream ? snn_mix(seed ^ snn_mix(stream * SNN_GAMMA)) : seed;
}

uint64_t snn_random_bits(uint64_t key, uint64_t index) { return snn_mix(key + (index + 1) * SNN_GAMMA); }

double snn_random_uniform(uint64_t bits) { return (double)(bits >> 11) * 0x1p-53; }

/* The high half of a product of two 64-bit numbers; the low half goes to *low. */
static uint64_t multiply_high(uint64_t a, uint64_t b, uint64_t *low) {
    const uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    const uint64_t middle = a1 * b0 + (a0 * b0 >> 32), cross = a0 * b1 + (uint32_t)middle;
    *low = a * b;
    return a1 * b1 + (middle >> 32) + (cross >> 32);
}

uint64_t snn_random_shuffle(uint64_t key, uint64_t index, size_t n, size_t end, int64_t *items) {
    for (size_t i = n; i > 1 && i > end; i--) {
        /* Lemire 2019: the high half of bits · i is uniform below i once biased low halves are redrawn. */
        uint64_t low, j = multiply_high(snn_random_bits(key, index++), i, &low);
        if (low < i) {
            const uint64_t biased = (0 - (uint64_t)i) % i;
            while (low < biased) j = multiply_high(snn_random_bits(key, index++), i, &low);
        }
        const int64_t item = items[i - 1];
        items[i - 1] = items[j];
        items[j] = item;
    }
    return index;
}

static double rational(double r, const double *numerator, const double *denominator) {
    double p = numerator[7], q = denominator[7];
    for (int i = 6; i >= 0; i--) p = p * r + numerator[i], q = q * r + denominator[i];
    return p / q;
}

/* Wichura 1988, algorithm AS 241 (PPND16), to 1e-16. */
double snn_normal_quantile(double p) {
    /* clang-format off */
    static const double a[] = {3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3,
                               1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                               3.3430575583588128105e+4, 2.5090809287301226727e+3};
    static const double b[] = {1.0,                      4.2313330701600911252e+1, 6.8718700749205790830e+2,
                               5.3941960214247511077e+3, 2.1213794301586595867e+4, 3.9307895800092710610e+4,
                               2.8729085735721942674e+4, 5.2264952788528545610e+3};
    static const double c[] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                               5.76949722146069140550e0,  3.64784832476320460504e0,
                               1.27045825245236838258e0,  2.41780725177450611770e-1,
                               2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[] = {1.0,                       2.05319162663775882187e0,
                               1.67638483018380384940e0,  6.89767334985100004550e-1,
                               1.48103976427480074590e-1, 1.51986665636164571966e-2,
                               5.47593808499534494600e-4, 1.05075007164441684324e-9};
    static const double e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                               1.78482653991729133580e0,  2.96560571828504891230e-1,
                               2.65321895265761230930e-2, 1.24266094738807843860e-3,
                               2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[] = {1.0,                       5.99832206555887937690e-1,
                               1.36929880922735805310e-1, 1.48753612908506148525e-2,
                               7.86869131145613259100e-4, 1.84631831751005468180e-5,
                               1.42151175831644588870e-7, 2.04426310338993978564e-15};
    /* clang-format on */
    const double q = p - 0.5;
    if (fabs(q) <= 0.425) return q * rational(0.180625 - q * q, a, b);
    const double r = sqrt(-snn_log(q < 0 ? p : 1 - p));
    const double x = r <= 5 ? rational(r - 1.6, c, d) : rational(r - 5, e, f);
    return q < 0 ? -x : x;
}

double snn_random_normal(uint64_t bits) {
    return snn_normal_quantile(((double)(bits >> 12) + 0.5) * 0x1p-52); /* never of 0 or 1 */
}
