/* Numbers below the normal range cost up to twenty times as much as others, and decaying moments are
 * full of them; training flushes them to zero and gives the caller's state back. */
#include "targets.h"

#ifdef SNN_X86_64
#include <xmmintrin.h>

enum { FLUSH = 1u << 15 | 1u << 6 }; /* results, and operands */

uint64_t snn_flush_denormals(void) {
    const unsigned state = _mm_getcsr();
    _mm_setcsr(state | FLUSH);
    return state;
}

uint64_t snn_keep_denormals(void) {
    const unsigned state = _mm_getcsr();
    _mm_setcsr(state & ~(unsigned)FLUSH);
    return state;
}

void snn_restore_denormals(uint64_t state) { _mm_setcsr((unsigned)state); }

#elif defined(SNN_ARM64) && defined(__GNUC__)

static const uint64_t flush_to_zero = 1u << 24;

static uint64_t get(void) {
    uint64_t state;
    __asm__ volatile("mrs %0, fpcr" : "=r"(state));
    return state;
}

void snn_restore_denormals(uint64_t state) { __asm__ volatile("msr fpcr, %0" : : "r"(state)); }

uint64_t snn_flush_denormals(void) {
    const uint64_t state = get();
    snn_restore_denormals(state | flush_to_zero);
    return state;
}

uint64_t snn_keep_denormals(void) {
    const uint64_t state = get();
    snn_restore_denormals(state & ~flush_to_zero);
    return state;
}

#else /* no such switch is known here: denormals are slow, and right */

uint64_t snn_flush_denormals(void) { return 0; }
uint64_t snn_keep_denormals(void) { return 0; }
void snn_restore_denormals(uint64_t state) { (void)state; }

#endif
