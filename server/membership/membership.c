#include "server/membership/membership.h"

#include "server/ledger/io/outbox.h"

struct saying {
    const struct act *act;
    const struct statement *s;
};

/* Against a copy of the fold as it is now. What is under way is not in it: two approvals that meet
 * are both taken, and the second changes nothing. */
static enum err try_on(const struct saying *x, struct members *m)
{
    const struct act *act = x->act;
    const char *refused = NULL;
    bool boundary = false;
    const struct member *own = members_find(m, act->app->member);
    if (own != NULL && !bytes_equal(own->operator_key, act->identity, SIGN_PUBLIC_BYTES))
        return problem_set(act->problem, ERR_STATEMENT_SIGNER, "/statement/signer",
                           "The account chain names another operator for this member.");
    enum err e = members_apply(m, act->app->member, x->s->canonical, x->s->canonical_len, &refused,
                               &boundary);
    if (e == OK && refused != NULL)
        e = problem_set(act->problem, ERR_CHANGE_REFUSED, "/statement", "%s", refused);
    return e;
}

static enum err say_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    static const struct id nobody = { { 0 } }; /* a public entry needs no salt */
    const struct saying *x = arg;
    const struct act *act = x->act;
    struct members *m = arena_alloc(arena, sizeof(*m));
    if (m == NULL)
        return ERR_NO_MEMORY;
    ledger_members(act->app->ledger, m);
    json_int_t epoch = m->epoch;
    enum err e = try_on(x, m);
    if (e == OK)
        e = outbox_append(db, x->s, &nobody, &act->account, 1, act->now);
    return e == OK ? answer_set(ret, arena, 201,
                                json_pack("{s:o, s:o, s:I}", "id", json_id(&x->s->id), "entry",
                                          json_id(&x->s->id), "epoch", epoch))
                   : e;
}

enum err membership_say(const struct act *act, const struct statement *s, struct answer *ret)
{
    struct saying x = { .act = act, .s = s };
    enum err e = act_signed_by_caller(act, s);
    return e == OK ? act_write(act, "membership-say", say_tx, &x, ret) : e;
}
