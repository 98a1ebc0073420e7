/* The instruction sets of this build, and which of them this machine can run. */
#include "targets.h"

#ifdef SNN_X86_64
#ifdef _MSC_VER
#include <intrin.h>
#else
#include <cpuid.h>
#endif

/* Registers eax, ebx, ecx, edx of a CPUID leaf, in this order; zeros where the CPU lacks the leaf. */
static void cpuid(unsigned leaf, unsigned subleaf, unsigned registers[4]) {
    registers[0] = registers[1] = registers[2] = registers[3] = 0;
#ifdef _MSC_VER
    int values[4];
    __cpuid(values, 0);
    if ((unsigned)values[0] < leaf) return;
    __cpuidex(values, (int)leaf, (int)subleaf);
    for (int i = 0; i < 4; i++) registers[i] = (unsigned)values[i];
#else
    __get_cpuid_count(leaf, subleaf, &registers[0], &registers[1], &registers[2], &registers[3]);
#endif
}

/* The register states that the operating system saves (XCR0). */
static uint64_t saved_states(void) {
#ifdef _MSC_VER
    return _xgetbv(0);
#else
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
#endif
}

enum { EBX = 1, ECX = 2 };

static int has(unsigned leaf1_ecx, unsigned leaf7_ebx, uint64_t states) {
    const unsigned osxsave = 1u << 27;
    unsigned r[4];
    cpuid(1, 0, r);
    if (!(r[ECX] & osxsave) || (r[ECX] & leaf1_ecx) != leaf1_ecx) return 0;
    if ((saved_states() & states) != states) return 0;
    cpuid(7, 0, r);
    return (r[EBX] & leaf7_ebx) == leaf7_ebx;
}

static int avx2_available(void) {
    const unsigned fma = 1u << 12, avx = 1u << 28, avx2 = 1u << 5;
    const uint64_t xmm_ymm = 0x6;
    return has(fma | avx, avx2, xmm_ymm);
}

static int avx512_available(void) {
    const unsigned f = 1u << 16, dq = 1u << 17, bw = 1u << 30, vl = 1u << 31;
    const uint64_t xmm_ymm_zmm_masks = 0xe6;
    return avx2_available() && has(0, f | dq | bw | vl, xmm_ymm_zmm_masks);
}
#endif

static int always(void) { return 1; }

const snn_isa snn_isas[] = {
#ifdef SNN_X86_64
    {"avx512", avx512_available, &snn_avx512_float32, &snn_avx512_float64},
    {"avx2", avx2_available, &snn_avx2_float32, &snn_avx2_float64},
#endif
#ifdef SNN_ARM64
    {"neon", always, &snn_neon_float32, &snn_neon_float64},
#endif
    {"portable", always, &snn_portable_float32, &snn_portable_float64},
    {NULL, NULL, NULL, NULL},
};
