/* Witnesses elsewhere are asked to cosign the checkpoints of both chains (C2SP tlog-witness,
 * docs/witness.md). One thread with its own connection, woken by each new checkpoint; every witness
 * has at most one request under way and, per chain, at most one in ASKER_EVERY. What a witness has
 * cosigned is verified and kept in log_cosignature, and the lines under the newest checkpoints in
 * app->outside. A witness that does not answer, or wrongly, is asked again with growing pauses and
 * keeps nobody waiting for longer than ASKER_CALL_MS. Several processes may run one. */
#ifndef CAIRN_WITNESS_ASKER_H
#define CAIRN_WITNESS_ASKER_H

#include "server/app.h"
#include "server/base/buf.h"
#include "server/ledger/log/note.h"

#define ASKER_WITNESSES_MAX 8
#define ASKER_EVERY (5 * USEC_PER_SEC)       /* between two requests about one chain */
#define ASKER_PAUSE_MAX (120 * USEC_PER_SEC) /* after failures: ASKER_EVERY, doubled each time */
#define ASKER_CALL_MS 10000

struct asker_witness {
    const char *url;     /* without add-checkpoint and the slash before it; copied */
    struct note_key key; /* of a cosigner */
};

/* For an app with app->outside. Makes no thread yet, so that on_publish has somebody to wake.
 * ERR_NO_MEMORY. */
enum err asker_new(struct app *app, const struct asker_witness *list, size_t n,
                   struct asker **ret) MUST_USE;
enum err asker_start(struct asker *a) MUST_USE; /* needs app->store */
void asker_stop(struct asker *a);               /* cuts the request under way; NULL is fine */
void asker_free(struct asker *a);               /* after asker_stop; NULL is fine */
void asker_wake(struct asker *a);               /* any thread; NULL is fine */

/* OpenMetrics text: requests by witness and outcome. */
enum err asker_metrics(struct asker *a, struct buf *ret) MUST_USE;

#endif
