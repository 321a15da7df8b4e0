/* cairn bounty template, publish, fund, list, show, close. */
#include "api/client/cmd.h"

#include "api/client/files.h"
#include "api/client/sealing.h"

#include <stdio.h>

#define TERMS_FILE_MAX (64u << 10)

const char bounty_template[] =
    "{\n"
    "  \"title\": \"What the series should show\",\n"
    "  \"disease\": \"MONDO:0005388\",\n"
    "  \"currency\": \"EUR\",\n"
    "  \"visit_plan\": {\n"
    "    \"min_spacing_days\": 30,\n"
    "    \"horizon_months\": 120,\n"
    "    \"required_min\": 1,\n"
    "    \"required\": [{ \"system\": \"http://loinc.org\", \"code\": \"1975-2\" }]\n"
    "  },\n"
    "  \"reward\": {\n"
    "    \"base_minor\": 2500,\n"
    "    \"per_visit_minor\": 1000,\n"
    "    \"per_month_minor\": 100,\n"
    "    \"cap_minor\": 50000,\n"
    "    \"scarcity_bp\": 0,\n"
    "    \"quality\": [{ \"score_bp\": 5000, \"quality_bp\": 8000 },\n"
    "                { \"score_bp\": 6500, \"quality_bp\": 10000 }]\n"
    "  },\n"
    "  \"review\": {\n"
    "    \"seats\": 3,\n"
    "    \"quorum\": 3,\n"
    "    \"fee_minor\": 1500,\n"
    "    \"threshold_bp\": 5000,\n"
    "    \"k\": 1,\n"
    "    \"rubric\": [\"authentic\", \"complete\", \"consistent\", \"coded\", \"useful\"],\n"
    "    \"commit_hours\": 336,\n"
    "    \"reveal_hours\": 168\n"
    "  },\n"
    "  \"purposes\": [\"DUO:0000007\"],\n"
    "  \"retention_days\": 3650,\n"
    "  \"budget_minor\": 1000000,\n"
    "  \"opens_at\": \"2026-01-01T00:00:00Z\",\n"
    "  \"closes_at\": \"2030-01-01T00:00:00Z\"\n"
    "}\n";

int cmd_bounty_template(struct env *env, int argc, char **argv)
{
    const char *none[1];
    int status = env_options(env, argc, argv, NULL, 0, none, 0);
    if (status != EXIT_DONE)
        return status;
    return fputs(bounty_template, stdout) >= 0 && fflush(stdout) == 0 ? EXIT_DONE : EXIT_INPUT;
}

int cmd_bounty_publish(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    const char *file = NULL, *none[1];
    const struct cmd_option options[] = { { .name = "--terms", .text = &file, .required = true } };
    struct terms terms;
    json_t *value = NULL, *reply = NULL;
    int status = env_options(env, argc, argv, options, COUNT(options), none, 0);
    if (status != EXIT_DONE)
        return status;
    enum err e = file_read_json(file, TERMS_FILE_MAX, &value, &p);
    if (e == OK)
        e = terms_read(value, "", &terms, &p); /* mistakes are told before anything is signed */
    if (e != OK) {
        json_decref(value);
        return env_fail_input(env, e, &p);
    }
    status = env_open(env, NEED_SIGN_IN);
    if (status == EXIT_DONE) {
        e = call_bounty_publish(&env->client, value, &reply, &p);
        status = e == OK ? env_print(env, reply) : env_fail_call(env, e, &p);
    }
    json_decref(value);
    return status;
}

/* One bounty named as the argument, and what is done with it. */
static int open_with_bounty(struct env *env, const char *text, struct offer *ret)
{
    struct problem p = { 0 };
    struct id bounty;
    int status = env_id(env, "The bounty", text, &bounty);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SIGN_IN);
    if (status != EXIT_DONE)
        return status;
    enum err e = offer_get(&env->client, &bounty, ret, &p);
    return e == OK ? EXIT_DONE : env_fail_call(env, e, &p);
}

int cmd_bounty_fund(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    const char *amount_text = NULL, *rest[1] = { NULL };
    const struct cmd_option options[] = {
        { .name = "--amount", .text = &amount_text, .required = true }
    };
    int64_t amount = 0;
    struct offer offer;
    json_t *reply = NULL;
    int status = env_options(env, argc, argv, options, COUNT(options), rest, 1);
    if (status == EXIT_DONE)
        status = env_int(env, "--amount", amount_text, 1, TERMS_AMOUNT_MAX, &amount);
    if (status == EXIT_DONE)
        status = open_with_bounty(env, rest[0], &offer);
    if (status != EXIT_DONE)
        return status;
    enum err e = call_bounty_fund(&env->client, &offer.bounty, offer.version, amount,
                                  offer.terms.currency, &reply, &p);
    return e == OK ? env_print(env, reply) : env_fail_call(env, e, &p);
}

int cmd_bounty_list(struct env *env, int argc, char **argv)
{
    static const char *const columns[] = { "id",     "disease",   "currency", "state",
                                           "funded", "closes_at", "title",    NULL };
    struct problem p = { 0 };
    const char *disease = NULL, *none[1];
    const struct cmd_option options[] = { { .name = "--disease", .text = &disease } };
    json_t *items = NULL;
    int status = env_options(env, argc, argv, options, COUNT(options), none, 0);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SERVER);
    if (status != EXIT_DONE)
        return status;
    struct client anyone = { .http = env->http };
    enum err e = call_bounties(&anyone, disease, &items, &p);
    return e == OK ? env_print_list(env, items, columns) : env_fail_call(env, e, &p);
}

int cmd_bounty_show(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    bool account = false;
    const char *rest[1] = { NULL };
    const struct cmd_option options[] = { { .name = "--account", .flag = &account } };
    struct id bounty;
    json_t *reply = NULL;
    int status = env_options(env, argc, argv, options, COUNT(options), rest, 1);
    if (status == EXIT_DONE)
        status = env_id(env, "The bounty", rest[0], &bounty);
    if (status == EXIT_DONE)
        status = env_open(env, account ? NEED_SIGN_IN : NEED_SERVER);
    if (status != EXIT_DONE)
        return status;
    struct client anyone = { .http = env->http };
    enum err e = account ? call_bounty_account(&env->client, &bounty, &reply, &p)
                         : call_bounty(&anyone, &bounty, &reply, &p);
    return e == OK ? env_print(env, reply) : env_fail_call(env, e, &p);
}

int cmd_bounty_close(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    const char *version_text = NULL, *rest[1] = { NULL };
    const struct cmd_option options[] = { { .name = "--version-seen", .text = &version_text } };
    struct offer offer;
    json_t *reply = NULL;
    int status = env_options(env, argc, argv, options, COUNT(options), rest, 1);
    if (status == EXIT_DONE)
        status = open_with_bounty(env, rest[0], &offer);
    if (status == EXIT_DONE && version_text != NULL)
        status = env_int(env, "--version-seen", version_text, 1, JSON_INT_MAX, &offer.version);
    if (status != EXIT_DONE)
        return status;
    enum err e = call_bounty_close(&env->client, &offer.bounty, offer.version, &reply, &p);
    return e == OK ? env_print(env, reply) : env_fail_call(env, e, &p);
}
