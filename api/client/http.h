/* Calls over HTTP/1.1 with libcurl: one connection that is kept, bounded replies, a total deadline
 * per attempt, and retries that cannot do a thing twice, because every attempt of a POST carries
 * the same Idempotency-Key. Waits as Retry-After says. A struct belongs to one thread. */
#ifndef CAIRN_CLIENT_HTTP_H
#define CAIRN_CLIENT_HTTP_H

#include "server/base/buf.h"
#include "server/base/fields.h"
#include "server/base/json.h"

#define HTTP_REPLY_MAX (16u << 20)
#define HTTP_KEY_SIZE 33 /* Idempotency-Key: 32 hex digits and NUL */

struct http_client;

struct http_call {
    const char *method; /* "GET", "POST", "PUT", "DELETE" */
    const char *path;   /* from the slash on, with the query */
    const char *token;  /* bearer token or NULL */
    const void *body;   /* NULL: none */
    size_t body_len;
    bool octets;           /* the body is application/octet-stream, else JSON */
    const char *key;       /* Idempotency-Key or NULL */
    const char *acting_as; /* Cairn-Acting-As or NULL */
    int64_t if_match;      /* version for If-Match; 0: none */
    unsigned timeout_ms;   /* of one attempt; 0: 30 seconds */
};

struct http_reply {
    long status;
    struct buf body;
    json_t *json;  /* when the body is JSON, else NULL */
    bool replayed; /* Idempotency-Replayed: true */
};

/* Once per process, before any thread. */
void http_setup(void);
/* server is "http://host:port" or "https://host[:port]", with nothing behind it but one slash. */
enum err http_client_open(const char *server, struct http_client **ret, struct problem *p) MUST_USE;
void http_client_close(struct http_client *h);
/* How long connection losses and 503 are borne with in one call; 15 seconds if not set. */
void http_client_patience(struct http_client *h, unsigned seconds);
const char *http_client_server(const struct http_client *h);

/* OK for a 2xx status. A problem+json gives the error of its code, with pointer and detail in *p;
 * no answer gives ERR_IO. ret is filled only on OK; release it then. */
enum err http_client_call(struct http_client *h, const struct http_call *call,
                          struct http_reply *ret, struct problem *p) MUST_USE;
void http_reply_release(struct http_reply *r);
void http_key(char ret[HTTP_KEY_SIZE]); /* a new random key */
/* Where the API has no event to wait for. */
void http_pause(unsigned ms);

/* Reads the named fields of a reply as fields_read does, but lets others be: a newer server may say
 * more. ERR_IO if the reply is not what the contract says. */
enum err reply_fields(const json_t *reply, const struct field *fields, size_t n,
                      struct problem *p) MUST_USE;

#endif
