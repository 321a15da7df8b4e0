/* cairn audit: the whole log against itself, against what was seen before, against the server's
 * word. */
#include "api/client/cmd.h"

#include "api/client/audit.h"
#include "api/client/calls.h"
#include "api/client/files.h"
#include "api/client/receipt.h"

#include <stdio.h>
#include <unistd.h>

struct audit_options {
    const char *policy, *state, *receipts;
};

static enum err get_policy(struct audit *a, const char *path, struct problem *p)
{
    struct buf text;
    struct problem why = { 0 };
    buf_init(&text, POLICY_MAX);
    a->policy_given = path != NULL;
    enum err e = path != NULL ? file_read(path, &text, p) : call_policy(&a->anyone, &text, p);
    if (e == OK && (e = policy_parse(buf_str(&text), text.len, &a->policy, &why)) != OK)
        (void)problem_set(p, e, "", "The policy cannot be read: %.150s", why.detail);
    if (e == OK)
        sha256(text.data, text.len, a->policy_hash);
    buf_release(&text);
    return e;
}

static enum err run(struct audit *a, const struct audit_options *o, struct problem *p)
{
    static const enum chain chains[AUDIT_CHAINS] = { CHAIN_ACCOUNT, CHAIN_TX };
    enum err e = OK;
    for (size_t i = 0; i < AUDIT_CHAINS && e == OK; i++) {
        a->chains[i].chain = chains[i];
        e = audit_read_chain(a, &a->chains[i], p);
    }
    if (e == OK && strcmp(a->chains[0].origin, a->chains[1].origin) == 0)
        e = problem_set(p, ERR_LOG_INCONSISTENT, "", "Both chains are shown under one origin.");
    if (e == OK && o->state != NULL)
        e = audit_compare_state(a, o->state, p);
    if (e == OK && o->receipts != NULL)
        e = audit_receipts(a, o->receipts, p);
    if (e == OK)
        e = audit_roots(a, p);
    if (e == OK)
        e = audit_bounties(a, p);
    if (e == OK && o->state != NULL)
        e = audit_save_state(a, o->state, p);
    return e;
}

static json_t *result(const struct audit *a)
{
    json_t *list = json_array();
    for (size_t i = 0; i < AUDIT_CHAINS && list != NULL; i++) {
        const struct audit_chain *c = &a->chains[i];
        json_t *one = json_pack("{s:s, s:s, s:I, s:I, s:I, s:o}", "chain", chain_name(c->chain),
                                "origin", c->origin, "entries", (json_int_t)c->size, "members",
                                (json_int_t)c->members, "public", (json_int_t)c->n_publics, "root",
                                json_of_bytes(c->root.bytes, HASH_BYTES));
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return json_pack("{s:s, s:o, s:I, s:b}", "audit", "consistent", "chains", list, "receipts",
                     (json_int_t)a->receipts, "policy_given", a->policy_given ? 1 : 0);
}

/* Errors of files that were named are the caller's; all that the log shows is a refusal. */
static int fail(struct env *env, enum err e, struct problem *p)
{
    if (e == ERR_SYNTAX || e == ERR_LIMIT)
        return env_fail_input(env, e, p);
    return env_fail_call(env, e, p);
}

int cmd_audit(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    struct audit_options o = { 0 };
    const char *none[1];
    const struct cmd_option options[] = {
        { .name = "--policy", .text = &o.policy },
        { .name = "--state", .text = &o.state },
        { .name = "--receipts", .text = &o.receipts },
    };
    int status = env_options(env, argc, argv, options, COUNT(options), none, 0);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SERVER);
    if (status != EXIT_DONE)
        return status;
    struct audit *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return env_fail(env, EXIT_SERVER, &(struct problem){ .code = ERR_NO_MEMORY });
    a->anyone.http = env->http;
    progress_init(&a->progress, env->json || isatty(STDERR_FILENO) != 1);
    enum err e = get_policy(a, o.policy, &p);
    if (e != OK && o.policy != NULL)
        status = env_fail_input(env, e, &p);
    else if (e != OK || (e = run(a, &o, &p)) != OK)
        status = fail(env, e, &p);
    else
        status = env_print(env, result(a));
    progress_release(&a->progress);
    audit_release(a);
    free(a);
    return status;
}
