/* What a caller wants done: who it is, under which idempotency key, with which memory. Handlers
 * fill one and pass it to a domain function; the server's own work uses act_member. One thread at a
 * time. */
#ifndef CAIRN_ACT_H
#define CAIRN_ACT_H

#include "server/app.h"
#include "server/statement/statement.h"
#include "server/store/store.h"

struct act {
    struct app *app;
    struct arena *arena;
    struct problem *problem; /* may be NULL */
    struct id account;       /* of the caller; all zero for the member itself */
    uint8_t identity[SIGN_PUBLIC_BYTES];
    struct write_key key;
    usec_t now;
};

/* The server's own work: key names it, so that doing it twice is doing it once. */
void act_member(struct app *app, struct arena *arena, const char *key, struct act *ret);

/* What a statement of another member asks for, as the server's own work: name and the statement's
 * id are the key, so that taking it twice is taking it once. */
void act_of_statement(const struct act *act, const char *name, const struct statement *s,
                      struct act *ret);

/* store_write under the caller's key, then wakes the ledger: the one way a domain function writes.
 */
enum err act_write(const struct act *act, const char *name, store_fn *fn, void *arg,
                   struct answer *ret) MUST_USE;

/* The statement must be signed by the caller's identity key. */
enum err act_signed_by_caller(const struct act *act, const struct statement *s) MUST_USE;

/* Fills ret with status and the JSON of value; takes the reference (also NULL: ERR_NO_MEMORY). */
enum err answer_set(struct answer *ret, struct arena *arena, int status, json_t *value) MUST_USE;

/* JSON strings of the forms we use; each returns a new reference or NULL. */
json_t *json_id(const struct id *id);
json_t *json_b64(const void *bytes, size_t len); /* len <= 128 */
json_t *json_time(usec_t at);

/* A statement of the member itself: extras (reference taken) plus the common members, signed. */
enum err member_statement(const struct app *app, const char *kind, int64_t version, usec_t now,
                          json_t *extras, struct statement *ret) MUST_USE;

#endif
