/* What csrc/ has for threads, and its kernels in many threads at once. tools/prove/tsan.sh builds it with ThreadSanitizer,
 * which watches every access; without, it checks the numbers alone. `threads race` has a race, for the watcher to find. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "barrier.h"
#include "kernels.h"

enum { MOST = 8, ROUNDS = 2000 };

static int failures;

static void expect(int holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "not so: %s\n", what);
        __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
    }
}

typedef struct worker {
    pthread_t thread;
    uint32_t number, n_threads;
} worker;

static void in_threads(uint32_t n, void *(*work)(void *)) {
    worker workers[MOST];
    for (uint32_t i = 0; i < n; i++) {
        workers[i].number = i;
        workers[i].n_threads = n;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) abort();
    }
    for (uint32_t i = 0; i < n; i++) pthread_join(workers[i].thread, NULL);
}

/* ---- a barrier: what each thread has written before it, all read after ---- */

static snn_barrier barrier;
static uint64_t written[MOST];

static void *meet(void *argument) {
    const worker *w = argument;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        written[w->number] = round * (w->number + 1);
        snn_barrier_wait(&barrier);
        for (uint32_t i = 0; i < w->n_threads; i++)
            expect(written[i] == round * (i + 1), "a barrier shows all");
        snn_barrier_wait(&barrier);
    }
    return NULL;
}

/* ---- a counter: each number once ---- */

static uint32_t counter;
static unsigned char taken[MOST * ROUNDS];

static void *take(void *argument) {
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) taken[snn_count(&counter)]++;
    return NULL;
}

/* ---- a flag: raised by any thread, seen by all ---- */

static uint32_t flag;
static uint64_t seen;

static void *raise_or_look(void *argument) {
    const worker *w = argument;
    if (w->number == 0) {
        snn_raise(&flag);
        return NULL;
    }
    while (!snn_raised(&flag)) {
    }
    __atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED);
    return NULL;
}

/* ---- a team, as scratchnn/core/team.pyx has it: gates, a semaphore to sleep on, a barrier at the end of a run ---- */

static struct {
    snn_gate gates[MOST];
    sem_t sleep[MOST];
    snn_barrier barrier;
    int over;
    uint64_t task;
    uint64_t results[MOST];
} team;

static void *serve(void *argument) {
    const uint32_t i = ((const worker *)argument)->number;
    for (;;) {
        if (!snn_gate_wait(&team.gates[i])) sem_wait(&team.sleep[i]);
        snn_gate_close(&team.gates[i]);
        if (team.over) return NULL;
        team.results[i] = team.task * i;
        snn_barrier_wait(&team.barrier);
    }
}

static void wake(uint32_t n) {
    for (uint32_t i = 1; i < n; i++) {
        if (snn_gate_open(&team.gates[i])) sem_post(&team.sleep[i]);
    }
}

static void run_team(uint32_t n) {
    worker others[MOST];
    snn_barrier_init(&team.barrier, n);
    for (uint32_t i = 1; i < n; i++) {
        others[i].number = i;
        sem_init(&team.sleep[i], 0, 0);
        if (pthread_create(&others[i].thread, NULL, serve, &others[i])) abort();
    }
    for (uint64_t task = 1; task <= ROUNDS; task++) {
        const uint32_t m = 1 + (uint32_t)(task % n); /* not all of them in every run */
        team.task = task;
        team.barrier.n_threads = m;
        wake(m);
        team.results[0] = 0;
        snn_barrier_wait(&team.barrier);
        for (uint32_t i = 0; i < m; i++) expect(team.results[i] == task * i, "a team computes its task");
        if (task % 100 == 0) { /* so that the others go to sleep */
            const struct timespec pause = {0, 200000};
            nanosleep(&pause, NULL);
        }
    }
    team.over = 1;
    wake(n);
    for (uint32_t i = 1; i < n; i++) pthread_join(others[i].thread, NULL);
}

/* ---- every table: one product, its rows shared; one input for all threads, and the same bits as from one ---- */

enum { ROWS = 64, COLUMNS = 40, DEPTH = 33 };
static const snn_kernels *table;
static double x[ROWS * DEPTH], w[DEPTH * COLUMNS], b[COLUMNS], z[ROWS * COLUMNS], alone[ROWS * COLUMNS];

static void compute(uint32_t number, uint32_t n_threads) {
    const uint64_t state = snn_flush_denormals();
    const size_t begin = ROWS * number / n_threads, end = ROWS * (number + 1) / n_threads,
                 size = table->itemsize;
    char *rows = (char *)z + begin * COLUMNS * size;
    table->affine(end - begin, DEPTH, COLUMNS, (const char *)x + begin * DEPTH * size, DEPTH, 1, w, COLUMNS,
                  b, rows, COLUMNS);
    for (size_t i = 0; i < table->n_activations; i++) {
        const snn_activation *f = &table->activations[i];
        f->value((end - begin) * COLUMNS, rows, rows, f->alpha);
    }
    snn_restore_denormals(state);
}

static void *compute_share(void *argument) {
    const worker *share = argument;
    compute(share->number, share->n_threads);
    return NULL;
}

static void fill(double *array, size_t n, uint64_t stream) {
    for (size_t i = 0; i < n; i++) {
        const double uniform = snn_random_uniform(snn_random_bits(snn_random_key(1, stream), i)) - 0.5;
        if (table->itemsize == sizeof(float)) {
            ((float *)array)[i] = (float)uniform;
        } else {
            array[i] = uniform;
        }
    }
}

static void run_table(const snn_kernels *of) {
    table = of;
    fill(x, ROWS * DEPTH, 1);
    fill(w, DEPTH * COLUMNS, 2);
    fill(b, COLUMNS, 3);
    compute(0, 1);
    memcpy(alone, z, sizeof z);
    memset(z, 0, ROWS * COLUMNS * table->itemsize);
    in_threads(MOST, compute_share);
    expect(!memcmp(alone, z, ROWS * COLUMNS * table->itemsize), "threads change no bit");
}

static void *choose(void *argument) {
    (void)argument;
    for (const snn_isa *isa = snn_isas; isa->name; isa++) isa->available();
    return NULL;
}

/* ---- a race ---- */

static uint64_t unguarded;

static void *add(void *argument) {
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) unguarded++;
    return NULL;
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "race")) {
        in_threads(2, add);
        printf("%llu additions\n", (unsigned long long)unguarded);
        return 0;
    }
    for (uint32_t n = 1; n <= MOST; n++) {
        snn_barrier_init(&barrier, n);
        in_threads(n, meet);
    }
    puts("barrier");
    in_threads(MOST, take);
    for (size_t i = 0; i < sizeof taken; i++) expect(taken[i] == 1, "a counter gives each number once");
    puts("counter");
    in_threads(MOST, raise_or_look);
    expect(seen == MOST - 1, "a flag is seen by all");
    puts("flag");
    run_team(4);
    puts("team");
    in_threads(MOST, choose);
    for (const snn_isa *isa = snn_isas; isa->name; isa++) {
        if (isa->available()) {
            run_table(isa->float32);
            run_table(isa->float64);
            printf("kernels %s\n", isa->name);
        }
    }
    return failures != 0;
}
