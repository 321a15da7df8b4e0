#include "server/market/replica.h"

#include "server/crypto/keys.h"
#include "server/party/enroll.h"
#include "server/peering/peering.h"
#include "server/statement/terms.h"
#include "server/store/member_account.h"
#include "server/store/member_bounty.h"

#include <string.h>

static void refuse(const struct apply_context *c)
{
    if (c->app->peering != NULL)
        (void)atomic_fetch_add(&c->app->peering->refused, 1);
}

/* ---- bounty.publish -------------------------------------------------------------------------- */

struct publication {
    struct statement s;
    struct terms terms;
    struct buf text;
    uint8_t hash[HASH_BYTES];
};

/* What the home's own publish checks, but for the clock, which is nobody else's business. */
static enum err read_publication(const char *statement, size_t len, struct publication *ret)
{
    json_t *terms = NULL;
    const struct field extra[] = { F_OBJECT("terms", &terms) };
    enum err e = statement_parse_bytes(statement, len, &ret->s, NULL);
    if (e == OK && strcmp(ret->s.kind, "bounty.publish") != 0)
        e = ERR_STATEMENT_KIND;
    if (e == OK)
        e = statement_fields(&ret->s, extra, COUNT(extra), NULL);
    if (e == OK)
        e = terms_read(terms, "", &ret->terms, NULL);
    if (e == OK)
        e = json_canonical(terms, &ret->text);
    return e == OK ? terms_hash(terms, ret->hash) : e;
}

static enum err write_publication(struct db *db, uint16_t member, uint64_t sequence,
                                  const struct publication *p, usec_t now)
{
    const struct bounty_new row = { .id = p->s.id,
                                    .sponsor = account_id(p->s.signer),
                                    .disease = p->terms.disease,
                                    .currency = p->terms.currency,
                                    .terms = buf_str(&p->text),
                                    .terms_hash = p->hash,
                                    .opens_at = p->terms.opens_at,
                                    .closes_at = p->terms.closes_at,
                                    .at = now };
    bool added = false;
    enum err e = store_bounty_elsewhere(db, &row, member, &added);
    if (e == OK && added)
        e = store_public_entry(db, member, CHAIN_TX, sequence, &p->s.id, p->s.kind, p->s.canonical,
                               p->s.canonical_len, now, &added);
    return e;
}

enum err replica_publish(const struct apply_context *c, struct db *db, uint16_t member,
                         uint64_t sequence, const char *statement, size_t len, usec_t now)
{
    struct publication p = { 0 };
    buf_init(&p.text, STATEMENT_MAX);
    enum err e = read_publication(statement, len, &p);
    if (e == OK)
        e = write_publication(db, member, sequence, &p, now);
    else if (e != ERR_NO_MEMORY) {
        refuse(c);
        e = OK;
    }
    buf_release(&p.text);
    statement_release(&p.s);
    return e;
}

/* ---- bounty.price ---------------------------------------------------------------------------- */

struct price {
    struct id bounty;
    const char *state;
    bool funded;
    int64_t scarcity_bp;
};

static bool read_price(const struct statement *s, struct price *ret)
{
    static const char *const states[] = { "open", "closed", NULL };
    const struct field extra[] = { F_ID("bounty", &ret->bounty),
                                   F_CODE("state", &ret->state, states),
                                   { .name = "funded", .type = FIELD_BOOL, .ret = &ret->funded },
                                   F_INT("scarcity_bp", &ret->scarcity_bp, 0, INT32_MAX) };
    return strcmp(s->kind, "bounty.price") == 0 &&
           statement_fields(s, extra, COUNT(extra), NULL) == OK;
}

enum err replica_price(const struct apply_context *c, struct db *db, uint16_t member,
                       uint64_t sequence, const char *statement, size_t len, usec_t now)
{
    struct statement s = { 0 };
    struct price p = { 0 };
    bool ok = false, changed = false;
    enum err e = enroll_member_statement(c, member, statement, len, &s, &ok);
    if (e == OK && ok)
        ok = read_price(&s, &p);
    if (e == OK && ok) {
        const char *shown = strcmp(p.state, "closed") == 0 ? "closed"
                            : p.funded                     ? "funded"
                                                           : "unfunded";
        e = store_bounty_shown(db, &p.bounty, member, s.version, shown, &changed);
    }
    if (e == OK && changed)
        e = store_public_entry(db, member, CHAIN_TX, sequence, &s.id, s.kind, statement, len, now,
                               &changed);
    if (e == OK && !ok)
        refuse(c);
    statement_release(&s);
    return e;
}
