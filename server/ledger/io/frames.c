/* What comes in from other members: each kind is parsed, checked against who may say it, verified,
 * and only then told to a core. What is not needed is dropped before its signature is looked at. */
#include "server/crypto/hash.h"
#include "server/ledger/io/consensus_internal.h"
#include "server/base/log.h"

#include <stdlib.h>
#include <string.h>

static void refuse(struct consensus *c)
{
    c->refused++;
}

static struct instance *scope_of(struct consensus *c, enum chain chain, uint32_t epoch)
{
    struct instance *i = instance_of(c, chain);
    return i->scope.epoch == epoch ? i : NULL;
}

static const struct core_slot *slot_at(const struct instance *i, uint64_t view)
{
    const struct core_slot *s = &i->core->slots[view % CORE_SLOTS];
    return s->view == view ? s : NULL;
}

/* ---- votes and certificates ------------------------------------------------------------------ */

/* A vote that changes nothing any more: of a view that is over, or the very one we have. */
static bool stale(struct instance *i, const struct wire_vote *v)
{
    const struct wire_vote *had = ballots_vote(i->ballots, v->view, v->kind, v->signer);
    return v->view <= i->core->final_view || v->view > i->core->view + CORE_WINDOW ||
           v->view > i->core->floor + CORE_SLOTS ||
           (had != NULL && memcmp(&had->id, &v->id, sizeof(v->id)) == 0);
}

static void on_vote_frame(struct consensus *c, const uint8_t *payload, size_t len)
{
    struct wire_vote v;
    if (wire_vote_parse(payload, len, &v) != OK) {
        refuse(c);
        return;
    }
    struct instance *i = scope_of(c, v.chain, v.epoch);
    if (i == NULL || v.signer >= i->scope.n || v.signer == i->me || stale(i, &v))
        return;
    if (!wire_vote_verify(&i->scope, &v)) {
        refuse(c);
        return;
    }
    const struct core_event e = {
        .type = CORE_EV_VOTE, .kind = v.kind, .from = v.signer, .view = v.view, .id = v.id
    };
    bool first = ballots_vote(i->ballots, v.view, v.kind, v.signer) == NULL;
    if (first && ballots_add(i->ballots, &v) != OK)
        return;
    c->vote_now = &v;
    feed(c, i, &e);
    c->vote_now = NULL;
}

static bool cert_known(const struct instance *i, const struct wire_cert *w)
{
    const struct core_slot *s = slot_at(i, w->view);
    if (w->view <= i->core->final_view)
        return true;
    return s != NULL && ((w->kind == CORE_N && s->cert_n) || (w->kind == CORE_S && s->cert_s) ||
                         (w->kind == CORE_F && s->cert_f));
}

void tell_cert(struct consensus *c, struct instance *i, const struct wire_cert *w)
{
    const struct core_event e = {
        .type = CORE_EV_CERT, .kind = w->kind, .view = w->view, .id = w->id
    };
    if (w->view <= i->core->floor + CORE_SLOTS && ballots_add_cert(i->ballots, w) != OK)
        return;
    feed(c, i, &e);
}

/* The certificate of the tip, which a member that restarted may lack. */
static bool tip_cert_missing(struct instance *i, const struct wire_cert *w)
{
    const uint8_t *bytes = NULL;
    size_t len = 0;
    return w->kind != CORE_S && w->view == i->core->final_view &&
           memcmp(&w->id, &i->core->final_id, sizeof(w->id)) == 0 &&
           ballots_cert(i->ballots, w->kind, w->view, &w->id, &bytes, &len) != OK;
}

static void on_cert_frame(struct consensus *c, const uint8_t *payload, size_t len)
{
    struct wire_cert *w = malloc(sizeof(*w));
    size_t used = 0;
    if (w == NULL)
        return;
    if (wire_cert_parse(payload, len, w, &used) != OK || used != len) {
        refuse(c);
    } else {
        struct instance *i = scope_of(c, w->chain, w->epoch);
        if (i != NULL && (!cert_known(i, w) || tip_cert_missing(i, w))) {
            if (wire_cert_verify(&i->scope, w) == OK)
                tell_cert(c, i, w);
            else
                refuse(c);
        }
    }
    free(w);
}

/* ---- proposals ------------------------------------------------------------------------------- */

struct adopt {
    struct consensus *c;
    struct instance *i;
};

static void adopt_cert(void *arg, const struct wire_cert *w)
{
    struct adopt *a = arg;
    if (!cert_known(a->i, w))
        tell_cert(a->c, a->i, w);
}

void adopt_certs(struct consensus *c, struct instance *i, const struct wire_proposal *p)
{
    struct adopt a = { c, i };
    if (wire_just_verify(&i->scope, &p->block, p->just, p->just_len, adopt_cert, &a) != OK)
        refuse(c);
}

