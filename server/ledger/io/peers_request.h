/* A signed request to a member, for libcurl: what frames and calls have in common. Thread-safe. */
#ifndef CAIRN_LEDGER_PEERS_REQUEST_H
#define CAIRN_LEDGER_PEERS_REQUEST_H

#include "server/ledger/io/peers.h"

#include <curl/curl.h>

struct peers_request {
    const char *method, *path;
    const char *query; /* without the question mark; NULL: none */
    const char *type;  /* Content-Type of the body; NULL: there is no body */
    const void *body;
    size_t body_len;
    /* Further headers, all signed; NULL: none. */
    const char *on_behalf_of, *idempotency_key, *if_match;
    uint16_t to;
};

/* Options that every request to a member has: HTTP/1.1, no signals, no redirects, our certificate
 * authorities. */
void peers_request_setup(CURL *easy, const char *ca_file);
/* The header lines with the signature; the caller frees them. NULL without memory or when the
 * request cannot be signed. now: seconds since 1970. */
struct curl_slist *peers_request_headers(struct peers *p, const struct peers_request *r,
                                         int64_t now) MUST_USE;

#endif
