/* The output gate: nothing leaves before what it stands on is durable. */
#include "server/base/failpoint.h"
#include "server/ledger/io/consensus_internal.h"

#include <stdlib.h>
#include <string.h>

#define OUT_BYTES_MAX (64u << 20)

/* Frames are re-sent by the protocol, so one that finds no memory is simply not sent. */
void queue_frame(struct consensus *c, uint16_t to, enum peers_lane lane, uint8_t type,
                 const void *payload, size_t len)
{
    if (c->peers == NULL)
        return;
    if (c->n_frames == c->cap_frames) {
        size_t cap = c->cap_frames * 2 + 64;
        struct out_frame *more = reallocarray(c->frames, cap, sizeof(*more));
        if (more == NULL)
            return;
        c->frames = more;
        c->cap_frames = cap;
    }
    size_t at = c->bytes.len;
    if (buf_add(&c->bytes, payload, len) != OK)
        return;
    c->frames[c->n_frames++] =
        (struct out_frame){ .to = to, .lane = (uint8_t)lane, .type = type, .at = at, .len = len };
}

uint16_t member_of(const struct consensus *c, const struct instance *i, uint16_t index)
{
    const struct wire_scope *s = &i->scope;
    if (index == CORE_NOBODY)
        return PEERS_TO_ALL;
    if (index < s->n)
        return s->member[index];
    size_t at = (size_t)(index - s->n); /* an observer: its place in the list of members */
    return at < c->members.n ? c->members.list[at].number : PEERS_TO_ALL;
}

void queue_pull(struct consensus *c, struct instance *i, const struct wire_pull *p, unsigned peers)
{
    struct buf b;
    buf_init(&b, WIRE_PULL_BYTES);
    uint16_t n = i->scope.n;
    if (wire_pull_print(p, &b) == OK)
        for (unsigned tries = 0; peers > 0 && tries < n; tries++) {
            uint16_t to = i->scope.member[i->ask++ % n];
            if (to == c->set.me)
                continue;
            queue_frame(c, to, PEERS_VOTES, WIRE_PULL, b.data, b.len);
            peers--;
        }
    buf_release(&b);
}

/* A certificate goes out with the next frame or tick: who hears the votes makes it by itself. */
static void send_frames(struct consensus *c)
{
    bool urgent = false;
    for (size_t k = 0; k < c->n_frames; k++) {
        const struct out_frame *f = &c->frames[k];
        peers_send(c->peers, f->to, (enum peers_lane)f->lane, f->type, c->bytes.data + f->at,
                   f->len);
        urgent = urgent || f->type != WIRE_CERT;
    }
    if (urgent)
        peers_flush(c->peers);
    c->n_frames = 0;
    buf_clear(&c->bytes);
}

void open_gate(struct consensus *c)
{
    if (c->journal != NULL && c->must_sync && journal_pending(c->journal)) {
        c->must_sync = false;
        (void)FP("ledger_before_sync");
        journal_sync(c->journal);
        (void)FP("ledger_after_sync");
    }
    send_frames(c);
    while (c->finals != NULL) {
        struct final_block *b = c->finals;
        c->finals = b->next;
        b->next = NULL;
        b->journal_seq = c->journal != NULL ? journal_seq(c->journal) : 0;
        c->set.hooks.deliver(c->set.hooks.arg, b);
    }
    c->finals_tail = &c->finals;
}
