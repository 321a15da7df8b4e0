/* The ledger as the rest of the program sees it. Two threads stand behind it: the driver, with a
 * connection of its own, takes outbox entries in order, hands them to the ledger thread
 * (consensus.h) and writes final blocks, one transaction each; the ledger thread agrees with the
 * other members. A federation of one is the same code with n = 1 (docs/ledger.md).
 *
 * Exactly one process per database drives: it holds the advisory lock and the journal; the others
 * follow what it publishes, and one of them takes over when it is gone. Before a root is signed
 * the database must have said the hash of the stored rows that it is made of; on start the whole
 * log is read and hashed again. A high mark outside PostgreSQL (DIR/ledger.mark) makes a database
 * older than the log refuse to serve (ERR_DB_OLD). Thread-safe: all readers copy under a lock. */
#ifndef CAIRN_LEDGER_LEDGER_H
#define CAIRN_LEDGER_LEDGER_H

#include "server/app.h"
#include "server/base/arena.h"
#include "server/ledger/log/entry.h"
#include "server/ledger/log/note.h"
#include "server/ledger/members/members.h"
#include "server/store/store.h"

#define CHAINS 2
#define LEDGER_EVIDENCE_MAX 1024 /* EVIDENCE_MAX of wire/forensics.h */

struct ledger_keys {             /* one seed each; docs/keys.md */
    struct sign_key log[CHAINS]; /* [chain - 1] */
    struct sign_key cosigner;
    struct sign_key vote;
};

struct ledger_apply;

struct ledger_start {
    const struct ledger_keys *keys; /* copied */
    const struct genesis *genesis;  /* copied */
    uint8_t genesis_hash[HASH_BYTES];
    const struct ledger_apply *apply; /* what public entries of others do; borrowed */
    size_t n_apply;
    uint32_t in_flight_max;        /* 0: the default */
    void (*on_publish)(void *arg); /* after each new checkpoint, on the driver's thread */
    void *arg;
};
/* Checks mark and log against the database, then starts the threads. ERR_DB_OLD,
 * ERR_LOG_INCONSISTENT: refuse to serve. */
enum err ledger_open(struct app *app, const struct ledger_start *s, struct ledger **ret) MUST_USE;
/* Gives what is under way up to two seconds to be ordered, then stops. */
void ledger_close(struct ledger *l);

/* New outbox entries were committed. */
void ledger_wake(struct ledger *l);
/* Frames of other members arrived. */
void ledger_frames(struct ledger *l);
/* Makes mark file and journal of a member that has never signed anything; ERR_IO, or ERR_STATE if
 * there are some. Never at start: a member that lost them must not vote with its old key. */
enum err ledger_found(const char *data_dir, const uint8_t genesis_hash[HASH_BYTES]) MUST_USE;

/* For a stopped member that has a new vote key: sets its journal aside, if there is one, as
 * journal.N, and makes an empty one. ERR_IO. */
enum err ledger_renew_journal(const char *data_dir,
                              const uint8_t genesis_hash[HASH_BYTES]) MUST_USE;

/* The published size of a chain, and its newest checkpoint (appended to ret). */
uint64_t ledger_size(struct ledger *l, enum chain chain);
enum err ledger_checkpoint(struct ledger *l, enum chain chain, struct buf *ret) MUST_USE;
/* The chain's published root: the seed of draws. */
void ledger_root(struct ledger *l, enum chain chain, uint64_t *ret_size, struct merkle_hash *ret);
bool ledger_healthy(struct ledger *l);

/* Members, roles, keys, epoch, as of the newest delivered block. */
void ledger_members(struct ledger *l, struct members *ret);
struct consensus_state;
/* Views and heights of the ledger thread; false in a process that follows. */
bool ledger_consensus(struct ledger *l, struct consensus_state *ret);

/* What the ledger thread found against a member and nobody has taken yet (wire/forensics.h),
 * appended to ret; nothing if there is none. It stays until it is dropped: ledger_evidence_done
 * with the same bytes. */
enum err ledger_evidence(struct ledger *l, struct buf *ret) MUST_USE;
void ledger_evidence_done(struct ledger *l, const struct buf *evidence);

/* The C2SP policy text that accepts this federation's receipts. */
enum err ledger_policy(struct ledger *l, struct buf *ret) MUST_USE;
void ledger_log_key(struct ledger *l, enum chain chain, struct note_key *ret);

/* Bytes of a tile or bundle at the published size, by its path behind "tile/"; ERR_NOT_FOUND. */
enum err ledger_tile(struct ledger *l, struct db *db, enum chain chain, const char *path,
                     struct arena *arena, const uint8_t **ret, size_t *ret_len) MUST_USE;
/* The tlog-proof text of the entry at index, under the first checkpoint that covers it and that a
 * witness elsewhere has cosigned; under the first that covers it as long as none has. */
enum err ledger_proof(struct ledger *l, struct db *db, enum chain chain, uint64_t index,
                      struct arena *arena, struct buf *ret) MUST_USE;

/* What this member was shown as final from this height on, up to the first certificate: the text of
 * wire/view_file.h, appended. ERR_NOT_FOUND. */
enum err ledger_view(struct ledger *l, struct db *db, enum chain chain, uint64_t height,
                     struct arena *arena, struct buf *ret) MUST_USE;

enum err ledger_metrics(struct ledger *l, struct buf *ret) MUST_USE;

#endif
