/* Elementary functions on vectors, branch-free, from the operations of vec_*.h alone, so that every
 * instruction set gives the same bits. tests/test_activations.py holds their error bounds.
 *
 * Order of arguments: v_max(limit, x) and v_min(limit, x) let a NaN in x through. */

/* Coefficients from the highest power on. Short ones as two chains in x², of the even and of the odd powers; those
 * of float64 in pairs, pairs of pairs … (Estrin): shorter than Horner's chain, which counts in a tiny network,
 * where little else is to be done meanwhile. Longer ones would not fit into the registers that way. */
SNN_INLINE vec polynomial(vec x, const real *coefficients, int n) {
    if (n > 8 && n <= 12) {
        vec term[12];
        SNN_UNROLL for (int i = 0; i < n; i++) term[i] = v_set1(coefficients[n - 1 - i]);
        SNN_UNROLL for (int level = 0; level < 4; level++) {
            const int count = n;
            SNN_UNROLL for (int i = 0; i < count / 2; i++) term[i] = v_fma(term[2 * i + 1], x, term[2 * i]);
            if (count % 2) term[count / 2] = term[count - 1];
            n = (count + 1) / 2;
            x = v_mul(x, x);
        }
        return term[0];
    }
    if (n == 2) return v_fma(v_set1(coefficients[0]), x, v_set1(coefficients[1]));
    const vec x2 = v_mul(x, x);
    vec even = v_set1(coefficients[(n - 1) % 2]), odd = v_set1(coefficients[n % 2]);
    SNN_UNROLL for (int i = (n - 1) % 2 + 2; i < n; i += 2) even = v_fma(even, x2, v_set1(coefficients[i]));
    SNN_UNROLL for (int i = n % 2 + 2; i < n - 1; i += 2) odd = v_fma(odd, x2, v_set1(coefficients[i]));
    return v_fma(odd, x, even);
}
#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))
#define POLYNOMIAL(x, name) polynomial(x, name, COUNT(name))

static const real expm1_tail[] = {SNN_COEFFICIENTS(EXPM1)};
static const real atanh_tail[] = {SNN_COEFFICIENTS(ATANH)};
static const real erfc_scaled[] = {SNN_COEFFICIENTS(ERFC)};

/* Adding 1.5 · 2^mantissa rounds to an integer, which then stands in the low bits. */
#define ROUNDING ((real)1.5 * (real)((bits)1 << SNN_MANTISSA_BITS))

/* 2^n for integral n within the range of normal exponents. */
SNN_INLINE vec power_of_two(vec n) {
    const vint shifted = vi_shift_left(v_bits(v_add(n, v_set1(ROUNDING))), SNN_MANTISSA_BITS);
    return v_from_bits(vi_add(shifted, v_bits(v_set1(1))));
}

/* p · 2^n in two exact steps and one rounding, so that the ends of the range are right. */
SNN_INLINE vec scale_by_power_of_two(vec p, vec n) {
    const vec rounding = v_set1(ROUNDING);
    const vec half = v_sub(v_fma(n, v_set1((real)0.5), rounding), rounding);
    return v_mul(v_mul(p, power_of_two(half)), power_of_two(v_sub(n, half)));
}

#define LOG2_E ((real)1.44269504088896340736)

/* x - n ln 2. The logarithm is split so that n · high is exact. */
SNN_INLINE vec minus_ln2(vec x, vec n) {
#if SNN_REAL_BITS == 32
    const vec high = v_set1(0.693359375f), low = v_set1(-2.12194440e-4f);
#else
    const vec high = v_set1(6.93147180369123816490e-01), low = v_set1(1.90821492927058770002e-10);
#endif
    return v_fnma(n, low, v_fnma(n, high, x));
}

/* x = n ln 2 + r with |r| <= ln(2)/2; returns e^r - 1. */
SNN_INLINE vec reduced_expm1(vec x, vec *n) {
    *n = v_sub(v_fma(x, v_set1(LOG2_E), v_set1(ROUNDING)), v_set1(ROUNDING));
    const vec r = minus_ln2(x, *n);
    return v_fma(v_mul(r, r), POLYNOMIAL(r, expm1_tail), r);
}

/* Beyond these e^x is 0 or infinite. */
#if SNN_REAL_BITS == 32
#define EXP_LOW -104
#define EXP_HIGH 89
#define SIGMOID_HIGH 87
#else
#define EXP_LOW -746
#define EXP_HIGH 710
#define SIGMOID_HIGH 708
#endif

SNN_INLINE vec v_exp(vec x) {
    vec n;
    x = v_max(v_set1(EXP_LOW), v_min(v_set1(EXP_HIGH), x));
    const vec e = reduced_expm1(x, &n);
    return scale_by_power_of_two(v_add(v_set1(1), e), n);
}

/* e^x - 1 for x <= EXP_HIGH / 2, accurate for small |x|. */
SNN_INLINE vec v_expm1(vec x) {
    vec n;
    const vec least = v_set1(-40); /* e^-40 is less than half a unit of the last place of 1 */
    const vec e = reduced_expm1(v_max(least, x), &n);
    const vec t = power_of_two(n);
    return v_fma(t, e, v_sub(t, v_set1(1)));
}

