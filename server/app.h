/* The one struct that replaces globals: what every request may reach. Wired in app.c only;
 * read-only after start, so any thread may read it. */
#ifndef CAIRN_APP_H
#define CAIRN_APP_H

#include "server/base/clock.h"
#include "server/base/id.h"
#include "server/crypto/sign.h"

struct store;
struct ledger;   /* server/ledger/io: the driver thread and the log as readers see it */
struct subjects; /* server/ledger/io: per-person salt keys, kept outside PostgreSQL */
struct blobs;    /* server/vault: ciphertext files */
struct cluster;
struct schedule; /* server/schedule: due times and payouts */
struct listener;
struct peers;   /* server/ledger/io: frames to and from the other members */
struct board;   /* server/market: open bounties as everyone reads them */
struct peering; /* server/peering: the other members */
struct courier; /* server/schedule: money messages to other members */
struct witness; /* server/witness: cosigns checkpoints of other federations */
struct asker;   /* server/witness: has our checkpoints cosigned by witnesses elsewhere */
struct outside; /* server/ledger/io: what those have signed */

#define FEDERATION_NAME_MAX 100

struct app {
    struct store *store;
    struct cluster *cluster; /* NULL with an outside database */
    struct ledger *ledger;
    struct subjects *subjects;
    struct blobs *blobs;
    struct schedule *schedule;
    struct listener *listener;
    struct board *board;
    struct peers *peers;     /* NULL: nobody but us */
    struct peering *peering; /* NULL: nobody but us */
    struct courier *courier; /* NULL without peering */
    struct witness *witness;
    struct asker *asker;               /* NULL: nobody is asked */
    struct outside *outside;           /* NULL with the asker */
    usec_t (*now)(const struct app *); /* wall clock; tests shift it by now_offset */
    usec_t now_offset;
    uint16_t member;                          /* our member number, from 1 */
    char federation[FEDERATION_NAME_MAX + 1]; /* origin prefix of the logs, e.g. "cairn.example" */
    struct sign_key member_key;               /* signs the member's own statements */
    struct id operator_id;                    /* account that is operator by configuration */
    uint8_t session_secret[32];               /* keys sign-in challenges */
    char data_dir[200];
};

/* now of a running server. */
usec_t app_now(const struct app *app);

#endif
