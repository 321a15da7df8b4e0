/* Two members in one process, each a world with its own PostgreSQL, that know each other: calls go
 * straight to the domain functions behind /peer/v1, without HTTP, and public entries are delivered
 * when a test says so. A call can be made to fail before or after the other side has done its work.
 */
#ifndef CAIRN_TESTS_PAIR_H
#define CAIRN_TESTS_PAIR_H

#include "server/ledger/io/apply.h"
#include "server/peering/peering.h"
#include "tests/lib/people.h"

enum pair_trouble {
    PAIR_FINE,
    PAIR_LOST, /* the request never arrives */
    PAIR_MUTE, /* it is done, and the answer is lost */
};

struct pair;
struct pair_side {
    struct pair *pair;
    size_t me;
};

struct pair {
    struct world w[2]; /* members 1 and 2 */
    struct peering peering[2];
    struct members members;
    struct pair_side side[2];
    atomic_int trouble;      /* of the calls from now on */
    atomic_uint calls;       /* that were made */
    int64_t delivered[2][3]; /* [of][chain]: last sequence the other one has applied */
};

void pair_up(struct pair *p);
void pair_down(struct pair *p);
/* Applies the public entries of w[from] that the other one has not applied yet, in order; again:
 * once more from the first. */
void pair_deliver(struct pair *p, size_t from, bool again);
/* One public entry of any member number, as delivery would: with statement bytes as given. */
enum err pair_apply(struct pair *p, size_t at, uint16_t member, uint64_t sequence, const char *kind,
                    const char *statement, size_t len);
/* Makes w[to] take the word of the other one for this account. */
enum err pair_vouch(struct pair *p, size_t to, const struct id *account,
                    const struct id *acting_as);

#endif
