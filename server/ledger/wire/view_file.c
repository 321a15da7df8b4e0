#include "server/ledger/wire/view_file.h"

#include "server/base/text.h"
#include "server/ledger/wire/bytes.h"

#include <assert.h>
#include <inttypes.h>

/* ---- writing ---- */
static enum err scope_check(const struct wire_scope *s)
{
    if (!wire_chain_valid(s->chain) || s->epoch == 0 || s->n == 0 || s->n > CORE_MEMBERS_MAX)
        return ERR_SYNTAX;
    for (uint16_t i = 0; i < s->n; i++) {
        if (s->member[i] <= (i > 0 ? s->member[i - 1] : 0))
            return ERR_SYNTAX;
    }
    return OK;
}

static enum err add_base64(const char *word, const uint8_t *bytes, size_t len, struct buf *ret)
{
    enum err e = buf_addf(ret, "%s ", word);
    if (e != OK)
        return e;
    if (BASE64_SIZE(len) > ret->max - ret->len)
        return ERR_LIMIT;
    uint8_t *at = buf_reserve(ret, BASE64_SIZE(len));
    if (at == NULL)
        return ERR_NO_MEMORY;
    base64_encode(bytes, len, (char *)at);
    ret->len += BASE64_SIZE(len) - 1;
    return buf_add(ret, "\n", 1);
}

static enum err print_scope(const struct wire_scope *s, struct buf *ret)
{
    char genesis[HEX_SIZE(HASH_BYTES)];
    hex_encode(s->genesis, HASH_BYTES, genesis);
    enum err e = buf_addf(ret, "cairn-view/1\ngenesis %s\nchain %s\nepoch %" PRIu32 "\n", genesis,
                          chain_name(s->chain), s->epoch);
    for (uint16_t i = 0; i < s->n && e == OK; i++) {
        char key[BASE64_SIZE(SIGN_PUBLIC_BYTES)];
        base64_encode(s->vote_key[i], SIGN_PUBLIC_BYTES, key);
        e = buf_addf(ret, "validator %u %s\n", s->member[i], key);
    }
    return e;
}

static enum err print_view(const struct forensic_view *v, struct buf *ret)
{
    struct buf bytes;
    enum err e = OK;
    buf_init(&bytes, WIRE_FRAME_MAX);
    for (size_t i = 0; i < v->n && e == OK; i++) {
        buf_clear(&bytes);
        e = wire_proposal_print(&v->blocks[i], &bytes);
        if (e == OK)
            e = add_base64("block", bytes.data, bytes.len, ret);
    }
    buf_clear(&bytes);
    if (e == OK)
        e = wire_cert_print(&v->final, &bytes);
    if (e == OK)
        e = add_base64("final", bytes.data, bytes.len, ret);
    buf_release(&bytes);
    return e;
}

enum err view_file_print(const struct wire_scope *s, const struct forensic_view *v, struct buf *ret)
{
    size_t before = ret->len;
    if (v->n > VIEW_FILE_BLOCKS_MAX)
        return ERR_LIMIT;
    if (v->n == 0 || v->final.kind != CORE_F)
        return ERR_SYNTAX;
    enum err e = scope_check(s);
    if (e == OK)
        e = print_scope(s, ret);
    if (e == OK)
        e = print_view(v, ret);
    if (e == OK && ret->len - before > VIEW_FILE_MAX)
        e = ERR_LIMIT;
    if (e != OK)
        wire_out_undo(ret, before);
    return e;
}

/* ---- reading ---- */
struct lines {
    const char *at;
    size_t left;
    unsigned number; /* of the line at `at` */
    uint8_t *to;     /* where the next decoded bytes go: never more than the text has characters */
};

struct span {
    const char *at;
    size_t len;
};

/* If the next line begins with this word and a space, takes it and gives what follows. */
static bool take(struct lines *l, const char *word, struct span *ret)
{
    const char *end = l->left > 0 ? memchr(l->at, '\n', l->left) : NULL;
    size_t n = strlen(word);
    if (end == NULL || (size_t)(end - l->at) <= n || memcmp(l->at, word, n) != 0 || l->at[n] != ' ')
        return false;
    *ret = (struct span){ l->at + n + 1, (size_t)(end - l->at) - n - 1 };
    l->left -= (size_t)(end + 1 - l->at);
    l->at = end + 1;
    l->number++;
    return true;
}

static bool take_first(struct lines *l)
{
    static const char first[] = "cairn-view/1\n";
    if (l->left < sizeof(first) - 1 || memcmp(l->at, first, sizeof(first) - 1) != 0)
        return false;
    l->at += sizeof(first) - 1;
    l->left -= sizeof(first) - 1;
    l->number++;
    return true;
}

static enum err take_base64(struct lines *l, struct span text, const uint8_t **ret, size_t *ret_len)
{
    if (!base64_decode_any(text.at, text.len, l->to, text.len, ret_len))
        return ERR_SYNTAX;
    *ret = l->to;
    l->to += *ret_len;
    return OK;
}

