/* C2SP tlog-witness (https://c2sp.org/tlog-witness), to the letter: the request of add-checkpoint,
 * what a witness decides about it, and the lines it answers with. Both ends use the same text.
 * Pure, thread-safe. */
#ifndef CAIRN_LEDGER_WITNESS_H
#define CAIRN_LEDGER_WITNESS_H

#include "server/ledger/log/note.h"

#define WITNESS_PROOF_MAX 63
/* "old N", as many hashes, an empty line, and a checkpoint of CHECKPOINT_MAX. */
#define WITNESS_REQUEST_MAX (68u << 10)
#define WITNESS_SIZE_MAX INT64_MAX /* of a tree: a proof for a larger one has more hashes */

struct witness_request {
    uint64_t old_size; /* of the tree that the proof starts from; at most checkpoint.size */
    size_t n;
    struct merkle_hash proof[WITNESS_PROOF_MAX];
    struct checkpoint checkpoint;
    const char *note; /* the checkpoint as it was signed; borrowed from the parsed text */
    size_t note_len, body_len;
};

/* ERR_SYNTAX, or ERR_LIMIT for too many hashes, signatures or bytes: all of them a "400 Bad
 * Request", and so is an old size beyond the checkpoint's. */
enum err witness_request_parse(const char *text, size_t len, struct witness_request *ret) MUST_USE;
/* Appends the request for this note, which must be one (else ERR_SYNTAX); ERR_LIMIT. */
enum err witness_request_print(uint64_t old_size, const struct merkle_hash *proof, size_t n,
                               const char *note, size_t note_len, struct buf *ret) MUST_USE;

/* The tree of a log as it was cosigned last. Of a log that never was: nothing, and the root of the
 * empty tree. */
struct witness_state {
    uint64_t size;
    struct merkle_hash root;
};
void witness_state_init(struct witness_state *ret);

enum witness_verdict {
    WITNESS_GROWN,      /* 200, once the new tree is stored */
    WITNESS_AGAIN,      /* 200: the very tree that was cosigned last */
    WITNESS_MALFORMED,  /* 400 */
    WITNESS_UNSIGNED,   /* 403: no line of a trusted key of this origin verifies */
    WITNESS_UNKNOWN,    /* 404: no trusted key has this origin */
    WITNESS_OTHER_SIZE, /* 409: the proof starts from another size than was cosigned last */
    WITNESS_FORKED,     /* 409: the size that was cosigned last, under another root */
    WITNESS_UNPROVEN,   /* 422: the proof does not verify */
    WITNESS_VERDICTS
};
const char *witness_verdict_name(enum witness_verdict v); /* "grown", .. */

/* True if one of the log keys has this origin for its name. */
bool witness_knows(const struct note_key *keys, size_t n, const char *origin);
/* The whole decision about a request that parsed; keys are log keys, latest is what was stored for
 * its origin. Never WITNESS_MALFORMED. A note that is good but for one line of a trusted key which
 * does not verify, or comes twice, is refused like one that nobody signed: as every reader of notes
 * here does (note.h). */
enum witness_verdict witness_decide(const struct witness_request *r, const struct note_key *keys,
                                    size_t n, const struct witness_state *latest) MUST_USE;

/* What the other end answered under 200: finds the one line of this cosigner key over the
 * checkpoint body; lines of others are passed over. ERR_SYNTAX if it is no list of signature lines,
 * ERR_CRYPTO if the key has no line, two, or one that does not verify. The line is borrowed and
 * ends in its newline. */
enum err witness_answer_line(const char *text, size_t len, const struct note_key *k,
                             const char *body, size_t body_len, const char **ret,
                             size_t *ret_len) MUST_USE;
/* The size that it answered under 409. ERR_SYNTAX. */
enum err witness_answer_size(const char *text, size_t len, uint64_t *ret) MUST_USE;

#endif
