/* Cosignatures of finalized sizes. A member signs a size only when its own database holds it; a
 * quorum of signatures over one size makes the checkpoint that readers get. */
#include "server/ledger/io/consensus_internal.h"

#define COSIGN_EVERY 4 /* blocks, while they follow each other */
#define COSIGN_WAIT_US (20 * USEC_PER_SEC / 1000)
#define COSIGN_AHEAD_MAX (1u << 22) /* entries: further ahead nobody can honestly be */

#include <stdio.h>
#include <string.h>

static struct cosigned *size_entry(struct instance *i, uint64_t size,
                                   const struct merkle_hash *root)
{
    struct cosigned *at = &i->sizes[size % COSIGN_SIZES];
    if (at->size == size && at->size != 0)
        return memcmp(&at->root, root, sizeof(*root)) == 0 ? at : NULL;
    if (at->size > size)
        return NULL;
    memset(at, 0, sizeof(*at));
    at->size = size;
    at->root = *root;
    return at;
}

static enum err body_of(const struct instance *i, const struct cosigned *s, struct buf *ret)
{
    struct checkpoint p = { .size = s->size, .root = s->root };
    memcpy(p.origin, i->origin, sizeof(p.origin));
    return checkpoint_body(&p, ret);
}

static void member_name(const struct consensus *c, uint16_t number, char ret[NOTE_NAME_MAX + 1])
{
    (void)snprintf(ret, NOTE_NAME_MAX + 1, "%s/member-%u", c->set.federation, number);
}

static bool cosigner_of(const struct consensus *c, uint16_t number, struct note_key *ret)
{
    char name[NOTE_NAME_MAX + 1];
    const struct member *m = members_find(&c->members, number);
    member_name(c, number, name);
    return m != NULL && note_key_make(name, NOTE_TYPE_COSIGNATURE, m->cosigner_key, ret);
}

static enum err write_note(struct consensus *c, struct instance *i, const struct cosigned *s,
                           struct buf *ret)
{
    struct buf body;
    buf_init(&body, CHECKPOINT_MAX);
    enum err e = body_of(i, s, &body);
    if (e == OK)
        e = buf_add(ret, body.data, body.len);
    if (e == OK)
        e = buf_add_str(ret, "\n");
    if (e == OK)
        e = checkpoint_sign(buf_str(&body), body.len, &c->log_key[i->chain - 1],
                            &c->keys.log[i->chain - 1], ret);
    uint16_t left = core_quorum(i->scope.n);
    for (uint16_t k = 0; k < i->scope.n && e == OK && left > 0; k++) {
        struct note_key key;
        if (!core_set_has(&s->have, k))
            continue;
        e = cosigner_of(c, i->scope.member[k], &key)
                ? cosignature_line(&key, s->time[k], s->signature[k], ret)
                : ERR_INTERNAL;
        left--;
    }
    buf_release(&body);
    return e;
}

/* Sizes only grow: what is behind the newest published one need not be said any more. */
static void publish(struct consensus *c, struct instance *i, const struct cosigned *s)
{
    struct final_note n = { .chain = i->chain, .size = s->size, .root = s->root };
    unsigned have = core_set_count(&s->have);
    if (s->size <= i->published || s->size > i->stored || have < core_quorum(i->scope.n))
        return; /* nothing is published that the own database does not hold */
    buf_init(&n.note, CHECKPOINT_MAX);
    if (write_note(c, i, s, &n.note) == OK) {
        i->published = s->size;
        c->set.hooks.publish(c->set.hooks.arg, &n);
    }
    buf_release(&n.note);
}

static void keep(struct consensus *c, struct instance *i, struct cosigned *s, uint16_t index,
                 uint64_t time, const uint8_t signature[SIGN_BYTES])
{
    if (s->size > i->signed_size[index])
        i->signed_size[index] = s->size;
    core_set_add(&s->have, index);
    s->time[index] = time;
    memcpy(s->signature[index], signature, SIGN_BYTES);
    publish(c, i, s);
}

