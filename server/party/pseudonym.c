#include "server/party/pseudonym.h"

#include "server/crypto/keys.h"
#include "server/ledger/io/outbox.h"
#include "server/party/party.h"
#include "server/store/bounty.h"
#include "server/store/member_account.h"

#include <string.h>

struct registering {
    const struct act *act;
    const struct statement *s;
    struct pseudonym_row row;
};

static enum err check(struct db *db, const struct registering *x, struct arena *arena)
{
    struct account_row a;
    struct bounty_row b;
    enum err e = store_bounty_get(db, &x->row.bounty, BOUNTY_READ, arena, &b);
    if (e == OK && b.home == 0)
        return problem_set(x->act->problem, ERR_STATE, "/statement/bounty",
                           "This bounty lives here; no pseudonym is needed.");
    if (e == OK)
        e = store_account_get(db, &x->row.account, &a);
    if (e == OK && (party_roles(x->act->app, &a) & ROLE_REVIEWER) != 0)
        return problem_set(x->act->problem, ERR_ROLE, "",
                           "A reviewer cannot submit to other members: it could be drawn for its "
                           "own submission.");
    return e;
}

static enum err register_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct registering *x = arg;
    const struct id *who = &x->row.account;
    enum err e = check(db, x, arena);
    if (e == OK)
        e = outbox_append(db, x->s, who, who, 1, x->act->now);
    if (e == OK)
        e = store_pseudonym_insert(db, &x->row, x->act->now);
    return e == OK ? answer_set(ret, arena, 201,
                                json_pack("{s:o, s:o, s:o}", "id", json_id(&x->row.id), "entry",
                                          json_id(&x->s->id), "bounty", json_id(&x->row.bounty)))
                   : e;
}

enum err pseudonym_register(const struct act *act, const struct statement *s,
                            const struct id *bounty, const uint8_t key[SIGN_PUBLIC_BYTES],
                            const uint8_t receive[32], struct answer *ret)
{
    struct registering x = { .act = act, .s = s };
    x.row = (struct pseudonym_row){
        .id = account_id(key), .account = act->account, .bounty = *bounty, .entry = s->id
    };
    memcpy(x.row.key, key, sizeof(x.row.key));
    memcpy(x.row.receive, receive, sizeof(x.row.receive));
    enum err e = act_signed_by_caller(act, s);
    return e == OK ? act_write(act, "pseudonym-register", register_tx, &x, ret) : e;
}
