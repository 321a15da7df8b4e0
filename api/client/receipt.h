/* Receipts: fetched once, kept as files, verified with nothing but the federation's policy. The
 * files are those that other programs expect (docs/client.md): ID.tlog-proof   C2SP tlog-proof text
 * ID.leaf       the entry's bytes ID.statement    canonical JSON bytes    ID.salt       64 hex
 * digits; private entries only One struct, one thread. */
#ifndef CAIRN_CLIENT_RECEIPT_H
#define CAIRN_CLIENT_RECEIPT_H

#include "server/ledger/log/entry.h"
#include "server/ledger/log/note.h"
#include "server/statement/statement.h"

struct receipt {
    struct buf proof, leaf, statement, salt; /* salt: hex; empty for a public entry */
};

/* What a verified receipt says. */
struct receipt_facts {
    struct id id;
    char kind[STATEMENT_KIND_MAX + 1];
    char origin[NOTE_NAME_MAX + 1];
    bool is_public;
    uint16_t member;
    uint64_t sequence, index, size;
    usec_t time;
};

void receipt_init(struct receipt *r);
void receipt_release(struct receipt *r);

/* From the answer of GET /v1/receipts/{entry}. */
enum err receipt_from_reply(const json_t *reply, struct receipt *ret, struct problem *p) MUST_USE;
/* FOLDER/ID.*; a salt that is not there makes the entry public, and then it must be one. */
enum err receipt_load(const char *folder, const char *id, struct receipt *ret,
                      struct problem *p) MUST_USE;
enum err receipt_save(const struct receipt *r, const char *folder, const char *id,
                      struct problem *p) MUST_USE;

/* The whole offline check: the policy's quorum signed a tree that holds the entry, the entry
 * commits to the statement under the salt, the statement is canonical and its signature verifies.
 * expected may be NULL; otherwise the statement must have this id. ERR_CRYPTO with a sentence that
 * says what fails. */
enum err receipt_verify(const struct policy *policy, const struct receipt *r,
                        const struct id *expected, struct receipt_facts *ret,
                        struct problem *p) MUST_USE;
enum err policy_load(const char *path, struct policy **ret, struct problem *p) MUST_USE;

#endif
