#include "../targets.h"
#ifdef SNN_X86_64
#define SNN_REAL_BITS 32
#define SNN_TABLE snn_avx512_float32
#include "../real.h"
#include "../vec_avx512.h"
#include "../kernels.inc.c"
#endif
