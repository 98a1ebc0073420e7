#include "../targets.h"
#ifdef SNN_ARM64
#define SNN_REAL_BITS 64
#define SNN_TABLE snn_neon_float64
#include "../real.h"
#include "../vec_neon.h"
#include "../kernels.inc.c"
#endif
