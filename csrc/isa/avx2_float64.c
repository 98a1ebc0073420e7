#include "../targets.h"
#ifdef SNN_X86_64
#define SNN_REAL_BITS 64
#define SNN_TABLE snn_avx2_float64
#define SNN_EXPORTED_TINY_STEPS snn_avx2_tiny_steps_float64
#include "../real.h"
#include "../vec_avx2.h"
#include "../kernels.inc.c"
#endif
