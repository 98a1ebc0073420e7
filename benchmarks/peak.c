/* Prints what a core can do: "clock GHz", then "instruction-set dtype GFLOP/s" of multiply-adds in registers.
 *
 * Each is the best of some short runs. A chain's multiply-add waits for the one before, so there are more chains
 * than latency times throughput asks for (4 cycles, 2 a cycle), and no more than registers. */

#include <stdio.h>
#include <time.h>

#define RUNS 12

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* Register to register: additions of a constant are eliminated in some cores before they are executed. */
#if defined(__x86_64__)
#define ADD __asm__ volatile("add %1, %0" : "+r"(x) : "r"(one));
#elif defined(__aarch64__)
#define ADD __asm__ volatile("add %0, %0, %1" : "+r"(x) : "r"(one));
#endif

#ifdef ADD
static void spin(long n) {
    long x = 0, one = 1;
    for (long i = 0; i < n; i += 8) {
        ADD ADD ADD ADD ADD ADD ADD ADD
    }
}
#endif

#define PEAK(NAME, TARGET, TYPE, BYTES, CHAINS)                                            \
    TARGET static void NAME(long n) {                                                      \
        typedef TYPE vec __attribute__((vector_size(BYTES)));                              \
        static volatile TYPE one = 1, half = 0.5; /* settles at 2 */                       \
        static volatile vec sink __attribute__((unused));                                  \
        vec a[CHAINS], b = (vec){0} + half, c = (vec){0} + one, sum;                       \
        _Pragma("GCC unroll 16") for (int j = 0; j < CHAINS; j++) { a[j] = c + (TYPE)j; }  \
        for (long i = 0; i < n; i++) {                                                     \
            _Pragma("GCC unroll 16") for (int j = 0; j < CHAINS; j++) a[j] = a[j] * b + c; \
        }                                                                                  \
        sum = c;                                                                           \
        _Pragma("GCC unroll 16") for (int j = 0; j < CHAINS; j++) { sum += a[j]; }         \
        sink = sum;                                                                        \
    }

#define BOTH(NAME, TARGET, BYTES, CHAINS)               \
    PEAK(NAME##_float32, TARGET, float, BYTES, CHAINS)  \
    PEAK(NAME##_float64, TARGET, double, BYTES, CHAINS)

/* `work` operations in an iteration; the result in 1e9 a second. */
static double best(void (*run)(long), double work) {
    long n = 1000;
    double least = 1e9;
    for (int i = 0; i < RUNS;) {
        const double start = seconds();
        run(n);
        const double taken = seconds() - start;
        if (taken < 1e-3) {
            n *= 2;
            continue;
        }
        if (taken / n < least) {
            least = taken / n;
        }
        i++;
    }
    return 1e-9 * work / least;
}

#define SHOW(NAME, BYTES, CHAINS)                                                                 \
    printf(#NAME " float32 %.4g\n", best(NAME##_float32, 2.0 * CHAINS * BYTES / sizeof(float)));  \
    printf(#NAME " float64 %.4g\n", best(NAME##_float64, 2.0 * CHAINS * BYTES / sizeof(double)));

#if defined(__x86_64__)
BOTH(portable, , 16, 10) /* a multiplication and an addition each: the baseline has no fused ones */
BOTH(avx2, __attribute__((target("avx2,fma"))), 32, 10)
BOTH(avx512, __attribute__((target("avx512f,fma"))), 64, 12)
#elif defined(__aarch64__)
BOTH(neon, , 16, 16)
#endif

int main(void) {
#ifdef ADD
    printf("clock %.4g\n", best(spin, 1));
#endif
#if defined(__x86_64__)
    SHOW(portable, 16, 10)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        SHOW(avx2, 32, 10)
    }
    if (__builtin_cpu_supports("avx512f")) {
        SHOW(avx512, 64, 12)
    }
#elif defined(__aarch64__)
    SHOW(neon, 16, 16)
#endif
    return 0;
}
