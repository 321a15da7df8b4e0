#include "server/ledger/wire/guilt.h"

#include "server/ledger/wire/bytes.h"

#include <assert.h>

/* A justified view is a ladder: for each view number from where it stands up to its top there is
 * exactly one certificate, N or F of a block on the way or S of a view that was skipped, and F at
 * the top. Two ladders that overlap and end in different blocks must contradict each other on some
 * rung, at the latest where the lower one ends: there it has F(a, x), and the other has F or N of
 * another block, or S (ledger.md 4.2 (C)). So forensics is climbing both side by side.
 *
 * A ladder breaks off downward at a block that was certified without a valid justification: all who
 * signed that certificate broke the rules. */
struct ladder {
    const struct forensic_view *v;
    size_t lowest; /* blocks from here on stand on valid justifications; n: none does */
    uint64_t from; /* the lowest view with a certificate */
    bool broken;   /* it breaks off at block number lowest - 1 ... */
    struct wire_cert unfounded; /* ... which this certifies */
};

static bool is_whole(const struct wire_proposal *p)
{
    struct core_id id;
    uint8_t hash[HASH_BYTES];
    sha256(p->just, p->just_len, hash);
    return wire_block_id(&p->block, &id) == OK && core_id_equal(&id, &p->id) &&
           bytes_equal(hash, p->block.just_hash, HASH_BYTES);
}

/* The blocks are those that their ids name, each stands on the one before, and the top is final.
 * The rest is what the signers answer for. */
static enum err view_check(const struct wire_scope *s, const struct forensic_view *v)
{
    if (v->n == 0 || v->final.kind != CORE_F ||
        !core_id_equal(&v->final.id, &v->blocks[v->n - 1].id))
        return ERR_CRYPTO;
    for (size_t i = 0; i < v->n; i++) {
        const struct wire_block *b = &v->blocks[i].block;
        if (!is_whole(&v->blocks[i]))
            return ERR_CRYPTO;
        if (i > 0 && (b->parent_view == 0 || !core_id_equal(&b->parent, &v->blocks[i - 1].id)))
            return ERR_CRYPTO;
    }
    return wire_cert_verify(s, &v->final);
}

/* Would a correct member have signed for this block in the view of the certificate? */
static bool is_founded(const struct wire_scope *s, const struct wire_proposal *p,
                       const struct wire_cert *c)
{
    return p->block.view == c->view &&
           wire_just_verify(s, &p->block, p->just, p->just_len, NULL, NULL) == OK;
}

/* From the top down, as (C) walks: a valid justification holds the certificate of the next block.
 */
static enum err ladder_make(const struct wire_scope *s, const struct forensic_view *v,
                            struct ladder *ret)
{
    enum err e = view_check(s, v);
    if (e != OK)
        return e;
    *ret = (struct ladder){ .v = v, .lowest = v->n, .from = v->final.view };
    struct wire_cert *c = &ret->unfounded;
    *c = v->final;
    while (ret->lowest > 0) {
        const struct wire_proposal *p = &v->blocks[ret->lowest - 1];
        struct wire_just_reader just;
        ret->broken = !is_founded(s, p, c);
        if (ret->broken)
            break;
        ret->lowest--;
        ret->from = p->block.parent_view > 0 ? p->block.parent_view : 1;
        if (p->block.parent_view == 0)
            break;
        e = wire_just_open(p->just, p->just_len, &just);
        if (e == OK)
            e = wire_just_next(&just, c);
        assert(e == OK); /* it was verified just now */
    }
    return OK;
}

/* ---- climbing ---- */
struct climber {
    const struct forensic_view *v;
    size_t block; /* the next whose justification is opened */
    struct wire_just_reader just;
};

/* The certificate of the next view; false above the top. */
static bool climb(struct climber *c, struct wire_cert *ret)
{
    enum err e = OK;
    while (c->just.left == 0 && c->block < c->v->n && e == OK) {
        const struct wire_proposal *p = &c->v->blocks[c->block++];
        e = wire_just_open(p->just, p->just_len, &c->just);
    }
    if (c->just.left > 0) {
        e = wire_just_next(&c->just, ret);
        assert(e == OK); /* it was verified when the ladder was made */
        return true;
    }
    if (c->block > c->v->n)
        return false;
    c->block++;
    *ret = c->v->final;
    return true;
}

