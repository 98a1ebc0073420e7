#include "../targets.h"
#define SNN_REAL_BITS 64
#define SNN_TABLE snn_portable_float64
#include "../real.h"
#include "../vec_portable.h"
#include "../kernels.inc.c"
