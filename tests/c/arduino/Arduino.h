/* As much of an Arduino as a sketch needs that runs in a test: time goes by in delay alone, and what is written is
 * printed. */
#ifndef ARDUINO_H
#define ARDUINO_H

#include <stdio.h>

#define LED_BUILTIN 13
#define OUTPUT 1

static unsigned long now; /* ms */

static inline unsigned long millis() { return now; }
static inline unsigned long micros() { return 1000 * now; }
static inline void delay(unsigned long ms) { now += ms; }
static inline void pinMode(int pin, int mode) { printf("pin %d mode %d\n", pin, mode); }
static inline void analogWrite(int pin, int value) { printf("pin %d value %d\n", pin, value); }

struct Port {
    void begin(long baud) { printf("baud %ld\n", baud); }
    void print(const char *text) { printf("%s", text); }
    void print(float number) { printf("%.2f", (double)number); }
    void println(unsigned long number) { printf("%lu\n", number); }
};
static Port Serial;

#endif
