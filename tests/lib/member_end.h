/* One member's end of the transport for tests: an edge on a free loopback port with the route
 * table of the test program (api_routes) and no database, and a transport object. Several of them
 * in one process make a federation.
 */
#ifndef CAIRN_TESTS_MEMBER_END_H
#define CAIRN_TESTS_MEMBER_END_H

#include "api/http/http.h"
#include "server/ledger/io/peers.h"

#include <pthread.h>

struct member_end {
    struct app app;
    struct sign_key key;
    uint16_t number, port;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    uint64_t wakes, seen;
};

/* Its key follows from its number. Aborts when anything fails. */
void member_end_open(struct member_end *e, uint16_t number);
void member_end_close(struct member_end *e);
/* The edge goes away and comes back on the same port, as in a restart; the transport stays. */
void member_end_stop_edge(struct member_end *e);
void member_end_start_edge(struct member_end *e);
/* Fills in a member list of these ends and hands it to each of them. */
void member_end_list(struct member_end *const *ends, size_t n, struct members *ret);
void member_end_join(struct member_end *const *ends, size_t n);
/* The transport of this one knows these members. */
void member_end_knows(struct member_end *e, const struct members *m);
/* Waits for a wake that was not waited for yet; false after 10 s. */
bool member_end_wait(struct member_end *e);

#endif