/* A quorum must sign the same sizes. While more is on its way, these are the ones after every few
 * blocks: a checkpoint costs each member a transaction and a round of frames. The last one before a
 * pause is signed at once, and one that looked like it would not be the last, a moment later. */
void cosign_delivered(struct instance *i, const struct wire_block *b)
{
    bool more = i->pool.first != NULL || i->n_to_deliver > 0 || i->core->n_top > b->view;
    i->cosign_at = b->tree_size;
    i->cosign_root = b->tree_root;
    i->cosign_after =
        more && b->height % COSIGN_EVERY != 0 ? clock_monotonic() + COSIGN_WAIT_US : 0;
}

/* Of the newest delivered size, once per round. */
void cosign(struct consensus *c, struct instance *i)
{
    uint64_t size = i->cosign_at;
    if (size == 0 || (i->cosign_after != 0 && clock_monotonic() < i->cosign_after))
        return;
    struct cosigned *s = size_entry(i, size, &i->cosign_root);
    i->cosign_at = 0;
    if (s == NULL)
        return;
    publish(c, i, s); /* the others may have signed before the database was here */
    if (i->me == CORE_NOBODY)
        return;
    struct note_key key;
    struct wire_cosignature w = { .chain = i->chain,
                                  .size = size,
                                  .root = s->root,
                                  .signer = c->set.me,
                                  .time = (uint64_t)(c->set.now(c->set.app) / USEC_PER_SEC) };
    struct buf body, frame;
    buf_init(&body, CHECKPOINT_MAX);
    buf_init(&frame, WIRE_COSIGNATURE_BYTES);
    if (body_of(i, s, &body) == OK && cosigner_of(c, c->set.me, &key) &&
        cosignature_sign(buf_str(&body), body.len, &c->keys.cosigner, w.time, w.signature) == OK &&
        wire_cosignature_print(&w, &frame) == OK) {
        if (size > i->published)
            queue_frame(c, PEERS_TO_ALL, PEERS_VOTES, WIRE_COSIGNATURE, frame.data, frame.len);
        keep(c, i, s, i->me, w.time, w.signature);
    }
    buf_release(&body);
    buf_release(&frame);
}

/* All that we have of the newest size, for a member that was away when they were made. */
void send_cosignatures(struct consensus *c, struct instance *i, uint16_t to)
{
    const struct cosigned *s = &i->sizes[i->stored % COSIGN_SIZES];
    for (uint16_t k = 0; k < i->scope.n && s->size == i->stored; k++) {
        struct wire_cosignature w = { .chain = i->chain,
                                      .size = s->size,
                                      .root = s->root,
                                      .signer = i->scope.member[k],
                                      .time = s->time[k] };
        struct buf frame;
        if (!core_set_has(&s->have, k))
            continue;
        memcpy(w.signature, s->signature[k], SIGN_BYTES);
        buf_init(&frame, WIRE_COSIGNATURE_BYTES);
        if (wire_cosignature_print(&w, &frame) == OK)
            queue_frame(c, to, PEERS_VOTES, WIRE_COSIGNATURE, frame.data, frame.len);
        buf_release(&frame);
    }
}

void on_cosignature(struct consensus *c, const struct wire_cosignature *w)
{
    struct instance *i = instance_of(c, w->chain);
    int index = validator_index(&i->scope, w->signer);
    if (index < 0 || w->size <= i->signed_size[index] ||
        w->size > i->final.tree.size + COSIGN_AHEAD_MAX)
        return;
    struct cosigned *s = size_entry(i, w->size, &w->root);
    if (s == NULL || core_set_has(&s->have, (size_t)index))
        return;
    struct note_key key;
    struct buf body;
    buf_init(&body, CHECKPOINT_MAX);
    if (body_of(i, s, &body) == OK && cosigner_of(c, w->signer, &key) &&
        cosignature_verify(buf_str(&body), body.len, &key, w->time, w->signature) == OK)
        keep(c, i, s, (uint16_t)index, w->time, w->signature);
    else
        refuse(c);
    buf_release(&body);
}
