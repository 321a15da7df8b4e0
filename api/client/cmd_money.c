/* cairn deposit, wallet, transfers, payout. */
#include "api/client/cmd.h"

#include "api/client/calls.h"
#include "server/statement/terms.h"

static int finish(struct env *env, enum err e, json_t *reply, struct problem *p)
{
    return e == OK ? env_print(env, reply) : env_fail_call(env, e, p);
}

int cmd_deposit(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    const char *amount_text = NULL, *currency = NULL, *reference = NULL, *none[1];
    const struct cmd_option options[] = {
        { .name = "--amount", .text = &amount_text, .required = true },
        { .name = "--currency", .text = &currency, .required = true },
        { .name = "--reference", .text = &reference, .required = true },
    };
    int64_t amount = 0;
    json_t *reply = NULL;
    int status = env_options(env, argc, argv, options, COUNT(options), none, 0);
    if (status == EXIT_DONE)
        status = env_int(env, "--amount", amount_text, 1, TERMS_AMOUNT_MAX, &amount);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SIGN_IN);
    if (status != EXIT_DONE)
        return status;
    enum err e = call_deposit(&env->client, amount, currency, reference, &reply, &p);
    return finish(env, e, reply, &p);
}

int cmd_wallet(struct env *env, int argc, char **argv)
{
    static const char *const columns[] = { "currency", "available_minor", "pending_minor", NULL };
    struct problem p = { 0 };
    const char *none[1];
    json_t *reply = NULL, *balances;
    int status = env_options(env, argc, argv, NULL, 0, none, 0);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SIGN_IN);
    if (status != EXIT_DONE)
        return status;
    enum err e = call_wallet(&env->client, &reply, &p);
    if (e != OK || env->json)
        return finish(env, e, reply, &p);
    const struct field fields[] = { F_ARRAY("balances", &balances, 0, 100) };
    e = reply_fields(reply, fields, COUNT(fields), &p);
    if (e == OK)
        json_incref(balances);
    json_decref(reply);
    return e == OK ? env_print_list(env, balances, columns) : env_fail_call(env, e, &p);
}

int cmd_transfers(struct env *env, int argc, char **argv)
{
    static const char *const columns[] = { "at",    "kind", "amount_minor", "currency", "direction",
                                           "entry", NULL };
    struct problem p = { 0 };
    const char *none[1];
    json_t *items = NULL;
    int status = env_options(env, argc, argv, NULL, 0, none, 0);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SIGN_IN);
    if (status != EXIT_DONE)
        return status;
    enum err e = call_transfers(&env->client, &items, &p);
    return e == OK ? env_print_list(env, items, columns) : env_fail_call(env, e, &p);
}

static int payout_show(struct env *env, const char *text)
{
    struct problem p = { 0 };
    struct id payout;
    json_t *reply = NULL;
    int status = env_id(env, "The payout", text, &payout);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SIGN_IN);
    if (status != EXIT_DONE)
        return status;
    enum err e = call_payout_get(&env->client, &payout, &reply, &p);
    return finish(env, e, reply, &p);
}

int cmd_payout(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    const char *amount_text = NULL, *currency = NULL, *method = NULL, *destination = NULL;
    const char *rest[1] = { NULL };
    const struct cmd_option options[] = {
        { .name = "--amount", .text = &amount_text },
        { .name = "--currency", .text = &currency },
        { .name = "--method", .text = &method },
        { .name = "--destination", .text = &destination },
    };
    int64_t amount = 0;
    json_t *reply = NULL;
    int status = env_options(env, argc, argv, options, COUNT(options), rest, 1);
    if (status == EXIT_DONE && rest[0] != NULL)
        return payout_show(env, rest[0]);
    if (status == EXIT_DONE && (amount_text == NULL || currency == NULL || destination == NULL))
        status =
            env_usage(env, "A payout needs --amount, --currency and --destination; see --help.");
    if (status == EXIT_DONE)
        status = env_int(env, "--amount", amount_text, 1, TERMS_AMOUNT_MAX, &amount);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SIGN_IN);
    if (status != EXIT_DONE)
        return status;
    enum err e = call_payout(&env->client, amount, currency, method != NULL ? method : "test",
                             destination, &reply, &p);
    return finish(env, e, reply, &p);
}
