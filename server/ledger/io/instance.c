/* Feeding the cores and carrying out what they decide, in their order. */
#include "server/base/log.h"
#include "server/ledger/io/consensus_internal.h"
#include "server/ledger/wire/forensics.h"

#include <string.h>

struct instance *instance_of(struct consensus *c, enum chain chain)
{
    return &c->chain[chain - 1];
}

const struct core_slot *slot_at(const struct instance *i, uint64_t view)
{
    const struct core_slot *s = &i->core->slots[view % CORE_SLOTS];
    return s->view == view ? s : NULL;
}

int validator_index(const struct wire_scope *s, uint16_t member)
{
    for (uint16_t k = 0; k < s->n; k++)
        if (s->member[k] == member)
            return k;
    return -1;
}

void answer(struct consensus *c, struct instance *i, const struct core_event *e)
{
    if (c->n_events == EVENTS_MAX)
        return; /* asked again after a retry */
    c->event_of[c->n_events] = i;
    c->events[c->n_events++] = *e;
}

/* ---- records --------------------------------------------------------------------------------- */

/* A block is durable before a vote for it is: when all members have crashed, somebody must have it.
 */
void log_block(struct consensus *c, struct instance *i, struct block_node *b)
{
    if (b->logged || c->journal == NULL)
        return;
    b->logged = c->must_sync = true;
    struct journal_record r = { .kind = JOURNAL_PROPOSAL,
                                .chain = (uint8_t)i->chain,
                                .epoch = i->scope.epoch,
                                .view = b->p.block.view,
                                .body = b->bytes,
                                .body_len = b->len };
    memcpy(r.id, b->p.id.bytes, HASH_BYTES);
    journal_add(c->journal, &r);
}

/* With my finalize vote stands the certificate it rests on: after a crash I cannot skip that view,
 * so I must be able to show why. */
static void persist(struct consensus *c, struct instance *i, const struct core_action *a)
{
    struct block_node *b = node_find(i->blocks, &a->id);
    struct journal_record r = {
        .kind = a->kind, .chain = (uint8_t)i->chain, .epoch = i->scope.epoch, .view = a->view
    };
    if (c->journal == NULL)
        return;
    if (b != NULL && (a->kind == CORE_REC_N || a->kind == CORE_REC_PROP))
        log_block(c, i, b);
    memcpy(r.id, a->id.bytes, HASH_BYTES);
    if (a->kind == CORE_REC_F &&
        ballots_cert(i->ballots, CORE_N, a->view, &a->id, &r.body, &r.body_len) != OK)
        r.body = NULL;
    journal_add(c->journal, &r);
    c->must_sync = c->must_sync || a->kind != CORE_REC_FIN;
    if (a->kind == CORE_REC_FIN)
        journal_release(c->journal, (uint8_t)i->chain, i->scope.epoch, a->view);
    if (a->kind == CORE_REC_S)
        i->skipped++;
    if (a->kind == CORE_REC_PROP)
        i->proposed++;
}

/* ---- sending --------------------------------------------------------------------------------- */

static void send_vote(struct consensus *c, struct instance *i, const struct core_action *a)
{
    struct wire_vote v = { .chain = i->chain,
                           .epoch = i->scope.epoch,
                           .kind = a->kind,
                           .signer = i->me,
                           .view = a->view,
                           .id = a->id };
    const struct wire_vote *mine = ballots_vote(i->ballots, a->view, a->kind, i->me);
    if (mine != NULL && core_id_equal(&mine->id, &v.id)) {
        v = *mine;
    } else {
        wire_vote_sign(&i->scope, &c->keys.vote, &v);
        if (ballots_add(i->ballots, &v) != OK)
            return; /* sent again later: the vote itself is in the log */
    }
    struct buf b;
    buf_init(&b, WIRE_VOTE_BYTES);
    if (wire_vote_print(&v, &b) == OK)
        queue_frame(c, member_of(c, i, a->from), PEERS_VOTES, WIRE_VOTE, b.data, b.len);
    buf_release(&b);
}

static void send_cert(struct consensus *c, struct instance *i, const struct core_action *a)
{
    const uint8_t *bytes = NULL;
    size_t len = 0;
    if (ballots_cert(i->ballots, a->kind, a->view, &a->id, &bytes, &len) == OK)
        queue_frame(c, member_of(c, i, a->from), PEERS_VOTES, WIRE_CERT, bytes, len);
}

static void send_proposal(struct consensus *c, struct instance *i, const struct core_action *a)
{
    const struct block_node *b = node_find(i->blocks, &a->id);
    if (b != NULL)
        queue_frame(c, member_of(c, i, a->from), PEERS_VOTES, WIRE_PROPOSAL, b->bytes, b->len);
}

static void pull(struct consensus *c, struct instance *i, const struct core_action *a, uint8_t want)
{
    const struct wire_pull p = { .chain = i->chain,
                                 .epoch = i->scope.epoch,
                                 .want = want,
                                 .kind = a->kind,
                                 .view = a->view,
                                 .id = a->id };
    unsigned peers = want != WIRE_WANT_NEWS     ? 2
                     : i->published < i->stored ? core_quorum(i->scope.n)
                                                : 1;
    queue_pull(c, i, &p, peers);
}

