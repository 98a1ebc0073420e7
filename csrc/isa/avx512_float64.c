#include "../targets.h"
#ifdef SNN_X86_64
#define SNN_REAL_BITS 64
#define SNN_TABLE snn_avx512_float64
/* A row of a tiny network is half a vector, and to divide a whole one takes twice as long. */
#define SNN_TINY_STEPS snn_avx2_tiny_steps_float64
#include "../real.h"
#include "../vec_avx512.h"
#include "../kernels.inc.c"
#endif
