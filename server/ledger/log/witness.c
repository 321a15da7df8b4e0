#include "server/ledger/log/witness.h"

#include "server/base/text.h"
#include "server/ledger/log/note_text.h"

#include <inttypes.h>

/* ---- the request ----------------------------------------------------------------------------- */

static bool old_parse(struct note_span line, uint64_t *ret)
{
    static const char word[] = "old ";
    size_t len = sizeof(word) - 1;
    return line.len > len && memcmp(line.at, word, len) == 0 &&
           u64_parse(line.at + len, line.len - len, ret);
}

/* The hashes up to the empty line, which is taken too. */
static enum err proof_parse(struct note_span *rest, struct witness_request *ret)
{
    for (;;) {
        struct note_span line;
        if (!note_line(rest, &line))
            return ERR_SYNTAX;
        if (line.len == 0)
            return OK;
        if (ret->n == WITNESS_PROOF_MAX)
            return ERR_LIMIT;
        if (!base64_decode(line.at, line.len, ret->proof[ret->n].bytes, HASH_BYTES))
            return ERR_SYNTAX;
        ret->n++;
    }
}

enum err witness_request_parse(const char *text, size_t len, struct witness_request *ret)
{
    if (len > WITNESS_REQUEST_MAX)
        return ERR_LIMIT;
    struct witness_request r = { .n = 0 };
    struct note_span rest = { text, len }, line;
    if (!note_line(&rest, &line) || !old_parse(line, &r.old_size))
        return ERR_SYNTAX;
    enum err e = proof_parse(&rest, &r);
    r.note = rest.at;
    r.note_len = rest.len;
    if (e == OK)
        e = checkpoint_parse(r.note, r.note_len, &r.checkpoint, &r.body_len);
    if (e == OK && (r.checkpoint.size > WITNESS_SIZE_MAX || r.old_size > r.checkpoint.size))
        e = ERR_SYNTAX;
    if (e == OK)
        *ret = r;
    return e;
}

enum err witness_request_print(uint64_t old_size, const struct merkle_hash *proof, size_t n,
                               const char *note, size_t note_len, struct buf *ret)
{
    struct checkpoint c;
    size_t body_len = 0, before = ret->len;
    if (n > WITNESS_PROOF_MAX)
        return ERR_LIMIT;
    enum err e = checkpoint_parse(note, note_len, &c, &body_len);
    if (e == OK)
        e = buf_addf(ret, "old %" PRIu64 "\n", old_size);
    for (size_t i = 0; i < n && e == OK; i++) {
        char line[BASE64_SIZE(HASH_BYTES)];
        base64_encode(proof[i].bytes, HASH_BYTES, line);
        e = buf_addf(ret, "%s\n", line);
    }
    if (e == OK)
        e = buf_add_str(ret, "\n");
    if (e == OK)
        e = buf_add(ret, note, note_len);
    if (e != OK)
        ret->len = before;
    return e;
}

/* ---- the decision ---------------------------------------------------------------------------- */

void witness_state_init(struct witness_state *ret)
{
    struct merkle_tree empty;
    merkle_init(&empty);
    ret->size = 0;
    merkle_root(&empty, &ret->root);
}

const char *witness_verdict_name(enum witness_verdict v)
{
    static const char *const names[WITNESS_VERDICTS] = {
        [WITNESS_GROWN] = "grown",
        [WITNESS_AGAIN] = "again",
        [WITNESS_MALFORMED] = "malformed",
        [WITNESS_UNSIGNED] = "unsigned",
        [WITNESS_UNKNOWN] = "unknown_origin",
        [WITNESS_OTHER_SIZE] = "other_size",
        [WITNESS_FORKED] = "forked",
        [WITNESS_UNPROVEN] = "unproven",
    };
    return names[v];
}

bool witness_knows(const struct note_key *keys, size_t n, const char *origin)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(keys[i].name, origin) == 0)
            return true;
    return false;
}

static bool line_of(const struct note_signature *s, const struct note_key *k)
{
    return note_span_is(s->name, k->name) && memcmp(s->id, k->id, NOTE_ID_BYTES) == 0;
}

enum lines { LINES_NONE, LINES_ONE, LINES_BAD };

/* How the lines of a key stand among these; *ret is the one that verifies. */
static enum lines key_lines(struct note_span signatures, const struct note_key *k,
                            struct note_span body, struct note_span *ret)
{
    enum lines found = LINES_NONE;
    struct note_signature s;
    while (signatures.len > 0) {
        const char *from = signatures.at;
        if (!note_signature_next(&signatures, &s))
            return LINES_BAD;
        if (!line_of(&s, k))
            continue;
        if (found != LINES_NONE || checkpoint_signature_verify(k, &s, body) != OK)
            return LINES_BAD;
        found = LINES_ONE;
        *ret = (struct note_span){ from, (size_t)(signatures.at - from) };
    }
    return found;
}

static bool is_signed(const struct witness_request *r, const struct note_key *keys, size_t n)
{
    struct note_text text;
    struct note_span line;
    bool found = false;
    if (note_open(r->note, r->note_len, &text) != OK)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(keys[i].name, r->checkpoint.origin) != 0)
            continue;
        enum lines lines = key_lines(text.signatures, &keys[i], text.body, &line);
        if (lines == LINES_BAD)
            return false;
        found = found || lines == LINES_ONE;
    }
    return found;
}

enum witness_verdict witness_decide(const struct witness_request *r, const struct note_key *keys,
                                    size_t n, const struct witness_state *latest)
{
    const struct checkpoint *c = &r->checkpoint;
    if (!witness_knows(keys, n, c->origin))
        return WITNESS_UNKNOWN;
    if (!is_signed(r, keys, n))
        return WITNESS_UNSIGNED;
    if (r->old_size != latest->size)
        return WITNESS_OTHER_SIZE;
    if (r->old_size == c->size &&
        memcmp(c->root.bytes, latest->root.bytes, sizeof(c->root.bytes)) != 0)
        return WITNESS_FORKED;
    if (!merkle_verify_consistency(latest->size, &latest->root, c->size, &c->root, r->proof, r->n))
        return WITNESS_UNPROVEN;
    return c->size == latest->size ? WITNESS_AGAIN : WITNESS_GROWN;
}

/* ---- the answer ------------------------------------------------------------------------------ */

enum err witness_answer_line(const char *text, size_t len, const struct note_key *k,
                             const char *body, size_t body_len, const char **ret, size_t *ret_len)
{
    const struct note_span all = { text, len };
    struct note_span rest = all, line = { NULL, 0 };
    struct note_signature s;
    if (len == 0)
        return ERR_SYNTAX;
    for (size_t n = 0; rest.len > 0; n++)
        if (n == NOTE_SIGNATURES_MAX || !note_signature_next(&rest, &s))
            return ERR_SYNTAX;
    if (k->type != NOTE_TYPE_COSIGNATURE ||
        key_lines(all, k, (struct note_span){ body, body_len }, &line) != LINES_ONE)
        return ERR_CRYPTO;
    *ret = line.at;
    *ret_len = line.len;
    return OK;
}

enum err witness_answer_size(const char *text, size_t len, uint64_t *ret)
{
    return len > 0 && text[len - 1] == '\n' && u64_parse(text, len - 1, ret) ? OK : ERR_SYNTAX;
}
