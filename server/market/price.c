#include "server/market/price.h"

#include "server/ledger/io/outbox.h"
#include "server/market/bounty.h"
#include "server/market/reward.h"
#include "server/peering/peering.h"
#include "server/store/member_bounty.h"

#include <stdio.h>
#include <string.h>

#define AT_ONCE 64

struct pricing {
    struct app *app;
    struct id bounty;
    usec_t now;
};

static const char *shows(const struct price_row *row, int64_t cost_max)
{
    if (!row->open)
        return "closed";
    return row->available >= cost_max ? "funded" : "unfunded";
}

static enum err price_statement(struct db *db, const struct pricing *x, const struct bounty_row *b,
                                const struct price_row *row, const char *shown, int64_t scarcity_bp,
                                struct id *ret_entry)
{
    static const struct id nobody = { { 0 } };
    struct statement st = { 0 };
    enum err e = member_statement(x->app, "bounty.price", row->version + 1, x->now,
                                  json_pack("{s:o, s:s, s:b, s:I}", "bounty", json_id(&x->bounty),
                                            "state", row->open ? "open" : "closed", "funded",
                                            (int)(strcmp(shown, "funded") == 0), "scarcity_bp",
                                            (json_int_t)scarcity_bp),
                                  &st);
    if (e == OK)
        e = outbox_append(db, &st, &nobody, &b->sponsor, 1, x->now);
    if (e == OK)
        *ret_entry = st.id;
    statement_release(&st);
    return e;
}

static enum err price_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct pricing *x = arg;
    struct price_row row;
    struct bounty_row b;
    struct terms terms;
    struct id entry;
    enum err e = store_price_get(db, &x->bounty, &row);
    if (e == OK)
        e = store_bounty_get(db, &x->bounty, BOUNTY_READ, arena, &b);
    if (e == OK)
        e = bounty_terms(&b, &terms);
    if (e != OK)
        return e;
    int64_t cost_max = reward_worst_case(&terms), scarcity = terms.reward.scarcity_bp;
    const char *shown = shows(&row, cost_max);
    if (strcmp(shown, row.shown) == 0)
        return ERR_STATE; /* it changed back, or somebody was quicker */
    e = price_statement(db, x, &b, &row, shown, scarcity, &entry);
    if (e == OK)
        e = store_price_insert(db, &x->bounty, row.version + 1, shown, scarcity, cost_max, &entry,
                               x->now);
    return e == OK ? answer_set(ret, arena, 204, json_object()) : e;
}

/* The key is random: whether the work is still to be done is decided inside the transaction. */
static enum err price_one(struct app *app, const struct id *bounty)
{
    struct arena *arena = arena_new(1u << 20);
    if (arena == NULL)
        return ERR_NO_MEMORY;
    uint8_t random[10];
    char id[ID_TEXT_SIZE], key[65];
    struct act act;
    struct answer answer = { 0 };
    struct pricing x = { .app = app, .bounty = *bounty };
    random_bytes(random, sizeof(random));
    struct id name = id_v7(app->now(app), random);
    id_text(&name, id);
    (void)snprintf(key, sizeof(key), "price-%s", id);
    act_member(app, arena, key, &act);
    x.now = act.now;
    enum err e = act_write(&act, "bounty-price", price_tx, &x, &answer);
    arena_free(arena);
    return e;
}

enum err price_publish(struct app *app, struct db *db)
{
    struct rows *r = NULL;
    if (peering_alone(app))
        return OK;
    enum err first = store_bounties_unpriced(db, AT_ONCE, &r);
    size_t n = first == OK ? rows_count(r) : 0;
    for (size_t i = 0; i < n && first != ERR_DB_DOWN; i++) {
        struct id id = row_id(r, i, 0);
        enum err e = price_one(app, &id);
        if (first == OK && e != ERR_STATE)
            first = e;
    }
    rows_free(r);
    return first;
}
