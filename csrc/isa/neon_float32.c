#include "../targets.h"
#ifdef SNN_ARM64
#define SNN_REAL_BITS 32
#define SNN_TABLE snn_neon_float32
#include "../real.h"
#include "../vec_neon.h"
#include "../kernels.inc.c"
#endif
