/* One person toward one server: keys derived from the root, a bearer token that is renewed when it
 * runs out, and the three ways of calling. The http_client is borrowed, so that many people can
 * share one connection; a struct belongs to one thread at a time. */
#ifndef CAIRN_CLIENT_SESSION_H
#define CAIRN_CLIENT_SESSION_H

#include "api/client/http.h"
#include "server/crypto/keys.h"
#include "server/ledger/log/note.h"
#include "server/statement/statement.h"

#define CLIENT_TOKEN_MAX 128

/* Where the bounty lives that is worked on, if that is another member (away.h). */
struct away {
    unsigned member;   /* 0: here */
    bool pseudonym;    /* under the account of a patient's key for the bounty */
    struct id account; /* then */
};

struct client {
    struct http_client *http; /* borrowed */
    uint8_t root[ROOT_BYTES];
    struct sign_key identity;
    struct box_key receive;
    struct id account;
    char token[CLIENT_TOKEN_MAX];
    char federation[NOTE_NAME_MAX + 1]; /* what sign-in is bound to; "" until known */
    unsigned member;                    /* the server's number in it; 0 until known */
    struct away away;
};

void client_init(struct client *c, struct http_client *http, const uint8_t root[ROOT_BYTES]);
void client_release(struct client *c); /* wipes; does not sign out */

/* The federation's name and the member's number as the server tells them. If c->federation is set
 * already it must be the same: ERR_AUTH_CHALLENGE if not, since signing in would then hand this
 * server a proof for another one. */
enum err client_federation(struct client *c, struct problem *p) MUST_USE;
enum err client_sign_in(struct client *c, struct problem *p) MUST_USE;
void client_sign_out(struct client *c);

/* Calls; when signed in they carry the token, and an expired one is renewed once. *ret may be NULL
 * where the answer does not matter; else it owns a JSON value. */
enum err client_get(struct client *c, const char *path, json_t **ret, struct problem *p) MUST_USE;
/* Every page of a list, as one array of at most max items (ERR_LIMIT beyond). */
enum err client_list(struct client *c, const char *path, size_t max, json_t **ret,
                     struct problem *p) MUST_USE;
/* Text or bytes, without JSON; status 404 is ERR_NOT_FOUND. */
enum err client_bytes(struct client *c, const char *path, struct buf *ret,
                      struct problem *p) MUST_USE;
/* Posts {"statement": s, ...extra}. extra (may be NULL) is an object whose reference is taken. */
enum err client_post(struct client *c, const char *path, const struct statement *s, json_t *extra,
                     int64_t if_match, json_t **ret, struct problem *p) MUST_USE;
enum err client_put(struct client *c, const char *path, const void *bytes, size_t len,
                    struct problem *p) MUST_USE;

/* A statement made now under a new id: takes over the reference to extras (NULL: ERR_NO_MEMORY). */
enum err client_statement(const char *kind, int64_t version, json_t *extras,
                          const struct sign_key *key, struct statement *ret,
                          struct problem *p) MUST_USE;
/* Makes the statement and posts it. */
enum err client_say(struct client *c, const char *path, const char *kind, int64_t version,
                    json_t *extras, json_t **ret, struct problem *p) MUST_USE;

struct id new_id(void); /* version 7 */
/* JSON forms; the caller owns the result, NULL without memory. */
json_t *json_of_id(const struct id *id);
json_t *json_of_bytes(const uint8_t *bytes, size_t len); /* base64; len <= 96 */
json_t *json_of_time(usec_t at);

#endif
