/* The ledger thread: its life, its round, and the ways in from other threads. */
#include "server/ledger/io/consensus.h"

#include "server/base/log.h"
#include "server/base/thread.h"
#include "server/ledger/io/consensus_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- ways in --------------------------------------------------------------------------------- */

void consensus_wake(void *arg)
{
    struct consensus *c = arg;
    (void)pthread_mutex_lock(&c->lock);
    c->wake = true;
    (void)pthread_cond_signal(&c->woken);
    (void)pthread_mutex_unlock(&c->lock);
}

enum err consensus_offer(struct consensus *c, enum chain chain, uint64_t first, uint32_t n,
                         const uint8_t *entries, size_t len)
{
    struct offer *o = malloc(sizeof(*o) + len);
    if (o == NULL)
        return ERR_NO_MEMORY;
    *o = (struct offer){ .chain = chain, .first = first, .n = n, .len = len };
    memcpy(o->entries, entries, len);
    (void)pthread_mutex_lock(&c->lock);
    *c->offers_tail = o;
    c->offers_tail = &o->next;
    c->chain[chain - 1].offered = first + n;
    c->state.chain[chain - 1].pool_batches++;
    c->wake = true;
    (void)pthread_cond_signal(&c->woken);
    (void)pthread_mutex_unlock(&c->lock);
    return OK;
}

uint64_t consensus_offered(struct consensus *c, enum chain chain, size_t *ret_waiting)
{
    (void)pthread_mutex_lock(&c->lock);
    uint64_t offered = c->chain[chain - 1].offered;
    *ret_waiting = c->state.chain[chain - 1].pool_batches;
    (void)pthread_mutex_unlock(&c->lock);
    return offered;
}

void consensus_delivered(struct consensus *c, struct final_block *b)
{
    (void)pthread_mutex_lock(&c->lock);
    struct final_block **at = &c->answers;
    while (*at != NULL)
        at = &(*at)->next;
    b->next = NULL;
    *at = b;
    c->wake = true;
    (void)pthread_cond_signal(&c->woken);
    (void)pthread_mutex_unlock(&c->lock);
}

void consensus_state(struct consensus *c, struct consensus_state *ret)
{
    (void)pthread_mutex_lock(&c->lock);
    *ret = c->state;
    (void)pthread_mutex_unlock(&c->lock);
}

/* ---- what other threads brought -------------------------------------------------------------- */

static void take_offer(struct consensus *c, const struct offer *o)
{
    struct instance *i = instance_of(c, o->chain);
    struct wire_batch b = { .chain = o->chain,
                            .ref = { .member = c->set.me, .first = o->first, .n = o->n },
                            .entries = o->entries,
                            .entries_len = o->len };
    sha256(o->entries, o->len, b.ref.digest);
    wire_batch_sign(c->members.genesis, &c->set.app->member_key, &b);
    take_batch(c, i, &b, true);
    if (pool_find(&i->pool, b.ref.digest) != NULL)
        return;
    /* No room, or ordered meanwhile: the driver offers these entries again if they still wait. */
    (void)pthread_mutex_lock(&c->lock);
    uint64_t ordered = sequences_next(&i->final.next, c->set.me);
    if (i->offered > o->first)
        i->offered = o->first > ordered ? o->first : ordered;
    (void)pthread_mutex_unlock(&c->lock);
}

static void release_batch(void *arg, const struct batch *b)
{
    struct consensus *c = arg;
    if (c->journal != NULL)
        journal_release_batch(c->journal, b->wire.ref.digest);
}

static void drop_ordered(struct consensus *c, struct instance *i, const struct tip *t)
{
    for (uint16_t k = 0; k < t->next.n; k++)
        pool_drop(&i->pool, t->next.at[k].member, t->next.at[k].next, release_batch, c);
}

void final_block_free(struct final_block *f)
{
    for (size_t k = 0; k < f->n_tail; k++) {
        free(f->tail[k].bytes);
        free(f->tail[k].cert);
    }
    free(f->tail);
    free(f->notar);
    free(f->members);
    free(f->cert);
    free(f);
}

