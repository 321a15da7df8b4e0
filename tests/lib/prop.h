/* Seeded pseudo-random numbers for property tests: the same seed gives the same cases everywhere.
 */
#ifndef CAIRN_TESTS_PROP_H
#define CAIRN_TESTS_PROP_H

#include <stddef.h>
#include <stdint.h>

struct prop {
    uint64_t state;
};

/* splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t prop_next(struct prop *p)
{
    uint64_t z = p->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Uniform enough within lo..hi. */
static inline int64_t prop_int(struct prop *p, int64_t lo, int64_t hi)
{
    return lo + (int64_t)(prop_next(p) % (uint64_t)(hi - lo + 1));
}

/* Small, large or at an edge: the interesting places of a range. */
static inline int64_t prop_edge(struct prop *p, int64_t lo, int64_t hi)
{
    switch (prop_next(p) % 6) {
    case 0:
        return lo;
    case 1:
        return hi;
    case 2:
    case 3:
        return hi - lo > 20 ? prop_int(p, lo, lo + 20) : prop_int(p, lo, hi);
    default:
        return prop_int(p, lo, hi);
    }
}

#endif
