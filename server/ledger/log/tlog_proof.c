#include "server/ledger/log/note_text.h"

#include "server/base/text.h"

#include <inttypes.h>

static const char first_line[] = "c2sp.org/tlog-proof@v1";

/* The checkpoint at the end of a proof must be one, and the entry must lie inside its tree. */
static enum err note_fits(const char *note, size_t len, uint64_t index)
{
    struct checkpoint c;
    size_t body_len;
    enum err e = checkpoint_parse(note, len, &c, &body_len);
    return e != OK ? e : index < c.size ? OK : ERR_CRYPTO;
}

enum err tlog_proof_print(uint64_t index, const struct merkle_hash *hashes, size_t n,
                          const char *note, size_t note_len, struct buf *ret)
{
    if (n > MERKLE_PROOF_MAX)
        return ERR_LIMIT;
    size_t before = ret->len;
    enum err e = note_fits(note, note_len, index);
    if (e == OK)
        e = buf_addf(ret, "%s\nindex %" PRIu64 "\n", first_line, index);
    for (size_t i = 0; i < n && e == OK; i++) {
        char text[BASE64_SIZE(HASH_BYTES)];
        base64_encode(hashes[i].bytes, HASH_BYTES, text);
        e = buf_addf(ret, "%s\n", text);
    }
    if (e == OK)
        e = buf_add_str(ret, "\n");
    if (e == OK)
        e = buf_add(ret, note, note_len);
    if (e != OK)
        ret->len = before; /* half a proof is none */
    return e;
}

/* If the line starts with word and a space, cuts them off. */
static bool cut_word(struct note_span *line, const char *word)
{
    size_t len = strlen(word);
    if (line->len <= len || memcmp(line->at, word, len) != 0 || line->at[len] != ' ')
        return false;
    line->at += len + 1;
    line->len -= len + 1;
    return true;
}

/* Version, the optional extra line (which nothing authenticates, so it is checked and dropped), and
 * the index. */
static bool head_parse(struct note_span *rest, uint64_t *ret_index)
{
    struct note_span line;
    size_t len = 0;
    if (!note_line(rest, &line) || !note_span_is(line, first_line) || !note_line(rest, &line))
        return false;
    if (cut_word(&line, "extra") &&
        (!note_base64(line, 1, NULL, 0, &len) || !note_line(rest, &line)))
        return false;
    return cut_word(&line, "index") && u64_parse(line.at, line.len, ret_index);
}

enum err tlog_proof_parse(const char *text, size_t len, struct tlog_proof *ret)
{
    if (len > PROOF_MAX)
        return ERR_LIMIT;
    struct tlog_proof proof = { .n = 0 };
    struct note_span rest = { text, len };
    if (!head_parse(&rest, &proof.index))
        return ERR_SYNTAX;
    for (;;) {
        struct note_span line;
        if (!note_line(&rest, &line))
            return ERR_SYNTAX;
        if (line.len == 0)
            break;
        if (proof.n == MERKLE_PROOF_MAX)
            return ERR_LIMIT;
        if (!base64_decode(line.at, line.len, proof.hashes[proof.n].bytes, HASH_BYTES))
            return ERR_SYNTAX;
        proof.n++;
    }
    proof.note = rest.at;
    proof.note_len = rest.len;
    enum err e = note_fits(proof.note, proof.note_len, proof.index);
    if (e != OK)
        return e;
    *ret = proof;
    return OK;
}

enum err tlog_proof_verify(const struct policy *policy, const char *proof, size_t len,
                           const void *entry, size_t entry_len, struct checkpoint *ret,
                           uint64_t *ret_index)
{
    struct tlog_proof p;
    struct checkpoint c;
    enum err e = tlog_proof_parse(proof, len, &p);
    if (e == OK)
        e = policy_check(policy, p.note, p.note_len, &c);
    if (e != OK)
        return e;
    struct merkle_hash leaf;
    merkle_leaf(entry, entry_len, &leaf);
    if (!merkle_verify_inclusion(&leaf, p.index, c.size, p.hashes, p.n, &c.root))
        return ERR_CRYPTO;
    *ret = c;
    *ret_index = p.index;
    return OK;
}