/* Everything that the justification shows was verified here before. */
static bool justified(const struct instance *i, const struct wire_block *b)
{
    if (b->parent_view < i->core->final_view)
        return false;
    const struct core_slot *p = slot_at(i, b->parent_view);
    if (b->parent_view > i->core->final_view &&
        (p == NULL || !p->cert_n || memcmp(&p->cert_n_id, &b->parent, sizeof(b->parent)) != 0))
        return false;
    if (b->parent_view == i->core->final_view &&
        memcmp(&i->core->final_id, &b->parent, sizeof(b->parent)) != 0)
        return false;
    for (uint64_t v = b->parent_view + 1; v < b->view; v++) {
        const struct core_slot *s = slot_at(i, v);
        if (s == NULL || !s->cert_s)
            return false;
    }
    return true;
}

/* The first of a view, and a second one for the evidence; a leader that signs a third is not heard.
 */
static bool wanted_proposal(struct instance *i, const struct wire_proposal *p)
{
    const struct wire_block *b = &p->block;
    const struct core_slot *s = slot_at(i, b->view);
    uint16_t leader = core_leader(i->core, b->view);
    if (b->view <= i->core->final_view || b->view > i->core->view + CORE_WINDOW ||
        b->view > i->core->floor + CORE_SLOTS)
        return false;
    if (s == NULL || !s->has_prop)
        return true;
    return memcmp(&s->prop.id, &p->id, sizeof(p->id)) != 0 &&
           (s->accused[CORE_FAULT_PROPOSAL].bits[leader / 64] >> (leader % 64) & 1) == 0;
}

static void tell_proposal(struct consensus *c, struct instance *i, const struct wire_proposal *p,
                          const uint8_t *payload, size_t len)
{
    struct core_event e = { .type = CORE_EV_PROPOSAL, .from = core_leader(i->core, p->block.view) };
    struct block_node *b = node_find(i->blocks, &p->id);
    if (b == NULL && node_add(&i->blocks, payload, len, &b) != OK)
        return;
    wire_block_core(&p->block, &p->id, &e.block);
    c->proposal_now = p;
    feed(c, i, &e);
    c->proposal_now = NULL;
}

static void on_proposal_frame(struct consensus *c, const uint8_t *payload, size_t len)
{
    struct wire_proposal *p = malloc(sizeof(*p));
    if (p == NULL)
        return;
    struct instance *i = NULL;
    if (wire_proposal_parse(payload, len, p) != OK)
        refuse(c);
    else
        i = scope_of(c, p->block.chain, p->block.epoch);
    if (i != NULL && wanted_proposal(i, p)) {
        struct adopt a = { c, i };
        if (!wire_proposal_verify(&i->scope, p, core_leader(i->core, p->block.view)) ||
            (!justified(i, &p->block) &&
             wire_just_verify(&i->scope, &p->block, p->just, p->just_len, adopt_cert, &a) != OK))
            refuse(c);
        else
            tell_proposal(c, i, p, payload, len);
    }
    free(p);
}

/* A block by its id: as an answer to a pull; its own hash is what makes it true. */
static void on_block_frame(struct consensus *c, const uint8_t *payload, size_t len)
{
    struct wire_proposal *p = malloc(sizeof(*p));
    if (p == NULL)
        return;
    struct instance *i = NULL;
    if (wire_proposal_parse(payload, len, p) != OK)
        refuse(c);
    else
        i = scope_of(c, p->block.chain, p->block.epoch);
    const struct core_slot *s = i != NULL ? slot_at(i, p->block.view) : NULL;
    if (s != NULL && s->asked_block && memcmp(&s->wanted, &p->id, sizeof(p->id)) == 0) {
        struct core_event e = { .type = CORE_EV_BLOCK };
        struct block_node *b = node_find(i->blocks, &p->id);
        if (b != NULL || node_add(&i->blocks, payload, len, &b) == OK) {
            wire_block_core(&p->block, &p->id, &e.block);
            feed(c, i, &e);
        }
    }
    free(p);
}

/* ---- batches and receipts -------------------------------------------------------------------- */

static void add_receipt(struct batch *b, uint16_t index)
{
    b->receipts.bits[index / 64] |= UINT64_C(1) << (index % 64);
}

/* Given after the batch is durable: the frame waits at the gate like every other. */
void give_receipt(struct consensus *c, struct instance *i, struct batch *b)
{
    struct wire_receipt r = { .chain = b->wire.chain, .ref = b->wire.ref, .signer = c->set.me };
    struct buf bytes;
    if (i->me == CORE_NOBODY)
        return;
    add_receipt(b, i->me);
    wire_receipt_sign(c->members.genesis, &c->keys.vote, &r);
    buf_init(&bytes, WIRE_RECEIPT_BYTES);
    if (wire_receipt_print(&r, &bytes) == OK)
        queue_frame(c, PEERS_TO_ALL, PEERS_VOTES, WIRE_RECEIPT, bytes.data, bytes.len);
    buf_release(&bytes);
}

