#include "tests/lib/club.h"

#include "server/crypto/hash.h"
#include "server/ledger/io/journal.h"
#include "server/ledger/log/tile.h"
#include "server/ledger/wire/final.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 20000
#define T0_MS 200

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "club: %s\n", what);
    abort();
}

/* ---- the database in memory ------------------------------------------------------------------ */

static uint8_t *copy(const uint8_t *bytes, size_t len)
{
    uint8_t *new = malloc(len + 1);
    must(new != NULL, "memory");
    if (len > 0)
        memcpy(new, bytes, len);
    return new;
}

static void keep_block(struct club_member *m, struct final_block *f)
{
    int k = (int)f->chain - 1;
    must(m->n_blocks[k] < CLUB_BLOCKS, "too many blocks");
    struct club_block *b = &m->blocks[k][m->n_blocks[k]++];
    *b = (struct club_block){ .id = f->node->p.id,
                              .height = f->node->p.block.height,
                              .proposal = copy(f->node->bytes, f->node->len),
                              .proposal_len = f->node->len,
                              .n_batches = f->node->p.block.n_batches,
                              .after = f->node->after };
    if (f->cert != NULL) {
        b->cert = copy(f->cert, f->cert_len);
        b->cert_len = f->cert_len;
    }
    for (uint16_t i = 0; i < b->n_batches; i++) {
        b->batch[i] = f->batch[i]->wire;
        b->entries[i] = copy(f->batch[i]->wire.entries, f->batch[i]->wire.entries_len);
        b->batch[i].entries = b->entries[i];
    }
    m->high_mark = f->journal_seq;
}

static void on_deliver(void *arg, struct final_block *f)
{
    struct club_member *m = arg;
    (void)pthread_mutex_lock(&m->club->lock);
    keep_block(m, f);
    (void)pthread_cond_broadcast(&m->club->changed);
    (void)pthread_mutex_unlock(&m->club->lock);
    consensus_delivered(m->consensus, f);
}

static void on_note(void *arg, const struct final_note *n)
{
    struct club_member *m = arg;
    (void)pthread_mutex_lock(&m->club->lock);
    m->noted[n->chain - 1] = n->size;
    (void)snprintf(m->note[n->chain - 1], sizeof(m->note[0]), "%s", buf_str(&n->note));
    (void)pthread_cond_broadcast(&m->club->changed);
    (void)pthread_mutex_unlock(&m->club->lock);
}

static void on_evidence(void *arg, const uint8_t *bytes, size_t len)
{
    struct club_member *m = arg;
    (void)pthread_mutex_lock(&m->club->lock);
    if (m->evidence_len == 0 && len <= sizeof(m->evidence)) {
        memcpy(m->evidence, bytes, len);
        m->evidence_len = len;
    }
    m->evidences++;
    (void)pthread_cond_broadcast(&m->club->changed);
    (void)pthread_mutex_unlock(&m->club->lock);
}

/* ---- what only the database has, for others -------------------------------------------------- */

static void send_final(struct club_member *m, uint16_t to, const struct club_block *b)
{
    static _Thread_local struct wire_proposal p;
    static _Thread_local struct wire_cert cert;
    size_t used = 0;
    struct buf out;
    buf_init(&out, WIRE_FRAME_MAX);
    must(wire_proposal_parse(b->proposal, b->proposal_len, &p) == OK, "stored proposal");
    if (b->cert != NULL)
        must(wire_cert_parse(b->cert, b->cert_len, &cert, &used) == OK, "stored certificate");
    must(wire_final_print(&p, b->cert != NULL ? &cert : NULL, &out) == OK, "final");
    peers_send(m->end.app.peers, to, PEERS_BULK, WIRE_FINAL, out.data, out.len);
    for (uint16_t i = 0; i < b->n_batches; i++) {
        buf_clear(&out);
        must(wire_batch_print(&b->batch[i], &out) == OK, "batch");
        peers_send(m->end.app.peers, to, PEERS_BULK, WIRE_BATCH, out.data, out.len);
    }
    buf_release(&out);
}

