/* Table entry (the outbox) with entry_party and delivery: the signed statements of this member in
 * their order, and where they stand in the log. */
#ifndef CAIRN_STORE_ENTRY_H
#define CAIRN_STORE_ENTRY_H

#include "server/ledger/log/entry.h"
#include "server/store/store.h"

struct entry_new {
    struct id id;
    enum chain chain;
    const char *kind;
    bool is_public;
    struct id subject; /* whose salt key; all zero: the member's */
    const void *statement;
    size_t len;
    usec_t at;
    const struct id *parties; /* who may fetch the receipt */
    size_t n_parties;
};
/* Gives the entry the next sequence of its chain. ERR_STATEMENT_REPLAYED if the id is taken. */
enum err store_entry_insert(struct db *db, const struct entry_new *e) MUST_USE;

struct entry_stored {
    struct id id;
    uint64_t sequence;
    bool is_public;
    struct id subject;
    int64_t salt_slot;        /* 0 = the member's */
    const uint8_t *statement; /* arena */
    size_t len;
};
/* The next undelivered entries of a chain after a sequence, in order, at most max. */
enum err store_entries_after(struct db *db, enum chain chain, uint64_t sequence, size_t max,
                             struct arena *arena, struct entry_stored **ret,
                             size_t *ret_n) MUST_USE;

struct receipt_row {
    enum chain chain;
    uint64_t sequence;
    bool final;
    uint64_t index; /* when final */
    struct entry_stored entry;
};
/* ERR_NOT_FOUND unless account is a party of the entry. */
enum err store_receipt(struct db *db, const struct id *entry, const struct id *account,
                       struct arena *arena, struct receipt_row *ret) MUST_USE;
/* Rows: entry, kind, chain, at_us, final, n; newest first, n < before. */
enum err store_receipts(struct db *db, const struct id *account, int64_t before, int limit,
                        struct rows **ret) MUST_USE;

enum err store_delivery_insert(struct db *db, enum chain chain, uint64_t first_seq, uint64_t n,
                               uint64_t first_index, usec_t at) MUST_USE;

extern const struct store_stmt *const entry_stmts[];
extern const size_t entry_stmts_n;

#endif