static void set_timer(struct instance *i, const struct core_action *a)
{
    i->timer_view = a->view;
    i->timer_at = clock_monotonic() + (usec_t)a->delay_ms * 1000;
}

/* ---- evidence -------------------------------------------------------------------------------- */

static enum err evidence_bytes(struct consensus *c, struct instance *i, const struct core_action *a,
                               struct buf *ret)
{
    uint8_t fault = 0;
    if (a->kind == CORE_FAULT_PROPOSAL) {
        const struct block_node *first = node_find(i->blocks, &a->other);
        if (first == NULL || c->proposal_now == NULL)
            return ERR_NOT_FOUND;
        struct evidence_proposal x = { .chain = i->chain,
                                       .epoch = i->scope.epoch,
                                       .view = a->view,
                                       .id = first->p.id,
                                       .signer = a->from };
        struct evidence_proposal y = x;
        y.id = c->proposal_now->id;
        memcpy(x.signature, first->p.signature, SIGN_BYTES);
        memcpy(y.signature, c->proposal_now->signature, SIGN_BYTES);
        return evidence_proposals(&x, &y, ret);
    }
    if (c->vote_now == NULL)
        return ERR_NOT_FOUND;
    for (unsigned kind = CORE_N; kind <= CORE_F; kind++) {
        const struct wire_vote *first = ballots_vote(i->ballots, a->view, (uint8_t)kind, a->from);
        if (first != NULL && evidence_votes(first, c->vote_now, &fault, ret) == OK)
            return OK;
    }
    return ERR_NOT_FOUND;
}

static void report(struct consensus *c, struct instance *i, const struct core_action *a)
{
    struct buf b;
    buf_init(&b, EVIDENCE_MAX);
    c->evidences++;
    if (a->kind == CORE_FAULT_FORK) {
        log_error("ledger",
                  "chain %s: two certificates of view %llu exclude each other: more than a "
                  "third of the members are faulty; this member stops voting",
                  chain_name(i->chain), (unsigned long long)a->view);
    } else if (evidence_bytes(c, i, a, &b) == OK) {
        log_warn("ledger",
                 "member %u signed two things that exclude each other, chain %s view %llu",
                 member_of(c, i, a->from), chain_name(i->chain), (unsigned long long)a->view);
        c->set.hooks.evidence(c->set.hooks.arg, b.data, b.len);
    }
    buf_release(&b);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void carry_out(struct consensus *c, struct instance *i, const struct core_action *a)
{
    switch ((enum core_action_type)a->type) {
    case CORE_PERSIST:
        persist(c, i, a);
        break;
    case CORE_SEND_VOTE:
        send_vote(c, i, a);
        break;
    case CORE_SEND_CERT:
        send_cert(c, i, a);
        break;
    case CORE_SEND_PROPOSAL:
        send_proposal(c, i, a);
        break;
    case CORE_TIMER:
        set_timer(i, a);
        break;
    case CORE_PULL_CERT:
        pull(c, i, a, WIRE_WANT_CERT);
        break;
    case CORE_PULL_BLOCK:
        pull(c, i, a, WIRE_WANT_BLOCK);
        break;
    case CORE_PULL_NEWS:
        pull(c, i, a, WIRE_WANT_NEWS);
        break;
    case CORE_PULL_RANGE:
        ask_range(c, i);
        break;
    case CORE_BUILD:
        build_block(c, i, a);
        break;
    case CORE_CHECK:
        check_block(c, i, a);
        break;
    case CORE_DELIVER:
        want_delivered(c, i, &a->id);
        break;
    case CORE_EVIDENCE:
        report(c, i, a);
        break;
    }
}

/* Votes are signed as their action comes up, but certificates of the same step may need a signature
 * that a later action of it makes: so votes go first. Nothing leaves before the gate, so the order
 * of sends does not matter. */
void feed(struct consensus *c, struct instance *i, const struct core_event *e)
{
    c->out.n = 0;
    core_step(i->core, e, &c->out);
    for (size_t k = 0; k < c->out.n; k++)
        if (c->out.a[k].type == CORE_SEND_VOTE)
            send_vote(c, i, &c->out.a[k]);
    for (size_t k = 0; k < c->out.n; k++)
        if (c->out.a[k].type != CORE_SEND_VOTE)
            carry_out(c, i, &c->out.a[k]);
}

void feed_answers(struct consensus *c)
{
    for (size_t k = 0; k < c->n_events; k++) {
        struct core_event e = c->events[k];
        feed(c, c->event_of[k], &e);
    }
    c->n_events = 0;
}

void tell_work(struct consensus *c, struct instance *i)
{
    bool work = has_work(c, i);
    if (work == i->core->work)
        return;
    const struct core_event e = { .type = CORE_EV_WORK, .flag = work };
    feed(c, i, &e);
}
