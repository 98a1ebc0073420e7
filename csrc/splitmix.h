/* SplitMix64 as a function of key and counter; docs/math.md, section "Random numbers". */
#ifndef SNN_SPLITMIX_H
#define SNN_SPLITMIX_H

#include <stdint.h>

#define SNN_GAMMA 0x9e3779b97f4a7c15u

/* Steele, Lea and Flood 2014, with Stafford's mix 13. */
static inline uint64_t snn_mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

#endif
