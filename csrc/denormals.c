/* Numbers below the normal range cost up to twenty times as much as others, and decaying moments are
 * full of them; training flushes them to zero and gives the caller's state back. */
#include "targets.h"

#ifdef SNN_X86_64
#include <xmmintrin.h>

uint64_t snn_flush_denormals(void) {
    const unsigned flush_to_zero = 1u << 15, denormals_are_zero = 1u << 6;
    const unsigned state = _mm_getcsr();
    _mm_setcsr(state | flush_to_zero | denormals_are_zero);
    return state;
}

void snn_restore_denormals(uint64_t state) { _mm_setcsr((unsigned)state); }

#elif defined(SNN_ARM64) && defined(__GNUC__)

uint64_t snn_flush_denormals(void) {
    const uint64_t flush_to_zero = 1u << 24;
    uint64_t state;
    __asm__ volatile("mrs %0, fpcr" : "=r"(state));
    __asm__ volatile("msr fpcr, %0" : : "r"(state | flush_to_zero));
    return state;
}

void snn_restore_denormals(uint64_t state) { __asm__ volatile("msr fpcr, %0" : : "r"(state)); }

#else /* no such switch is known here: denormals are slow, and right */

uint64_t snn_flush_denormals(void) { return 0; }
void snn_restore_denormals(uint64_t state) { (void)state; }

#endif
