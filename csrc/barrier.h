/* How threads wait for each other: at a barrier many thousand times a second, at a gate between two runs.
 *
 * Waiting at a barrier spins for some microseconds and then yields the CPU at every look, so that more threads
 * than CPUs make progress too. Not fair, not for signal handlers. */
#ifndef SNN_BARRIER_H
#define SNN_BARRIER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct snn_barrier {
    uint32_t n_threads; /* may be changed by a thread that has returned from a wait of all */
    uint32_t arrived;
    uint32_t round;
} snn_barrier;

void snn_barrier_init(snn_barrier *barrier, uint32_t n_threads);

/* Return once all n_threads have called it; what they wrote before is visible after. */
void snn_barrier_wait(snn_barrier *barrier);

/* One thread waits at it, another opens it; zeros are a closed one. It has a cache line of its own. */
typedef struct snn_gate {
    uint32_t state;
    char padding[60];
} snn_gate;

/* Wait for some microseconds; 0 if the gate is still closed: then the caller sleeps until it is woken. */
int snn_gate_wait(snn_gate *gate);

/* Open it, and return whether the thread that waits has gone to sleep and is to be woken. */
int snn_gate_open(snn_gate *gate);

/* Close it behind oneself. */
void snn_gate_close(snn_gate *gate);

/* Return how often it has been called with this counter before, by any thread. */
uint32_t snn_count(uint32_t *counter);

/* A flag that any thread may raise, and every thread look at while others do: 0 until then. It orders nothing else. */
void snn_raise(uint32_t *flag);
int snn_raised(const uint32_t *flag);

#ifdef __cplusplus
}
#endif
#endif
