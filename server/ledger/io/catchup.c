/* Catch-up by range: final blocks come in order of height, each named by the next one's parent id;
 * the first finalize certificate among them proves it and all below. A claim of a height is never
 * acted on, only certificates. One bad answer costs the peer its turn, not the catch-up. */
#include "server/ledger/io/consensus_internal.h"
#include "server/ledger/wire/final.h"

#include <stdlib.h>
#include <string.h>

#define RANGE_AHEAD_MAX 512 /* blocks that may wait for their certificate */
#define RANGE_PAUSE_US 1000000

void ask_range(struct consensus *c, struct instance *i)
{
    const struct wire_pull p = { .chain = i->chain,
                                 .epoch = i->scope.epoch,
                                 .want = WIRE_WANT_RANGE,
                                 .view = i->final.height + 1,
                                 .id = i->final.id };
    i->range_next = i->final.height + 1;
    i->range_parent = i->final.id;
    i->range_at = clock_monotonic();
    queue_pull(c, i, &p, 1);
}

void tend_range(struct consensus *c, struct instance *i)
{
    usec_t now = clock_monotonic();
    if (i->range_next == 0 || i->n_to_deliver > 0)
        return;
    if (i->range_at == 0 && i->delivered == i->final.height)
        ask_range(c, i); /* what came is in the database: the next piece */
    else if (i->range_at != 0 && now - i->range_at > RANGE_PAUSE_US)
        i->range_next = 0; /* nobody has more; the core asks again when a certificate says so */
}

/* From the certified block down to the tip; newest first in ret. */
static size_t path_to_tip(struct instance *i, struct block_node *top,
                          struct block_node *ret[RANGE_AHEAD_MAX])
{
    size_t n = 0;
    for (struct block_node *b = top; b != NULL && n < RANGE_AHEAD_MAX;
         b = node_find(i->blocks, &b->p.block.parent)) {
        ret[n++] = b;
        if (core_id_equal(&b->p.block.parent, &i->final.id))
            return n;
    }
    return 0;
}

static void finalize(struct consensus *c, struct instance *i, struct block_node *top,
                     const struct wire_cert *cert)
{
    struct block_node *path[RANGE_AHEAD_MAX];
    size_t n = ballots_add_cert(i->ballots, cert) == OK ? path_to_tip(i, top, path) : 0;
    i->range_at = n > 0 ? 0 : i->range_at; /* from now on the database sets the pace */
    while (n-- > 0)
        want_delivered(c, i, &path[n]->p.id);
}

static bool certifies(const struct wire_cert *cert, const struct block_node *b)
{
    return cert->kind == CORE_F && cert->view == b->p.block.view &&
           core_id_equal(&cert->id, &b->p.id);
}

/* The block is what its child, or the tip, names; so its id is enough. */
static struct block_node *take_block(struct instance *i, const struct wire_proposal *p)
{
    struct buf bytes;
    struct block_node *b = node_find(i->blocks, &p->id);
    buf_init(&bytes, WIRE_FRAME_MAX);
    if (b == NULL && (wire_proposal_print(p, &bytes) != OK ||
                      node_add(&i->blocks, bytes.data, bytes.len, &b) != OK))
        b = NULL;
    buf_release(&bytes);
    return b;
}

static void on_range_block(struct consensus *c, struct instance *i, const struct wire_proposal *p,
                           const struct wire_cert *cert)
{
    if (p->block.height != i->range_next || i->range_next > i->final.height + RANGE_AHEAD_MAX ||
        !core_id_equal(&p->block.parent, &i->range_parent))
        return;
    struct block_node *b = take_block(i, p);
    if (b == NULL)
        return;
    i->range_next++;
    i->range_parent = p->id;
    i->range_at = clock_monotonic();
    if (cert != NULL && certifies(cert, b) && wire_cert_verify(&i->scope, cert) == OK)
        finalize(c, i, b, cert);
}

void on_final(struct consensus *c, uint16_t from, const uint8_t *payload, size_t len)
{
    (void)from;
    struct wire_proposal *p = malloc(sizeof(*p));
    struct wire_cert *cert = malloc(sizeof(*cert));
    bool has_cert = false;
    if (p != NULL && cert != NULL) {
        if (wire_final_parse(payload, len, p, cert, &has_cert) != OK) {
            refuse(c);
        } else {
            struct instance *i = instance_of(c, p->block.chain);
            if (i->range_next == 0 && p->block.height == i->final.height + 1) {
                i->range_next = p->block.height; /* sent unasked, to one whose epoch is over */
                i->range_parent = i->final.id;
            }
            if (p->block.epoch == i->scope.epoch && i->range_next != 0)
                on_range_block(c, i, p, has_cert ? cert : NULL);
        }
    }
    free(p);
    free(cert);
}
