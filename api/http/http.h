/* The HTTP edge as the handlers see it. A handler is one C function, runs on a worker thread that
 * owns one database connection and one arena per request, goes straight down (parse, domain call,
 * reply) and never blocks a libmicrohttpd thread. It must end in exactly one reply_* or api_fail
 * call. */
#ifndef CAIRN_API_HTTP_H
#define CAIRN_API_HTTP_H

#include "server/app.h"
#include "server/base/arena.h"
#include "server/base/fields.h"
#include "server/store/store.h"

enum method { M_GET, M_POST, M_PUT, M_DELETE };

/* Who may call. Roles are checked by the edge; ownership by the domain (404 for what is foreign).
 */
enum who {
    WHO_ANYONE,
    WHO_SIGNED_IN,
    WHO_PATIENT,
    WHO_SPONSOR,
    WHO_REVIEWER,
    WHO_OPERATOR,
    WHO_PEER /* another member, by its signature over the request (docs/peers.md) */
};

enum body_kind {
    BODY_NONE,
    BODY_JSON,
    BODY_FILE, /* application/octet-stream, streamed to disk */
    BODY_TEXT, /* in memory, of any Content-Type or none: where a protocol of others says no word of
                * it */
    BODY_FRAMES /* application/vnd.cairn.frames, in memory; for WHO_PEER. A signature over it needs
                 * no date and may come twice: frames prove themselves and are idempotent */
};

#define PATH_PARAMS_MAX 3
#define QUERY_PARAMS_MAX 8

struct request;
typedef void handler_fn(struct request *r);

struct route {
    enum method method;
    /* "/v1/bounties/{bounty}" as in openapi.yaml; "{path...}" takes the rest */
    const char *template;
    const char *operation; /* operationId in openapi.yaml */
    handler_fn *handler;
    enum who who;
    enum body_kind body;
    size_t body_max;
    /* from the end of the head to the last byte of the reply; the head itself has 8 s */
    unsigned deadline_ms;
    bool inline_ok;    /* answered on the listener's thread: touches memory only, never SQL; for
                        * WHO_ANYONE and BODY_NONE only, or WHO_PEER and BODY_FRAMES (a large body
                        * goes to a worker all the same) */
    bool no_db;        /* runs on a worker without a connection (files, state in memory), so that it
                        * answers while the database is down; r->db is NULL. For WHO_ANYONE and
                        * WHO_PEER only */
    const char *query; /* names of the query parameters it takes, separated by spaces; NULL: none */
};
extern const struct route api_routes[];
extern const size_t api_routes_n;

struct caller {
    struct id account;
    uint8_t identity[32]; /* Ed25519 public key of the account */
    unsigned roles;       /* bits: 1u << enum who */
    char institution[33];
};

struct request {
    struct app *app;
    struct db *db; /* NULL for inline routes */
    struct arena *arena;
    const struct route *route;
    char id[33]; /* request id: the trace id of traceparent, or random */
    struct caller caller;
    bool signed_in;
    uint16_t peer;    /* WHO_PEER: the member that calls; else 0 */
    bool waited;      /* api_wait's time is over: answer with what there is */
    const char *path; /* as sent, without the query */
    const char *path_params[PATH_PARAMS_MAX]; /* decoded, in template order */
    const char *body;                         /* BODY_JSON, BODY_TEXT, BODY_FRAMES: the bytes */
    size_t body_len;
    json_t *json; /* BODY_JSON: parsed */
    const char
        *body_file; /* BODY_FILE: temporary file that holds the body; the handler may rename it */
    uint8_t body_hash[32]; /* BODY_FILE: BLAKE2b-256 of the body */
    struct problem problem;
    struct reply *reply; /* owned by the edge */
};

/* NULL when absent. Header names in any case. */
const char *req_header(const struct request *r, const char *name);
const char *req_query(const struct request *r, const char *name);
/* When the whole request must be over; monotonic. */
usec_t req_deadline(const struct request *r);
/* Path parameter i as an id; ERR_NOT_FOUND if it is none. */
enum err req_id(struct request *r, int i, struct id *ret) MUST_USE;
/* The Idempotency-Key and request hash of a POST, for store_write. */
enum err req_write_key(struct request *r, struct write_key *ret) MUST_USE;
/* If-Match must be there and equal "\"vN\"" -> N. */
enum err req_if_match(struct request *r, int64_t *ret_version) MUST_USE;

/* Replies. Text given is copied. */
void reply_json(struct request *r, int status, const char *json, size_t len);
/* The same without a copy: takes over what body holds and leaves it empty. */
void reply_json_take(struct request *r, int status, struct buf *body);
void reply_value(struct request *r, int status, json_t *value); /* takes the reference */
void reply_text(struct request *r, int status, const char *type, const void *bytes, size_t len);
void reply_file(struct request *r, int status, const char *type, const char *path); /* streamed */
void reply_empty(struct request *r, int status);
void reply_header(struct request *r, const char *name, const char *value); /* before the reply */
void reply_etag_version(struct request *r, int64_t version);               /* ETag: "vN" */
/* The problem+json of e, with r->problem's pointer and detail when it is about e. */
void api_fail(struct request *r, enum err e);
/* An answer of store_write: replays carry Idempotency-Replayed: true. */
void reply_answer(struct request *r, const struct answer *a);

/* ---- the listener ---------------------------------------------------------------------------- */
struct listener;
struct listener_config {
    const char *address; /* "127.0.0.1" */
    uint16_t port;       /* 0 = any free one */
    unsigned threads, workers, queue_max;
    const char *tmp_dir; /* for BODY_FILE */
    /* 0 = the default named in docs/limits.md. */
    unsigned connections_max, connections_per_ip;
    unsigned rate_ip, rate_token, rate_local; /* requests per second; bursts are ten times that */
};
/* Sets app->listener, so that the first handler finds it; ret may be &app->listener. */
enum err listener_start(struct app *app, const struct listener_config *c,
                        struct listener **ret) MUST_USE;
uint16_t listener_port(const struct listener *l);
void listener_stop(struct listener *l); /* drains, answers, joins */
enum err listener_metrics(struct listener *l, struct buf *ret) MUST_USE;

/* Long poll: a handler may give its request back to wait for event (a ledger size per chain)
 * instead of replying; it runs again from the top when listener_wake is called or until_us has
 * passed (then r->waited is true). */
void api_wait(struct request *r, usec_t until_monotonic);
void listener_wake(struct listener *l); /* any thread */

#endif