static bool is_chain(struct span text, enum chain *ret)
{
    for (int c = CHAIN_ACCOUNT; c <= CHAIN_TX; c++) {
        const char *name = chain_name((enum chain)c);
        if (text.len == strlen(name) && memcmp(text.at, name, text.len) == 0) {
            *ret = (enum chain)c;
            return true;
        }
    }
    return false;
}

static bool is_validator(struct span text, uint16_t *ret_member, uint8_t *ret_key)
{
    const char *space = text.len > 0 ? memchr(text.at, ' ', text.len) : NULL;
    uint64_t number = 0;
    if (space == NULL || !u64_parse(text.at, (size_t)(space - text.at), &number) ||
        number > UINT16_MAX)
        return false;
    *ret_member = (uint16_t)number;
    return base64_decode(space + 1, text.len - (size_t)(space + 1 - text.at), ret_key,
                         SIGN_PUBLIC_BYTES);
}

static enum err take_scope(struct lines *l, struct wire_scope *ret)
{
    struct span text;
    uint64_t epoch = 0;
    if (!take_first(l))
        return ERR_SYNTAX;
    if (!take(l, "genesis", &text) || !hex_decode(text.at, text.len, ret->genesis, HASH_BYTES))
        return ERR_SYNTAX;
    if (!take(l, "chain", &text) || !is_chain(text, &ret->chain))
        return ERR_SYNTAX;
    if (!take(l, "epoch", &text) || !u64_parse(text.at, text.len, &epoch) || epoch > UINT32_MAX)
        return ERR_SYNTAX;
    ret->epoch = (uint32_t)epoch;
    while (take(l, "validator", &text)) {
        if (ret->n == CORE_MEMBERS_MAX)
            return ERR_LIMIT;
        if (!is_validator(text, &ret->member[ret->n], ret->vote_key[ret->n]))
            return ERR_SYNTAX;
        ret->n++;
    }
    return scope_check(ret);
}

static size_t count_blocks(const struct lines *l)
{
    struct lines ahead = *l;
    struct span text;
    size_t n = 0;
    while (take(&ahead, "block", &text))
        n++;
    return n;
}

static enum err take_blocks(struct lines *l, size_t n, struct wire_proposal *ret)
{
    for (size_t i = 0; i < n; i++) {
        struct span text = { NULL, 0 };
        const uint8_t *bytes = NULL;
        size_t len = 0;
        bool there = take(l, "block", &text);
        assert(there); /* they were counted */
        enum err e = take_base64(l, text, &bytes, &len);
        if (e == OK)
            e = wire_proposal_parse(bytes, len, &ret[i]);
        if (e != OK)
            return e;
    }
    return OK;
}

static enum err take_final(struct lines *l, struct wire_cert *ret)
{
    struct span text;
    const uint8_t *bytes = NULL;
    size_t len = 0, used = 0;
    if (!take(l, "final", &text))
        return ERR_SYNTAX;
    enum err e = take_base64(l, text, &bytes, &len);
    if (e == OK)
        e = wire_cert_parse(bytes, len, ret, &used);
    if (e == OK && (used != len || ret->kind != CORE_F || l->left > 0))
        e = ERR_SYNTAX;
    return e;
}

static enum err take_view(struct lines *l, struct view_file *ret)
{
    size_t n = count_blocks(l);
    if (n == 0)
        return ERR_SYNTAX;
    if (n > VIEW_FILE_BLOCKS_MAX)
        return ERR_LIMIT;
    ret->blocks = malloc(n * sizeof(*ret->blocks));
    if (ret->blocks == NULL)
        return ERR_NO_MEMORY;
    enum err e = take_blocks(l, n, ret->blocks);
    if (e == OK)
        e = take_final(l, &ret->view.final);
    ret->view.blocks = ret->blocks;
    ret->view.n = n;
    return e;
}

enum err view_file_parse(const char *text, size_t len, struct view_file *ret, struct problem *p)
{
    if (len > VIEW_FILE_MAX)
        return problem_set(p, ERR_LIMIT, "", "A view has %u bytes at most.", VIEW_FILE_MAX);
    struct view_file f;
    memset(&f, 0, sizeof(f));
    f.bytes = malloc(len + 1);
    if (f.bytes == NULL)
        return problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    struct lines l = { .at = text, .left = len, .to = f.bytes };
    enum err e = take_scope(&l, &f.scope);
    if (e == OK)
        e = take_view(&l, &f);
    if (e != OK) {
        view_file_release(&f);
        return problem_set(p, e, "", "Near line %u: %s", l.number + 1, err_text(e));
    }
    *ret = f;
    return OK;
}

void view_file_release(struct view_file *f)
{
    free(f->blocks);
    free(f->bytes);
    memset(f, 0, sizeof(*f));
}