/* The core of that epoch is gone; what it signed is no longer needed once FIN says so. */
static void epoch_is_over(struct consensus *c, struct instance *i, const struct final_block *f)
{
    struct journal_record fin = { .kind = CORE_REC_FIN,
                                  .chain = (uint8_t)i->chain,
                                  .epoch = f->epoch,
                                  .view = f->node->p.block.view };
    if (c->journal == NULL)
        return;
    memcpy(fin.id, f->node->p.id.bytes, HASH_BYTES);
    journal_add(c->journal, &fin);
    if (f->ends)
        journal_release(c->journal, (uint8_t)i->chain, i->scope.epoch, 0);
}

/* The database holds the block. Where the core itself had not finalized it (a catch-up by range),
 * it learns both at once. */
static void take_delivered(struct consensus *c, struct final_block *f)
{
    struct instance *i = instance_of(c, f->chain);
    const struct wire_block *b = &f->node->p.block;
    struct core_event e = {
        .type = CORE_EV_DELIVERED, .view = b->view, .id = f->node->p.id, .height = b->height
    };
    if (b->view > i->core->final_view)
        e.type = CORE_EV_CAUGHT_UP;
    i->delivered = b->height;
    i->stored = b->tree_size;
    if (f->epoch == i->scope.epoch) {
        feed(c, i, &e);
        feed_answers(c);
    } else {
        epoch_is_over(c, i, f);
    }
    drop_ordered(c, i, &f->node->after);
    cosign_delivered(i, b);
    node_drop(&i->blocks, b->height);
    final_block_free(f);
}

/* A batch of an earlier life may have been ordered, one that this member forgot with its journal,
 * and overlap what was sealed since. Then nothing of ours begins where the chain goes on: sealed
 * anew. */
static void mend_offered(struct consensus *c, struct instance *i)
{
    uint64_t next = sequences_next(&i->final.next, c->set.me);
    bool queued = pool_next(&i->pool, c->set.me, next, 0) != NULL;
    (void)pthread_mutex_lock(&c->lock);
    for (const struct offer *o = c->offers; o != NULL; o = o->next)
        queued = queued || (o->chain == i->chain && o->first == next);
    if (!queued && i->offered > next)
        i->offered = next;
    (void)pthread_mutex_unlock(&c->lock);
}

static void take_from_others(struct consensus *c, struct offer *offers, struct final_block *answers)
{
    while (answers != NULL) {
        struct final_block *next = answers->next;
        take_delivered(c, answers);
        answers = next;
    }
    while (offers != NULL) {
        struct offer *next = offers->next;
        take_offer(c, offers);
        free(offers);
        offers = next;
    }
    for (int k = 0; k < CHAINS; k++)
        mend_offered(c, &c->chain[k]);
}

/* ---- time ------------------------------------------------------------------------------------ */

/* Said again: own batches that too few have receipted, receipts, the newest cosignature. */
static void resend(struct consensus *c, struct instance *i)
{
    unsigned enough = core_faults(i->scope.n) + 1u;
    for (struct batch *b = i->pool.first; b != NULL; b = b->next) {
        if (core_set_count(&b->receipts) < enough && b->wire.ref.member == c->set.me)
            send_batch(c, b);
        give_receipt(c, i, b, true);
    }
    if (i->published < i->stored) {
        i->cosign_at = i->stored;
        i->cosign_after = 0;
    }
}

static void run_timers(struct consensus *c, struct instance *i, usec_t now)
{
    if (i->timer_at != 0 && now >= i->timer_at) {
        const struct core_event e = { .type = CORE_EV_TIMER, .view = i->timer_view };
        i->timer_at = 0;
        feed(c, i, &e);
        feed_answers(c);
    }
    if (now < i->retry_at)
        return;
    bool busy = i->core->work || i->core->n_top > i->core->final_view || i->pool.first != NULL ||
                i->published < i->stored;
    usec_t pause = busy ? (usec_t)c->set.t0_ms * RETRY_FACTOR * 1000 : QUIET_TICK_MS * 1000;
    if (i->retry_at != 0 && i->retry_height == i->final.height && c->set.peers != NULL) {
        const struct core_event e = { .type = CORE_EV_RETRY };
        feed(c, i, &e);
        feed_answers(c);
        resend(c, i);
    }
    i->retry_height = i->final.height;
    i->retry_at = now + pause;
}

