/* A signed log made by a test, to be served truthfully or not. */
#ifndef CAIRN_TESTS_MOCK_LOG_H
#define CAIRN_TESTS_MOCK_LOG_H

#include "server/ledger/log/entry.h"
#include "server/ledger/log/note.h"
#include "server/statement/statement.h"

#define MOCK_LOG_MAX 2048

struct mock_log {
    enum chain chain;
    struct note_key log_key, member_key;
    struct sign_key log_secret, member_secret;
    size_t n;
    struct buf entries[MOCK_LOG_MAX];
    struct merkle_hash leaves[MOCK_LOG_MAX];
    uint64_t next_sequence;
};

/* Keys follow from the chain, so that two logs of one chain are the same log. */
void mock_log_init(struct mock_log *l, enum chain chain);
void mock_log_release(struct mock_log *l);
/* A statement with these extra members (reference taken), signed by a key of the test. */
struct statement mock_statement(const char *kind, unsigned number, json_t *extras);
void mock_salt(unsigned number, uint8_t ret[SALT_BYTES]);
/* The anchor of mock_statement(kind, number, NULL) under mock_salt(number). */
void mock_log_anchor(struct mock_log *l, const char *kind, unsigned number);
void mock_log_public(struct mock_log *l, const struct statement *s);
/* Any bytes, with a leaf hash to match. */
void mock_log_append(struct mock_log *l, const void *bytes, size_t len);
/* Checkpoint note of the first size entries, signed and cosigned. */
void mock_log_checkpoint(const struct mock_log *l, uint64_t size, struct buf *ret);
void mock_log_proof(const struct mock_log *l, uint64_t index, uint64_t size, struct buf *ret);
/* The file behind a tile path such as "tile/0/000.p/7", as of now; false if there is none. */
bool mock_log_tile(const struct mock_log *l, const char *path, struct buf *ret);
/* One policy for both. */
void mock_policy(const struct mock_log *account, const struct mock_log *tx, struct buf *ret);

#endif
