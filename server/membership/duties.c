/* The member's own statements about the members. Each is tried on a copy of the fold first: so a
 * statement that changes nothing is not made, whatever the reason. */
#include "server/base/text.h"
#include "server/ledger/io/outbox.h"
#include "server/membership/membership.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DUTY_ARENA (1u << 20)

struct duty {
    struct app *app;
    const struct members *members;
    const char *kind;
    const char *member; /* of the statement, beside the common ones */
    char value[BASE64_SIZE(LEDGER_EVIDENCE_MAX)];
    char key[65]; /* names the duty: done once under it */
};

void membership_opening(const struct app *app, const struct members *m, uint8_t ret[HASH_BYTES])
{
    static const char label[] = "cairn/v1/seed-opening";
    uint8_t epoch[4];
    for (int i = 0; i < 4; i++)
        epoch[i] = (uint8_t)(m->epoch >> (24 - 8 * i));
    const struct part parts[] = { { label, sizeof(label) - 1 },
                                  { m->genesis, HASH_BYTES },
                                  { epoch, sizeof(epoch) } };
    hmac_sha256_parts(app->member_key.secret, SIGN_SEED_BYTES, parts, COUNT(parts), ret);
}

/* ---- one statement --------------------------------------------------------------------------- */

static enum err make(const struct duty *d, usec_t now, struct statement *ret)
{
    char genesis[BASE64_SIZE(HASH_BYTES)];
    base64_encode(d->members->genesis, HASH_BYTES, genesis);
    return member_statement(d->app, d->kind, d->members->epoch, now,
                            json_pack("{s:s, s:s}", "genesis", genesis, d->member, d->value), ret);
}

static enum err duty_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    static const struct id nobody = { { 0 } };
    const struct statement *s = arg;
    enum err e = outbox_append(db, s, &nobody, NULL, 0, s->time);
    return e == OK ? answer_set(ret, arena, 204, json_object()) : e;
}

/* *ret_takes: the fold would take it as it is now. */
static enum err would_take(const struct duty *d, const struct statement *s, bool *ret_takes)
{
    const char *refused = NULL;
    bool boundary = false;
    struct members *copy = malloc(sizeof(*copy));
    if (copy == NULL)
        return ERR_NO_MEMORY;
    *copy = *d->members;
    enum err e =
        members_apply(copy, d->app->member, s->canonical, s->canonical_len, &refused, &boundary);
    free(copy);
    *ret_takes = e == OK && refused == NULL;
    return e;
}

/* The key's hash is that of the key: another process, or a later second, meets the same answer. */
static enum err perform(const struct duty *d, bool *ret_takes)
{
    struct statement s = { 0 };
    struct act act;
    struct answer answer = { 0 };
    struct arena *arena = arena_new(DUTY_ARENA);
    if (arena == NULL)
        return ERR_NO_MEMORY;
    act_member(d->app, arena, d->key, &act);
    enum err e = make(d, act.now, &s);
    if (e == OK)
        e = would_take(d, &s, ret_takes);
    if (e == OK && *ret_takes)
        e = act_write(&act, "membership-duty", duty_tx, &s, &answer);
    statement_release(&s);
    arena_free(arena);
    return e;
}

/* ---- the duties ------------------------------------------------------------------------------ */

/* Kept until the fold knows it, so that it is said again in the next epoch if this one ended too
 * soon for it. */
static enum err show_evidence(struct app *app, const struct members *m)
{
    struct duty d = { .app = app, .members = m, .kind = "member.evidence", .member = "evidence" };
    uint8_t hash[HASH_BYTES];
    char name[HEX_SIZE(16)];
    bool takes = false;
    struct buf found;
    buf_init(&found, LEDGER_EVIDENCE_MAX);
    enum err e = ledger_evidence(app->ledger, &found);
    if (e == OK && found.len > 0) {
        sha256(found.data, found.len, hash);
        hex_encode(hash, 16, name);
        base64_encode(found.data, found.len, d.value);
        (void)snprintf(d.key, sizeof(d.key), "evidence-%u-%s", m->epoch, name);
        e = perform(&d, &takes);
        if (e == OK && !takes)
            ledger_evidence_done(app->ledger, &found); /* known already, or too old to matter */
    }
    buf_release(&found);
    return e;
}

/* The seed decides who leads when; a single validator leads always. */
static enum err tend_seed(struct app *app, const struct members *m)
{
    struct duty d = { .app = app, .members = m };
    uint8_t opening[HASH_BYTES], commitment[HASH_BYTES];
    uint16_t who[CORE_MEMBERS_MAX];
    bool takes = false;
    int index = members_validator_index(m, app->member);
    if (index < 0 || members_validators(m, who) == 1 || core_set_has(&m->opened, (size_t)index))
        return OK;
    bool open = core_set_has(&m->committed, (size_t)index);
    if (open && m->n_pending == 0)
        return OK; /* nothing is about to end the epoch */
    membership_opening(app, m, opening);
    members_commitment(m, app->member, opening, commitment);
    d.kind = open ? "seed.open" : "seed.commit";
    d.member = open ? "opening" : "commitment";
    base64_encode(open ? opening : commitment, HASH_BYTES, d.value);
    (void)snprintf(d.key, sizeof(d.key), "%s-%u", d.kind, m->epoch);
    return perform(&d, &takes);
}

enum err membership_duties(struct app *app)
{
    struct members *m = malloc(sizeof(*m));
    if (m == NULL)
        return ERR_NO_MEMORY;
    ledger_members(app->ledger, m);
    enum err e = show_evidence(app, m);
    enum err seed = tend_seed(app, m);
    free(m);
    return e != OK ? e : seed;
}