/* 1 / x for normal x > 0, within 0.51 ULP (1.4 where v_fma rounds twice). A number's bits are nearly its logarithm, so negated they give a guess
 * within 12 %; each step of third order then trebles the digits: 1 / (1 - e) = 1 + e + e² + …, where e is
 * what x times the guess lacks. Beside a square root, which has the divider for itself then, this makes
 * Adam's update 1.6 times as fast as with a division (3.9 and 6.5 ns for 16 float32 on Sapphire Rapids). */
#if SNN_REAL_BITS == 32
#define RECIPROCAL_GUESS 0x7ef311c7u
#define THIRD_ORDER_STEPS 2
#else
#define RECIPROCAL_GUESS 0x7fde6238da3c2118u
#define THIRD_ORDER_STEPS 3
#endif
SNN_INLINE vec v_reciprocal(vec x) {
    vec y = v_from_bits(vi_sub(vi_set1(RECIPROCAL_GUESS), v_bits(x)));
    SNN_UNROLL for (int i = 0; i < THIRD_ORDER_STEPS; i++) {
        const vec e = v_fnma(x, y, v_set1(1));
        y = v_fma(y, v_fma(e, e, e), y);
    }
    return y;
}

/* 1 / (1 + e^-x). With -x = n ln 2 + r and t = 2^n, e^-x = t + t r + t r² P(r), where all else is at hand when P is:
 * tiny networks wait for it. Above SIGMOID_HIGH e^-x is nothing beside 1; below -SIGMOID_HIGH - 1, where the
 * result is no normal number, it is 0. */
SNN_INLINE vec v_sigmoid(vec x) {
    const vec zero = v_set1(0), one = v_set1(1), low = v_set1(-SIGMOID_HIGH - 1);
    const vec numerator = v_select(v_gt(low, x), zero, one);
    x = v_max(low, v_min(v_set1(SIGMOID_HIGH), x));
    const vec n = v_sub(v_fnma(x, v_set1(LOG2_E), v_set1(ROUNDING)), v_set1(ROUNDING)), t = power_of_two(n);
    const vec r = minus_ln2(v_sub(zero, x), n);
    const vec exponential = v_fma(v_mul(v_mul(t, r), r), POLYNOMIAL(r, expm1_tail), v_fma(t, r, t));
    return v_div(numerator, v_add(one, exponential));
}

#if SNN_REAL_BITS == 32
/* (e^2|x| - 1) / (e^2|x| + 1), which rounds to 1 beyond 10. */
SNN_INLINE vec v_tanh(vec x) {
    const vec size = v_min(v_set1(10), v_abs(x));
    vec n;
    const vec e = reduced_expm1(v_add(size, size), &n), t = power_of_two(n);
    const vec expm1 = v_fma(t, e, v_sub(t, v_set1(1)));
    return v_copysign(v_div(expm1, v_add(expm1, v_set1(2))), x);
}
#else
/* Below 0.55 Lambert's continued fraction of tanh, cut off where its error is 2^-59, as |x| + |x| g P(g)/Q(g) with
 * g = x²; above, 1 - 2 / (e^(2|x|) + 1), which rounds to 1 beyond 20. Both end in
 * offset + numerator / denominator, so one division serves. */
SNN_INLINE vec v_tanh(vec x) {
    static const real p[] = {-1, -594, -45045, -675675}, q[] = {1, 630, 51975, 945945, 2027025};
    const vec one = v_set1(1), size = v_min(v_set1(20), v_abs(x)), g = v_mul(size, size);
    vec n;
    const vec e = reduced_expm1(v_add(size, size), &n);
    const vec exponential = v_mul(v_add(one, e), power_of_two(n));
    const vmask small = v_gt(v_set1((real)0.55), size);
    const vec numerator = v_select(small, v_mul(v_mul(size, g), POLYNOMIAL(g, p)), v_set1(-2));
    const vec denominator = v_select(small, POLYNOMIAL(g, q), v_add(exponential, one));
    const vec offset = v_select(small, size, one);
    return v_copysign(v_add(offset, v_div(numerator, denominator)), x);
}
#endif

/* log(1 + u) for 0 <= u <= 1, from s = u / (2 + u). */
SNN_INLINE vec v_log1p_unit(vec u) {
    const vec s = v_div(u, v_add(v_set1(2), u));
    const vec s2 = v_mul(s, s);
    return v_fma(v_mul(s2, s), POLYNOMIAL(s2, atanh_tail), v_add(s, s));
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|) */
SNN_INLINE vec v_softplus(vec x) {
    const vec zero = v_set1(0);
    return v_add(v_max(zero, x), v_log1p_unit(v_exp(v_sub(zero, v_abs(x)))));
}

/* The normal distribution's cumulative function Phi(x) and density phi(x):
 * Phi(-|x|) = erfc(t) / 2 with t = |x| / sqrt(2), and both need exp(-t²). */
SNN_INLINE vec v_normal(vec x, vec *density) {
    const vec centre = v_set1((real)3.75);
    const vec largest = v_set1(40); /* exp(-40²/2) is 0 */
    const vec t = v_mul(v_set1((real)0.70710678118654752440), v_min(largest, v_abs(x)));
    const vec gauss = v_exp(v_sub(v_set1(0), v_mul(t, t)));
    const vec y = v_div(v_sub(t, centre), v_add(t, centre));
    const vec tail = v_mul(v_mul(v_set1((real)0.5), gauss), POLYNOMIAL(y, erfc_scaled));
    *density = v_mul(v_set1((real)0.39894228040143267794), gauss);
    return v_select(v_gt(x, v_set1(0)), v_sub(v_set1(1), tail), tail);
}
