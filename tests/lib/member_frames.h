/* Numbered frames between member_ends, for tests of the transport: sending them, what arrived, and
 * waiting for the transport's counters. */
#ifndef CAIRN_TESTS_MEMBER_FRAMES_H
#define CAIRN_TESTS_MEMBER_FRAMES_H

#include "tests/lib/member_end.h"

#define ARRIVED_MAX 20000

struct arrived {
    size_t n;
    uint32_t number[ARRIVED_MAX];
    uint16_t from[ARRIVED_MAX];
    size_t len[ARRIVED_MAX];
};
struct arrived *arrived_new(void); /* free() */
/* For peers_take; arg is a struct arrived. */
void arrived_note(void *arg, uint16_t from, uint8_t type, const uint8_t *payload, size_t len);
/* Until n frames in all have arrived. */
void arrived_take(struct member_end *e, struct arrived *a, size_t n);

/* A frame of type WIRE_BATCH whose payload of len bytes, at least 4, begins with its number. */
void send_number(struct member_end *e, uint16_t to, enum peers_lane lane, uint32_t number,
                 size_t len);
struct peers_state counters_of(struct member_end *e, uint16_t number);
/* Until the counter is at least n; nothing signals it, so it is looked at each millisecond. */
void until_failures(struct member_end *e, uint16_t number, uint64_t n);
void until_sent(struct member_end *e, uint16_t number, uint64_t n);

#endif