static void log_batch(struct consensus *c, const struct wire_batch *b)
{
    struct buf bytes;
    buf_init(&bytes, WIRE_FRAME_MAX);
    if (c->journal != NULL && wire_batch_print(b, &bytes) == OK) {
        struct journal_record r = { .kind = JOURNAL_BATCH,
                                    .chain = (uint8_t)b->chain,
                                    .view = b->ref.first,
                                    .body = bytes.data,
                                    .body_len = bytes.len };
        memcpy(r.id, b->ref.digest, HASH_BYTES);
        journal_add(c->journal, &r);
        c->must_sync = true;
    }
    buf_release(&bytes);
}

static int validator_index(const struct wire_scope *s, uint16_t member)
{
    for (uint16_t k = 0; k < s->n; k++)
        if (s->member[k] == member)
            return k;
    return -1;
}

static void join_early(struct instance *i, struct batch *b)
{
    for (size_t k = 0; k < POOL_EARLY_MAX; k++) {
        const struct wire_receipt *r = &i->pool.early[k];
        if (r->signer != 0 && memcmp(&r->ref.digest, b->wire.ref.digest, HASH_BYTES) == 0) {
            int index = validator_index(&i->scope, r->signer);
            if (index >= 0)
                add_receipt(b, (uint16_t)index);
        }
    }
}

void send_batch(struct consensus *c, const struct batch *b)
{
    struct buf bytes;
    buf_init(&bytes, WIRE_FRAME_MAX);
    if (wire_batch_print(&b->wire, &bytes) == OK)
        queue_frame(c, PEERS_TO_ALL, PEERS_BULK, WIRE_BATCH, bytes.data, bytes.len);
    buf_release(&bytes);
}

void take_batch(struct consensus *c, struct instance *i, const struct wire_batch *w, bool own)
{
    struct batch *b = NULL;
    if (pool_find(&i->pool, w->ref.digest) != NULL ||
        w->ref.first + w->ref.n <= sequences_next(&i->final.next, w->ref.member) ||
        pool_add(&i->pool, w, &b) != OK)
        return;
    log_batch(c, &b->wire);
    join_early(i, b);
    if (own)
        send_batch(c, b);
    give_receipt(c, i, b);
}

/* A batch that a known block names is true by its digest alone; any other by its origin's
 * signature: with the member key, so that one who waits for a new vote key is still heard. */
static bool named(const struct instance *i, const uint8_t digest[HASH_BYTES])
{
    for (const struct block_node *b = i->blocks; b != NULL; b = b->older)
        for (uint16_t k = 0; k < b->p.block.n_batches; k++)
            if (memcmp(b->p.block.batch[k].digest, digest, HASH_BYTES) == 0)
                return true;
    return false;
}

static void on_batch_frame(struct consensus *c, const uint8_t *payload, size_t len)
{
    struct wire_batch b;
    if (wire_batch_parse(payload, len, &b) != OK) {
        refuse(c);
        return;
    }
    struct instance *i = instance_of(c, b.chain);
    const struct member *m = members_find(&c->members, b.ref.member);
    if (pool_find(&i->pool, b.ref.digest) != NULL)
        return;
    bool signed_well = m != NULL && m->role != MEMBER_GONE && b.ref.member != c->set.me &&
                       wire_batch_verify(c->members.genesis, m->member_key, &b);
    if (!signed_well && !named(i, b.ref.digest)) {
        refuse(c);
        return;
    }
    take_batch(c, i, &b, false);
    /* Its origin lets a batch go only when it is durable there: the batch is its own receipt. */
    struct batch *kept = pool_find(&i->pool, b.ref.digest);
    int index = validator_index(&i->scope, b.ref.member);
    if (kept != NULL && index >= 0 && signed_well)
        add_receipt(kept, (uint16_t)index);
}

static void on_receipt_frame(struct consensus *c, const uint8_t *payload, size_t len)
{
    struct wire_receipt r;
    if (wire_receipt_parse(payload, len, &r) != OK) {
        refuse(c);
        return;
    }
    struct instance *i = instance_of(c, r.chain);
    int index = validator_index(&i->scope, r.signer);
    if (index < 0 || r.ref.first + r.ref.n <= sequences_next(&i->final.next, r.ref.member))
        return;
    struct batch *b = pool_find(&i->pool, r.ref.digest);
    if (b != NULL && (b->receipts.bits[index / 64] >> (index % 64) & 1) != 0)
        return;
    if (!wire_receipt_verify(c->members.genesis, i->scope.vote_key[index], &r))
        refuse(c);
    else if (b != NULL)
        add_receipt(b, (uint16_t)index);
    else
        pool_remember_early(&i->pool, &r);
}

