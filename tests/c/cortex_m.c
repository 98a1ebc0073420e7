/* What a Cortex-M4 begins with in an emulator: the table that its reset reads at address 0. Newlib's _start does the
 * rest, and asks the emulator for stack and heap. */

#include <stdint.h>

void _start(void);

static void reset(void) {
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* CPACR: the floating-point unit on */
    _start();
}

static void halt(void) {
    for (;;) {
    }
}

typedef void handler(void);

/* The first stack, and handlers of reset, NMI and faults. */
__attribute__((section(".vectors"), used))
handler *const vectors[] = {(handler *)0x00400000, reset, halt, halt, halt, halt, halt};
