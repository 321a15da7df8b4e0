/* Statements: whatever moves money, consent or judgement is one signed canonical JSON object
 * (DESIGN section 5, docs/api.md). Common members: kind, id (UUID, new for each), version (int >=
 * 1, of the object it makes or changes), time (RFC 3339, seconds, Z), signer (base64 Ed25519 public
 * key), signature (base64). The signature is over "cairn-statement/1\n" || canonical bytes of the
 * object without "signature"; what is stored, anchored and receipted are the canonical bytes with
 * it. Pure; clocks are parameters. Thread-safe: one struct belongs to one thread. */
#ifndef CAIRN_STATEMENT_STATEMENT_H
#define CAIRN_STATEMENT_STATEMENT_H

#include "server/base/clock.h"
#include "server/base/fields.h"
#include "server/base/id.h"
#include "server/crypto/hash.h"
#include "server/crypto/sign.h"

#define STATEMENT_MAX (32u << 10) /* canonical bytes; fits a public log entry (ENTRY_MAX) */
#define STATEMENT_KIND_MAX 32
#define STATEMENT_EXTRA_MAX 16 /* members beyond the common ones */
#define STATEMENT_SKEW_MAX (15 * 60 * USEC_PER_SEC)
#define STATEMENT_TEXT "cairn-statement/1\n" /* domain separation of the signature */

struct statement {
    json_t *root;     /* owned reference */
    const char *kind; /* borrowed from root */
    struct id id;
    int64_t version;
    usec_t time;
    uint8_t signer[SIGN_PUBLIC_BYTES];
    const char *canonical; /* with the signature; owned, followed by a NUL */
    size_t canonical_len;
};

/* Reads the common members and verifies the signature. Takes its own reference to value, which must
 * not be changed afterwards. pointer_prefix is value's place in the request, "/statement" or "".
 * ERR_STATEMENT_FORM (pointer names the member) or ERR_STATEMENT_SIGNATURE. */
enum err statement_parse(const json_t *value, const char *pointer_prefix, struct statement *ret,
                         struct problem *p) MUST_USE;
/* The same from bytes that must be canonical to the bit (ERR_STATEMENT_FORM if not): for stored and
 * receipted statements. */
enum err statement_parse_bytes(const char *bytes, size_t len, struct statement *ret,
                               struct problem *p) MUST_USE;
/* Frees the contents; a zeroed struct is fine. */
void statement_release(struct statement *s);

/* ERR_STATEMENT_KIND unless the kind is this one; ERR_STATEMENT_TIME if |time - now| > 15 minutes.
 */
enum err statement_check(const struct statement *s, const char *kind, usec_t now,
                         struct problem *p) MUST_USE;
/* Reads the extra members as fields_read does: the common ones are known, others are refused. At
 * most STATEMENT_EXTRA_MAX fields; pointers start with /statement; text is borrowed from s->root.
 */
enum err statement_fields(const struct statement *s, const struct field *extra, size_t n,
                          struct problem *p) MUST_USE;

/* A new object with kind, id, version and time set, to be completed and signed; NULL without
 * memory. */
json_t *statement_draft(const char *kind, const struct id *id, int64_t version, usec_t time);
/* Sets signer and signature. Takes over the caller's reference to object, also on failure; a NULL
 * object (failed draft) gives ERR_NO_MEMORY. ERR_STATEMENT_FORM if the object is no statement. */
enum err statement_sign(json_t *object, const struct sign_key *key, struct statement *ret) MUST_USE;
/* SHA-256 of the canonical bytes with the signature. */
void statement_hash(const struct statement *s, uint8_t ret[HASH_BYTES]);

#endif