static usec_t next_time(const struct consensus *c)
{
    usec_t at = clock_monotonic() + QUIET_TICK_MS * 1000;
    for (int k = 0; k < CHAINS; k++) {
        const struct instance *i = &c->chain[k];
        if (i->timer_at != 0 && i->timer_at < at)
            at = i->timer_at;
        if (i->retry_at < at)
            at = i->retry_at;
        if (i->cosign_at != 0 && i->cosign_after < at)
            at = i->cosign_after;
    }
    return at;
}

/* ---- the round ------------------------------------------------------------------------------- */

static void note_state(struct consensus *c)
{
    struct journal_counters j = { 0 };
    if (c->journal != NULL)
        journal_counters(c->journal, &j);
    (void)pthread_mutex_lock(&c->lock);
    struct consensus_state *s = &c->state;
    s->votes = c->chain[0].me != CORE_NOBODY;
    s->epoch = c->chain[0].scope.epoch;
    s->refused_frames = c->refused;
    s->evidence = c->evidences;
    s->syncs = j.syncs;
    s->n_signed = c->chain[0].scope.n;
    for (size_t m = 0; m < s->n_signed; m++) {
        s->cosigned[m].member = c->chain[0].scope.member[m];
        for (int k = 0; k < CHAINS; k++)
            s->cosigned[m].size[k] = c->chain[k].signed_size[m];
    }
    s->records = j.records;
    for (int k = 0; k < CHAINS; k++) {
        struct instance *i = &c->chain[k];
        uint64_t in_flight =
            i->core->cert_top > i->core->final_view ? i->core->cert_top - i->core->final_view : 0;
        if (in_flight > i->in_flight_seen)
            i->in_flight_seen = in_flight;
        s->chain[k].view = i->core->view;
        s->chain[k].final_height = i->final.height;
        s->chain[k].delivered_height = i->delivered;
        s->chain[k].in_flight_max_seen = i->in_flight_seen;
        s->chain[k].skipped = i->skipped;
        s->chain[k].proposed = i->proposed;
        s->chain[k].finalized = i->finalized;
        size_t own = 0;
        for (const struct batch *b = i->pool.first; b != NULL; b = b->next)
            own += b->wire.ref.member == c->set.me;
        for (const struct offer *o = c->offers; o != NULL; o = o->next)
            own += o->chain == i->chain;
        s->chain[k].pool_batches = own;
    }
    (void)pthread_mutex_unlock(&c->lock);
}

/* What the events of this round left to do; ends when nothing answers any more. */
static void settle(struct consensus *c)
{
    size_t rounds = 0;
    do {
        feed_answers(c);
        retry_contents(c);
        for (int k = 0; k < CHAINS; k++) {
            if (c->chain[k].ending != NULL)
                end_epoch(c, &c->chain[k], c->chain[k].ending);
            tell_work(c, &c->chain[k]);
            tend_range(c, &c->chain[k]);
        }
    } while (c->n_events > 0 && ++rounds < 1000);
    for (int k = 0; k < CHAINS; k++)
        cosign(c, &c->chain[k]);
}

static bool wait(struct consensus *c, struct offer **ret_offers, struct final_block **ret_answers)
{
    usec_t until = next_time(c);
    (void)pthread_mutex_lock(&c->lock);
    while (!c->wake && !c->stop)
        if (!wait_until(&c->woken, &c->lock, until))
            break;
    bool go_on = !c->stop;
    c->wake = false;
    *ret_offers = c->offers;
    *ret_answers = c->answers;
    c->offers = NULL;
    c->offers_tail = &c->offers;
    c->answers = NULL;
    (void)pthread_mutex_unlock(&c->lock);
    return go_on;
}

