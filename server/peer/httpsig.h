/* HTTP Message Signatures (RFC 9421) with Ed25519, and Content-Digest (RFC 9530) with SHA-256, as
 * members use them among themselves (docs/peers.md). One shape, printed and read strictly:
 *
 *   Content-Digest: sha-256=:BASE64:
 *   Cairn-Member: from=1, to=2, genesis=:BASE64:
 *   Signature-Input: cairn=("@method" "@path" ...);created=N;expires=N;keyid="member-1";
 *                    nonce="16 hex";alg="ed25519";tag="cairn-peer"        (one line)
 *   Signature: cairn=:BASE64:
 *
 * What has to be covered, in this order: "@method", "@path", "@query" if the target has one,
 * "content-digest" "content-type" "content-length" if there is a body, "cairn-member",
 * "cairn-on-behalf-of", "idempotency-key" and "if-match" if sent. Not "@authority": a proxy in
 * front of a member may rewrite it; who is meant stands in Cairn-Member. Pure: no clock, no I/O,
 * and it allocates nothing but struct buf. */
#ifndef CAIRN_PEER_HTTPSIG_H
#define CAIRN_PEER_HTTPSIG_H

#include "server/base/buf.h"
#include "server/crypto/hash.h"
#include "server/crypto/sign.h"

#define HTTPSIG_LIFETIME_S 60
#define HTTPSIG_DIGEST_SIZE (9 + 44 + 1 + 1) /* "sha-256=:", base64, ":" and NUL */
#define HTTPSIG_MEMBER_SIZE 100
#define HTTPSIG_INPUT_SIZE 384
#define HTTPSIG_SIGNATURE_SIZE 104

/* A request as signer and verifier see it. */
struct httpsig_message {
    const char *method, *path;
    const char *query;     /* as sent, without the question mark; NULL: none */
    const char *authority; /* NULL unless a signature covers it */
    /* The value of a header field by its lower-case name, NULL if absent. That a field comes once
     * is for the caller to see to. */
    const char *(*field)(void *arg, const char *name);
    void *arg;
};

/* Cairn-Member: who calls whom, in which federation. */
struct httpsig_member {
    uint16_t from, to; /* member numbers, from 1 */
    uint8_t genesis[HASH_BYTES];
};
void httpsig_member_print(const struct httpsig_member *m, char ret[HTTPSIG_MEMBER_SIZE]);
bool httpsig_member_parse(const char *text, struct httpsig_member *ret) MUST_USE;

/* RFC 9530 2: of the body as sent. Exactly one digest, SHA-256, is read. */
void httpsig_digest_print(const void *body, size_t len, char ret[HTTPSIG_DIGEST_SIZE]);
bool httpsig_digest_parse(const char *text, uint8_t ret[HASH_BYTES]) MUST_USE;

/* The signature base of RFC 9421 2.5 for a serialized inner list with its parameters, such as
 * ("@method" "content-type");created=1. Components without parameters only. ERR_SYNTAX for a
 * malformed list, an unknown or repeated component, one that the message does not have, or a value
 * that is not visible ASCII. */
enum err httpsig_base(const struct httpsig_message *m, const char *params, size_t len,
                      struct buf *ret) MUST_USE;

struct httpsig_stamp {
    uint16_t from;
    int64_t created; /* seconds since 1970; expires HTTPSIG_LIFETIME_S later */
    uint64_t nonce;  /* random */
};
/* The values of the two fields. ERR_SYNTAX when the message lacks what has to be covered. */
struct httpsig_lines {
    char input[HTTPSIG_INPUT_SIZE];
    char signature[HTTPSIG_SIGNATURE_SIZE];
};
enum err httpsig_sign(const struct httpsig_message *m, const struct httpsig_stamp *s,
                      const struct sign_key *key, struct httpsig_lines *ret) MUST_USE;

enum httpsig_fault {
    HTTPSIG_GOOD,
    HTTPSIG_UNSIGNED, /* no signature with our tag */
    HTTPSIG_FORM,     /* malformed, or more than one with our tag */
    HTTPSIG_COVERAGE  /* something that has to be covered is not, or something else is */
};

/* What a signature claims; nothing is proven before httpsig_verify. */
struct httpsig_claim {
    struct httpsig_member member;
    int64_t created, expires;
    uint64_t nonce;
    const char *params; /* borrowed from Signature-Input */
    size_t params_len;
    uint8_t signature[SIGN_BYTES];
};
/* Finds the one signature with our tag among those of the message (others are left alone) and
 * checks all that can be checked without the key. *ret is set when HTTPSIG_GOOD. */
enum httpsig_fault httpsig_read(const struct httpsig_message *m,
                                struct httpsig_claim *ret) MUST_USE;
/* The claim's signature is that of this key over this message. */
bool httpsig_verify(const struct httpsig_message *m, const struct httpsig_claim *c,
                    const uint8_t key[SIGN_PUBLIC_BYTES]) MUST_USE;

#endif
