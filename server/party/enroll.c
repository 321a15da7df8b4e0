#include "server/party/enroll.h"

#include "server/base/log.h"
#include "server/crypto/keys.h"
#include "server/ledger/io/outbox.h"
#include "server/ledger/io/subjects.h"
#include "server/party/party.h"
#include "server/peering/peering.h"
#include "server/store/member_account.h"

#include <stdio.h>
#include <string.h>

#define AT_ONCE 64

/* ---- our reviewers --------------------------------------------------------------------------- */

enum err enroll_write(struct db *db, const struct app *app, usec_t now, const struct id *account,
                      const char *institution)
{
    static const struct id nobody = { { 0 } }; /* a public entry needs no salt */
    struct account_row a;
    struct statement st = { 0 };
    if (peering_alone(app))
        return OK;
    enum err e = store_account_get(db, account, &a);
    if (e == OK)
        e = member_statement(app, "reviewer.enroll", 1, now,
                             json_pack("{s:o, s:o, s:o, s:s, s:s}", "account", json_id(account),
                                       "identity_key", json_b64(a.identity, sizeof(a.identity)),
                                       "receive_key", json_b64(a.receive, sizeof(a.receive)),
                                       "institution", institution, "role", "reviewer"),
                             &st);
    if (e == OK)
        e = outbox_append(db, &st, &nobody, account, 1, now);
    if (e == OK)
        e = store_enrolment_insert(db, account, &st.id, now);
    statement_release(&st);
    return e;
}

struct enrolling {
    struct app *app;
    usec_t now;
    struct id account;
    const char *institution;
};

static enum err enroll_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct enrolling *x = arg;
    enum err e = enroll_write(db, x->app, x->now, &x->account, x->institution);
    return e == OK ? answer_set(ret, arena, 204, json_object()) : e;
}

static enum err enroll_one(struct app *app, const struct rows *r, size_t i)
{
    struct arena *arena = arena_new(1u << 20);
    if (arena == NULL)
        return ERR_NO_MEMORY;
    char id[ID_TEXT_SIZE], key[65];
    struct act act;
    struct answer answer = { 0 };
    struct enrolling x = { .app = app,
                           .account = row_id(r, i, 0),
                           .institution = row_text(r, i, 1) };
    id_text(&x.account, id);
    (void)snprintf(key, sizeof(key), "enroll-%s", id);
    act_member(app, arena, key, &act);
    x.now = act.now;
    enum err e = act_write(&act, "reviewer-enroll", enroll_tx, &x, &answer);
    arena_free(arena);
    return e;
}

enum err enroll_missing(struct app *app, struct db *db)
{
    struct rows *r = NULL;
    if (peering_alone(app))
        return OK;
    enum err e = store_unenrolled(db, AT_ONCE, &r);
    size_t n = e == OK ? rows_count(r) : 0;
    for (size_t i = 0; i < n && e == OK; i++)
        e = enroll_one(app, r, i);
    rows_free(r);
    return e == ERR_STATE ? OK : e; /* another process was quicker */
}

/* ---- those of others ------------------------------------------------------------------------- */

enum err enroll_member_statement(const struct apply_context *c, uint16_t member,
                                 const char *statement, size_t len, struct statement *ret,
                                 bool *ret_ok)
{
    const struct member *m = members_find(c->members, member);
    *ret_ok = false;
    enum err e = statement_parse_bytes(statement, len, ret, NULL);
    if (e == ERR_NO_MEMORY)
        return e;
    if (e == OK)
        *ret_ok = m != NULL && bytes_equal(ret->signer, m->member_key, SIGN_PUBLIC_BYTES);
    return OK;
}

static bool read_enroll(const struct statement *s, struct account_elsewhere *a)
{
    static const char *const roles[] = { "reviewer", NULL };
    const struct field extra[] = {
        F_ID("account", &a->id),
        F_BYTES("identity_key", a->identity, sizeof(a->identity)),
        F_BYTES("receive_key", a->receive, sizeof(a->receive)),
        F_TEXT("institution", &a->institution, 1, INSTITUTION_MAX),
        F_CODE("role", &a->role, roles),
    };
    if (strcmp(s->kind, "reviewer.enroll") != 0 ||
        statement_fields(s, extra, COUNT(extra), NULL) != OK)
        return false;
    struct id id = account_id(a->identity);
    return id_equal(&id, &a->id) && party_institution_valid(a->institution);
}

/* The account may be there already: vouched for by its home as a sponsor, say, or enrolled before.
 */
static enum err add(const struct apply_context *c, struct db *db, const struct account_elsewhere *a,
                    usec_t now, bool *ret_new)
{
    int64_t slot = 0;
    enum err e = store_account_elsewhere(db, a, now, &slot);
    if (e == OK && slot != 0)
        e = subjects_create(c->app->subjects, slot);
    return e == OK ? store_role_elsewhere(db, a, now, ret_new) : e;
}

enum err enroll_apply(const struct apply_context *c, struct db *db, uint16_t member,
                      uint64_t sequence, const char *statement, size_t len, usec_t now)
{
    struct statement s = { 0 };
    struct account_elsewhere a = { .home = member };
    bool ok = false, added = false;
    enum err e = enroll_member_statement(c, member, statement, len, &s, &ok);
    if (e == OK && ok)
        ok = read_enroll(&s, &a);
    if (e == OK && ok)
        e = add(c, db, &a, now, &added);
    if (e == OK && added)
        e = store_public_entry(db, member, CHAIN_ACCOUNT, sequence, &s.id, s.kind, statement, len,
                               now, &added);
    if (e == OK && !ok && c->app->peering != NULL)
        (void)atomic_fetch_add(&c->app->peering->refused, 1);
    statement_release(&s);
    return e;
}
