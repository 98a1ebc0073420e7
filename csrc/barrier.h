/* A barrier for threads that wait for each other many thousand times a second.
 *
 * Waiting spins for some microseconds and then yields the CPU at every look, so that more threads than
 * CPUs make progress too. Not fair, not for signal handlers. */
#ifndef SNN_BARRIER_H
#define SNN_BARRIER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct snn_barrier {
    uint32_t n_threads;
    uint32_t arrived;
    uint32_t round;
} snn_barrier;

void snn_barrier_init(snn_barrier *barrier, uint32_t n_threads);

/* Return once all n_threads have called it; what they wrote before is visible after. */
void snn_barrier_wait(snn_barrier *barrier);

#ifdef __cplusplus
}
#endif
#endif