static void on_serve(void *arg, uint16_t from, const struct wire_pull *p)
{
    struct club_member *m = arg;
    int k = (int)p->chain - 1;
    (void)pthread_mutex_lock(&m->club->lock);
    for (size_t i = 0; i < m->n_blocks[k]; i++) {
        const struct club_block *b = &m->blocks[k][i];
        if (p->want == WIRE_WANT_RANGE && b->height >= p->view)
            send_final(m, from, b);
        else if (p->want == WIRE_WANT_BLOCK && memcmp(&b->id, &p->id, sizeof(p->id)) == 0)
            peers_send(m->end.app.peers, from, PEERS_BULK, WIRE_BLOCK, b->proposal,
                       b->proposal_len);
        for (uint16_t n = 0; p->want == WIRE_WANT_BATCH && n < b->n_batches; n++)
            if (memcmp(b->batch[n].ref.digest, p->id.bytes, HASH_BYTES) == 0)
                send_final(m, from, b);
    }
    (void)pthread_mutex_unlock(&m->club->lock);
    peers_flush(m->end.app.peers);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void *pump(void *arg)
{
    struct club_member *m = arg;
    for (;;) {
        (void)member_end_wait(&m->end);
        (void)pthread_mutex_lock(&m->club->lock);
        bool on = m->pumping;
        if (on && m->waking != NULL)
            consensus_wake(m->waking);
        (void)pthread_mutex_unlock(&m->club->lock);
        if (!on)
            return NULL;
    }
}

static void seeded(uint8_t a, uint8_t b, struct sign_key *ret)
{
    uint8_t seed[SIGN_SEED_BYTES] = { a, b };
    sign_key_from_seed(seed, ret);
}

static void fill_members(struct club *c)
{
    struct member_end *ends[CLUB_MAX];
    for (size_t i = 0; i < c->n; i++)
        ends[i] = &c->m[i].end;
    member_end_list(ends, c->n, &c->members);
    c->members.genesis[0] = 7;
    c->members.epoch = 1;
    for (size_t i = 0; i < c->n; i++) {
        struct member *m = &c->members.list[i];
        memcpy(m->vote_key, c->m[i].keys.vote.public, SIGN_PUBLIC_BYTES);
        memcpy(m->cosigner_key, c->m[i].keys.cosigner.public, SIGN_PUBLIC_BYTES);
        memset(m->operator_key, (int)(i + 1), SIGN_PUBLIC_BYTES);
        (void)snprintf(m->name, sizeof(m->name), "house-%zu", i + 1);
    }
    members_schedule(&c->members);
    for (int k = 0; k < CHAINS; k++)
        must(members_scope(&c->members, (enum chain)(k + 1), 1, &c->scope[k]), "scope");
}

void club_open(struct club *c, size_t n)
{
    memset(c, 0, sizeof(*c));
    c->n = n;
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_cond_init(&c->changed, NULL);
    (void)snprintf(c->dir, sizeof(c->dir), "/var/tmp/cairn-club-XXXXXX");
    must(mkdtemp(c->dir) != NULL, "folder");
    for (size_t i = 0; i < n; i++) {
        struct club_member *m = &c->m[i];
        m->club = c;
        member_end_open(&m->end, (uint16_t)(i + 1));
        m->end.app.member_key = m->end.key;
        seeded(2, (uint8_t)i, &m->keys.vote);
        seeded(3, (uint8_t)i, &m->keys.cosigner);
        seeded(4, 0, &m->keys.log[0]);
        seeded(5, 0, &m->keys.log[1]);
        for (int k = 0; k < CHAINS; k++) {
            m->blocks[k] = calloc(CLUB_BLOCKS, sizeof(*m->blocks[k]));
            must(m->blocks[k] != NULL, "memory");
        }
        (void)snprintf(m->dir, sizeof(m->dir), "%.40s/%zu", c->dir, i);
        must(journal_create(m->dir, (const uint8_t[HASH_BYTES]){ 7 }) == OK, "journal");
        m->pumping = true;
    }
    fill_members(c);
    for (size_t i = 0; i < n; i++) {
        member_end_knows(&c->m[i].end, &c->members);
        must(pthread_create(&c->m[i].pump, NULL, pump, &c->m[i]) == 0, "thread");
    }
}

static usec_t now(const struct app *app)
{
    (void)app;
    return clock_now();
}

void club_start(struct club *c, size_t i)
{
    struct club_member *m = &c->m[i];
    struct consensus_start *s = calloc(1, sizeof(*s));
    must(s != NULL, "memory");
    *s = (struct consensus_start){ .dir = m->dir,
                                   .federation = "club.invalid",
                                   .keys = &m->keys,
                                   .me = m->end.number,
                                   .t0_ms = T0_MS,
                                   .in_flight_max = 8,
                                   .members = &c->members,
                                   .first = &c->members,
                                   .high_mark = m->high_mark,
                                   .peers = m->end.app.peers,
                                   .hooks = { m, on_deliver, on_note, on_serve, on_evidence },
                                   .now = now,
                                   .app = &m->end.app };
    for (int k = 0; k < CHAINS; k++) {
        merkle_init(&s->tips[k].tree);
        memset(s->tips[k].id.bytes, 0x60 + k, HASH_BYTES); /* stands for the genesis */
        if (m->n_blocks[k] > 0) {
            const struct club_block *b = &m->blocks[k][m->n_blocks[k] - 1];
            s->tips[k] = b->after;
            s->tip_cert[k] = b->cert;
            s->tip_cert_len[k] = b->cert_len;
        }
        s->published[k] = m->noted[k];
    }
    struct consensus *new = NULL;
    (void)pthread_mutex_lock(&c->lock); /* hooks of the new thread wait until it has its name */
    must(consensus_open(s, &new) == OK, "consensus");
    m->consensus = m->waking = new;
    (void)pthread_mutex_unlock(&c->lock);
    consensus_wake(new);
    free(s);
}

void club_stop(struct club *c, size_t i)
{
    (void)pthread_mutex_lock(&c->lock);
    struct consensus *old = c->m[i].consensus;
    c->m[i].waking = NULL;
    (void)pthread_mutex_unlock(&c->lock);
    consensus_close(old);
    (void)pthread_mutex_lock(&c->lock);
    c->m[i].consensus = NULL;
    (void)pthread_mutex_unlock(&c->lock);
}

static void free_blocks(struct club_member *m)
{
    for (int k = 0; k < CHAINS; k++) {
        for (size_t i = 0; i < m->n_blocks[k]; i++) {
            struct club_block *b = &m->blocks[k][i];
            free(b->proposal);
            free(b->cert);
            for (uint16_t n = 0; n < b->n_batches; n++)
                free(b->entries[n]);
        }
        free(m->blocks[k]);
    }
}

void club_close(struct club *c)
{
    char command[96];
    for (size_t i = 0; i < c->n; i++)
        club_stop(c, i);
    for (size_t i = 0; i < c->n; i++) {
        struct club_member *m = &c->m[i];
        (void)pthread_mutex_lock(&c->lock);
        m->pumping = false;
        (void)pthread_mutex_unlock(&c->lock);
        (void)pthread_mutex_lock(&m->end.lock); /* the pump waits for a frame: this is as good */
        m->end.wakes++;
        (void)pthread_cond_broadcast(&m->end.woken);
        (void)pthread_mutex_unlock(&m->end.lock);
        (void)pthread_join(m->pump, NULL);
    }
    for (size_t i = 0; i < c->n; i++) {
        member_end_close(&c->m[i].end);
        free_blocks(&c->m[i]);
    }
    (void)snprintf(command, sizeof(command), "rm -rf %s", c->dir);
    must(system(command) == 0, "removing the folder");
    (void)pthread_mutex_destroy(&c->lock);
    (void)pthread_cond_destroy(&c->changed);
}

/* ---- what tests do --------------------------------------------------------------------------- */

void club_offer(struct club *c, size_t i, enum chain chain, uint64_t first, uint32_t n)
{
    struct buf b;
    buf_init(&b, WIRE_BATCH_BYTES);
    for (uint32_t k = 0; k < n; k++) {
        uint8_t salt[SALT_BYTES] = { (uint8_t)i, (uint8_t)chain }, anchor[ENTRY_ANCHOR_BYTES];
        uint64_t sequence = first + k;
        entry_anchor(c->m[i].end.number, sequence, salt, &sequence, sizeof(sequence), anchor);
        must(bundle_add(&b, anchor, sizeof(anchor)) == OK, "bundle");
    }
    must(consensus_offer(c->m[i].consensus, chain, first, n, b.data, b.len) == OK, "offer");
    buf_release(&b);
}

static uint64_t size_of(const struct club_member *m, enum chain chain)
{
    size_t n = m->n_blocks[chain - 1];
    return n == 0 ? 0 : m->blocks[chain - 1][n - 1].after.tree.size;
}

uint64_t club_size(struct club *c, size_t i, enum chain chain)
{
    (void)pthread_mutex_lock(&c->lock);
    uint64_t size = size_of(&c->m[i], chain);
    (void)pthread_mutex_unlock(&c->lock);
    return size;
}

static bool wait_until(struct club *c,
                       bool (*done)(const struct club_member *, enum chain, uint64_t), size_t i,
                       enum chain chain, uint64_t size, int ms)
{
    struct timespec until;
    int late = 0;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    (void)pthread_mutex_lock(&c->lock);
    while (!done(&c->m[i], chain, size) && late == 0)
        late = pthread_cond_timedwait(&c->changed, &c->lock, &until);
    bool ok = done(&c->m[i], chain, size);
    (void)pthread_mutex_unlock(&c->lock);
    return ok;
}

static bool has_size(const struct club_member *m, enum chain chain, uint64_t size)
{
    return size_of(m, chain) >= size;
}

static bool has_note(const struct club_member *m, enum chain chain, uint64_t size)
{
    return m->noted[chain - 1] >= size;
}

static bool has_evidence(const struct club_member *m, enum chain chain, uint64_t size)
{
    (void)chain;
    (void)size;
    return m->evidence_len > 0;
}

bool club_wait_size(struct club *c, size_t i, enum chain chain, uint64_t size)
{
    return wait_until(c, has_size, i, chain, size, WAIT_MS);
}

bool club_wait_size_for(struct club *c, size_t i, enum chain chain, uint64_t size, int ms)
{
    return wait_until(c, has_size, i, chain, size, ms);
}

bool club_wait_note(struct club *c, size_t i, enum chain chain, uint64_t size)
{
    return wait_until(c, has_note, i, chain, size, WAIT_MS);
}

bool club_wait_evidence(struct club *c, size_t i)
{
    return wait_until(c, has_evidence, i, CHAIN_ACCOUNT, 0, WAIT_MS);
}

static void check_sequences(const struct club_member *m, int k)
{
    uint64_t next[CLUB_MAX + 1] = { 0 };
    for (size_t i = 0; i < m->n_blocks[k]; i++) {
        const struct club_block *b = &m->blocks[k][i];
        must(b->height == i + 1, "a height is missing");
        for (uint16_t n = 0; n < b->n_batches; n++) {
            const struct wire_batch_ref *r = &b->batch[n].ref;
            must(r->first == next[r->member] + 1, "sequences of a member are not gapless and once");
            next[r->member] += r->n;
        }
    }
}

void club_check(struct club *c)
{
    (void)pthread_mutex_lock(&c->lock);
    for (int k = 0; k < CHAINS; k++)
        for (size_t i = 0; i < c->n; i++) {
            check_sequences(&c->m[i], k);
            for (size_t h = 0; h < c->m[i].n_blocks[k] && h < c->m[0].n_blocks[k]; h++)
                must(memcmp(&c->m[i].blocks[k][h].id, &c->m[0].blocks[k][h].id,
                            sizeof(struct core_id)) == 0,
                     "two members have different blocks at one height");
        }
    (void)pthread_mutex_unlock(&c->lock);
}
