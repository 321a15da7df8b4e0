/* In one seed of a hundred every signature is real: votes and certificates travel as the bytes of
 * server/ledger/wire, signed with Ed25519, and are believed only if those parse and verify. In the
 * other seeds the list of who signed what stands for them, which is some hundred times faster. */
#include "tests/sim/world.h"

#include "server/crypto/hash.h"
#include "server/ledger/wire/wire.h"

#include <assert.h>

struct signatures {
    bool ready[EPOCHS_MAX];
    struct wire_scope scope[EPOCHS_MAX];
    uint8_t of[FACTS_MAX][IDENTITIES_MAX][SIGN_BYTES];
};

struct signatures *signatures_make(void)
{
    struct signatures *s = calloc(1, sizeof(*s));
    assert(s != NULL);
    crypto_setup();
    return s;
}

static void key_of(const struct world *w, uint8_t identity, uint8_t number, struct sign_key *ret)
{
    uint8_t seed[SIGN_SEED_BYTES] = { identity, number };
    for (size_t i = 0; i < 8; i++)
        seed[2 + i] = (uint8_t)(w->seed >> (8 * i));
    sign_key_from_seed(seed, ret);
}

static const struct wire_scope *scope_of(struct world *w, uint16_t epoch)
{
    struct wire_scope *scope = &w->signatures->scope[epoch];
    const struct epoch *e = &w->epochs[epoch];
    if (w->signatures->ready[epoch])
        return scope;
    w->signatures->ready[epoch] = true;
    scope->chain = CHAIN_TX;
    scope->epoch = epoch + 1u;
    scope->n = e->n;
    for (uint16_t i = 0; i < e->n; i++) {
        struct sign_key key;
        key_of(w, e->member[i], e->key[i], &key);
        scope->member[i] = (uint16_t)(e->member[i] + 1);
        memcpy(scope->vote_key[i], key.public, SIGN_PUBLIC_BYTES);
    }
    return scope;
}

void signatures_reset(struct world *w)
{
    memset(w->signatures->ready, 0, sizeof(w->signatures->ready));
}

void signatures_new_fact(struct world *w, uint32_t fact)
{
    memset(w->signatures->of[fact], 0, sizeof(w->signatures->of[fact]));
}

static void fill_vote(const struct world *w, uint32_t fact, uint16_t seat, struct wire_vote *ret)
{
    const struct fact *f = &w->facts[fact];
    memset(ret, 0, sizeof(*ret));
    ret->chain = CHAIN_TX;
    ret->epoch = f->epoch + 1u;
    ret->kind = f->kind;
    ret->view = f->view;
    ret->signer = seat;
    if (f->block != NONE)
        ret->id = w->blocks[f->block].id;
    if (seat < IDENTITIES_MAX)
        memcpy(ret->signature, w->signatures->of[fact][seat], SIGN_BYTES);
}

void signature_add(struct world *w, uint16_t seat, uint32_t fact)
{
    const struct epoch *e = &w->epochs[w->facts[fact].epoch];
    struct sign_key key;
    struct wire_vote v;
    fill_vote(w, fact, seat, &v);
    key_of(w, e->member[seat], e->key[seat], &key);
    wire_vote_sign(scope_of(w, w->facts[fact].epoch), &key, &v);
    memcpy(w->signatures->of[fact][seat], v.signature, SIGN_BYTES);
}

/* The vote as it arrives: printed, parsed and verified. */
bool signature_good(struct world *w, uint32_t fact, uint16_t seat)
{
    struct wire_vote v, got;
    struct buf bytes;
    fill_vote(w, fact, seat, &v);
    buf_init(&bytes, WIRE_FRAME_MAX);
    bool good = wire_vote_print(&v, &bytes) == OK && bytes.len == WIRE_VOTE_BYTES &&
                wire_vote_parse(bytes.data, bytes.len, &got) == OK &&
                wire_vote_verify(scope_of(w, w->facts[fact].epoch), &got);
    buf_release(&bytes);
    return good;
}

bool signatures_cert_good(struct world *w, uint32_t fact, uint16_t mask)
{
    const struct fact *f = &w->facts[fact];
    struct wire_cert c = {
        .chain = CHAIN_TX, .epoch = f->epoch + 1u, .kind = f->kind, .view = f->view
    };
    struct wire_cert got;
    struct buf bytes;
    size_t used = 0;
    if (f->block != NONE)
        c.id = w->blocks[f->block].id;
    c.signers.bits[0] = mask;
    for (uint16_t i = 0; i < IDENTITIES_MAX; i++)
        if ((mask >> i & 1) != 0)
            memcpy(c.signature[c.n_signers++], w->signatures->of[fact][i], SIGN_BYTES);
    buf_init(&bytes, WIRE_FRAME_MAX);
    bool good = wire_cert_print(&c, &bytes) == OK &&
                wire_cert_parse(bytes.data, bytes.len, &got, &used) == OK && used == bytes.len &&
                wire_cert_verify(scope_of(w, f->epoch), &got) == OK;
    buf_release(&bytes);
    return good;
}
