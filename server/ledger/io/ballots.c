#include "server/ledger/io/ballots.h"

#include <stdlib.h>
#include <string.h>

#define KINDS 3

struct ballot_view {
    uint64_t view;           /* 0: unused */
    struct wire_vote *votes; /* [kind - 1][signer]; kind 0 in an empty place */
    struct buf cert[KINDS];
    struct core_id cert_id[KINDS];
};

struct ballots {
    struct wire_scope scope;
    struct ballot_view ring[CORE_SLOTS];
};

struct ballots *ballots_new(const struct wire_scope *scope)
{
    struct ballots *b = calloc(1, sizeof(*b));
    if (b != NULL)
        b->scope = *scope;
    return b;
}

static void clear(struct ballot_view *v)
{
    free(v->votes);
    for (int k = 0; k < KINDS; k++)
        buf_release(&v->cert[k]);
    memset(v, 0, sizeof(*v));
}

void ballots_free(struct ballots *b)
{
    for (size_t i = 0; b != NULL && i < CORE_SLOTS; i++)
        clear(&b->ring[i]);
    free(b);
}

static struct ballot_view *find(struct ballots *b, uint64_t view)
{
    struct ballot_view *v = &b->ring[view % CORE_SLOTS];
    return v->view == view ? v : NULL;
}

/* The ring is as long as the core's: a place that is taken belongs to a view at or below its floor.
 */
static struct ballot_view *make(struct ballots *b, uint64_t view)
{
    struct ballot_view *v = &b->ring[view % CORE_SLOTS];
    if (v->view == view)
        return v;
    clear(v);
    v->votes = calloc((size_t)b->scope.n * KINDS, sizeof(*v->votes));
    if (v->votes == NULL)
        return NULL;
    for (int k = 0; k < KINDS; k++)
        buf_init(&v->cert[k], WIRE_FRAME_MAX);
    v->view = view;
    return v;
}

static struct wire_vote *place(struct ballots *b, struct ballot_view *v, uint8_t kind,
                               uint16_t signer)
{
    return &v->votes[(size_t)(kind - 1) * b->scope.n + signer];
}

const struct wire_vote *ballots_vote(struct ballots *b, uint64_t view, uint8_t kind,
                                     uint16_t signer)
{
    struct ballot_view *v = find(b, view);
    if (v == NULL || signer >= b->scope.n)
        return NULL;
    const struct wire_vote *at = place(b, v, kind, signer);
    return at->kind != 0 ? at : NULL;
}

enum err ballots_add(struct ballots *b, const struct wire_vote *vote)
{
    struct ballot_view *v = make(b, vote->view);
    if (v == NULL)
        return ERR_NO_MEMORY;
    struct wire_vote *at = place(b, v, vote->kind, vote->signer);
    if (at->kind == 0)
        *at = *vote;
    return OK;
}

static enum err keep(struct ballot_view *v, const struct wire_cert *c)
{
    struct buf *bytes = &v->cert[c->kind - 1];
    if (bytes->len > 0)
        return OK;
    v->cert_id[c->kind - 1] = c->id;
    return wire_cert_print(c, bytes);
}

enum err ballots_add_cert(struct ballots *b, const struct wire_cert *c)
{
    struct ballot_view *v = make(b, c->view);
    return v != NULL ? keep(v, c) : ERR_NO_MEMORY;
}

/* The first q equal votes, by ascending signer. */
static enum err gather(struct ballots *b, struct ballot_view *v, uint8_t kind,
                       const struct core_id *id)
{
    struct wire_cert c = {
        .chain = b->scope.chain, .epoch = b->scope.epoch, .kind = kind, .view = v->view, .id = *id
    };
    uint16_t q = core_quorum(b->scope.n);
    for (uint16_t i = 0; i < b->scope.n && c.n_signers < q; i++) {
        const struct wire_vote *vote = place(b, v, kind, i);
        if (vote->kind == 0 || !core_id_equal(&vote->id, id))
            continue;
        core_set_add(&c.signers, i);
        memcpy(c.signature[c.n_signers++], vote->signature, SIGN_BYTES);
    }
    return c.n_signers == q ? keep(v, &c) : ERR_NOT_FOUND;
}

enum err ballots_cert(struct ballots *b, uint8_t kind, uint64_t view, const struct core_id *id,
                      const uint8_t **ret, size_t *ret_len)
{
    static const struct core_id none;
    struct ballot_view *v = find(b, view);
    if (v == NULL)
        return ERR_NOT_FOUND;
    const struct core_id *want = kind == CORE_S ? &none : id;
    if (v->cert[kind - 1].len == 0) {
        enum err e = gather(b, v, kind, want);
        if (e != OK)
            return e;
    }
    if (!core_id_equal(&v->cert_id[kind - 1], want))
        return ERR_NOT_FOUND;
    *ret = v->cert[kind - 1].data;
    *ret_len = v->cert[kind - 1].len;
    return OK;
}