/* The certificate of this view, which the ladder has. */
static void climb_to(struct climber *c, uint64_t view, struct wire_cert *ret)
{
    bool more = true;
    do
        more = climb(c, ret);
    while (more && ret->view < view);
    assert(more && ret->view == view);
}

static void accuse(uint8_t how, const struct wire_cert *first, const struct wire_cert *second,
                   struct forensic_proof *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->first = *first;
    ret->finding.how = how;
    ret->finding.view = first->view;
    ret->finding.guilty = first->signers;
    if (second == NULL)
        return;
    ret->second = *second;
    for (size_t i = 0; i < COUNT(first->signers.bits); i++)
        ret->finding.guilty.bits[i] &= second->signers.bits[i];
}

/* The lowest rung on which the two contradict each other. low ends no higher than high. */
static void compare(const struct ladder *low, const struct ladder *high, struct forensic_proof *ret)
{
    struct climber a = { .v = low->v, .block = low->lowest };
    struct climber b = { .v = high->v, .block = high->lowest };
    struct wire_cert of_a, of_b;
    uint64_t from = low->from > high->from ? low->from : high->from;
    for (uint64_t view = from;; view++) {
        /* There low has F of its top and high something else: one of the two is a fault. */
        assert(view <= low->v->final.view);
        climb_to(&a, view, &of_a);
        climb_to(&b, view, &of_b);
        uint8_t how = wire_fault_of(of_a.kind, &of_a.id, of_b.kind, &of_b.id);
        if (how != 0) {
            accuse(how, &of_a, &of_b, ret);
            return;
        }
    }
}

/* ---- the argument ---- */

/* Does high go through the top of low, or begin only above it? Then they do not contradict. */
static bool goes_through(const struct forensic_view *high, const struct forensic_view *low)
{
    const struct wire_block *base = &high->blocks[0].block;
    if (base->parent_view > low->final.view || core_id_equal(&base->parent, &low->final.id))
        return true;
    for (size_t i = 0; i < high->n; i++) {
        if (core_id_equal(&high->blocks[i].id, &low->final.id))
            return true;
    }
    return false;
}

enum err forensics_prove(const struct wire_scope *s, const struct forensic_view *a,
                         const struct forensic_view *b, struct forensic_proof *ret)
{
    struct ladder low, high;
    bool swap = a->final.view > b->final.view;
    enum err e = ladder_make(s, swap ? b : a, &low);
    if (e == OK)
        e = ladder_make(s, swap ? a : b, &high);
    if (e != OK)
        return e;
    if (goes_through(high.v, low.v))
        return ERR_FIELD_RANGE;
    if (high.from <= low.v->final.view) {
        compare(&low, &high, ret);
        return OK;
    }
    assert(high.broken); /* else it would go down to its base, which is not above low's top */
    accuse(0, &high.unfounded, NULL, ret);
    return OK;
}

enum err forensics_run(const struct wire_scope *s, const struct forensic_view *a,
                       const struct forensic_view *b, struct forensic_finding *ret)
{
    struct forensic_proof proof;
    enum err e = forensics_prove(s, a, b, &proof);
    if (e == OK)
        *ret = proof.finding;
    return e;
}

bool forensics_names(const struct forensic_finding *f, uint16_t index)
{
    return index < CORE_MEMBERS_MAX && core_set_has(&f->guilty, index);
}

const uint8_t *forensics_signature(const struct wire_cert *c, uint16_t index)
{
    return wire_cert_signature(c, index);
}

static struct wire_vote vote_in(const struct wire_cert *c, uint16_t index)
{
    struct wire_vote v = { .chain = c->chain,
                           .epoch = c->epoch,
                           .kind = c->kind,
                           .signer = index,
                           .view = c->view,
                           .id = c->id };
    memcpy(v.signature, wire_cert_signature(c, index), SIGN_BYTES);
    return v;
}

enum err forensics_evidence(const struct forensic_proof *p, uint16_t index, struct buf *ret)
{
    uint8_t fault = 0;
    if (p->finding.how == 0 || !forensics_names(&p->finding, index))
        return ERR_FIELD_RANGE;
    struct wire_vote first = vote_in(&p->first, index), second = vote_in(&p->second, index);
    return evidence_votes(&first, &second, &fault, ret);
}
