#include "server/party/vouch.h"

#include "server/crypto/keys.h"
#include "server/ledger/io/outbox.h"
#include "server/ledger/io/subjects.h"
#include "server/party/party.h"
#include "server/peering/peering.h"

#include <stdio.h>
#include <string.h>

/* ---- giving our word ------------------------------------------------------------------------- */

static const struct role_row *role_of(const struct account_row *a, const char *name)
{
    for (size_t i = 0; i < a->n_roles; i++)
        if (strcmp(a->roles[i].role, name) == 0)
            return &a->roles[i];
    return NULL;
}

static enum err pseudonym(struct db *db, const struct account_row *a, const struct id *id,
                          struct vouch_subject *v)
{
    struct pseudonym_row p;
    const struct role_row *patient = role_of(a, "patient");
    enum err e = store_pseudonym_get(db, id, &p);
    if (e != OK)
        return e;
    if (!id_equal(&p.account, &a->id))
        return ERR_NOT_FOUND;
    if (patient == NULL)
        return ERR_ROLE;
    *v = (struct vouch_subject){ .account = p.id, .role = "patient" };
    memcpy(v->institution, patient->institution, sizeof(v->institution));
    memcpy(v->identity, p.key, sizeof(v->identity));
    memcpy(v->receive, p.receive, sizeof(v->receive));
    return OK;
}

enum err vouch_find(struct db *db, const struct id *account, const struct id *acting_as,
                    struct vouch_subject *ret)
{
    struct account_row a;
    enum err e = store_account_get(db, account, &a);
    if (e != OK)
        return e;
    if (acting_as != NULL)
        return pseudonym(db, &a, acting_as, ret);
    const struct role_row *sponsor = role_of(&a, "sponsor");
    if (sponsor == NULL && role_of(&a, "reviewer") == NULL)
        return ERR_PSEUDONYM_MISSING;
    *ret = (struct vouch_subject){ .account = a.id };
    memcpy(ret->identity, a.identity, sizeof(ret->identity));
    memcpy(ret->receive, a.receive, sizeof(ret->receive));
    if (sponsor != NULL && role_of(&a, "reviewer") == NULL) {
        ret->role = "sponsor";
        memcpy(ret->institution, sponsor->institution, sizeof(ret->institution));
    }
    return OK;
}

enum err vouch_body(const struct app *app, const struct vouch_subject *v, usec_t now,
                    struct buf *ret)
{
    struct statement st = { 0 };
    enum err e =
        member_statement(app, "account.vouch", 1, now,
                         json_pack("{s:o, s:o, s:o, s:s, s:s}", "account", json_id(&v->account),
                                   "identity_key", json_b64(v->identity, sizeof(v->identity)),
                                   "receive_key", json_b64(v->receive, sizeof(v->receive)), "role",
                                   v->role, "institution", v->institution),
                         &st);
    if (e == OK)
        e = buf_addf(ret, "{\"statement\":%s}", st.canonical);
    statement_release(&st);
    return e;
}

/* ---- taking another member's word ------------------------------------------------------------ */

struct accepting {
    const struct act *act;
    const struct statement *s;
    struct account_elsewhere a;
};

/* What the statement changes: nothing, the role, or account and role. */
static enum err is_known(struct db *db, const struct accepting *x, bool *ret_account,
                         bool *ret_role)
{
    struct account_row row;
    enum err e = store_account_get(db, &x->a.id, &row);
    *ret_account = e == OK;
    *ret_role = false;
    if (e == ERR_NOT_FOUND)
        return OK;
    if (e == OK && row.home != x->a.home)
        return ERR_MEMBER_ACCOUNT;
    *ret_role = e == OK && role_of(&row, x->a.role) != NULL;
    return e;
}

static enum err write_account(struct db *db, const struct accepting *x)
{
    int64_t slot = 0;
    enum err e = store_account_elsewhere(db, &x->a, x->act->now, &slot);
    if (e == OK && slot == 0)
        return ERR_MEMBER_ACCOUNT; /* the key is another account's */
    return e == OK ? subjects_create(x->act->app->subjects, slot) : e;
}

static enum err accept_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct accepting *x = arg;
    const struct id *who = &x->a.id;
    bool account = false, role = false, added = false;
    enum err e = is_known(db, x, &account, &role);
    if (e == OK && !role)
        e = outbox_append(db, x->s, who, who, 1, x->act->now);
    if (e == OK && !account)
        e = write_account(db, x);
    if (e == OK && !role)
        e = store_role_elsewhere(db, &x->a, x->act->now, &added);
    if (e == OK && !role && !added)
        e = ERR_MEMBER_ACCOUNT;
    return e == OK ? answer_set(ret, arena, 200,
                                json_pack("{s:o, s:s, s:b}", "account", json_id(who), "role",
                                          x->a.role, "new", (int)added))
                   : e;
}

static enum err read_vouch(struct accepting *x, struct problem *p)
{
    static const char *const roles[] = { "patient", "sponsor", NULL };
    struct account_elsewhere *a = &x->a;
    const struct field extra[] = {
        F_ID("account", &a->id),
        F_BYTES("identity_key", a->identity, sizeof(a->identity)),
        F_BYTES("receive_key", a->receive, sizeof(a->receive)),
        F_CODE("role", &a->role, roles),
        F_TEXT("institution", &a->institution, 1, INSTITUTION_MAX),
    };
    enum err e = statement_fields(x->s, extra, COUNT(extra), p);
    struct id id = e == OK ? account_id(a->identity) : a->id;
    if (e == OK && !id_equal(&id, &a->id))
        e = problem_set(p, ERR_STATEMENT_FORM, "/statement/account",
                        "The account is not that of the identity key.");
    if (e == OK && !party_institution_valid(a->institution))
        e = problem_set(p, ERR_FIELD_FORMAT, "/statement/institution",
                        "An institution is written in a-z, 0-9 and dashes.");
    return e;
}

enum err vouch_accept(const struct act *act, uint16_t from, const struct statement *s,
                      struct answer *ret)
{
    struct act own;
    struct accepting x = { .act = &own, .s = s, .a = { .home = from, .entry = &s->id } };
    uint8_t key[SIGN_PUBLIC_BYTES];
    const struct peering *p = act->app->peering;
    act_of_statement(act, "vouch", s, &own);
    enum err e = p != NULL ? p->key(p, from, key) : ERR_MEMBER_UNKNOWN;
    if (e == OK && !bytes_equal(key, s->signer, sizeof(key)))
        e = ERR_STATEMENT_SIGNER;
    if (e == OK)
        e = read_vouch(&x, act->problem);
    return e == OK ? act_write(&own, "account-vouch", accept_tx, &x, ret) : e;
}