/* ---- pulls ----------------------------------------------------------------------------------- */

static void on_news_pull(struct consensus *c, struct instance *i, uint16_t from,
                         const struct wire_pull *p)
{
    struct core_event e = { .type = CORE_EV_NEWS, .view = p->view };
    int index = validator_index(&i->scope, from);
    for (size_t k = 0; k < c->members.n && index < 0; k++)
        if (c->members.list[k].number == from)
            index = i->scope.n + (int)k;
    e.from = (uint16_t)index;
    if (index < 0)
        return;
    feed(c, i, &e);
    send_cosignatures(c, i, from);
}

/* True if it was answered from memory. */
static bool answer_pull(struct consensus *c, struct instance *i, uint16_t from,
                        const struct wire_pull *p)
{
    const uint8_t *bytes = NULL;
    size_t len = 0;
    const struct core_slot *s = slot_at(i, p->view);
    const struct core_id *id = s == NULL ? NULL : p->kind == CORE_F ? &s->cert_f_id : &s->cert_n_id;
    if (p->want == WIRE_WANT_CERT && id != NULL &&
        ballots_cert(i->ballots, p->kind, p->view, id, &bytes, &len) == OK) {
        queue_frame(c, from, PEERS_VOTES, WIRE_CERT, bytes, len);
        return true;
    }
    if (p->want == WIRE_WANT_BLOCK) {
        const struct block_node *b = node_find(i->blocks, &p->id);
        if (b != NULL)
            queue_frame(c, from, PEERS_BULK, WIRE_BLOCK, b->bytes, b->len);
        return b != NULL;
    }
    if (p->want == WIRE_WANT_BATCH) {
        const struct batch *b = pool_find(&i->pool, p->id.bytes);
        struct buf out;
        buf_init(&out, WIRE_FRAME_MAX);
        if (b != NULL && wire_batch_print(&b->wire, &out) == OK)
            queue_frame(c, from, PEERS_BULK, WIRE_BATCH, out.data, out.len);
        buf_release(&out);
        return b != NULL;
    }
    return false;
}

static void on_pull_frame(struct consensus *c, uint16_t from, const uint8_t *payload, size_t len)
{
    struct wire_pull p;
    if (wire_pull_parse(payload, len, &p) != OK) {
        refuse(c);
        return;
    }
    struct instance *i = instance_of(c, p.chain);
    if (p.want == WIRE_WANT_NEWS && p.epoch < i->scope.epoch) {
        struct wire_pull range = p; /* its epoch is over: the way out is in the database */
        range.want = WIRE_WANT_RANGE;
        range.view = 0;
        c->set.hooks.serve(c->set.hooks.arg, from, &range);
    } else if (p.want == WIRE_WANT_NEWS)
        on_news_pull(c, i, from, &p);
    else if (!answer_pull(c, i, from, &p))
        c->set.hooks.serve(c->set.hooks.arg, from, &p);
}

/* ---- all ------------------------------------------------------------------------------------- */

static void on_cosignature_frame(struct consensus *c, const uint8_t *payload, size_t len)
{
    struct wire_cosignature w;
    if (wire_cosignature_parse(payload, len, &w) == OK)
        on_cosignature(c, &w);
    else
        refuse(c);
}

static void on_frame(void *arg, uint16_t from, uint8_t type, const uint8_t *payload, size_t len)
{
    struct consensus *c = arg;
    switch ((enum wire_type)type) {
    case WIRE_VOTE:
        on_vote_frame(c, payload, len);
        break;
    case WIRE_CERT:
        on_cert_frame(c, payload, len);
        break;
    case WIRE_PROPOSAL:
        on_proposal_frame(c, payload, len);
        break;
    case WIRE_BLOCK:
        on_block_frame(c, payload, len);
        break;
    case WIRE_BATCH:
        on_batch_frame(c, payload, len);
        break;
    case WIRE_RECEIPT:
        on_receipt_frame(c, payload, len);
        break;
    case WIRE_COSIGNATURE:
        on_cosignature_frame(c, payload, len);
        break;
    case WIRE_PULL:
        on_pull_frame(c, from, payload, len);
        break;
    case WIRE_FINAL:
        on_final(c, from, payload, len);
        break;
    default:
        refuse(c);
        break;
    }
    feed_answers(c);
}

void take_frames(struct consensus *c)
{
    if (c->peers != NULL)
        (void)peers_take(c->peers, on_frame, c);
}
