#include "barrier.h"

#ifdef _MSC_VER
#include <intrin.h>
static uint32_t load(uint32_t *p) { return (uint32_t)_InterlockedOr((volatile long *)p, 0); }
static void store(uint32_t *p, uint32_t x) { _InterlockedExchange((volatile long *)p, (long)x); }
static uint32_t increment(uint32_t *p) { return (uint32_t)_InterlockedIncrement((volatile long *)p); }
static uint32_t exchange(uint32_t *p, uint32_t x) {
    return (uint32_t)_InterlockedExchange((volatile long *)p, (long)x);
}
static uint32_t look(const uint32_t *p) { return *(const volatile uint32_t *)p; }
#else
static uint32_t load(uint32_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
static void store(uint32_t *p, uint32_t x) { __atomic_store_n(p, x, __ATOMIC_RELEASE); }
static uint32_t increment(uint32_t *p) { return __atomic_add_fetch(p, 1, __ATOMIC_ACQ_REL); }
static uint32_t exchange(uint32_t *p, uint32_t x) { return __atomic_exchange_n(p, x, __ATOMIC_ACQ_REL); }
static uint32_t look(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
#endif

#ifdef _WIN32
#include <windows.h>
static void yield_cpu(void) { SwitchToThread(); }
#else
#include <sched.h>
static void yield_cpu(void) { sched_yield(); }
#endif

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
static void relax(void) { _mm_pause(); }
#elif defined(__aarch64__) && defined(__GNUC__)
static void relax(void) { __asm__ volatile("yield"); }
#else
static void relax(void) {}
#endif

/* A pause takes 5 to 45 ns, so this spins for 5 to 45 µs: longer than the threads of one step part, and
 * too short to matter where a thread has lost its CPU: on two CPUs, four trainings at once of two threads each take
 * 0.9 to 1.2 times as long as one after the other (784-128-10, batch 32; 784-512-512-10, batch 128; threads of one
 * process or four processes). */
enum { SPINS = 1000 };

void snn_barrier_init(snn_barrier *barrier, uint32_t n_threads) {
    barrier->n_threads = n_threads;
    store(&barrier->arrived, 0);
    store(&barrier->round, 0);
}

void snn_barrier_wait(snn_barrier *barrier) {
    const uint32_t n_threads = barrier->n_threads; /* once all have arrived, it may be set anew */
    if (n_threads == 1) return;
    const uint32_t round = load(&barrier->round);
    if (increment(&barrier->arrived) == n_threads) {
        store(&barrier->arrived, 0);
        store(&barrier->round, round + 1);
        return;
    }
    for (int spins = 0; load(&barrier->round) == round; spins++) {
        if (spins < SPINS) {
            relax();
        } else {
            yield_cpu();
        }
    }
}

enum { CLOSED, OPEN, ASLEEP };

int snn_gate_wait(snn_gate *gate) {
    for (int spins = 0; spins < SPINS; spins++) {
        if (load(&gate->state) == OPEN) return 1;
        relax();
    }
    return exchange(&gate->state, ASLEEP) == OPEN;
}

int snn_gate_open(snn_gate *gate) { return exchange(&gate->state, OPEN) == ASLEEP; }

void snn_gate_close(snn_gate *gate) { store(&gate->state, CLOSED); }

uint32_t snn_count(uint32_t *counter) { return increment(counter) - 1; }

void snn_raise(uint32_t *flag) { store(flag, 1); }

int snn_raised(const uint32_t *flag) { return look(flag) != 0; }
