/* What comes in from other members: each kind is parsed, checked against who may say it, verified,
 * and only then told to a core. What is not needed is dropped before its signature is looked at. */
#include "server/ledger/io/consensus_internal.h"

#include <stdlib.h>
#include <string.h>

void refuse(struct consensus *c)
{
    c->refused++;
}

struct instance *scope_of(struct consensus *c, enum chain chain, uint32_t epoch)
{
    struct instance *i = instance_of(c, chain);
    return i->scope.epoch == epoch ? i : NULL;
}

/* ---- votes and certificates ------------------------------------------------------------------ */

/* A vote that changes nothing any more: of a view that is over, or the very one we have. */
static bool stale(struct instance *i, const struct wire_vote *v)
{
    const struct wire_vote *had = ballots_vote(i->ballots, v->view, v->kind, v->signer);
    return v->view <= i->core->final_view || v->view > i->core->view + CORE_WINDOW ||
           v->view > i->core->floor + CORE_SLOTS ||
           (had != NULL && core_id_equal(&had->id, &v->id));
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
           core_id_equal(&w->id, &i->core->final_id) &&
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
        (p == NULL || !p->cert_n || !core_id_equal(&p->cert_n_id, &b->parent)))
        return false;
    if (b->parent_view == i->core->final_view && !core_id_equal(&i->core->final_id, &b->parent))
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
    return !core_id_equal(&s->prop.id, &p->id) &&
           !core_set_has(&s->accused[CORE_FAULT_PROPOSAL], leader);
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

/* A parsed proposal, to be freed, and its chain; NULL if it is none, or of another epoch. */
static struct wire_proposal *read_proposal(struct consensus *c, const uint8_t *payload, size_t len,
                                           struct instance **ret)
{
    struct wire_proposal *p = malloc(sizeof(*p));
    if (p == NULL)
        return NULL;
    if (wire_proposal_parse(payload, len, p) != OK)
        refuse(c);
    else if ((*ret = scope_of(c, p->block.chain, p->block.epoch)) != NULL)
        return p;
    free(p);
    return NULL;
}

static void on_proposal_frame(struct consensus *c, const uint8_t *payload, size_t len)
{
    struct instance *i = NULL;
    struct wire_proposal *p = read_proposal(c, payload, len, &i);
    if (p != NULL && wanted_proposal(i, p)) {
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
    struct instance *i = NULL;
    struct wire_proposal *p = read_proposal(c, payload, len, &i);
    const struct core_slot *s = p != NULL ? slot_at(i, p->block.view) : NULL;
    if (s != NULL && s->asked_block && core_id_equal(&s->wanted, &p->id)) {
        struct core_event e = { .type = CORE_EV_BLOCK };
        struct block_node *b = node_find(i->blocks, &p->id);
        if (b != NULL || node_add(&i->blocks, payload, len, &b) == OK) {
            wire_block_core(&p->block, &p->id, &e.block);
            feed(c, i, &e);
        }
    }
    free(p);
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
