/* C2SP signed-note, tlog-checkpoint, tlog-cosignature (cosignature/v1, Ed25519), tlog-proof and
 * tlog-policy, to the letter. Texts are bytes; nothing here reads a clock. Pure, thread-safe. */
#ifndef CAIRN_LEDGER_NOTE_H
#define CAIRN_LEDGER_NOTE_H

#include "server/base/buf.h"
#include "server/crypto/sign.h"
#include "server/ledger/log/merkle.h"

#define NOTE_NAME_MAX 255
#define NOTE_TYPE_ED25519 0x01     /* log keys */
#define NOTE_TYPE_COSIGNATURE 0x04 /* cosigner keys */
#define NOTE_SIGNATURES_MAX 256
#define CHECKPOINT_MAX (64u << 10)
#define PROOF_MAX (96u << 10)
#define POLICY_MAX (64u << 10)
#define POLICY_LOGS_MAX 64
#define POLICY_WITNESSES_MAX 64
#define POLICY_GROUPS_MAX 64

struct note_key { /* a verifier key ("vkey") */
    char name[NOTE_NAME_MAX + 1];
    uint8_t type;
    uint8_t id[4]; /* SHA-256(name || "\n" || type || key)[:4] */
    uint8_t public[SIGN_PUBLIC_BYTES];
};

/* false if the name is empty, too long, not UTF-8, or has Unicode spaces, plus signs or control
 * characters, or if the type is neither of the two above. */
bool note_key_make(const char *name, uint8_t type, const uint8_t public_key[SIGN_PUBLIC_BYTES],
                   struct note_key *ret) MUST_USE;
/* vkey text: name+hex8+base64(type || key). Parsing is strict (lower-case hex, the key id must be
 * the hash above): ERR_SYNTAX. */
enum err note_key_print(const struct note_key *k, struct buf *ret) MUST_USE;
enum err note_key_parse(const char *text, size_t len, struct note_key *ret) MUST_USE;

struct checkpoint {
    char origin[NOTE_NAME_MAX + 1];
    uint64_t size;
    struct merkle_hash root;
};

/* A note is body, one empty line ("\n", which the caller puts there), signature lines. Each of
 * these leaves the buffer as it was if it fails. Appends the three body lines. */
enum err checkpoint_body(const struct checkpoint *c, struct buf *ret) MUST_USE;
/* Appends one signature line by the log's key over the body. Only what parses as a checkpoint is
 * signed (else ERR_SYNTAX); body must not point into ret ... */
enum err checkpoint_sign(const char *body, size_t body_len, const struct note_key *k,
                         const struct sign_key *secret, struct buf *ret) MUST_USE;
/* ... and one cosignature/v1 line made at the given POSIX time (ERR_FIELD_RANGE above 2^63 - 1). */
enum err checkpoint_cosign(const char *body, size_t body_len, const struct note_key *k,
                           const struct sign_key *secret, uint64_t time, struct buf *ret) MUST_USE;
/* The bare signature of cosignature/v1 over a checkpoint body, its check (ERR_CRYPTO), and its
 * line: for cosigners who send each other signatures instead of notes. */
enum err cosignature_sign(const char *body, size_t body_len, const struct sign_key *secret,
                          uint64_t time, uint8_t ret[SIGN_BYTES]) MUST_USE;
enum err cosignature_verify(const char *body, size_t body_len, const struct note_key *k,
                            uint64_t time, const uint8_t signature[SIGN_BYTES]) MUST_USE;
enum err cosignature_line(const struct note_key *k, uint64_t time,
                          const uint8_t signature[SIGN_BYTES], struct buf *ret) MUST_USE;
/* Parses a note and its body (no signature is checked; extension lines are passed over);
 * ret_body_len = bytes of the body. ERR_SYNTAX, or ERR_LIMIT beyond CHECKPOINT_MAX or
 * NOTE_SIGNATURES_MAX. */
enum err checkpoint_parse(const char *note, size_t len, struct checkpoint *ret,
                          size_t *ret_body_len) MUST_USE;

/* tlog-policy: log keys of type 1, witness keys of type 4. At most POLICY_*_MAX of each. On failure
 * problem (which may be NULL) names the line. */
struct policy;
enum err policy_parse(const char *text, size_t len, struct policy **ret,
                      struct problem *p) MUST_USE;
void policy_free(struct policy *p);
/* A checkpoint note is valid if a listed log with the origin's name signed it and the quorum
 * cosigned. Lines of unknown keys are ignored; a line of a listed key that does not verify, or a
 * second one of the same key, refuses the note: ERR_CRYPTO. */
enum err policy_check(const struct policy *p, const char *note, size_t len,
                      struct checkpoint *ret) MUST_USE;

struct tlog_proof {
    uint64_t index;
    size_t n;
    struct merkle_hash hashes[MERKLE_PROOF_MAX];
    const char *note; /* borrowed from the parsed text */
    size_t note_len;
};
/* Both refuse a note that is no checkpoint, and an index outside its tree (ERR_CRYPTO). An "extra"
 * line is checked for its form and dropped: nothing authenticates it. */
enum err tlog_proof_print(uint64_t index, const struct merkle_hash *hashes, size_t n,
                          const char *note, size_t note_len, struct buf *ret) MUST_USE;
enum err tlog_proof_parse(const char *text, size_t len, struct tlog_proof *ret) MUST_USE;
/* The whole offline check: policy, inclusion of the entry at the proof's index. */
enum err tlog_proof_verify(const struct policy *policy, const char *proof, size_t len,
                           const void *entry, size_t entry_len, struct checkpoint *ret,
                           uint64_t *ret_index) MUST_USE;

#endif
