/* Which instruction sets this build has, by the CPU it is compiled for, and the tables of each. */
#ifndef SNN_TARGETS_H
#define SNN_TARGETS_H

#include "kernels.h"

#if defined(__x86_64__) || defined(_M_X64)
#define SNN_X86_64
extern const snn_kernels snn_avx512_float32, snn_avx512_float64;
extern const snn_kernels snn_avx2_float32, snn_avx2_float64;
extern snn_tiny_steps snn_avx2_tiny_steps_float32, snn_avx2_tiny_steps_float64;
#elif defined(__aarch64__) || defined(_M_ARM64)
#define SNN_ARM64
extern const snn_kernels snn_neon_float32, snn_neon_float64;
#endif
extern const snn_kernels snn_portable_float32, snn_portable_float64;

#endif
