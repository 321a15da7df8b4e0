/* Start-up: the journal tells what was signed; without a whole one this member does not vote. */
#include "server/base/log.h"
#include "server/ledger/io/consensus_internal.h"

#include <stdlib.h>
#include <string.h>

struct kept { /* one record with its body */
    struct journal_record r;
    uint8_t *body;
};

struct gathered {
    struct kept *all;
    size_t n, cap;
};

static enum err gather(void *arg, const struct journal_record *r)
{
    struct gathered *g = arg;
    if (g->n == g->cap) {
        size_t cap = g->cap * 2 + 256;
        struct kept *more = reallocarray(g->all, cap, sizeof(*more));
        if (more == NULL)
            return ERR_NO_MEMORY;
        g->all = more;
        g->cap = cap;
    }
    struct kept *k = &g->all[g->n];
    *k = (struct kept){ .r = *r };
    if (r->body_len > 0) {
        k->body = malloc(r->body_len);
        if (k->body == NULL)
            return ERR_NO_MEMORY;
        memcpy(k->body, r->body, r->body_len);
        k->r.body = k->body;
    }
    g->n++;
    return OK;
}

static void forget(struct gathered *g)
{
    for (size_t k = 0; k < g->n; k++)
        free(g->all[k].body);
    free(g->all);
}

/* ---- feeding --------------------------------------------------------------------------------- */

static void feed_record(struct consensus *c, struct instance *i, const struct kept *k)
{
    struct core_event e = { .type = CORE_EV_RECORD, .kind = k->r.kind, .view = k->r.view };
    memcpy(e.id.bytes, k->r.id, HASH_BYTES);
    if (k->r.epoch != i->scope.epoch)
        return;
    feed(c, i, &e);
    struct wire_cert *w = k->r.kind == CORE_REC_F && k->body != NULL ? malloc(sizeof(*w)) : NULL;
    size_t used = 0;
    if (w != NULL && wire_cert_parse(k->body, k->r.body_len, w, &used) == OK &&
        wire_cert_verify(&i->scope, w) == OK && w->view > i->final.view)
        tell_cert(c, i, w);
    free(w);
}

static void feed_proposal(struct consensus *c, struct instance *i, const struct kept *k)
{
    struct block_node *b = NULL;
    struct core_event e = { .type = CORE_EV_BLOCK };
    struct core_id id;
    memcpy(id.bytes, k->r.id, HASH_BYTES);
    if (k->r.epoch != i->scope.epoch || k->r.view <= i->final.view ||
        node_find(i->blocks, &id) != NULL || node_add(&i->blocks, k->body, k->r.body_len, &b) != OK)
        return;
    b->logged = true;
    adopt_certs(c, i, &b->p);
    wire_block_core(&b->p.block, &b->p.id, &e.block);
    feed(c, i, &e);
}

/* What was ordered meanwhile is of no use any more, and the journal does not remember that over a
 * restart. */
static void feed_batch(struct consensus *c, struct instance *i, const struct kept *k)
{
    struct wire_batch w;
    struct batch *b = NULL;
    if (wire_batch_parse(k->body, k->r.body_len, &w) != OK ||
        w.ref.first + w.ref.n <= sequences_next(&i->final.next, w.ref.member)) {
        journal_release_batch(c->journal, k->r.id);
        return;
    }
    if (pool_find(&i->pool, w.ref.digest) != NULL)
        return;
    if (w.ref.member == c->set.me) /* the key may be another one by now */
        wire_batch_sign(c->members.genesis, &c->set.app->member_key, &w);
    if (pool_add(&i->pool, &w, &b) != OK)
        return;
    give_receipt(c, i, b, true);
    if (w.ref.member == c->set.me)
        send_batch(c, b);
}

static void feed_kind(struct consensus *c, const struct gathered *g, bool bodies)
{
    for (size_t k = 0; k < g->n; k++) {
        const struct kept *one = &g->all[k];
        if (one->r.chain != CHAIN_ACCOUNT && one->r.chain != CHAIN_TX)
            continue;
        struct instance *i = instance_of(c, (enum chain)one->r.chain);
        if (bodies && one->r.kind == JOURNAL_PROPOSAL)
            feed_proposal(c, i, one);
        else if (bodies && one->r.kind == JOURNAL_BATCH)
            feed_batch(c, i, one);
        else if (!bodies && one->r.kind <= CORE_REC_FIN)
            feed_record(c, i, one);
    }
}

