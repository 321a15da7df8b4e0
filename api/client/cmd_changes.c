/* cairn federation show, changes, propose, approve: what operators do with the membership. */
#include "api/client/cmd.h"

#include "api/client/calls.h"
#include "api/client/files.h"
#include "server/base/text.h"
#include "server/ledger/members/members.h"

#include <stdio.h>

/* ---- show ------------------------------------------------------------------------------------ */

static json_t *member_row(const json_t *m)
{
    const json_t *lag = json_object_get(m, "lag");
    return json_pack("{s:O, s:O, s:O, s:O, s:O, s:O, s:O, s:O}", "member",
                     json_object_get(m, "number"), "institution", json_object_get(m, "institution"),
                     "role", json_object_get(m, "role"), "credit", json_object_get(m, "credit"),
                     "endpoint", json_object_get(m, "endpoint"), "reachable",
                     json_object_get(m, "reachable"), "lag account",
                     json_object_get(lag, "account"), "lag tx", json_object_get(lag, "tx"));
}

static int show_members(struct env *env, const json_t *members)
{
    static const char *const columns[] = { "member",      "institution", "role",
                                           "credit",      "endpoint",    "reachable",
                                           "lag account", "lag tx",      NULL };
    json_t *rows = json_array();
    for (size_t i = 0; i < json_array_size(members) && rows != NULL; i++)
        if (json_array_append_new(rows, member_row(json_array_get(members, i))) != 0) {
            json_decref(rows);
            rows = NULL;
        }
    return env_print_list(env, rows, columns);
}

static int show(struct env *env, json_t *f)
{
    static const char *const logs[] = { "chain", "size", "height", "view", NULL };
    int status = env_print(
        env, json_pack("{s:O, s:O, s:O, s:O, s:O}", "federation", json_object_get(f, "federation"),
                       "epoch", json_object_get(f, "epoch"), "faults tolerated now",
                       json_object_get(f, "faults_tolerated"), "answered by member",
                       json_object_get(f, "member"), "which votes", json_object_get(f, "votes")));
    if (status == EXIT_DONE) {
        (void)putchar('\n');
        status = env_print_list(env, json_incref(json_object_get(f, "logs")), logs);
    }
    if (status == EXIT_DONE) {
        (void)putchar('\n');
        status = show_members(env, json_object_get(f, "members"));
    }
    json_decref(f);
    return status;
}

int cmd_federation_show(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    const char *none[1];
    json_t *reply = NULL;
    int status = env_options(env, argc, argv, NULL, 0, none, 0);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SERVER);
    if (status != EXIT_DONE)
        return status;
    struct client anyone = { .http = env->http };
    enum err e = call_federation(&anyone, &reply, &p);
    if (e != OK)
        return env_fail_call(env, e, &p);
    return env->json ? env_print(env, reply) : show(env, reply);
}

/* ---- changes --------------------------------------------------------------------------------- */

static json_t *change_row(const json_t *c, const json_t *needed)
{
    char have[32];
    const json_t *member = json_object_get(c, "member");
    (void)snprintf(have, sizeof(have), "%zu of %d",
                   json_array_size(json_object_get(c, "approvals")),
                   (int)json_integer_value(needed));
    return json_pack("{s:O, s:O, s:O, s:O, s:O, s:s}", "id", json_object_get(c, "id"), "change",
                     json_object_get(c, "change"), "member", json_object_get(member, "number"),
                     "name", json_object_get(member, "name"), "proposer",
                     json_object_get(c, "proposer"), "approvals", have);
}

static int list_changes(struct env *env, json_t *reply)
{
    static const char *const columns[] = { "id",       "change",    "member", "name",
                                           "proposer", "approvals", NULL };
    const json_t *list = json_object_get(reply, "changes");
    json_t *rows = json_array();
    for (size_t i = 0; i < json_array_size(list) && rows != NULL; i++)
        if (json_array_append_new(rows, change_row(json_array_get(list, i),
                                                   json_object_get(reply, "approvals_needed"))) !=
            0) {
            json_decref(rows);
            rows = NULL;
        }
    json_decref(reply);
    return env_print_list(env, rows, columns);
}

static int show_change(struct env *env, json_t *reply, const char *id)
{
    struct problem p = { 0 };
    const json_t *list = json_object_get(reply, "changes");
    json_t *found = NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *c = json_array_get(list, i);
        const char *text = json_string_value(json_object_get(c, "id"));
        if (text != NULL && strcmp(text, id) == 0)
            found = json_incref(c);
    }
    json_decref(reply);
    if (found != NULL)
        return env_print(env, found);
    (void)problem_set(&p, ERR_NOT_FOUND, "", "No such change waits; its epoch may be over.");
    return env_fail_call(env, ERR_NOT_FOUND, &p);
}

