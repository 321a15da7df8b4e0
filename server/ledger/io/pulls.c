/* What other members ask for: from memory where it is there, else the driver's thread looks into
 * the database. */
#include "server/ledger/io/consensus_internal.h"

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

void on_pull_frame(struct consensus *c, uint16_t from, const uint8_t *payload, size_t len)
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