static void *run(void *arg)
{
    struct consensus *c = arg;
    struct offer *offers = NULL;
    struct final_block *answers = NULL;
    bool go_on = true;
    settle(c);
    open_gate(c);
    while (go_on) {
        go_on = wait(c, &offers, &answers);
        usec_t now = clock_monotonic();
        take_from_others(c, offers, answers);
        take_frames(c);
        for (int k = 0; k < CHAINS; k++)
            run_timers(c, &c->chain[k], now);
        settle(c);
        open_gate(c);
        if (c->journal != NULL)
            journal_trim(c->journal);
        note_state(c);
    }
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static enum err setup_instance(struct consensus *c, struct instance *i, enum chain chain)
{
    i->chain = chain;
    i->scope.chain = chain;
    i->final = c->set.tips[chain - 1];
    i->delivered = i->final.height;
    i->stored = i->final.tree.size;
    pool_init(&i->pool);
    remember_final(i, &i->final);
    i->cosign_at = i->stored;
    merkle_root(&i->final.tree, &i->cosign_root);
    i->published = c->set.published[chain - 1];
    (void)snprintf(i->origin, sizeof(i->origin), "%s/%s", c->set.federation, chain_name(chain));
    return note_key_make(i->origin, NOTE_TYPE_ED25519, c->keys.log[chain - 1].public,
                         &c->log_key[chain - 1])
               ? OK
               : ERR_USAGE;
}

static enum err copy_ends(struct consensus *c, const struct consensus_start *s)
{
    c->ends = calloc(s->n_ends + 1, sizeof(*c->ends));
    if (c->ends == NULL)
        return ERR_NO_MEMORY;
    for (size_t k = 0; k < s->n_ends; k++) {
        struct members *next = malloc(sizeof(*next));
        if (next == NULL)
            return ERR_NO_MEMORY;
        *next = *s->ends[k].next;
        c->ends[c->n_ends++] = (struct epoch_end){ .epoch = s->ends[k].epoch,
                                                   .height = s->ends[k].height,
                                                   .next = next };
    }
    return OK;
}

static void release(struct consensus *c)
{
    for (int k = 0; k < CHAINS; k++) {
        struct instance *i = &c->chain[k];
        free(i->core);
        ballots_free(i->ballots);
        pool_release(&i->pool);
        node_drop(&i->blocks, UINT64_MAX);
        free(i->to_deliver);
    }
    while (c->offers != NULL) {
        struct offer *o = c->offers;
        c->offers = o->next;
        free(o);
    }
    while (c->answers != NULL) {
        struct final_block *f = c->answers;
        c->answers = f->next;
        final_block_free(f);
    }
    for (size_t k = 0; k < c->n_ends; k++)
        free(c->ends[k].next);
    free(c->ends);
    journal_close(c->journal);
    buf_release(&c->bytes);
    free(c->frames);
    bytes_wipe(&c->keys, sizeof(c->keys));
    (void)pthread_cond_destroy(&c->woken);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

enum err consensus_open(const struct consensus_start *s, struct consensus **ret)
{
    struct consensus *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ERR_NO_MEMORY;
    c->set = *s;
    c->members = *s->members;
    c->keys = *s->keys;
    c->peers = s->peers;
    c->offers_tail = &c->offers;
    c->finals_tail = &c->finals;
    buf_init(&c->bytes, 64u << 20);
    (void)pthread_mutex_init(&c->lock, NULL);
    wait_init(&c->woken);
    enum err e = copy_ends(c, s);
    for (int k = 0; k < CHAINS && e == OK; k++)
        e = setup_instance(c, &c->chain[k], (enum chain)(k + 1));
    if (e == OK)
        e = replay(c);
    if (e == OK)
        e = thread_start(&c->thread, "ledger", run, c);
    if (e != OK) {
        release(c);
        return e;
    }
    *ret = c;
    return OK;
}

void consensus_close(struct consensus *c)
{
    if (c == NULL)
        return;
    (void)pthread_mutex_lock(&c->lock);
    c->stop = true;
    (void)pthread_cond_signal(&c->woken);
    (void)pthread_mutex_unlock(&c->lock);
    (void)pthread_join(c->thread, NULL);
    release(c);
}