int cmd_federation_changes(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    const char *rest[2] = { NULL, NULL };
    json_t *reply = NULL;
    int status = env_options(env, argc, argv, NULL, 0, rest, 1);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SERVER);
    if (status != EXIT_DONE)
        return status;
    struct client anyone = { .http = env->http };
    enum err e = call_changes(&anyone, &reply, &p);
    if (e != OK)
        return env_fail_call(env, e, &p);
    if (rest[0] != NULL)
        return show_change(env, reply, rest[0]);
    return env->json ? env_print(env, reply) : list_changes(env, reply);
}

/* ---- propose and approve --------------------------------------------------------------------- */

/* Takes the reference to extras. */
static int say(struct env *env, const char *kind, json_t *extras)
{
    struct problem p = { 0 };
    json_t *reply = NULL;
    int status = env_open(env, NEED_SIGN_IN);
    if (status != EXIT_DONE) {
        json_decref(extras);
        return status;
    }
    enum err e = call_change(&env->client, kind, extras, &reply, &p);
    return e == OK ? env_print(env, reply) : env_fail_call(env, e, &p);
}

/* What stands on a card is what the statement says. */
static int read_card(struct env *env, const char *path, json_t **ret)
{
    struct problem p = { 0 };
    struct member m;
    struct buf text;
    buf_init(&text, MEMBER_CARD_MAX);
    enum err e = file_read(path, &text, &p);
    if (e == OK)
        e = member_card_parse(buf_str(&text), text.len, &m, &p);
    if (e == OK)
        e = json_read(buf_str(&text), text.len, ret, &p);
    buf_release(&text);
    return e == OK ? EXIT_DONE : env_fail_input(env, e, &p);
}

struct new_keys {
    const char *vote, *member, *cosigner, *operator_key, *endpoint;
};

/* Only what is given; the server says what is wrong with a value. */
static json_t *rekey_extras(int64_t number, const struct new_keys *k)
{
    return json_pack("{s:I, s:s*, s:s*, s:s*, s:s*, s:s*}", "number", (json_int_t)number,
                     "vote_key", k->vote, "member_key", k->member, "cosigner_key", k->cosigner,
                     "operator_key", k->operator_key, "endpoint", k->endpoint);
}

static int make_change(struct env *env, const char *change, const char *what,
                       const struct new_keys *keys, json_t **ret)
{
    static const char *const others[] = { "promote", "demote", "leave", "rekey" };
    bool given = keys->vote != NULL || keys->member != NULL || keys->cosigner != NULL ||
                 keys->operator_key != NULL || keys->endpoint != NULL;
    bool rekey = strcmp(change, "rekey") == 0, known = false;
    int64_t number = 0;
    if (given != rekey)
        return env_usage(env, "A rekey, and nothing else, says which keys or endpoint are new.");
    if (strcmp(change, "join") == 0)
        return read_card(env, what, ret);
    for (size_t i = 0; i < COUNT(others); i++)
        known = known || strcmp(change, others[i]) == 0;
    if (!known)
        return env_usage(env, "A change is join, promote, demote, leave or rekey.");
    int status = env_int(env, "the member", what, 1, UINT16_MAX, &number);
    if (status == EXIT_DONE)
        *ret =
            rekey ? rekey_extras(number, keys) : json_pack("{s:I}", "number", (json_int_t)number);
    return status;
}

int cmd_federation_propose(struct env *env, int argc, char **argv)
{
    const char *rest[3] = { NULL, NULL, NULL };
    struct new_keys keys = { 0 };
    const struct cmd_option options[] = {
        { .name = "--vote-key", .text = &keys.vote },
        { .name = "--member-key", .text = &keys.member },
        { .name = "--cosigner-key", .text = &keys.cosigner },
        { .name = "--operator-key", .text = &keys.operator_key },
        { .name = "--endpoint", .text = &keys.endpoint },
    };
    json_t *extras = NULL;
    int status = env_options(env, argc, argv, options, COUNT(options), rest, 2);
    if (status == EXIT_DONE && rest[1] == NULL)
        status = env_usage(env, "Say which change, and the card or the member's number.");
    if (status == EXIT_DONE)
        status = make_change(env, rest[0], rest[1], &keys, &extras);
    if (status != EXIT_DONE)
        return status;
    if (extras == NULL || json_object_set_new(extras, "change", json_string(rest[0])) != 0) {
        struct problem p = { 0 };
        json_decref(extras);
        return env_fail_call(env, ERR_NO_MEMORY, &p);
    }
    return say(env, "member.propose", extras);
}

int cmd_federation_approve(struct env *env, int argc, char **argv)
{
    const char *rest[2] = { NULL, NULL };
    struct id id;
    int status = env_options(env, argc, argv, NULL, 0, rest, 1);
    if (status == EXIT_DONE && rest[0] == NULL)
        status = env_usage(env, "Name the change, as `cairn federation changes` lists it.");
    if (status == EXIT_DONE)
        status = env_id(env, "the change", rest[0], &id);
    if (status != EXIT_DONE)
        return status;
    return say(env, "member.approve", json_pack("{s:o}", "change", json_of_id(&id)));
}