/* Own batches are offered again from the first gap on, whatever the order of the journal was. */
static void find_offered(struct consensus *c, struct instance *i)
{
    struct batch *b = NULL;
    i->offered = sequences_next(&i->final.next, c->set.me);
    while ((b = pool_next(&i->pool, c->set.me, i->offered, 0)) != NULL)
        i->offered += b->wire.ref.n;
}

/* FIN follows the commit of its block, so a database that lacks that block is an old one. */
static enum err check_age(const struct consensus *c, const struct gathered *g)
{
    for (size_t k = 0; k < g->n; k++) {
        const struct journal_record *r = &g->all[k].r;
        if (r->kind != CORE_REC_FIN || (r->chain != CHAIN_ACCOUNT && r->chain != CHAIN_TX))
            continue;
        const struct instance *i = &c->chain[r->chain - 1];
        if (r->epoch > i->final.epoch || (r->epoch == i->final.epoch && r->view > i->final.view)) {
            log_error("ledger",
                      "chain %s: the journal says that view %llu was delivered, the database does "
                      "not have it: it is old",
                      chain_name(i->chain), (unsigned long long)r->view);
            return ERR_DB_OLD;
        }
    }
    return OK;
}

static const char *why(enum err e)
{
    return e == ERR_NOT_FOUND          ? "is missing"
           : e == ERR_DB_OLD           ? "ends before what the database saw of it"
           : e == ERR_LOG_INCONSISTENT ? "has a hole, or belongs to another federation"
                                       : "cannot be read";
}

/* The next block on the tip has to show it. */
static enum err keep_tip_cert(struct consensus *c, struct instance *i)
{
    size_t used = 0;
    const uint8_t *bytes = c->set.tip_cert[i->chain - 1];
    struct wire_cert *w = bytes != NULL ? malloc(sizeof(*w)) : NULL;
    if (w == NULL)
        return bytes == NULL ? OK : ERR_NO_MEMORY;
    enum err e = wire_cert_parse(bytes, c->set.tip_cert_len[i->chain - 1], w, &used);
    if (e == OK && w->epoch == i->scope.epoch)
        e = ballots_add_cert(i->ballots, w);
    free(w);
    return e;
}

/* The set under which the chain goes on from the database's tip. */
static enum err instance_begin(struct consensus *c, struct instance *i)
{
    const struct members *m = &c->members;
    uint32_t epoch = i->final.epoch != 0 ? i->final.epoch : 1;
    if (i->chain == CHAIN_TX) {
        const struct epoch_end *end = end_of(c, epoch), *before = NULL;
        if (end != NULL && i->final.other.height >= end->height)
            epoch++;
        before = end_of(c, epoch - 1);
        m = before != NULL ? before->next : c->set.first;
    }
    if (m->epoch != i->final.epoch)
        i->final.view = 0; /* the tip ended its epoch */
    enum err e = instance_enter(c, i, m);
    return e == OK ? keep_tip_cert(c, i) : e;
}

enum err replay(struct consensus *c)
{
    struct gathered g = { 0 };
    enum err e =
        journal_open(c->set.dir, c->members.genesis, c->set.high_mark, gather, &g, &c->journal);
    if (e == ERR_NO_MEMORY || e == ERR_BUSY || e == ERR_IO) {
        forget(&g);
        return e;
    }
    if (e != OK) {
        log_error("ledger",
                  "the journal in %s %s: this member follows and does not vote until it has a new "
                  "vote key (cairnd rekey; docs/federation.md)",
                  c->set.dir, why(e));
        forget(&g);
        g = (struct gathered){ 0 };
    }
    e = check_age(c, &g);
    if (e != OK) {
        forget(&g);
        return e;
    }
    for (int k = 0; k < CHAINS && e == OK; k++)
        e = instance_begin(c, &c->chain[k]);
    if (e != OK) {
        forget(&g);
        return e;
    }
    feed_kind(c, &g, false);
    feed_kind(c, &g, true);
    forget(&g);
    for (int k = 0; k < CHAINS && c->journal != NULL; k++)
        journal_release(c->journal, (uint8_t)(k + 1), c->chain[k].scope.epoch,
                        c->chain[k].final.view);
    const struct core_event start = { .type = CORE_EV_START };
    for (int k = 0; k < CHAINS; k++) {
        find_offered(c, &c->chain[k]);
        feed(c, &c->chain[k], &start);
        feed_answers(c);
    }
    return OK;
}
