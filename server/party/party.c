#include "server/party/party.h"

#include "server/crypto/keys.h"
#include "server/ledger/io/outbox.h"
#include "server/ledger/io/subjects.h"
#include "server/party/enroll.h"
#include "server/store/member_account.h"

#include <string.h>

unsigned party_roles(const struct app *app, const struct account_row *a)
{
    static const struct {
        const char *name;
        enum role role;
    } names[] = { { "patient", ROLE_PATIENT },
                  { "sponsor", ROLE_SPONSOR },
                  { "reviewer", ROLE_REVIEWER },
                  { "operator", ROLE_OPERATOR } };
    unsigned roles = id_equal(&a->id, &app->operator_id) ? ROLE_OPERATOR : 0;
    for (size_t i = 0; i < a->n_roles; i++)
        for (size_t n = 0; n < COUNT(names); n++)
            if (strcmp(names[n].name, a->roles[i].role) == 0)
                roles |= names[n].role;
    return roles;
}

struct registering {
    const struct act *act;
    const struct statement *s;
    const uint8_t *receive;
};

static enum err register_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct registering *r = arg;
    struct id id = account_id(r->s->signer);
    int64_t slot = 0;
    enum err e = outbox_append(db, r->s, &id, &id, 1, r->act->now);
    if (e == OK)
        e = store_account_insert(db, &id, r->s->signer, r->receive, &r->s->id, r->act->now, &slot);
    /* The key exists before the row can: a key without a row is harmless, a row without a key is
     * not. */
    if (e == OK)
        e = subjects_create(r->act->app->subjects, slot);
    if (e != OK)
        return e;
    return answer_set(ret, arena, 201,
                      json_pack("{s:o, s:o, s:i}", "id", json_id(&id), "entry", json_id(&r->s->id),
                                "version", 1));
}

enum err party_register(const struct act *act, const struct statement *s, const uint8_t receive[32],
                        struct answer *ret)
{
    struct registering r = { .act = act, .s = s, .receive = receive };
    return act_write(act, "account-register", register_tx, &r, ret);
}

struct attesting {
    const struct act *act;
    const struct statement *s;
    const struct id *account;
    const char *role, *institution;
};

/* A reviewer becomes known to all members with the same transaction. Somebody who submits elsewhere
 * under a pseudonym cannot become one (server/party/pseudonym.h says why). */
static enum err enroll_reviewer(struct db *db, const struct attesting *a)
{
    bool hidden = false;
    enum err e = store_pseudonym_any(db, a->account, &hidden);
    if (e == OK && hidden)
        e = problem_set(a->act->problem, ERR_STATE, "/statement/account",
                        "This account submits to other members and cannot review.");
    return e == OK ? enroll_write(db, a->act->app, a->act->now, a->account, a->institution) : e;
}

static enum err attest_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct attesting *a = arg;
    const struct id parties[] = { *a->account, a->act->account };
    size_t n = id_equal(&parties[0], &parties[1]) ? 1 : 2;
    enum err e = outbox_append(db, a->s, a->account, parties, n, a->act->now);
    if (e == OK)
        e = store_role_insert(db, a->account, a->role, a->institution, &a->s->id, a->act->now);
    if (e == OK && strcmp(a->role, "reviewer") == 0)
        e = enroll_reviewer(db, a);
    if (e != OK)
        return e;
    return answer_set(ret, arena, 201,
                      json_pack("{s:o, s:o, s:o, s:s, s:s}", "id", json_id(&a->s->id), "entry",
                                json_id(&a->s->id), "account", json_id(a->account), "role", a->role,
                                "institution", a->institution));
}

bool party_institution_valid(const char *text)
{
    for (; *text != '\0'; text++)
        if (!((*text >= 'a' && *text <= 'z') || (*text >= '0' && *text <= '9') || *text == '-'))
            return false;
    return true;
}

enum err party_attest(const struct act *act, const struct statement *s, const struct id *account,
                      const char *role, const char *institution, struct answer *ret)
{
    if (!party_institution_valid(institution))
        return problem_set(act->problem, ERR_FIELD_FORMAT, "/statement/institution",
                           "An institution is written in a-z, 0-9 and dashes.");
    enum err e = act_signed_by_caller(act, s);
    if (e != OK)
        return e;
    struct attesting a = {
        .act = act, .s = s, .account = account, .role = role, .institution = institution
    };
    return act_write(act, "role-attest", attest_tx, &a, ret);
}
